"""The colour of every point of a figure, and where each garment ends, as functions of the point at rest.

Each function takes points of one part as rows of :data:`figure.SURFACE` numbers. Being functions of the rest body, all
prints move with it exactly: real cloth would slide.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from .assets import load_texture, sample_texture
from .figure import Figure, Part, ears, hairline
from .geometry import BROAD, FINE, Bools, Floats, Ints, smoothstep
from .looks import Colour, Shirt


def keep(figure: Figure, parts: Ints, surface: Floats) -> Bools:
    """Which points (N,) exist at all: inside the hem, sleeve, collar, hairline of their part."""
    kept = np.ones(len(surface), dtype=bool)
    cuts = {
        Part.SKIN: _keep_skin,
        Part.TROUSERS: _keep_trousers,
        Part.SHIRT: _keep_shirt,
        Part.SHOES: _keep_shoes,
        Part.SCALP: _keep_scalp,
        Part.LOCKS: _keep_locks,
    }
    for part, cut in cuts.items():
        chosen = np.flatnonzero(parts == part)
        kept[chosen] = cut(figure, surface[chosen])
    return kept


def albedo(figure: Figure, parts: Ints, surface: Floats) -> Floats:
    """Linear RGB (N, 3) of points."""
    colours = np.zeros((len(surface), 3), dtype=np.float32)
    paints = {
        Part.SKIN: _skin,
        Part.TROUSERS: _trousers,
        Part.SHIRT: _shirt,
        Part.SHOES: _shoes,
        Part.SCALP: _hair,
        Part.EYES: _eyes,
        Part.LOCKS: _hair,
        Part.LASHES: _lashes,
    }
    for part, paint in paints.items():
        chosen = np.flatnonzero(parts == part)
        colours[chosen] = paint(figure, surface[chosen])
    return colours


def _collar(figure: Figure, surface: Floats) -> Floats:
    """Height of the collar above the floor: a V in front."""
    forward = smoothstep(0, 0.1, surface[:, 2] - figure.levels.neck_z)
    middle = np.clip(1 - np.abs(surface[:, 0]) / 0.09, 0, 1)
    return np.asarray(figure.levels.neck + 0.005 - 0.055 * forward * middle * figure.look.shirt.collar)


def _keep_skin(figure: Figure, surface: Floats) -> Bools:
    look, arm, leg = figure.look, surface[:, 5], surface[:, 6]
    under_sleeve = (arm > -0.5) & (arm < look.shirt.sleeve - 0.08)
    below_collar = surface[:, 1] < _collar(figure, surface) - 0.03
    under_cloth = (arm < -0.5) & below_collar & (leg < look.trousers.length - 0.08)
    hidden = under_sleeve | under_cloth
    if look.hair.length:
        hidden |= ears(surface, surface[:, 3:5])
    return ~hidden


def _keep_trousers(figure: Figure, surface: Floats) -> Bools:
    y = surface[:, 1]
    return (y > 0.055) & (surface[:, 6] < figure.look.trousers.length) & (y < figure.levels.waist + 0.06)


def _keep_shirt(figure: Figure, surface: Floats) -> Bools:
    y = surface[:, 1]
    return (y > figure.levels.hem) & (surface[:, 5] < figure.look.shirt.sleeve) & (y < _collar(figure, surface))


def _keep_shoes(figure: Figure, surface: Floats) -> Bools:
    return np.asarray(surface[:, 1] < 0.125)


def _keep_scalp(figure: Figure, surface: Floats) -> Bools:
    from_eyes = surface[:, :3] - figure.body.eyes.mean(0)
    fringe = 0.0 if figure.look.hair.knitted else 0.006 * FINE.quick(surface[:, :3], 30.0)
    return np.asarray(from_eyes[:, 1] > hairline(figure.look, from_eyes[:, 2]) + fringe)


def _keep_locks(figure: Figure, surface: Floats) -> Bools:
    from_eyes = surface[:, :3] - figure.body.eyes.mean(0)
    tips = -figure.look.hair.length + 0.012 * FINE.quick(surface[:, :3], (14, 1.4, 14))
    over_face = (from_eyes[:, 2] > -0.035) & (from_eyes[:, 1] < 0.05)
    return np.asarray((from_eyes[:, 1] > tips) & ~over_face)


def _skin(figure: Figure, surface: Floats) -> Floats:
    """Skin with a little unevenness, blush, lips, brows and shaded eye sockets."""
    look, points = figure.look, surface[:, :3]
    from_eyes = points - figure.body.eyes.mean(0)
    across, up, front = np.abs(points[:, 0]), from_eyes[:, 1], from_eyes[:, 2] > -0.035
    eye = figure.body.eyes[0, 0]
    colour = np.array(look.skin) * (1 + 0.04 * BROAD[0].quick(points, 7.0)[:, None])
    blush = np.exp(-(((across - 0.04) / 0.022) ** 2) - ((up + 0.035) / 0.02) ** 2) * front
    colour = colour * (1 - blush[:, None] * [0.02, 0.12, 0.10])
    socket = np.exp(-(((across - eye) / 0.018) ** 2) - ((up - 0.008) / 0.008) ** 2) * front
    colour = colour * (1 - 0.22 * socket[:, None])
    lips = sample_texture(load_texture("mpfb_lips"), surface[:, 3:5]) * (surface[:, 3] > 0.62)
    colour = colour + (np.array(look.lips) - colour) * lips[:, None]
    along = (across - eye) / 0.021
    brow = np.exp(-(((up - (0.0215 - 0.004 * along**2 + 0.002 * along)) / 0.0042) ** 2))
    brow = 0.95 * brow * (np.abs(along) < 1.05) * front
    return np.asarray(colour + (np.array(look.brows) - colour) * brow[:, None])


def _trousers(figure: Figure, surface: Floats) -> Floats:
    wear, points, leg = figure.look.trousers, surface[:, :3], surface[:, 6]
    weave = np.sin(points @ [900.0, 900.0, 300.0])
    colour = np.array(wear.colour) * (1 + 0.08 * weave + 0.05 * BROAD[1].quick(points, 5.0))[:, None]
    faded = wear.fade * np.exp(-(((leg - 0.5) / 0.35) ** 2)) * (points[:, 2] > 0)
    colour = colour * (1 + faded)[:, None]
    outside = (np.abs(points[:, 2] - figure.levels.thigh_z) < (0.016 if wear.stripe else 0.004)) & (
        np.abs(points[:, 0]) > figure.body.skeleton.head("thigh_l")[0] + 0.03
    )
    seam = np.array(wear.stripe) if wear.stripe else colour * 0.6
    return np.where(outside[:, None], seam, colour)


def _shirt(figure: Figure, surface: Floats) -> Floats:
    shirt, points, arm = figure.look.shirt, surface[:, :3], surface[:, 5]
    on_arm = arm > 0.04
    colour = _pattern(shirt, points, np.where(on_arm, arm * 0.28 + 0.02, points[:, 1]), on_arm)
    printed = np.zeros(len(points))
    chest = np.array([0.0, figure.levels.neck - 0.215])
    flat = points[:, :2] - chest
    front = (points[:, 2] > 0) & ~on_arm
    back = (points[:, 2] <= 0) & ~on_arm
    if shirt.front != "none":
        printed[front] = _stamp(front_print(shirt.front), flat[front], 0.26)
    printed[back] = _stamp(back_print(shirt.back), flat[back] * [-1, 1], 0.34)
    colour = colour + (np.array(shirt.print_colour) - colour) * printed[:, None]
    colour = colour * (1 + 0.05 * BROAD[2].quick(points, 6.0))[:, None]
    rib = (points[:, 1] > _collar(figure, surface) - 0.016) & ~on_arm
    rib |= (points[:, 1] < figure.levels.hem + 0.014) & ~on_arm
    rib |= on_arm & (arm > shirt.sleeve - 0.06)
    return np.where(rib[:, None], np.array(shirt.second) * 0.8, colour)


def _pattern(shirt: Shirt, points: Floats, height: Floats, on_arm: Bools) -> Floats:
    """The cloth before prints; ``height`` is metres up the trunk, or along the sleeve."""
    one, two = np.array(shirt.colour), np.array(shirt.second)
    if shirt.pattern == "stripes":
        return np.where((height / 0.075 % 1 < 0.5)[:, None], one, two)
    if shirt.pattern == "plaid":
        across = np.where(on_arm, points[:, 2], points[:, 0])
        dark = (height / 0.09 % 1 < 0.4).astype(float) + (across / 0.09 % 1 < 0.4)
        return np.asarray(one + (two - one) * dark[:, None] / 2)
    if shirt.pattern == "halves":
        return np.where(on_arm[:, None], two, one)
    return np.broadcast_to(one, (len(points), 3)).copy()


def _stamp(mask: Floats, flat: Floats, side: float) -> Floats:
    """Value of a print of ``side`` metres centred at the origin, at points (N, 2) (right, up); 0 outside."""
    uv = flat / side + 0.5
    inside = ((uv > 0) & (uv < 1)).all(1)
    return sample_texture(mask, np.clip(uv, 0, 1)) * inside


@cache
def front_print(kind: str) -> Floats:
    """A print in a ring, (256, 256) in 0–1."""
    image = np.zeros((256, 256), np.uint8)
    t = np.linspace(0, 2 * np.pi, 121)
    if kind == "star":
        r = np.where(np.arange(11) % 2 == 0, 82.0, 34.0)
        a = np.arange(11) * np.pi / 5
        shape = np.column_stack([r * np.sin(a), -r * np.cos(a)])
    elif kind == "heart":
        up = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
        shape = np.column_stack([16 * np.sin(t) ** 3, -up]) * 4.6
    else:
        shape = np.array([(20, -90), (-45, 15), (-6, 15), (-20, 90), (45, -20), (8, -20)], float)
    cv2.fillPoly(image, [np.round(shape + 128).astype(np.int32)], 255, cv2.LINE_AA)
    cv2.circle(image, (128, 128), 112, 255, 9, cv2.LINE_AA)
    return np.asarray(image / 255, dtype=np.float32)


@cache
def back_print(text: str) -> Floats:
    """A number as on a jersey, (256, 256) in 0–1."""
    image = np.zeros((256, 256), np.uint8)
    font, thick = cv2.FONT_HERSHEY_DUPLEX, 22
    (width, height), _ = cv2.getTextSize(text, font, 5.2, thick)
    cv2.putText(image, text, (128 - width // 2, 128 + height // 2), font, 5.2, 255, thick, cv2.LINE_AA)
    return np.asarray(image / 255, dtype=np.float32)


def _shoes(figure: Figure, surface: Floats) -> Floats:
    shoes, points = figure.look.shoes, surface[:, :3]
    y, z = points[:, 1], points[:, 2]
    laced = (y > 0.05) & (np.abs(z - 0.06) < 0.05) & (z * 110 % 1 < 0.4)
    colour = np.where(laced[:, None], _row(shoes.laces), _row(shoes.colour))
    return np.where((y < 0.022)[:, None], _row(shoes.sole), colour)


def _hair(figure: Figure, surface: Floats) -> Floats:
    hair, points = figure.look.hair, surface[:, :3]
    if hair.knitted:
        rib = 1 + 0.16 * np.sin(np.arctan2(points[:, 0], points[:, 2] + 0.02) * 70)
        return np.asarray(np.array(hair.colour) * rib[:, None])
    strand = 0.75 + 0.35 * FINE.quick(points, (26, 2.5, 16))
    return np.asarray(np.array(hair.colour) * strand[:, None])


def _eyes(figure: Figure, surface: Floats) -> Floats:
    eye = figure.body.eyes[0]
    radius = np.hypot(np.abs(surface[:, 0]) - eye[0], surface[:, 1] - eye[1])[:, None]
    colour = np.where(radius < 0.0064, _row(figure.look.iris), 0.72)
    return np.where(radius < 0.003, 0.01, colour)


def _lashes(figure: Figure, surface: Floats) -> Floats:
    return np.full((len(surface), 3), 0.03)


def _row(colour: Colour) -> Floats:
    return np.array(colour)[None]
