"""Passers-by: people, rooms and dances drawn at random, as many as wanted.

They are what a generator learns of people in general, before it has seen the one it is to learn. None is in the clips
that are committed, and none of their dances is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeVar, get_args

import numpy as np

from . import choreography
from .cast import CLIPS, DANCES, FACE, PEOPLE, SIZE, Clip, Dance, Person
from .looks import Colour, Hair, Look, Shirt, Shoes, Trousers
from .motion import Arm, Foot, Key, Vector
from .room import Camera, RoomName

SECONDS = 12.0
BEAT = 0.7
"""Seconds between two poses."""
ARMS = tuple(value for value in vars(choreography).values() if isinstance(value, Arm))
FEET = tuple(value for value in vars(choreography).values() if isinstance(value, Foot))
TURNING = 6
"""Poses that a whole turn takes."""
SKINS: tuple[Colour, ...] = ((0.66, 0.43, 0.32), (0.62, 0.37, 0.27), (0.45, 0.28, 0.18), (0.21, 0.105, 0.06))
HAIRS: tuple[Colour, ...] = ((0.02, 0.018, 0.016), (0.14, 0.06, 0.026), (0.42, 0.28, 0.12), (0.30, 0.29, 0.28))

Random = np.random.Generator
T = TypeVar("T")


def invite(name: str) -> None:
    """Put ``crowd-N`` into the cast, or, with ``crowd-N-street``, N doing that dance; other names are there already."""
    kind, number, dance = [*name.split("-", 2), "", ""][:3]
    if kind == "crowd" and number.isdecimal():
        who = f"crowd-{number}"
        PEOPLE[who], DANCES[who], CLIPS[who] = passer_by(int(number))
        if dance:
            CLIPS[name] = replace(CLIPS[who], dance=dance, about=f"ground truth: {who} does the {dance} dance")


def passer_by(number: int) -> tuple[Person, Dance, Clip]:
    """The person, the dance and the clip of this number: always the same."""
    random = np.random.default_rng([20, number])
    name = f"crowd-{number}"
    clip = Clip(
        person=name, dance=name, room=_one(random, get_args(RoomName)), camera=_camera(random),
        about=f"one of a crowd, number {number}",
    )  # fmt: skip
    dance = Dance(keys=_keys(random), seconds=SECONDS, bpm=60, liveliness=0.5, seed=number)
    return _person(random), dance, clip


def _one(random: Random, values: tuple[T, ...]) -> T:
    return values[int(random.integers(len(values)))]


def _camera(random: Random) -> Camera:
    distance = random.uniform(4.0, 5.2)
    return Camera(
        size=SIZE, focal=round(random.uniform(150, 166) * distance), height=random.uniform(0.9, 1.5),
        distance=distance, aim=1.06,
    )  # fmt: skip


def _person(random: Random) -> Person:
    sex, (first, second) = _one(random, ("male", "female")), random.permutation(["african", "asian", "caucasian"])[:2]
    part, fat = random.uniform(), random.uniform()
    weight = _one(random, ("minweight", "averageweight", "maxweight"))
    signs = {key: _one(random, ("incr", "decr")) for key in ("legs", "shoulder", "waist")}
    shape = {
        f"macrodetails/{first}-{sex}-young": part, f"macrodetails/{second}-{sex}-young": 1 - part,
        f"macrodetails/universal-{sex}-young-averagemuscle-averageweight": 1 - fat,
        f"macrodetails/universal-{sex}-young-{_one(random, ('average', 'max'))}muscle-{weight}": fat,
        f"legs/measure-upperleg-height-{signs['legs']}": random.uniform(0, 0.6),
        f"legs/measure-lowerleg-height-{signs['legs']}": random.uniform(0, 0.6),
        f"torso/measure-shoulder-dist-{signs['shoulder']}": random.uniform(0, 0.6),
        f"torso/measure-waist-circ-{signs['waist']}": random.uniform(0, 0.5),
        **FACE,
    }  # fmt: skip
    return Person(height=random.uniform(1.55, 1.88), shape=shape, look=_look(random))


def _look(random: Random) -> Look:
    skin, hair = _one(random, SKINS), _one(random, HAIRS)
    style = _one(random, ("short", "long", "knot", "hat"))
    patterns: tuple[Literal["plain", "stripes", "plaid", "halves"], ...] = ("plain", "stripes", "plaid", "halves")
    fronts: tuple[Literal["star", "heart", "bolt", "none"], ...] = ("star", "heart", "bolt", "none")
    return Look(
        skin=skin, lips=(min(1.0, skin[0] * 0.85), skin[1] * 0.45, skin[2] * 0.5), iris=(0.08, 0.06, 0.04),
        brows=(hair[0] * 0.7, hair[1] * 0.7, hair[2] * 0.7),
        hair=Hair(
            colour=_colour(random) if style == "hat" else hair, thickness=random.uniform(0.011, 0.016),
            length=random.uniform(0.1, 0.24) if style == "long" else 0.0, knot=0.055 if style == "knot" else 0.0,
            knitted=style == "hat",
        ),
        shirt=Shirt(
            pattern=_one(random, patterns), colour=_colour(random), second=_colour(random),
            print_colour=_colour(random), front=_one(random, fronts), back=str(random.integers(1, 99)),
            sleeve=_one(random, (0.34, 0.6, 1.2, 1.9)), hem=random.uniform(-0.02, 0.08),
            collar=random.uniform(0.6, 1.4), looseness=int(random.integers(3, 11)),
        ),
        trousers=Trousers(
            colour=_colour(random), stripe=_one(random, (None, _colour(random))), length=_one(random, (1.05, 3.0, 3.0)),
            flare=random.uniform(0.008, 0.05), fade=random.uniform(0, 0.4),
        ),
        shoes=Shoes(colour=_colour(random), sole=_colour(random), laces=_colour(random)),
    )  # fmt: skip


def _colour(random: Random) -> Colour:
    """Half of all clothes are muted."""
    grey = random.uniform(0.02, 0.75)
    much = _one(random, (0.15, 1.0))
    red, green, blue = (float(grey + much * (value - grey)) for value in random.uniform(0.02, 0.8, 3))
    return red, green, blue


def _keys(random: Random) -> tuple[Key, ...]:
    """Poses on beats: arms, feet and a lean at random, now and then a small turn of the body, once a whole one."""
    count = int(SECONDS / BEAT)
    begin, side = int(random.integers(3, count - TURNING - 3)), _one(random, (-1.0, 1.0))
    keys = [Key(beat=0, left=choreography.HANG, right=choreography.HANG)]
    for step in range(1, count + 1):
        turned = float(np.clip((step - begin) / TURNING, 0, 1)) * 360 * side
        still = not 0 <= step - begin < TURNING
        left, right = _one(random, ARMS), _one(random, ARMS)
        key = Key(
            beat=step * BEAT, left=left, right=left if random.uniform() < 0.3 else right,
            heading=turned + (float(random.normal(0, 22)) if still else 0.0),
        )  # fmt: skip
        keys.append(_stance(random, key) if still else key)
    return tuple(keys)


def _stance(random: Random, key: Key) -> Key:
    lifted = int(random.integers(2))
    feet = [Foot(random.uniform(0.12, 0.26), forward=random.uniform(-0.1, 0.1)) for _ in range(2)]
    if random.uniform() < 0.25:
        feet[lifted] = _one(random, FEET)
    lean: Vector = tuple(float(angle) for angle in random.normal(0, 5, 3))  # type: ignore[assignment]
    return replace(
        key, left_foot=feet[0], right_foot=feet[1], stage=(random.uniform(-0.12, 0.12), random.uniform(-0.2, 0.25)),
        shift=(random.uniform(-0.06, 0.06), -random.exponential(0.06), 0.0), spine=lean,
        head=(float(random.normal(0, 6)), float(random.normal(0, 15)), 0.0),
    )  # fmt: skip
