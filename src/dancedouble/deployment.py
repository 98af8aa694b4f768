"""A learned person's networks as plain functions of tensors: what engines run and ``export`` writes.

Inside the program networks take and give named tuples, and None where there is nothing yet. Other engines know
tensors alone, so here the frame before is one tensor, all zeros at the start of a clip.
"""

from __future__ import annotations

import copy
import threading
import warnings
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dancedouble.conditioning import MAP_STRIDE
from dancedouble.errors import PersonFileError
from dancedouble.models.blocks import InstanceNorm
from dancedouble.models.face import FaceGlobal, FaceUNet, face_generator
from dancedouble.models.layers import Layers
from dancedouble.models.painter import Painter
from dancedouble.person import Person
from dancedouble.recipe import LimbInput, recipe_from_dict
from dancedouble.rendering.face_box import face_side

FIGURE_CHANNELS = 3
PREVIOUS_CHANNELS = 4
OUTPUTS = Layers._fields
"""What a painter may give, in this order."""


class Networks(NamedTuple):
    """What renders a person, ready for evaluation, on the CPU."""

    painter: Painter
    face: FaceGlobal | FaceUNet | None


def load_networks(person: Person) -> Networks:
    """Build a person's networks with their weights. Raises PersonFileError when the two do not fit."""
    recipe = recipe_from_dict(person.recipe)
    painter = Painter(recipe.final.generator)
    _load("painter", painter, person)
    face = None
    if recipe.face is not None and any(name.startswith("face.") for name in person.weights):
        face = face_generator(recipe.face.generator)
        _load("face", face, person)
    return Networks(painter, face)


def _load(part: str, network: nn.Module, person: Person) -> None:
    prefix = f"{part}."
    tensors = {k.removeprefix(prefix): v for k, v in person.weights.items() if k.startswith(prefix)}
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise PersonFileError(f"the person file's {part} does not fit its recipe ({reason}); train it again") from error
    network.eval().requires_grad_(False)


class PlainNetwork(NamedTuple):
    """A network whose inputs and outputs are tensors, with their names."""

    module: nn.Module
    example: tuple[Tensor, ...]
    """Inputs of the right shapes, the same every time."""
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def plain_networks(person: Person, networks: Networks) -> dict[str, PlainNetwork]:
    """``painter``, and ``face`` where the person has one.

    The painter takes ``label`` (1, C, h, w), ``references`` (1, K, 4, H, W) where its kind is shown any, ``previous``
    (1, 4, H, W): RGB and alpha of the finished frame before. It gives those of :data:`OUTPUTS` that it has. The face
    takes ``figure`` and ``face`` (1, 3, S, S) and gives the ``residual`` that is added to the face.
    """
    networks = Networks(*(None if network is None else _in_plain_layers(network) for network in networks))  # type: ignore[arg-type]
    example = _painter_example(person)
    inputs = ("label", "references", "previous") if takes_references(person) else ("label", "previous")
    painter = PlainPainter(networks.painter)
    with torch.inference_mode():
        given = len(painter(*example))
    plain = {"painter": PlainNetwork(painter, example, inputs, OUTPUTS[:given])}
    if networks.face is not None:
        side = face_side(person.crop_size)
        crops = torch.rand(2, 1, 3, side, side, generator=torch.Generator().manual_seed(0))
        plain["face"] = PlainNetwork(networks.face, (crops[0], crops[1]), ("figure", "face"), ("residual",))
    return plain


def takes_references(person: Person) -> bool:
    """Whether a person's painter is shown pictures of them."""
    return isinstance(recipe_from_dict(person.recipe).conditioning, LimbInput)


def _in_plain_layers(network: nn.Module) -> nn.Module:
    """A copy that computes the same with layers that other engines do well.

    Instance norms are PyTorch's own: OpenVINO 2026.4 falls over a group norm with a group per channel. Enlarging is a
    convolution, which costs OpenVINO a quarter of its own interpolation (and PyTorch twice).
    """
    network = copy.deepcopy(network)
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, InstanceNorm):
                setattr(module, name, _PlainNorm())
            elif isinstance(child, nn.Upsample) and child.mode == "bilinear":
                setattr(module, name, _Enlarging(int(child.scale_factor)))  # type: ignore[arg-type]
    return network


class _PlainNorm(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        """As :class:`InstanceNorm`."""
        return F.instance_norm(x)


class _Enlarging(nn.Module):
    """Bilinear enlargement by a whole number."""

    kernel: Tensor

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor
        off = (torch.arange(factor) + 0.5) / factor - 0.5
        taps = torch.stack([(-off).clamp_min(0), 1 - off.abs(), off.clamp_min(0)], 1)  # pixels before, here, after
        kernel = taps[:, None, :, None] * taps[:, None]
        self.register_buffer("kernel", kernel.view(factor * factor, 1, 3, 3), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) → (B, C, factor · h, factor · w), as ``nn.Upsample`` does it."""
        padded, channels = F.pad(x, (1, 1, 1, 1), mode="replicate"), x.shape[1]
        return F.pixel_shuffle(F.conv2d(padded, self.kernel.repeat(channels, 1, 1, 1), groups=channels), self.factor)


class PlainPainter(nn.Module):
    """A painter from tensors to tensors; see :func:`plain_networks`."""

    def __init__(self, painter: Painter) -> None:
        super().__init__()
        self.painter = painter

    def forward(self, label: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        """The layers of one frame."""
        previous = others[-1]
        references = others[0] if len(others) == 2 else label.new_zeros(len(label), 0, 4, *label.shape[-2:])
        painted = self.painter(label, references, Layers(previous[:, :3], previous[:, 3:]))
        return tuple(value for value in painted if value is not None)


ONE_AT_A_TIME = threading.RLock()
"""PyTorch's tracing, and what converts its traces, keep state that threads share."""


def trace(module: nn.Module, example: tuple[Tensor, ...]) -> Any:
    """A module from tensors to tensors as one piece that runs without Python, on pictures of any size."""
    with ONE_AT_A_TIME, torch.inference_mode():
        return torch.jit.trace(module, example, check_trace=False)  # type: ignore[no-untyped-call]


def expect_traces() -> None:
    """Leave unsaid what PyTorch has to say about tracing, from now on.

    Not around the tracing itself: that may be in a thread, and filters belong to all threads.
    """
    warnings.filterwarnings("ignore", r"`torch\.jit\.", DeprecationWarning)
    warnings.filterwarnings("ignore", category=torch.jit._trace.TracerWarning)  # of every Python number that it keeps


def _painter_example(person: Person) -> tuple[Tensor, ...]:
    recipe, (height, width) = recipe_from_dict(person.recipe), person.crop_size
    random = torch.Generator().manual_seed(0)
    previous = torch.rand(1, PREVIOUS_CHANNELS, height, width, generator=random)
    if not isinstance(recipe.conditioning, LimbInput):
        return torch.rand(1, FIGURE_CHANNELS, height, width, generator=random), previous
    label = torch.rand(1, recipe.conditioning.channels, height // MAP_STRIDE, width // MAP_STRIDE, generator=random)
    references = torch.rand(1, recipe.conditioning.references, 4, height, width, generator=random)
    return label, references, previous
