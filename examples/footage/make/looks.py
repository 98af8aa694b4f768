"""What a person looks like and wears, as values. Colours are linear RGB in 0–1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Colour = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Shirt:
    """A top. ``sleeve`` is the arm coordinate it ends at, ``hem`` metres below the hip joints (negative: above)."""

    pattern: Literal["plain", "stripes", "plaid", "halves"]
    colour: Colour
    second: Colour
    print_colour: Colour
    front: Literal["star", "heart", "bolt", "none"]
    back: str
    sleeve: float
    hem: float
    collar: float = 1.0
    looseness: int = 6
    """Smoothing passes that take the body's detail out of the cloth."""


@dataclass(frozen=True, kw_only=True)
class Trousers:
    """``length`` is the leg coordinate they end at (3: floor length), ``flare`` metres of room at the end."""

    colour: Colour
    stripe: Colour | None = None
    length: float = 3.0
    flare: float = 0.014
    fade: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Shoes:
    """Trainers."""

    colour: Colour
    sole: Colour
    laces: Colour


@dataclass(frozen=True, kw_only=True)
class Hair:
    """``length`` metres below the eyes (0: short); ``knot`` adds a bun; ``knitted`` makes it a hat."""

    colour: Colour
    thickness: float = 0.012
    length: float = 0.0
    knot: float = 0.0
    knitted: bool = False


@dataclass(frozen=True, kw_only=True)
class Look:
    """Everything about a person that is not their shape."""

    skin: Colour
    lips: Colour
    iris: Colour
    brows: Colour
    hair: Hair
    shirt: Shirt
    trousers: Trousers
    shoes: Shoes
