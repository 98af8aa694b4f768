"""Each result in a few words for people."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dancedouble.cli.formats import describe_stages
from dancedouble.cli.output import outline

if TYPE_CHECKING:
    from dancedouble.cli.demo import Demo
    from dancedouble.results import (
        CheckResult,
        EvaluateResult,
        ExportResult,
        InfoResult,
        LiveResult,
        PoseResult,
        PrepareResult,
        RenderResult,
        TrainResult,
        TransferResult,
    )

NOT_VIDEOS = {".safetensors", ".npz"}


def is_video(path: Path) -> bool:
    """Whether ``path`` can only be a video, going by its name: neither a folder nor a file of ours."""
    return path.suffix.lower() not in NOT_VIDEOS and not path.is_dir()


def gaps(count: int) -> str:
    """``, 3 without the person``, or nothing."""
    return f", {count} without the person" if count else ""


def render(result: RenderResult) -> str:
    return (
        f"{result.output}\n"
        f"  {result.frames} frames at {float(result.fps):.4g} a second{gaps(result.gaps)}\n"
        f"  made in {describe_stages(result.seconds)}"
    )


def transfer(result: TransferResult) -> str:
    stopped = ", stopped early: the same command learns on" if result.stopped else ""
    return (
        f"{render(result)}\n"
        f"  the person, to render again with other dances: {result.person} ({result.steps} steps learned{stopped})"
    )


def train(result: TrainResult) -> str:
    stopped = "; stopped early, and usable: the same command goes on" if result.stopped else ""
    return f"{result.person}\n  {result.steps} steps in {describe_stages(result.seconds)}{stopped}"


def prepare(result: PrepareResult) -> str:
    return (
        f"{result.workspace}\n"
        f"  {result.usable} of {result.frames} frames can be learned from{gaps(result.gaps)}; "
        f"the person is {result.person_height:.0f} px tall; {describe_stages(result.seconds)}"
    )


def pose(result: PoseResult) -> str:
    people = f"; followed one of {result.people} people" if result.people > 1 else ""
    return f"{result.output}\n  {result.frames} frames{gaps(result.gaps)}{people}; {describe_stages(result.seconds)}"


def demo(result: Demo) -> str:
    ours, nearest = result.against_truth["transfer"], result.against_truth["nearest_frame"]
    return (
        "Two synthetic people, made for this project: the one of B_casual.mp4 dances A_dance.mp4.\n"
        f"  the video         {result.transfer.output}\n"
        f"  side by side      {result.side_by_side}\n"
        f"  the pose film     {result.pose_film}\n"
        f"  the report        {result.report}\n"
        f"  the person file   {result.transfer.person}\n"
        f"  against the truth LPIPS {ours['body.lpips_alex']:.3f}, SSIM {ours['body.ssim']:.3f} of the body "
        f"(nearest frame filmed: {nearest['body.lpips_alex']:.3f}, {nearest['body.ssim']:.3f})\n"
        f"  made in {describe_stages(result.seconds)}"
    )


def live(result: LiveResult) -> str:
    if result.output == Path("-"):
        return ""  # the stream went where this would go
    shown = "" if result.output is None else f"{result.output}\n  "
    return f"{shown}{result.frames} frames, {result.fps:.1f} a second{gaps(result.missed)}"


def export(result: ExportResult) -> str:
    return f"{result.output}\n  {', '.join(result.files)}"


def info(result: InfoResult) -> str:
    facts = {name: readable(name, fact) for name, fact in result.facts.items() if name != "warnings"}  # told on stderr
    weights, listing = facts.pop("weights", {}), facts.pop("people", None)
    lines = [outline(facts)]
    if weights:
        lines += ["weights", *(f"  {weight(name, **about)}" for name, about in weights.items())]
    lines += [
        f"person {person['number']}: in {person['share']:.0%} of the frames, {person['height']:.0f} px tall"
        for person in listing or []
    ]
    if listing == []:
        lines.append("nobody was found in it")
    return "\n".join(lines)


def readable(name: str, fact: Any) -> Any:
    """A size as width × height, a time in seconds, a rate as a number or as missing; anything else as it is."""
    if name == "fps" and fact is None:
        return "not named; render and transfer take --fps RATE"
    if name in ("size", "size_reached") and fact:
        return f"{fact[1]} × {fact[0]}"
    if name in ("duration", "start_time"):
        return f"{float(Fraction(fact)):.2f} s"
    return f"{float(Fraction(fact)):.4g}" if name == "fps" else fact


def weight(name: str, *, licence: str, origin: str, here: bool, **_: object) -> str:
    """``pose_detection  fetched  Apache-2.0  Google MediaPipe: …``"""
    return f"{name:20} {'fetched' if here else '-':8} {licence}; {origin}"


def check(result: CheckResult) -> str:
    found = result.findings
    lines = [str(found["summary"])]
    for lack in found["lacking"]:
        times = ", ".join(
            f"{span['start']:.1f}–{span['end']:.1f}"
            for span in found["uncovered"]
            if (span["part"], span["reason"]) == (lack["part"], lack["reason"])
        )
        lines.append(f"  {lack['share']:>5.1%}  {said(lack['part'], lack['reason'])}: {times} s")
    lines += [f"note: {fault['message']}" for fault in found["footage"] if fault["severity"] == "note"]
    if found["hardest"]:
        lines.append(f"hardest to show, going by the poses: {', '.join(f'{s:.1f} s' for s in found['hardest'])}")
    if found["expected_lpips"] is not None:
        lines.append(f"expected LPIPS of the body: {found['expected_lpips']:.3f}, by the evaluation of this workspace")
    return "\n".join(lines + ([f"picture: {result.sheet}"] if result.sheet else []))


def said(part: str, reason: str) -> str:
    return reason if part in ("body", "trunk") else f"{part} {reason}"


def evaluate(result: EvaluateResult) -> str:
    rows = [f"  {method['title']:<24}{headline_number(result.content, method)}" for method in result.content["methods"]]
    return "\n".join([result.content["headline"], *rows, f"{result.page}", f"{result.report}"])


def headline_number(content: dict[str, Any], method: dict[str, Any]) -> str:
    """A method's mean of the headlined column with its interval."""
    found = method["metrics"].get(content["worst"]["of"])
    if found is None or found["mean"] is None:
        return "–"
    return f"{found['mean']:.4f}  ({found['low']:.4f} to {found['high']:.4f})"
