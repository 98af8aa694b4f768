"""What ``benchmarks/swift.py`` is tried on: tails of real clips, and the bundled pairs. Everything seen is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dancedouble import pipeline
from dancedouble.assessment.detection import Watched, video_pictures, watch
from dancedouble.assessment.trial import Trial, hold_out, pair_up
from dancedouble.capture import capture_poses, subject_model
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.preparation import WAY
from dancedouble.progress import OnProgress
from dancedouble.workspace import Workspace

PAIRS = {"A-B": ("A_dance", "B_casual", "B_dance_truth"), "C-D": ("C_dance", "D_casual", "D_dance_truth")}
"""Bundled, synthetic: name → (the dance, what is learned, the learned person really dancing it)."""
REAL = {"sleap": "t_sleap_dance_trim", "mustard": "t_animatex_mustard", "taiji": "t_hybrik_taiji"}
"""Real people, not part of the project: name → file."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One person to learn, and the tests of what was learned."""

    name: str
    synthetic: bool
    tests: Mapping[str, Trial]
    """``tail``: the held-out end, from its own poses. ``dance``: another person's dance, retargeted. ``own``: the same
    dance from the truth's own poses, which leaves the picture alone to judge."""


def known_clips(footage: Path, real: Path | None) -> list[str]:
    """Names of the clips that are there."""
    found = [name for name, parts in PAIRS.items() if all((footage / f"{part}.mp4").is_file() for part in parts)]
    return found + [name for name, file in REAL.items() if real is not None and (real / f"{file}.mp4").is_file()]


def open_clip(name: str, footage: Path, real: Path | None, folder: Path, on_progress: OnProgress) -> Clip:
    """A clip by name; what was found in it once is read from ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    if name in PAIRS:
        dance, casual, truth = (footage / f"{part}.mp4" for part in PAIRS[name])
        workspace = prepared(casual, folder / "workspace", "a synthetic person of the bundled footage", on_progress)
        seen = watched(truth, folder / "truth", on_progress)
        poses = danced(dance, folder / "dance.npz", on_progress)
        tests = {
            "dance": pair_up(workspace, dance, truth, on_progress, seen=seen, dance=poses),
            "own": pair_up(workspace, None, truth, on_progress, seen=seen),
        }
        return Clip(name=name, synthetic=True, tests=tests)
    assert real is not None
    consent = "development footage: measured on this machine, not published"
    workspace = prepared(real / f"{REAL[name]}.mp4", folder / "workspace", consent, on_progress)
    return Clip(name=name, synthetic=False, tests={"tail": hold_out(workspace)})


def prepared(video: Path, folder: Path, consent: str, on_progress: OnProgress) -> Workspace:
    """The video's workspace, made once."""
    return Workspace(pipeline.prepare(video, folder, consent=consent, on_progress=on_progress).workspace)


def danced(video: Path, kept: Path, on_progress: OnProgress) -> PoseSequence:
    """The dance's poses, found once."""
    kept = kept.with_suffix(f".{WAY}.npz")
    if not kept.is_file():
        capture_poses(video, on_progress=on_progress).poses.save(kept)
    return PoseSequence.load(kept)


def watched(video: Path, kept: Path, on_progress: OnProgress) -> Watched:
    """Poses and masks of a video, found once."""
    poses, masks = (kept.with_suffix(f".{WAY}.{what}.npz") for what in ("poses", "masks"))
    if not poses.is_file():
        seen = watch(video_pictures(video), on_progress=on_progress)
        np.savez_compressed(masks, **{str(i): np.frombuffer(m, np.uint8) for i, m in enumerate(seen.masks) if m})
        seen.poses.save(poses)
    found = PoseSequence.load(poses)
    with np.load(masks, allow_pickle=False) as arrays:
        packed = tuple(arrays[str(i)].tobytes() if str(i) in arrays else None for i in range(len(found)))
    return Watched(poses=found, detector=subject_model(), masks=packed)
