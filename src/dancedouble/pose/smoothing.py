"""Keypoints over time: short gaps bridged, jitter removed, and nothing ever smeared across an absence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from dancedouble.pose.keypoints import PoseSequence

WINDOW = 7
"""Frames of the sliding median, the paper's."""
GAUSSIAN_FPS = 60
"""From this frame rate on the paper smooths with a Gaussian."""
GAUSSIAN_SECONDS = 1 / 40
"""Its standard deviation (the paper gives none): 1.5 frames at 60 fps, 3 at 120."""

CHUNK = 512
"""Frames filtered at once, so that memory does not grow with the length of the clip."""

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class FilledPoses:
    """Poses whose short gaps were bridged, and the count."""

    poses: PoseSequence
    filled: int
    """Frames without the subject that were interpolated."""
    left: int
    """Frames without the subject that stay empty: long gaps, and before the first or after the last sight."""


def find_gaps(poses: PoseSequence) -> list[range]:
    """The runs of frames without the subject, in order."""
    return _runs(~poses.present)


def fill_gaps(poses: PoseSequence, longest: int) -> FilledPoses:
    """Interpolate every gap of up to ``longest`` frames between two sights of the subject.

    A point is filled when both neighbours have it; its score is the lower of the two. Longer gaps, and those
    at either end of the clip, stay empty: nobody knows where the subject was.
    """
    xy, score, depth = poses.xy.copy(), poses.score.copy(), poses.depth.copy()
    filled = left = 0
    for gap in find_gaps(poses):
        before, after = gap.start - 1, gap.stop
        if len(gap) > longest or before < 0 or after >= len(poses):
            left += len(gap)
            continue
        filled += len(gap)
        share = (np.arange(1, len(gap) + 1, dtype=np.float32) / (len(gap) + 1))[:, None]
        frames = slice(gap.start, gap.stop)
        xy[frames] = (1 - share[..., None]) * xy[before] + share[..., None] * xy[after]
        depth[frames] = (1 - share) * depth[before] + share * depth[after]
        score[frames] = np.minimum(score[before], score[after])
    return FilledPoses(poses=replace(poses, xy=xy, score=score, depth=depth), filled=filled, left=left)


def fill_between(poses: PoseSequence, every: int, count: int) -> PoseSequence:
    """Poses of every ``every``-th frame of a clip → of all its ``count`` frames, at ``every`` times the rate.

    Each point goes along a Catmull–Rom curve by the two poses beside and the two beyond, as far as they have it; its
    score is the lower of the two beside. The last pose is held to the end.
    """
    last = len(poses) - 1
    frames = np.arange(count)
    one = np.minimum(frames // every, last)
    two = np.minimum(one + 1, last)
    share = np.where(one < two, (frames - one * every) / every, 0).astype(np.float32)[:, None, None]
    values = np.concatenate([poses.xy, poses.depth[..., None]], axis=2)
    has = (poses.score > 0)[..., None]
    start, end, straight = values[one], values[two], values[two] - values[one]
    # Where a pose beyond does not have the point, or there is none, the curve leaves in the direction of the other end.
    leaving = np.where(has[one - 1] & (one > 0)[:, None, None], (end - values[one - 1]) / 2, straight)
    beyond = np.minimum(two + 1, last)
    arriving = np.where(has[beyond] & (beyond > two)[:, None, None], (values[beyond] - start) / 2, straight)
    filled = start + share * (
        leaving + share * ((3 * straight - 2 * leaving - arriving) + share * (leaving + arriving - 2 * straight))
    )
    score = np.where(share[..., 0] > 0, np.minimum(poses.score[one], poses.score[two]), poses.score[one])
    return replace(poses, xy=filled[..., :2], depth=filled[..., 2], score=score, fps=poses.fps * every)


def smooth(poses: PoseSequence, window: int = WINDOW) -> PoseSequence:
    """Smooth as the paper does: Gaussian from 60 frames per second on, sliding median of ``window`` frames below."""
    if poses.fps >= GAUSSIAN_FPS:
        return smooth_gaussian(poses, sigma=float(poses.fps) * GAUSSIAN_SECONDS)
    return smooth_median(poses, window)


def smooth_median(poses: PoseSequence, window: int = WINDOW) -> PoseSequence:
    """Sliding median over ``window`` frames (odd), each point by itself.

    Where the median score is 0 the point is undetected; elsewhere x, y and score are medians over the frames
    that have it, so a point missed in a minority of frames comes back. Near a gap or an end the window is
    shorter.
    """
    if window < 1 or window % 2 == 0:
        raise ValueError(f"the window must be an odd number of frames, got {window}")

    def median(values: Array, score: Array) -> tuple[Array, Array]:
        half = window // 2
        values = np.pad(values, ((half, half), (0, 0), (0, 0)), constant_values=np.nan)
        score = np.pad(score, ((half, half), (0, 0)), constant_values=np.nan)
        parts = [
            _median_of_windows(
                values[start : start + CHUNK + 2 * half], score[start : start + CHUNK + 2 * half], window
            )
            for start in range(0, len(score) - 2 * half, CHUNK)
        ]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    return _by_segment(poses, median)


def smooth_gaussian(poses: PoseSequence, sigma: float) -> PoseSequence:
    """Gaussian of ``sigma`` frames over the frames that have the point, each point by itself.

    A point is detected where frames that have it hold at least half of the weight.
    """
    if sigma <= 0:
        raise ValueError(f"sigma must be above 0 frames, got {sigma}")

    def blur(values: NDArray[np.float64]) -> NDArray[np.float64]:
        blurred: NDArray[np.float64] = gaussian_filter1d(values, sigma, axis=0, mode="constant")
        return blurred

    def gaussian(values: Array, score: Array) -> tuple[Array, Array]:
        seen = (score > 0).astype(np.float64)
        weight = blur(seen)
        detected = weight >= 0.5 * blur(np.ones_like(seen))
        safe = np.where(detected, weight, 1)
        moved = blur(values * seen[..., None]) / safe[..., None]
        new_score = np.where(detected, blur(score * seen) / safe, 0)
        return np.where(detected[..., None], moved, values).astype(np.float32), new_score.astype(np.float32)

    return _by_segment(poses, gaussian)


def _median_of_windows(values: Array, score: Array, window: int) -> tuple[Array, Array]:
    """Medians over every window of padded values (T + window - 1, n, 3) and scores; NaN marks the padding."""
    scores = sliding_window_view(score, window, axis=0)
    detected = np.nanmedian(scores, axis=-1) > 0
    # Where a point is undetected any value will do, but not NaN.
    valid = (scores > 0) | ~detected[..., None]
    new_score = np.where(detected, _masked_median(scores, valid), 0)
    windows = sliding_window_view(values, window, axis=0)
    return _masked_median(windows, valid[:, :, None]), new_score.astype(np.float32)


def _masked_median(windows: Array, valid: NDArray[np.bool_]) -> Array:
    """Median over the last axis of the entries that are valid and not NaN; 0 where there are none."""
    usable = valid & ~np.isnan(windows)
    ordered = np.sort(np.where(usable, windows, np.inf), axis=-1)
    count = np.broadcast_to(usable, ordered.shape).sum(axis=-1, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=-1)
    high = np.take_along_axis(ordered, np.minimum(count // 2, windows.shape[-1] - 1), axis=-1)
    middle = np.where(count > 0, low / 2 + high / 2, 0)
    return middle[..., 0].astype(np.float32)


def _by_segment(poses: PoseSequence, filter_segment: Callable[[Array, Array], tuple[Array, Array]]) -> PoseSequence:
    """Apply a filter to x, y and depth of each unbroken run of frames that have the subject."""
    xy, score, depth = poses.xy.copy(), poses.score.copy(), poses.depth.copy()
    for frames in _segments(poses.present):
        values = np.concatenate([poses.xy[frames], poses.depth[frames, :, None]], axis=2)
        smoothed, score[frames] = filter_segment(values, poses.score[frames])
        xy[frames], depth[frames] = smoothed[..., :2], smoothed[..., 2]
    return replace(poses, xy=xy, score=score, depth=depth)


def _segments(present: NDArray[np.bool_]) -> Iterator[slice]:
    for run in _runs(present):
        yield slice(run.start, run.stop)


def _runs(flags: NDArray[np.bool_]) -> list[range]:
    """The maximal runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [range(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]
