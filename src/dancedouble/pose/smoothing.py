"""Keypoints over time: short gaps bridged, jitter removed, and nothing ever smeared across an absence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import INDEX, LEFT_HAND, RIGHT_HAND

REACH_SECONDS = 1 / 6
"""How far from a moment looks still say something about it: wrists and elbows come nearest to the truth so."""
LEAST_REACH = 2.7
"""The same in looks, at least: five of them have a say, however seldom somebody looks."""
ROUNDS = 5
"""Fits of a parabola; looks that were far from the one before count less, or nothing."""
LEAST_MISS = 0.3
"""Pixels off a parabola that are never counted against a look."""

WINDOW = 7
"""Frames of the sliding median, the paper's."""
GAUSSIAN_FPS = 60
"""From this frame rate on the paper smooths with a Gaussian."""
GAUSSIAN_SECONDS = 1 / 40
"""Its standard deviation (the paper gives none): 1.5 frames at 60 fps, 3 at 120."""

CHUNK = 512
"""Frames filtered at once, so that memory does not grow with the length of the clip."""

Array = NDArray[np.float32]


def find_gaps(poses: PoseSequence) -> list[range]:
    """The runs of frames without the subject, in order."""
    return _runs(~poses.present)


def fill_gaps(poses: PoseSequence, longest: int) -> PoseSequence:
    """Interpolate every gap of up to ``longest`` frames between two sights of the subject.

    A point is filled when both neighbours have it; its score is the lower of the two. Longer gaps, and those
    at either end of the clip, stay empty: nobody knows where the subject was.
    """
    xy, score, depth = poses.xy.copy(), poses.score.copy(), poses.depth.copy()
    for gap in find_gaps(poses):
        before, after = gap.start - 1, gap.stop
        if len(gap) > longest or before < 0 or after >= len(poses):
            continue
        share = (np.arange(1, len(gap) + 1, dtype=np.float32) / (len(gap) + 1))[:, None]
        frames = slice(gap.start, gap.stop)
        xy[frames] = (1 - share[..., None]) * xy[before] + share[..., None] * xy[after]
        depth[frames] = (1 - share) * depth[before] + share * depth[after]
        score[frames] = np.minimum(score[before], score[after])
    return replace(poses, xy=xy, score=score, depth=depth)


def fill_hands(poses: PoseSequence, every: int) -> PoseSequence:
    """Give hands to the poses between every ``every``-th one, which alone were searched for them.

    A hand moves along with its wrist, and changes evenly from how it was held before to how it is held after; where one
    of the two lacks it, it is as in the other.
    """
    xy, score, depth = poses.xy.copy(), poses.score.copy(), poses.depth.copy()
    between = np.flatnonzero(np.arange(len(poses)) % every)
    before = between - between % every
    after = np.where(before + every < len(poses), before + every, before)
    late = (between - before).astype(np.float32) / every
    for hand, wrist in ((LEFT_HAND, INDEX["left_wrist"]), (RIGHT_HAND, INDEX["right_wrist"])):
        seen = (score[:, hand] > 0).all(1) & (score[:, wrist] > 0)
        shares = np.stack([(1 - late) * seen[before], late * seen[after]])
        shares = (shares / np.maximum(shares.sum(0), 1e-6))[..., None]
        neighbours = np.stack([before, after])
        held = (xy[:, hand] - xy[:, wrist, None])[neighbours], (depth[:, hand] - depth[:, wrist, None])[neighbours]
        xy[between, hand] = xy[between, wrist, None] + (shares[..., None] * held[0]).sum(0)
        depth[between, hand] = depth[between, wrist, None] + (shares * held[1]).sum(0)
        score[between, hand] = (shares * score[neighbours][..., hand]).sum(0) * (score[between, wrist, None] > 0)
    return replace(poses, xy=xy, score=score, depth=depth)


def smooth(poses: PoseSequence, every: int = 1, count: int | None = None) -> PoseSequence:
    """Smooth by local parabolas (robust loess: Cleveland, 1979), each point by itself.

    Around every moment a parabola in time is fitted to the looks within :data:`REACH_SECONDS`, near ones weighing more
    and outliers nothing. Unlike a median it follows a hand that turns round, and does not step.

    Args:
        poses: T looks at a clip, of its every ``every``-th frame; what lies between is filled in.
        every: 1 where every frame was looked at.
        count: frames of the clip; all up to the last look for None. After that look its pose is held.

    Returns:
        ``count`` poses at ``every`` times the rate. A point is detected where looks that have it hold at least half of
        the weight.
    """
    count = (len(poses) - 1) * every + 1 if count is None else count
    xy, score, depth = (
        np.zeros((count, *values.shape[1:]), np.float32) for values in (poses.xy, poses.score, poses.depth)
    )
    reach = reach_of(float(poses.fps))
    for looks in _segments(poses.present):
        values = _values(poses, looks)
        phases = [_parabolas(values, poses.score[looks], share / every, reach) for share in range(every)]
        smoothed, certain = (
            np.stack(part, 1).reshape(-1, *part[0].shape[1:])[: (len(values) - 1) * every + 1]
            for part in zip(*phases, strict=True)
        )
        if looks.stop == len(poses):
            held = max(count - looks.start * every - len(smoothed), 0)
            smoothed, certain = (np.concatenate([part, part[-1:].repeat(held, 0)]) for part in (smoothed, certain))
        frames = slice(looks.start * every, looks.start * every + len(smoothed))
        xy[frames], depth[frames], score[frames] = smoothed[..., :2], smoothed[..., 2], certain
    return replace(poses, xy=xy, score=score, depth=depth, fps=poses.fps * every)


def smooth_one(poses: PoseSequence, frame: int) -> PoseSequence:
    """Row ``frame`` alone of what :func:`smooth` makes of ``poses``."""
    looks = next((run for run in _segments(poses.present) if run.start <= frame < run.stop), None)
    if looks is None:
        return poses[frame : frame + 1]
    row = slice(frame - looks.start, frame - looks.start + 1)
    values, score = _parabolas(_values(poses, looks), poses.score[looks], 0, reach_of(float(poses.fps)), row)
    return replace(poses[frame : frame + 1], xy=values[..., :2], depth=values[..., 2], score=score)


def reach_of(fps: float) -> float:
    """How many looks away :func:`smooth` still listens, at ``fps`` looks a second."""
    return max(REACH_SECONDS * fps, LEAST_REACH)


def smooth_as_paper(poses: PoseSequence) -> PoseSequence:
    """Gaussian from 60 frames per second on, sliding median of :data:`WINDOW` frames below."""
    if poses.fps >= GAUSSIAN_FPS:
        return smooth_gaussian(poses, sigma=float(poses.fps) * GAUSSIAN_SECONDS)
    return smooth_median(poses)


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


def _parabolas(
    values: Array, score: Array, share: float, reach: float, rows: slice = slice(None)
) -> tuple[Array, Array]:
    """Looks (T, n, 3) and scores (T, n) → those of ``rows``, ``share`` of the way from each look to the next."""
    first, stop, _ = rows.indices(len(score))
    half = int(np.ceil(reach))
    steps = np.arange(-half, half + 2) - share
    kernel = (1 - np.minimum(np.abs(steps) / reach, 1) ** 3) ** 3
    values = np.pad(values, ((half, half + 1), (0, 0), (0, 0)))
    score = np.pad(score, ((half, half + 1), (0, 0)), constant_values=-1)
    parts = []
    for start in range(first, stop, CHUNK):
        some = slice(start, min(start + CHUNK, stop) + 2 * half + 1)
        scores = sliding_window_view(score[some], len(steps), axis=0)
        windows = sliding_window_view(values[some], len(steps), axis=0)
        weight = kernel * (scores > 0)
        detected = weight.sum(-1) >= np.maximum((kernel * (scores >= 0)).sum(-1) / 2, 1e-9)
        fitted = _fit_parabolas(windows, weight, steps / reach)
        certain = (weight * scores).sum(-1) / np.maximum(weight.sum(-1), 1e-9)
        parts.append((np.where(detected[..., None], fitted, 0), np.where(detected, certain, 0)))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _fit_parabolas(windows: Array, weight: Array, steps: Array) -> Array:
    """Values at step 0 (T, n, 3) of parabolas through windows (T, n, 3, w) with weights (T, n, w)."""
    powers = steps[:, None] ** np.arange(3)  # (w, 3)
    products = powers[:, :, None] * powers[:, None]
    trust = np.ones_like(weight)
    for again in range(ROUNDS):
        counted = weight * trust
        left = np.tensordot(counted, products, 1) + 1e-9 * np.eye(3)
        right = (windows * counted[:, :, None]) @ powers
        curves = np.linalg.solve(left, right.swapaxes(2, 3))  # (T, n, 3 powers, 3 values)
        if again < ROUNDS - 1:
            apart = windows - curves.swapaxes(2, 3) @ powers.T
            misses = np.hypot(apart[:, :, 0], apart[:, :, 1])
            typical = np.maximum(_masked_median(misses, weight > 0), LEAST_MISS)
            trust = (1 - np.minimum(misses / (6 * typical[..., None]), 1) ** 2) ** 2
    return np.asarray(curves[:, :, 0], np.float32)


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


def _values(poses: PoseSequence, frames: slice) -> Array:
    """(T, 137, 3) x, y and depth."""
    return np.concatenate([poses.xy[frames], poses.depth[frames, :, None]], axis=2)


def _by_segment(poses: PoseSequence, filter_segment: Callable[[Array, Array], tuple[Array, Array]]) -> PoseSequence:
    """Apply a filter to x, y and depth of each unbroken run of frames that have the subject."""
    xy, score, depth = poses.xy.copy(), poses.score.copy(), poses.depth.copy()
    for frames in _segments(poses.present):
        smoothed, score[frames] = filter_segment(_values(poses, frames), poses.score[frames])
        xy[frames], depth[frames] = smoothed[..., :2], smoothed[..., 2]
    return replace(poses, xy=xy, score=score, depth=depth)


def _segments(present: NDArray[np.bool_]) -> Iterator[slice]:
    for run in _runs(present):
        yield slice(run.start, run.stop)


def _runs(flags: NDArray[np.bool_]) -> list[range]:
    """The maximal runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [range(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]
