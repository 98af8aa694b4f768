"""What every number of a report means: carried inside report.json, and spelled out in docs/evaluation.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Metric:
    """The meaning of one metric, whatever region it is taken on."""

    title: str
    better: Literal["higher", "lower"]
    unit: str
    """Empty for a bare number."""
    range: str
    definition: str
    digits: int = 3
    """Decimals worth printing."""


METRICS = {
    "ssim": Metric(
        title="SSIM", better="higher", unit="", range="-1 to 1, 1 = equal",
        definition="Structural similarity (Wang et al. 2004), Gaussian window of 11 pixels, σ 1.5, K1 0.01, K2 0.03, "
        "reflected borders, mean over pixels and the channels R, G, B (sRGB values / 255).",
    ),
    "psnr": Metric(
        title="PSNR", better="higher", unit="dB", range="0 to 100, 100 = equal", digits=2,
        definition="10 log10(255² / mean squared error) over pixels and R, G, B, differenced as floats; "
        "capped at 100 dB.",
    ),
    "lpips_alex": Metric(
        title="LPIPS (alex)", better="lower", unit="", range="0 to about 1, 0 = equal",
        definition="Learned perceptual distance (Zhang et al. 2018, v0.1) on AlexNet features of RGB in [-1, 1]; "
        "crops enlarged to 64 pixels on the shorter, shrunk to 512 on the longer side.",
    ),
    "lpips_vgg": Metric(
        title="LPIPS (vgg)", better="lower", unit="", range="0 to about 1, 0 = equal",
        definition="As LPIPS (alex), on VGG16 features; crops shrunk to 256 pixels on the longer side; in as many "
        "evenly spread frames as `frames` says.",
    ),
    "distance_{part}": Metric(
        title="pose distance", better="lower", unit="px", range="0 and up", digits=2,
        definition="Mean Euclidean distance of the part's points between the pose detected in the result and the true "
        "pose, in frames where all of the part's points are detected in both (the paper's table 3); points that the "
        "truth never shows in the whole clip do not count: some detectors know no small toes.",
    ),
    "seen_distance_{part}": Metric(
        title="pose distance, seen points", better="lower", unit="px", range="0 and up", digits=2,
        definition="Mean Euclidean distance over those points of the part that are detected in both poses.",
    ),
    "missed_{part}": Metric(
        title="missed detections", better="lower", unit="points", range="0 to the part's number of points", digits=2,
        definition="Points of the part per image that are detected in the truth and not in the result "
        "(the paper's table 4).",
    ),
    "torso_error": Metric(
        title="pose error", better="lower", unit="torsos", range="0 and up", digits=4,
        definition="Mean distance of the body points seen in both poses, over the median distance from neck to hips.",
    ),
    "mask_iou": Metric(
        title="mask IoU", better="higher", unit="", range="0 to 1, 1 = equal",
        definition="Intersection over union of the person masks found in the result and in the truth.",
    ),
    "warping_error": Metric(
        title="warping error", better="lower", unit="", range="0 to 1, 0 = steady", digits=5,
        definition="Mean of (result - previous result warped by the optical flow of the true frames)² over the pixels "
        "visible in both true frames (DIS flow, at most 640 pixels a side; forward-backward check), RGB in [0, 1] "
        "(Lai et al. 2018).",
    ),
    "warping_error_truth": Metric(
        title="warping error of the truth", better="lower", unit="", range="0 to 1", digits=5,
        definition="The warping error of the true frames themselves: the floor that noise and flow errors set.",
    ),
    "temporal_difference": Metric(
        title="temporal difference", better="lower", unit="", range="0 to 2, 0 = equal", digits=4,
        definition="Mean |(result - previous result) - (truth - previous truth)| over pixels, RGB in [0, 1].",
    ),
    "flicker": Metric(
        title="background flicker", better="lower", unit="grey levels", range="0 to 255, 0 = still", digits=3,
        definition="Mean |result - previous result| outside the person in both frames, R, G, B in 0 to 255.",
    ),
    "flicker_truth": Metric(
        title="background flicker of the truth", better="lower", unit="grey levels", range="0 to 255", digits=3,
        definition="The background flicker of the true frames: the camera's noise.",
    ),
    "distance": Metric(
        title="face distance", better="lower", unit="", range="0 and up; under 0.6 counts as one person",
        definition="Euclidean distance of the face descriptors of result and truth (dlib's ResNet, 128 numbers).",
    ),
    "identity_distance": Metric(
        title="identity distance", better="lower", unit="", range="0 and up; under 0.6 counts as one person",
        definition="Euclidean distance of the face descriptor of the result and the mean descriptor of the person's "
        "faces in their footage (dlib's ResNet, 128 numbers): for results without a truth.",
    ),
}  # fmt: skip
"""By the part of a column's name after its region; ``{part}`` stands for a part of the pose."""

REGIONS = {
    "frame": "the full frame",
    "body": "the box around all detected points of the true pose, with a margin of 10 % of its longer side",
    "face": "the square around the true pose's face points, with a margin of 25 % of its side",
    "person": "the pixels of the true person mask, grown by 2 % of the frame's height",
    "background": "what is outside the person mask (grown by 3 % of the height), or the body box, in both frames",
    "pose": "points in pixels of the full frame, found as in all footage: followed through the clip, gaps up to 0.4 s "
    "bridged, smoothed over a third of a second and moved as the pixels do",
}
"""By the part of a column's name before its metric."""

PARTS = {
    "body": "the 23 body points (BODY_25 without heels)",
    "face": "the 70 face points",
    "hands": "the 2 × 21 hand points",
    "overall": "all 135 points",
}


def metric_of(name: str) -> Metric:
    """The metric of a column such as ``body.ssim`` or ``pose.missed_hands``. KeyError for an unknown name."""
    metric = name.split(".", 1)[1]
    if metric in METRICS:
        return METRICS[metric]
    stem, _, part = metric.rpartition("_")
    if part not in PARTS:
        raise KeyError(f"{name} is no known metric")
    return METRICS[f"{stem}_{{part}}"]


def label_of(name: str) -> str:
    """A short label of a column, such as ``SSIM, body``."""
    region, metric = name.split(".", 1)
    part = metric.rpartition("_")[2]
    title = metric_of(name).title
    if region == "pose":
        return f"{title}, {part}" if part in PARTS else title
    return title if region in title else f"{title}, {region}"


def define(name: str) -> dict[str, Any]:
    """Everything about a column, for report.json. KeyError for an unknown name."""
    region, metric = name.split(".", 1)
    meaning = metric_of(name)
    part = metric.rpartition("_")[2]
    content = {
        "label": label_of(name), "definition": meaning.definition, "taken_on": REGIONS[region],
        "unit": meaning.unit, "range": meaning.range, "better": meaning.better,
    }  # fmt: skip
    return {**content, "points": PARTS[part]} if region == "pose" and part in PARTS else content
