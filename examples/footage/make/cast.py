"""Who is in the footage, and which clips there are, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .beat import Song
from .choreography import AT_HOME, AT_THE_GYM, DISCO, STREET
from .looks import Hair, Look, Shirt, Shoes, Trousers
from .motion import Key
from .room import Camera, RoomName

FPS = 25
SIZE = (480, 384)


@dataclass(frozen=True, kw_only=True)
class Person:
    """A person: weighted shape targets, height in metres barefoot, and a look."""

    shape: Mapping[str, float]
    height: float
    look: Look


@dataclass(frozen=True, kw_only=True)
class Dance:
    """A choreography with its tempo and, when there is music, its song."""

    keys: tuple[Key, ...]
    seconds: float
    bpm: float
    liveliness: float
    seed: int
    song: Song | None = None


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One clip: who does what, where, before which camera."""

    person: str
    dance: str
    room: RoomName
    camera: Camera
    about: str


def _both(name: str, weight: float) -> dict[str, float]:
    return {name.format(side=side): weight for side in "lr"}


_MACRO = "macrodetails/{}"
_RELAXED = {f"expression/units/caucasian/eye-{side}-slit": 0.35 for side in ("left", "right")}
_SMILE = {"expression/units/caucasian/mouth-corner-puller": 0.45, "mouth/mouth-angles-up": 0.4}
FACE = {**_RELAXED, **_SMILE}

PEOPLE = {
    "A": Person(
        height=1.88,
        shape={
            _MACRO.format("caucasian-male-young"): 0.55, _MACRO.format("african-male-young"): 0.45,
            _MACRO.format("universal-male-young-averagemuscle-averageweight"): 0.55,
            _MACRO.format("universal-male-young-maxmuscle-averageweight"): 0.45,
            "macrodetails/height/male-young-averagemuscle-averageweight-maxheight": 0.35,
            "torso/measure-shoulder-dist-incr": 0.7, "legs/measure-upperleg-height-incr": 0.5,
            "legs/measure-lowerleg-height-incr": 0.5, "torso/measure-hips-circ-decr": 0.3, "chin/chin-width-incr": 0.3,
            **FACE,
        },
        look=Look(
            skin=(0.40, 0.23, 0.145), lips=(0.34, 0.13, 0.10), iris=(0.08, 0.04, 0.02), brows=(0.02, 0.015, 0.012),
            hair=Hair(colour=(0.025, 0.02, 0.018), thickness=0.011),
            shirt=Shirt(
                pattern="stripes", colour=(0.80, 0.80, 0.78), second=(0.06, 0.10, 0.30),
                print_colour=(0.75, 0.10, 0.06), front="none", back="7", sleeve=0.62, hem=0.06, looseness=8,
            ),
            trousers=Trousers(colour=(0.10, 0.17, 0.32), fade=0.35, flare=0.022),
            shoes=Shoes(colour=(0.65, 0.08, 0.06), sole=(0.8, 0.8, 0.8), laces=(0.8, 0.8, 0.8)),
        ),
    ),
    "B": Person(
        height=1.58,
        shape={
            _MACRO.format("caucasian-female-young"): 0.5, _MACRO.format("asian-female-young"): 0.5,
            _MACRO.format("universal-female-young-averagemuscle-averageweight"): 0.7,
            _MACRO.format("universal-female-young-averagemuscle-maxweight"): 0.3,
            "torso/measure-hips-circ-incr": 0.35, "hip/hip-scale-horiz-incr": 0.2, "torso/measure-waist-circ-incr": 0.5,
            "legs/measure-upperleg-height-decr": 0.5, "legs/measure-lowerleg-height-decr": 0.5,
            **FACE,
        },
        look=Look(
            skin=(0.66, 0.43, 0.32), lips=(0.55, 0.16, 0.16), iris=(0.10, 0.15, 0.09), brows=(0.10, 0.05, 0.03),
            hair=Hair(colour=(0.14, 0.06, 0.026), thickness=0.013, length=0.215),
            shirt=Shirt(
                pattern="plain", colour=(0.03, 0.33, 0.33), second=(0.85, 0.62, 0.06), print_colour=(0.85, 0.62, 0.06),
                front="star", back="23", sleeve=0.50, hem=0.04, collar=1.2, looseness=5,
            ),
            trousers=Trousers(colour=(0.035, 0.035, 0.045), flare=0.014),
            shoes=Shoes(colour=(0.78, 0.77, 0.75), sole=(0.75, 0.75, 0.72), laces=(0.4, 0.4, 0.4)),
        ),
    ),
    "C": Person(
        height=1.74,
        shape={
            _MACRO.format("african-female-young"): 0.8, _MACRO.format("caucasian-female-young"): 0.2,
            _MACRO.format("universal-female-young-averagemuscle-averageweight"): 0.4,
            _MACRO.format("universal-female-young-maxmuscle-minweight"): 0.6,
            "legs/measure-upperleg-height-incr": 0.8, "legs/measure-lowerleg-height-incr": 0.7,
            "torso/measure-shoulder-dist-decr": 0.4,
            **FACE,
        },
        look=Look(
            skin=(0.21, 0.105, 0.06), lips=(0.26, 0.07, 0.07), iris=(0.06, 0.03, 0.02), brows=(0.015, 0.012, 0.01),
            hair=Hair(colour=(0.02, 0.016, 0.015), thickness=0.014, knot=0.055),
            shirt=Shirt(
                pattern="halves", colour=(0.80, 0.30, 0.08), second=(0.80, 0.78, 0.72), print_colour=(0.80, 0.78, 0.72),
                front="bolt", back="4", sleeve=0.34, hem=-0.02, collar=1.4, looseness=4,
            ),
            trousers=Trousers(colour=(0.10, 0.07, 0.16), stripe=(0.75, 0.74, 0.72), flare=0.008, length=3.0),
            shoes=Shoes(colour=(0.05, 0.30, 0.12), sole=(0.85, 0.85, 0.82), laces=(0.85, 0.85, 0.82)),
        ),
    ),
    "D": Person(
        height=1.70,
        shape={
            _MACRO.format("caucasian-male-young"): 0.7, _MACRO.format("caucasian-male-old"): 0.3,
            _MACRO.format("universal-male-young-averagemuscle-maxweight"): 1.0,
            "stomach/stomach-tone-decr": 0.8, "torso/measure-waist-circ-incr": 0.5,
            "legs/measure-upperleg-height-decr": 0.5, "legs/measure-lowerleg-height-decr": 0.3,
            "torso/measure-shoulder-dist-incr": 0.4,
            **FACE,
        },
        look=Look(
            skin=(0.62, 0.37, 0.27), lips=(0.48, 0.18, 0.15), iris=(0.08, 0.14, 0.22), brows=(0.10, 0.07, 0.04),
            hair=Hair(colour=(0.55, 0.10, 0.08), thickness=0.016, knitted=True),
            shirt=Shirt(
                pattern="plaid", colour=(0.62, 0.58, 0.50), second=(0.28, 0.06, 0.06), print_colour=(0.04, 0.05, 0.09),
                front="heart", back="58", sleeve=1.90, hem=0.08, collar=0.6, looseness=10,
            ),
            trousers=Trousers(colour=(0.20, 0.19, 0.12), length=1.05, flare=0.05),
            shoes=Shoes(colour=(0.03, 0.03, 0.04), sole=(0.55, 0.45, 0.30), laces=(0.75, 0.70, 0.60)),
        ),
    ),
}  # fmt: skip

DANCES = {
    "street": Dance(
        keys=STREET, seconds=8, bpm=120, liveliness=1, seed=11,
        song=Song(bpm=120, roots=(0, 0, -4, -2), minor=True, swing=0.0, seed=5),
    ),
    "disco": Dance(
        keys=DISCO, seconds=8, bpm=105, liveliness=1, seed=12,
        song=Song(bpm=105, roots=(3, 8, 10, 3), minor=False, swing=0.08, seed=6),
    ),
    "at home": Dance(keys=AT_HOME, seconds=12, bpm=60, liveliness=0, seed=13),
    "at the gym": Dance(keys=AT_THE_GYM, seconds=12, bpm=60, liveliness=0, seed=14),
}  # fmt: skip

STUDIO_CAMERA = Camera(size=SIZE, focal=744, height=1.15, distance=4.6, aim=1.14)
HOME_CAMERA = Camera(size=SIZE, focal=805, height=1.25, distance=4.1, aim=0.98)
LOFT_CAMERA = Camera(size=SIZE, focal=752, height=1.05, distance=4.25, aim=1.07)
GYM_CAMERA = Camera(size=SIZE, focal=700, height=1.35, distance=4.0, aim=1.03)

CLIPS = {
    "A_dance": Clip(
        person="A", dance="street", room="studio", camera=STUDIO_CAMERA, about="source: A dances the street dance"
    ),
    "B_casual": Clip(
        person="B", dance="at home", room="living room", camera=HOME_CAMERA, about="target: B moves casually at home"
    ),
    "B_dance_truth": Clip(
        person="B", dance="street", room="living room", camera=HOME_CAMERA, about="ground truth: B does A's dance"
    ),
    "C_dance": Clip(
        person="C", dance="disco", room="loft", camera=LOFT_CAMERA, about="source: C dances the disco dance"
    ),
    "D_casual": Clip(
        person="D", dance="at the gym", room="gym", camera=GYM_CAMERA, about="target: D warms up in a gym"
    ),
    "D_dance_truth": Clip(
        person="D", dance="disco", room="gym", camera=GYM_CAMERA, about="ground truth: D does C's dance"
    ),
}
"""Two sets of three: source, target, and the truth between them."""
