"""What in a dance the footage never showed, in words, with shares and times: what ``dancedouble check`` says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dancedouble.coverage.advice import advise, phrase
from dancedouble.coverage.difficulty import frame_difficulty, hardest_moments
from dancedouble.coverage.distance import MOST_FOOTAGE_FRAMES, Distances, measure_distances
from dancedouble.coverage.footage import FootageFault
from dancedouble.coverage.quality import QualityCurve
from dancedouble.coverage.stances import FACINGS, PARTS, Stances, describe_poses
from dancedouble.coverage.stretches import runs, steady
from dancedouble.coverage.words import (
    ARM_HEIGHTS,
    ARMS,
    BODY_FACING,
    HEIGHTS,
    arm_height,
    body_words,
    height_of,
    limb_words,
)
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose_features import nearest_distances, pose_features

LIMB_LIMIT = 0.65
"""A limb further than this from everything filmed is uncovered: about 38° off in the facing it is in."""
NOT_FILMED = "never filmed"


@dataclass(frozen=True, kw_only=True)
class Uncovered:
    """A stretch of the dance that asks for something the footage never showed."""

    start: float
    end: float
    """Seconds from the start of the dance."""
    part: str
    """``body``, ``left arm``, ``right arm``, ``left leg``, ``right leg`` or ``trunk``."""
    reason: str
    """What is lacking, in words: ``back turned``, ``above the head``."""
    frame: int
    """The frame of the dance in it that shows it best: furthest from the footage, or most squarely turned."""
    nearest: int
    """The footage frame most like that one; -1 when the footage shows nobody."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON, times rounded to hundredths."""
        return {
            "start": round(self.start, 2), "end": round(self.end, 2), "part": self.part, "reason":
            self.reason, "frame": self.frame, "nearest": self.nearest,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CoverageReport:
    """How much of a dance the footage can teach."""

    covered: float
    """Share of the dance's frames (with the dancer in them) in which nothing lacks, 0 to 1."""
    uncovered: tuple[Uncovered, ...]
    """In time order."""
    parts: dict[str, float]
    """Part → share of the dance in which it is covered; ``body`` is facing, height and distance."""
    facings: dict[str, tuple[float, float]]
    """``front``, ``left``, ``back``, ``right`` → share of the dance's frames, share of the footage's."""
    arm_heights: dict[str, tuple[float, float]]
    """``hanging`` to ``above the head`` → share of the dance's arms, share of the footage's."""
    heights: dict[str, tuple[float, float]]
    """``upright``, ``crouching``, ``on the floor`` → share of the dance's frames, share of the footage's."""
    seconds: float
    """How long the dancer is in the dance."""
    footage: tuple[FootageFault, ...]
    distance: NDArray[np.float64]
    """(T,) coverage distance: that to the nearest filmed reference, as rendering measures it; 0 is filmed just so.
    NaN without the dancer."""
    difficulty: NDArray[np.float64]
    """(T,) how hard each frame will be to show, see :func:`frame_difficulty`: what predicts measured quality."""
    hardest: tuple[float, ...]
    """Seconds of the moments of most difficulty, the most first."""
    reasons: tuple[str | None, ...]
    """Per frame of the dance what lacks ("left arm above the head"), None where it is covered."""
    expected: NDArray[np.float64] | None
    """(T,) expected LPIPS of the body box, from a :class:`QualityCurve`; None without one."""
    summary: str
    """A few plain sentences."""

    @property
    def lacking(self) -> list[dict[str, Any]]:
        """Each thing that lacks: ``part``, ``reason``, ``share`` of the dance, most of it first."""
        lasting: dict[tuple[str, str], float] = {}
        for span in self.uncovered:
            lasting[span.part, span.reason] = lasting.get((span.part, span.reason), 0.0) + span.end - span.start
        return [
            {"part": part, "reason": reason, "share": min(1.0, total / max(self.seconds, 1e-9))}
            for (part, reason), total in sorted(lasting.items(), key=lambda entry: (-entry[1], entry[0]))
        ]

    @property
    def expected_mean(self) -> float | None:
        """Expected LPIPS of the body box over the whole dance; None without a curve."""
        known = self.expected is not None and ~np.isnan(self.expected)
        return round(float(np.nanmean(self.expected)), 4) if self.expected is not None and np.any(known) else None

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``dancedouble check``."""
        return {
            "covered": round(self.covered, 4),
            "uncovered": [span.to_dict() for span in self.uncovered],
            "footage": [fault.to_dict() for fault in self.footage],
            "summary": self.summary,
            "parts": {name: round(share, 4) for name, share in self.parts.items()},
            "facings": _pairs(self.facings),
            "arm_heights": _pairs(self.arm_heights),
            "heights": _pairs(self.heights),
            "lacking": [{**lack, "share": round(lack["share"], 4)} for lack in self.lacking],
            "expected_lpips": self.expected_mean,
            "hardest": [round(second, 2) for second in self.hardest],
            "distance": _rounded(self.distance),
            "difficulty": _rounded(self.difficulty),
            "expected": None if self.expected is None else _rounded(self.expected),
        }


def check_coverage(
    dance: PoseSequence,
    footage: PoseSequence,
    *,
    faults: tuple[FootageFault, ...] = (),
    curve: QualityCurve | None = None,
) -> CoverageReport:
    """Hold a dance against the footage of the person who is to dance it.

    Sizes, places and frame rates may differ: only stances are compared. ``faults`` come from
    :func:`inspect_footage`; ``curve`` turns difficulty into expected quality.
    """
    asked, filmed = describe_poses(dance), describe_poses(footage)
    distances = measure_distances(asked, filmed)
    fps = float(dance.fps)
    present = dance.present
    if footage.present.any():
        lacks = {part: steady(words, fps) for part, words in _lacking(asked, filmed, distances).items()}
    else:
        lacks = {"body": [NOT_FILMED if there else None for there in present]}
    frames = max(1, int(present.sum()))
    parts = {
        part: 1 - sum(word is not None and bool(there) for word, there in zip(words, present, strict=True)) / frames
        for part, words in lacks.items()
    }
    reasons = tuple(
        "; ".join(phrase(part, word) for part, words in lacks.items() if (word := words[frame])) or None
        for frame in range(len(dance))
    )
    bare = sum(bool(there) and why is not None for there, why in zip(present, reasons, strict=True))
    covered = 1 - bare / frames if present.any() else 0.0
    spans = tuple(sorted(_spans(lacks, asked, distances, fps), key=lambda span: (span.start, span.part)))
    distance = _reference_distance(dance, footage)
    difficulty = frame_difficulty(dance, distance)
    return CoverageReport(
        covered=covered, uncovered=spans, parts=parts,
        facings=_shares(FACINGS, asked.facing, filmed.facing),
        arm_heights=_shares(
            ARM_HEIGHTS, *(np.concatenate([arm_height(who, arm) for arm in ARMS]) for who in (asked, filmed))
        ),
        heights=_shares(HEIGHTS, height_of(asked), height_of(filmed)), seconds=float(present.sum()) / fps,
        footage=faults, distance=distance, difficulty=difficulty,
        hardest=hardest_moments(difficulty, fps), reasons=reasons,
        expected=None if curve is None else curve.predict(difficulty),
        summary=_summarise(dance, footage, covered, spans, faults),
    )  # fmt: skip


def _reference_distance(dance: PoseSequence, footage: PoseSequence) -> NDArray[np.float64]:
    """(T,) distance of each pose to the nearest filmed one, by the measure that rendering chooses references by."""
    filmed = np.flatnonzero(footage.present)
    distance = np.full(len(dance), np.nan)
    if len(filmed) and dance.present.any():
        bank = pose_features(footage)[filmed[:: max(1, -(-len(filmed) // MOST_FOOTAGE_FRAMES))]]
        distance[dance.present] = nearest_distances(pose_features(dance), bank)[dance.present]
    return distance


def _summarise(
    dance: PoseSequence,
    footage: PoseSequence,
    covered: float,
    spans: tuple[Uncovered, ...],
    faults: tuple[FootageFault, ...],
) -> str:
    for name, poses in (("dance", dance), ("footage", footage)):
        if not poses.present.any():
            return f"Nobody was found in the {name}."
    return advise(covered, [(span.part, span.reason, span.end - span.start) for span in spans], faults)


def _lacking(asked: Stances, filmed: Stances, distances: Distances) -> dict[str, list[str | None]]:
    """Part → per frame what lacks. Where the body as a whole lacks something, limbs are not judged."""
    bare = {part: distances.part[part] > LIMB_LIMIT for part in PARTS}
    count = np.sum(list(bare.values()), axis=0)
    lacks = {"body": body_words(asked, filmed, distances.turn, count)}
    whole = np.array([word is None for word in lacks["body"]], np.bool_)
    for part in PARTS:
        lacks[part] = limb_words(asked, filmed, part, whole & bare[part])
    return lacks


def _spans(
    lacks: dict[str, list[str | None]], asked: Stances, distances: Distances, fps: float
) -> list[Uncovered]:  # fmt: skip
    spans = []
    for part, words in lacks.items():
        how_far = distances.whole if part == "body" else distances.part[part]
        for reason in dict.fromkeys(word for word in words if word):
            for start, end in runs(np.array([word == reason for word in words], np.bool_)):
                worst = start + int(np.nan_to_num(_telling(reason, asked, how_far)[start:end]).argmax())
                spans.append(
                    Uncovered(
                        start=start / fps,
                        end=end / fps,
                        part=part,
                        reason=reason,
                        frame=worst,
                        nearest=int(distances.nearest[worst]),
                    )
                )
    return spans


def _telling(reason: str, asked: Stances, how_far: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T,) how well each frame shows what ``reason`` says: of a turned body the squarest, else the furthest off."""
    if reason not in BODY_FACING:
        return how_far
    return np.asarray(np.cos(np.radians(asked.yaw - 90 * BODY_FACING.index(reason))), np.float64)


def _rounded(values: NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 4) for value in values]


def _shares(
    names: tuple[str, ...], asked: NDArray[np.intp], filmed: NDArray[np.intp]
) -> dict[str, tuple[float, float]]:
    asked, filmed = asked[asked >= 0], filmed[filmed >= 0]
    return {
        name: (
            float((asked == index).mean()) if len(asked) else 0.0,
            float((filmed == index).mean()) if len(filmed) else 0.0,
        )
        for index, name in enumerate(names)
    }


def _pairs(shares: dict[str, tuple[float, float]]) -> dict[str, dict[str, float]]:
    return {name: {"dance": round(dance, 4), "footage": round(film, 4)} for name, (dance, film) in shares.items()}
