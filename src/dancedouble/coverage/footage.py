"""What ails a clip that a person is to be learned from: camera, light, sharpness, framing, size, length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dancedouble.coverage.camera import CameraWatch, blur_of, box_around
from dancedouble.coverage.stances import SURE, describe_poses
from dancedouble.coverage.stretches import runs
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import INDEX

Image = NDArray[np.uint8]
Severity = Literal["fault", "warning", "note"]

SAMPLES_PER_SECOND = 4
"""Frames looked at; the rest only pass by."""
DRIFT_WARNING, DRIFT_FAULT = 0.005, 0.05
"""Camera drift as a share of the frame's diagonal."""
LIGHT_WARNING = 0.12
"""Change of the background's brightness over the clip, as a share of it."""
BLUR_LIMIT, BLUR_SHARE = 0.62, 0.25
"""A picture of the person is blurred above this (Crete's measure), and a clip when this share of frames is."""
CROPPED_SHARE, MISSING_SHARE, CROWD_SHARE = 0.05, 0.10, 0.10
"""Shares of the frames from which cut feet, an absent person and a second person are worth saying."""
CROWD_SECONDS = 0.75
"""A second person who is there for a shorter time is a slip of the detector."""
SMALL_FAULT, SMALL_WARNING = 96.0, 192.0
"""Height of the standing person in pixels."""
SHORT_FAULT, SHORT_WARNING = 2.0, 20.0
"""Seconds with the person in them."""


@dataclass(frozen=True, kw_only=True)
class FootageFault:
    """One thing that is wrong with a clip, measured, with what to do."""

    kind: str
    """``camera``, ``light``, ``blur``, ``feet``, ``size``, ``people``, ``absent``, ``rate`` or ``length``."""
    severity: Severity
    """``fault`` spoils the result, ``warning`` costs quality, ``note`` is good to know."""
    message: str
    """One or two sentences."""
    value: float
    """The measurement the message is about; its unit is in the message."""
    times: tuple[tuple[float, float], ...] = ()
    """Stretches it holds for, as (start, end) seconds; empty for the whole clip."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "kind": self.kind, "severity": self.severity, "message": self.message, "value":
            round(self.value, 4), "times": [[round(start, 2), round(end, 2)] for start, end in self.times],
        }  # fmt: skip


def inspect_footage(
    frames: Iterable[Image],
    poses: PoseSequence,
    *,
    variable_rate: bool = False,
    people: Sequence[int] | None = None,
) -> tuple[FootageFault, ...]:
    """Everything wrong with a clip, worst first.

    ``frames`` are RGB uint8 (H, W, 3), one per row of ``poses``, read once and not kept. ``people`` is the
    number of people in each frame, where it was counted.
    """
    step = max(1, round(float(poses.fps) / SAMPLES_PER_SECOND))
    camera = CameraWatch()
    light: list[float] = []
    blurs: list[tuple[int, float]] = []
    for index, frame in enumerate(frames):
        if index % step or index >= len(poses):
            continue
        box = box_around(poses.xy[index], poses.score[index], poses.size)
        camera.look(frame, box)
        light.append(camera.brightness)
        if box is not None:
            blurs.append((index, blur_of(frame, box)))
    found = [
        *_camera(camera.drift),
        *_light(np.array(light)),
        *_blur(blurs, poses, step),
        *_framing(poses),
        *_size(poses),
        *_length(poses),
        *_people(people, poses),
    ]
    if variable_rate:
        found.append(_fault("rate", "note", "The frame rate varies; frames are resampled by their timestamps.", 1.0))
    rank = {"fault": 0, "warning": 1, "note": 2}
    return tuple(sorted(found, key=lambda fault: rank[fault.severity]))


def _fault(
    kind: str, severity: Severity, message: str, value: float, times: tuple[tuple[float, float], ...] = ()
) -> FootageFault:
    return FootageFault(kind=kind, severity=severity, message=message, value=value, times=times)


def _camera(drift: float | None) -> list[FootageFault]:
    if drift is None or drift < DRIFT_WARNING:
        return []
    severity: Severity = "fault" if drift >= DRIFT_FAULT else "warning"
    advice = "put it on a tripod" if severity == "fault" else "a tripod would help"
    return [_fault("camera", severity, f"The camera moves by {100 * drift:.1f} % of the picture; {advice}.", drift)]


def _light(brightness: NDArray[np.float64]) -> list[FootageFault]:
    if len(brightness) < 3:
        return []
    low, middle, high = np.percentile(brightness, [2, 50, 98])
    change = float((high - low) / max(float(middle), 1e-6))
    if change < LIGHT_WARNING:
        return []
    message = f"The light changes by {100 * change:.0f} %; lock the exposure and film without passing shadows."
    return [_fault("light", "warning", message, change)]


def _blur(blurs: list[tuple[int, float]], poses: PoseSequence, step: int) -> list[FootageFault]:
    blurred = np.zeros(len(poses), np.bool_)
    for index, blur in blurs:
        blurred[index : index + step] = blur > BLUR_LIMIT
    share = sum(blur > BLUR_LIMIT for _, blur in blurs) / max(1, len(blurs))
    if share < BLUR_SHARE:
        return []
    message = f"The person is blurred in {100 * share:.0f} % of the frames; use more light or a faster shutter."
    return [_fault("blur", "warning", message, share, _times(blurred, poses))]


def _framing(poses: PoseSequence) -> list[FootageFault]:
    """Feet that are cut off or hidden, and frames without the person."""
    present, faults = poses.present, []
    height, width = poses.size
    feet = [INDEX[name] for name in ("left_ankle", "right_ankle", "left_big_toe", "right_big_toe")]
    xy, seen = poses.xy[:, feet], poses.score[:, feet] >= SURE
    inside = (xy[..., 0] > 0) & (xy[..., 0] < width - 1) & (xy[..., 1] > 0) & (xy[..., 1] < height - 1)
    cut = present & ~(seen & inside).any(axis=1)
    share = float(cut.sum()) / max(1, int(present.sum()))
    if share > CROPPED_SHARE:
        message = f"The feet are cut off or hidden in {100 * share:.0f} % of the frames; step back from the camera."
        faults.append(_fault("feet", "warning", message, share, _times(cut, poses)))
    absent = float((~present).mean()) if len(poses) else 1.0
    if absent > MISSING_SHARE:
        message = f"Nobody is seen in {100 * absent:.0f} % of the frames; those frames are left out."
        faults.append(_fault("absent", "warning", message, absent, _times(~present, poses)))
    return faults


def _size(poses: PoseSequence) -> list[FootageFault]:
    height = describe_poses(poses).height
    if not poses.present.any() or not 0 < height < SMALL_WARNING:
        return []
    severity: Severity = "fault" if height < SMALL_FAULT else "warning"
    message = f"The person is only {height:.0f} px tall; come nearer or film in a higher resolution."
    return [_fault("size", severity, message, height)]


def _length(poses: PoseSequence) -> list[FootageFault]:
    seconds = float(poses.present.sum() / poses.fps)
    if seconds >= SHORT_WARNING:
        return []
    severity: Severity = "fault" if seconds < SHORT_FAULT else "warning"
    return [_fault("length", severity, f"Only {seconds:.0f} s show the person; film half a minute.", seconds)]


def _people(people: Sequence[int] | None, poses: PoseSequence) -> list[FootageFault]:
    if people is None or not len(people):
        return []
    crowd = np.asarray(people) > 1
    for start, end in runs(crowd):
        crowd[start:end] &= end - start >= CROWD_SECONDS * float(poses.fps)
    share = float(crowd.mean())
    if share <= CROWD_SHARE:
        return []
    message = f"Several people are in {100 * share:.0f} % of the frames; film the person alone."
    return [_fault("people", "warning", message, share, _times(crowd, poses))]


def _times(flags: NDArray[np.bool_], poses: PoseSequence) -> tuple[tuple[float, float], ...]:
    """(start, end) seconds of the runs of True."""
    fps = float(poses.fps)
    return tuple((start / fps, end / fps) for start, end in runs(flags))
