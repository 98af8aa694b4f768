"""The options that commands share.

An option that was not given is None and is not passed on, so that every default lives in the library alone.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from dancedouble.cli.formats import parse_device, parse_frames, parse_rate, parse_time

Value = TypeVar("Value")


class Layout(StrEnum):
    """What the written video shows: the result alone, dance and result, or dance, stick figure and result."""

    RESULT = "result"
    SIDE_BY_SIDE = "side-by-side"
    STRIP = "strip"


class Retarget(StrEnum):
    """How the dance is fitted to the body that is to dance it: as a whole, or limb by limb."""

    GLOBAL = "global"
    LIMBS = "limbs"


class Smoothing(StrEnum):
    """How poses are smoothed: by local parabolas and the pixels' motion, by the paper's median and Gaussian, or not."""

    LOCAL = "local"
    PAPER = "paper"
    NONE = "none"


class Ablation(StrEnum):
    """What is left out of the paper's method: everything over single frames, the face GAN, nothing, or a loss term."""

    FRAME_BY_FRAME = "fbf"
    TEMPORAL = "fbf+ts"
    TEMPORAL_FACE = "fbf+ts+fg"
    NO_PERCEPTUAL = "no-perceptual"
    NO_FEATURE_MATCHING = "no-feature-matching"


class Precision(StrEnum):
    """Number format of training."""

    AUTO = "auto"
    FULL = "full"
    BF16 = "bf16"
    FP16 = "fp16"


class ExportFormat(StrEnum):
    """What ``export`` writes."""

    ONNX = "onnx"
    OPENVINO = "openvino"


PRESETS = ("swift", "figure", "tiny", "edn", "edn-global", "edn-local", "edn-face")


def given(**options: Any) -> dict[str, Any]:
    """The options that were given, as the library takes them: None left out, choices as their text."""
    return {
        name: value.value if isinstance(value, StrEnum) else value
        for name, value in options.items()
        if value is not None
    }


def usage(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    """``parse`` with its ValueError told as a mistake in the command."""

    def parse_or_complain(text: str) -> Value:
        try:
            return parse(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return parse_or_complain


def argument(metavar: str, meaning: str) -> Any:
    return typer.Argument(metavar=metavar, help=meaning, show_default=False)


def option(*names: str, meaning: str, metavar: str | None = None, **more: Any) -> Any:
    return typer.Option(*names, metavar=metavar, help=meaning, show_default=False, **more)


SourceArgument = Annotated[Path, argument("SOURCE", "The dance: a video, poses .npz or OpenPose JSON folder.")]
TargetArgument = Annotated[Path, argument("TARGET", "Half a minute of the person who is to dance it.")]
PersonFileArgument = Annotated[Path, argument("PERSON", "A person file: PERSON.safetensors.")]
VideoArgument = Annotated[Path, argument("VIDEO", "A video: anything FFmpeg reads; or OpenPose JSON folder.")]

BudgetOption = Annotated[
    float | None,
    option("--budget", metavar="TIME", parser=usage(parse_time), meaning="Time to spend: 90s, 10m, 1h30m."),
]
FramesOption = Annotated[
    Any,  # a pair; annotated as one, Typer would ask for two words
    option("--frames", metavar="A:B", parser=usage(parse_frames), meaning="Only the frames A to B - 1."),
]
SoundOption = Annotated[
    Path | None,
    option("--sound", metavar="VIDEO", meaning="Whose sound to hear: for poses, or in place of SOURCE's own."),
]
RateOption = Annotated[
    Fraction | None,
    option("--fps", metavar="RATE", parser=usage(parse_rate), meaning="Frames a second of OpenPose JSON."),
]
PresetOption = Annotated[
    str | None, option("--preset", metavar="NAME", meaning=f"The recipe for learning: {', '.join(PRESETS)}.")
]
SizeOption = Annotated[
    int | None,
    option("--size", metavar="HEIGHT", min=1, meaning="Height of the person as learned, in pixels."),
]
SeedOption = Annotated[int | None, option("--seed", metavar="N", min=0, meaning="Makes a run repeatable.")]
PersonOption = Annotated[
    int | None,
    option("--person", metavar="N", min=1, meaning="Which person, of several; see info VIDEO."),
]
StepsOption = Annotated[
    int | None, option("--steps", metavar="N", min=1, meaning="Learn for N steps instead of a time.")
]
WarmStartOption = Annotated[
    Path | None,
    option("--warm-start", metavar="PERSON", meaning="Begin with another person's generator, not the usual one."),
]
TargetPersonOption = Annotated[
    int | None, option("--target-person", metavar="N", min=1, meaning="Which person in TARGET.")
]
LayoutOption = Annotated[Layout | None, option("--layout", meaning="What the video shows.")]
RetargetOption = Annotated[Retarget | None, option("--retarget", meaning="Fit the body as a whole or by limbs.")]
ConsentOption = Annotated[
    str | None,
    option("--consent", metavar='"WHO, HOW"', meaning="Who is learned, and how they agreed."),
]
DeviceOption = Annotated[
    str | None,
    option(
        "--device",
        metavar="auto|cpu|cuda|mps|openvino",
        parser=usage(parse_device),
        meaning="Where the networks run; poses are always found on the CPU.",
    ),
]
JsonOption = Annotated[bool, option("--json", meaning="Print the result as one JSON object.")]
QuietOption = Annotated[bool, option("--quiet", "-q", meaning="Show no progress.")]
DebugOption = Annotated[bool, option("--debug", meaning="Show the traceback of an unexpected error.")]
