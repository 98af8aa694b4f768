"""What runs a person's networks, frame after frame: PyTorch on any device, or OpenVINO on the CPU."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import torch
from torch import Tensor

from dancedouble import openvino_runtime
from dancedouble.deployment import OUTPUTS, PREVIOUS_CHANNELS, PlainNetwork, load_networks, plain_networks
from dancedouble.devices import OPENVINO, choose_device, has_bfloat16
from dancedouble.models.layers import Layers
from dancedouble.openvino_runtime import CompiledNetwork
from dancedouble.person import Person


class Engine(Protocol):
    """Runs the networks of one person. Tensors come in and go out on ``device``."""

    device: torch.device
    has_face: bool

    def paint(self, label: Tensor, references: Tensor, previous: Layers | None) -> Layers:
        """The layers of one frame; see :class:`~dancedouble.models.painter.Painter`."""
        ...

    def correct_face(self, figure: Tensor, face: Tensor) -> Tensor:
        """The residual (1, 3, S, S) of the face in a picture, for crops (1, 3, S, S) of stick figure and picture."""
        ...


def automatic_engine() -> str:
    """What ``auto`` renders with: ``openvino``, or the name of PyTorch's device."""
    where = choose_device("auto")
    return OPENVINO if where.type == "cpu" and openvino_runtime.is_installed() else str(where)


def open_engine(person: Person, device: str = "auto", *, exact: bool = True) -> Engine:
    """The engine for a device by name: ``auto`` takes OpenVINO on a CPU where it is installed.

    ``cpu``, ``cuda`` and ``mps`` are PyTorch, ``openvino`` insists. Not ``exact``, a processor that can computes in
    bfloat16, which is faster and off by a level of brightness.

    Raises InputError, MissingExtraError, PersonFileError.
    """
    chosen = automatic_engine() if device == "auto" else device
    if chosen == OPENVINO:
        return OpenVinoEngine(person, exact=exact)
    return TorchEngine(person, choose_device(chosen), exact=exact)


class TorchEngine:
    """The networks as they were trained; see :func:`open_engine`."""

    def __init__(self, person: Person, device: torch.device, *, exact: bool = True) -> None:
        self.device = device
        networks = load_networks(person)
        self.painter = networks.painter.to(device)
        self.face = None if networks.face is None else networks.face.to(device)
        self.has_face = self.face is not None
        self._short = not exact and has_bfloat16(device)

    @torch.inference_mode()
    def paint(self, label: Tensor, references: Tensor, previous: Layers | None) -> Layers:
        """See :class:`Engine`."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._short):
            painted: Layers = self.painter(label, references, previous)
        return painted

    @torch.inference_mode()
    def correct_face(self, figure: Tensor, face: Tensor) -> Tensor:
        """See :class:`Engine`."""
        assert self.face is not None
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._short):
            residual: Tensor = self.face(figure, face)
        return residual.float()


class OpenVinoEngine:
    """The same networks, equal to 0.001, converted in a thread while the poses are still being looked for."""

    def __init__(self, person: Person, *, exact: bool = True) -> None:
        openvino_runtime.load()
        self.device = torch.device("cpu")
        plain = plain_networks(person, load_networks(person))
        self.has_face = "face" in plain
        self._takes_references = "references" in plain["painter"].inputs
        thread = ThreadPoolExecutor(1)
        self._compiled = {name: thread.submit(_convert, network, exact) for name, network in plain.items()}
        thread.shutdown(wait=False)

    def paint(self, label: Tensor, references: Tensor, previous: Layers | None) -> Layers:
        """See :class:`Engine`."""
        height, width = references.shape[-2:]
        if previous is None:
            before = label.new_zeros(1, PREVIOUS_CHANNELS, height, width)
        else:
            alpha = label.new_ones(1, 1, height, width) if previous.alpha is None else previous.alpha
            before = torch.cat([previous.rgb, alpha], 1)
        inputs = (label, references, before) if self._takes_references else (label, before)
        painted = dict(zip(OUTPUTS, self._compiled["painter"].result()(*inputs), strict=False))
        return Layers(painted.pop("rgb"), **{"alpha": None, **painted})

    def correct_face(self, figure: Tensor, face: Tensor) -> Tensor:
        """See :class:`Engine`."""
        return self._compiled["face"].result()(figure, face)[0]


def _convert(network: PlainNetwork, exact: bool) -> CompiledNetwork:
    return CompiledNetwork(openvino_runtime.convert(network), exact=exact)
