"""How steady a result is: warping error against the real flow, temporal difference, flicker."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from dancedouble.evaluation.boxes import Box
from dancedouble.evaluation.frame_metrics import FramePair, Image, Mask

Flow = NDArray[np.float32]
FLOW_LARGEST = 640
"""Pixels of the longer side above which flow is found in shrunk pictures and enlarged: finer flow only costs time."""


def optical_flow(start: Image, end: Image) -> Flow:
    """Dense flow by DIS (Kroeger et al., 2016): (H, W, 2) x, y in pixels: where pixels of ``start`` go."""
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (start, end)]
    height, width = grey[0].shape
    scale = min(1.0, FLOW_LARGEST / max(height, width))
    if scale == 1.0:
        return np.asarray(dis.calc(grey[0], grey[1], None), np.float32)
    size = (round(width * scale), round(height * scale))
    grey = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in grey]
    enlarged = cv2.resize(dis.calc(grey[0], grey[1], None), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(enlarged * np.array([width / size[0], height / size[1]], np.float32), np.float32)


def warp(image: NDArray[np.float32], flow: Flow) -> NDArray[np.float32]:
    """``image`` (H, W, C) looked up where ``flow`` points, bilinear; outside the frame its edge repeats."""
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.asarray(
        cv2.remap(image, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )


def visible_in_both(flow: Flow, back: Flow) -> Mask:
    """Where ``flow`` can be trusted: going there and ``back`` ends near the start (Sundaram et al., 2010).

    |w + w'|² < 0.01 (|w|² + |w'|²) + 0.5 with w' the backward flow at the end point; false where w leaves
    the frame.
    """
    height, width = flow.shape[:2]
    returned = warp(back, flow)
    gap = np.square(flow + returned).sum(axis=2)
    bound = 0.01 * (np.square(flow).sum(axis=2) + np.square(returned).sum(axis=2)) + 0.5
    x = np.arange(width, dtype=np.float32)[None] + flow[..., 0]
    y = np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return np.asarray((gap < bound) & inside, np.bool_)


@dataclass
class MotionMeter:
    """Compares the change since the previous frame in result and truth. The first frame has no numbers, nor has one
    that follows a frame without the person: there the truth may be no picture of that moment.

    ``R.warping_error``: mean over the pixels seen in both true frames of (result_t - warped result_{t-1})²,
    in [0, 1] (Lai et al., 2018), the flow being that of the true frames; ``R.warping_error_truth`` is the
    same of the truth: the floor that noise and flow errors set. ``R.temporal_difference``: mean |Δresult -
    Δtruth|, in [0, 1]. Both for R = ``frame`` and ``body``. ``background.flicker``: mean |Δresult| in grey
    levels, 0 to 255, outside the person in both frames; exactly 0 for an untouched plate;
    ``background.flicker_truth`` is the camera's own.
    """

    _previous: FramePair | None = field(default=None, init=False)

    def measure(self, pair: FramePair) -> dict[str, float]:
        """See :class:`dancedouble.evaluation.frame_metrics.Meter`."""
        previous, self._previous = self._previous, pair
        if previous is None or previous.body is None:
            return {}
        flow = optical_flow(pair.truth, previous.truth)
        seen = visible_in_both(flow, optical_flow(previous.truth, pair.truth))
        now, before = _unit(pair.result), _unit(previous.result)
        true_now, true_before = _unit(pair.truth), _unit(previous.truth)
        error = np.square(now - warp(before, flow)).mean(axis=2)
        true_error = np.square(true_now - warp(true_before, flow)).mean(axis=2)
        difference = np.abs((now - before) - (true_now - true_before)).mean(axis=2)
        values: dict[str, float] = {}
        for region, box in pair.regions():
            if region == "face":
                continue
            trusted = box.crop(seen)
            values[f"{region}.warping_error"] = _mean(box.crop(error)[trusted])
            values[f"{region}.warping_error_truth"] = _mean(box.crop(true_error)[trusted])
            values[f"{region}.temporal_difference"] = _mean(box.crop(difference))
        still = ~(_person(pair) | _person(previous))
        values["background.flicker"] = 255 * _mean(np.abs(now - before).mean(axis=2)[still])
        values["background.flicker_truth"] = 255 * _mean(np.abs(true_now - true_before).mean(axis=2)[still])
        return values


@dataclass
class FlickerMeter:
    """``background.flicker`` alone, for results without a truth: give the result in its place."""

    _previous: FramePair | None = field(default=None, init=False)

    def measure(self, pair: FramePair) -> dict[str, float]:
        """See :class:`dancedouble.evaluation.frame_metrics.Meter`."""
        previous, self._previous = self._previous, pair
        if previous is None:
            return {}
        still = ~(_person(pair) | _person(previous))
        change = np.abs(pair.result.astype(np.float32) - previous.result).mean(axis=2)
        return {"background.flicker": _mean(change[still])}


def _person(pair: FramePair) -> Mask:
    """Pixels that may show the person or their edge: the mask grown by 3 % of the height, or the body box."""
    height, width = pair.truth.shape[:2]
    if pair.mask is not None:
        radius = max(1, round(0.03 * height))
        kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
        return np.asarray(cv2.dilate(pair.mask.astype(np.uint8), kernel), np.bool_)
    person = np.zeros((height, width), np.bool_)
    box: Box | None = pair.body
    if box is not None:
        box.crop(person)[...] = True
    return person


def _unit(image: Image) -> NDArray[np.float32]:
    return image.astype(np.float32) / np.float32(255)


def _mean(values: NDArray[np.float32]) -> float:
    return float(values.mean(dtype=np.float64)) if values.size else float("nan")
