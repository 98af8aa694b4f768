"""What every generator paints: a picture and, where it has one, the mask to lay it over the plate."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Layers(NamedTuple):
    """A painted frame before it meets its background."""

    rgb: Tensor
    """(B, 3, H, W) in [-1, 1], RGB."""
    alpha: Tensor | None
    """(B, 1, H, W) in [0, 1], 1 where the painting covers the plate; None when the whole frame is painted."""
    shares: Tensor | None = None
    """(B, K, H, W) how much of each pixel comes from each of the K references; None from generators without any."""
    offsets: Tensor | None = None
    """(B, K, 2, H, W) x and y, in pixels, by which each reference was sampled beside each pixel."""
    shade: Tensor | None = None
    """(B, 1, H, W) in [0, 2], the factor on the light of the plate: below 1 in the person's shadow, 1 where nothing
    changes; None from generators that paint no shadow."""


def composite(layers: Layers, plate: Tensor | None) -> Tensor:
    """Lay the painting over the plate (B or 1, 3, H, W) in [-1, 1]: ``alpha · rgb + (1 − alpha) · shaded plate``.

    Without alpha the painting is the frame and needs no plate. An alpha and no plate: ValueError.
    """
    if layers.alpha is None:
        return layers.rgb
    if plate is None:
        raise ValueError("these layers have an alpha, so they need a plate to lie on")
    if layers.shade is not None:
        plate = (plate + 1) * layers.shade - 1
    return plate + layers.alpha * (layers.rgb - plate)
