"""What runs a person's networks, frame after frame: PyTorch on any device, or OpenVINO on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from dancedouble import openvino_runtime
from dancedouble.deployment import (
    OUTPUTS,
    PREVIOUS_CHANNELS,
    PlainNetwork,
    PlainPainter,
    expect_traces,
    load_networks,
    plain_networks,
    takes_references,
    trace,
)
from dancedouble.devices import OPENVINO, choose_device, has_bfloat16, has_openvino
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
    return OPENVINO if where.type == "cpu" and has_openvino() else str(where)


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


@contextmanager
def beside_other_work() -> Iterator[None]:
    """Within, PyTorch and OpenVINO leave one core to other threads: on two cores a frame takes a tenth less time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads - 1))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class TorchEngine:
    """The networks as they were trained; see :func:`open_engine`."""

    def __init__(self, person: Person, device: torch.device, *, exact: bool = True) -> None:
        self.device = device
        painter, face = load_networks(person)
        self.has_face = face is not None
        self._takes_references = takes_references(person)
        self._short = not exact and has_bfloat16(device)
        wrap = _Traced if device.type == "cpu" else _as_it_is
        self._painter = wrap(PlainPainter(painter).to(device))
        self._face = None if face is None else wrap(face.to(device))

    @torch.inference_mode()
    def paint(self, label: Tensor, references: Tensor, previous: Layers | None) -> Layers:
        """See :class:`Engine`."""
        with self._precision():
            return _layers(self._painter(*_inputs(label, references, previous, self._takes_references)))

    @torch.inference_mode()
    def correct_face(self, figure: Tensor, face: Tensor) -> Tensor:
        """See :class:`Engine`."""
        assert self._face is not None
        with self._precision():
            residual: Tensor = self._face(figure, face)
        return residual.float()

    def _precision(self) -> torch.autocast:
        # What a trace keeps of the weights must not be a copy in a precision of the moment.
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._short, cache_enabled=False)


def _as_it_is(module: nn.Module) -> Callable[..., Any]:
    return module


class _Traced:
    """A module that is traced with its first inputs: then it runs as one piece, and waits for no other thread's Python.

    On two cores, with a frame prepared and another one finished beside, a frame takes a quarter less time.
    """

    def __init__(self, module: nn.Module) -> None:
        expect_traces()
        self._module = module
        self._trace: Any = None

    def __call__(self, *inputs: Tensor) -> Any:
        if self._trace is None:
            self._trace = trace(self._module, inputs)
        return self._trace(*inputs)


class OpenVinoEngine:
    """The same networks, equal to 0.001, converted in a thread while the poses are still being looked for."""

    def __init__(self, person: Person, *, exact: bool = True) -> None:
        openvino_runtime.load()
        self.device = torch.device("cpu")
        plain = plain_networks(person, load_networks(person))
        self.has_face = "face" in plain
        self._takes_references = takes_references(person)
        thread = ThreadPoolExecutor(1)
        self._compiled = {name: thread.submit(_convert, network, exact) for name, network in plain.items()}
        thread.shutdown(wait=False)

    def paint(self, label: Tensor, references: Tensor, previous: Layers | None) -> Layers:
        """See :class:`Engine`."""
        inputs = _inputs(label, references, previous, self._takes_references)
        return _layers(self._compiled["painter"].result()(*inputs))

    def correct_face(self, figure: Tensor, face: Tensor) -> Tensor:
        """See :class:`Engine`."""
        return self._compiled["face"].result()(figure, face)[0]


def _inputs(label: Tensor, references: Tensor, previous: Layers | None, takes_references: bool) -> tuple[Tensor, ...]:
    """What a painter that knows tensors alone is given; see :func:`dancedouble.deployment.plain_networks`."""
    height, width = references.shape[-2:]
    if previous is None:
        before = label.new_zeros(1, PREVIOUS_CHANNELS, height, width)
    else:
        alpha = label.new_ones(1, 1, height, width) if previous.alpha is None else previous.alpha
        before = torch.cat([previous.rgb, alpha], 1)
    return (label, references, before) if takes_references else (label, before)


def _layers(outputs: Sequence[Tensor]) -> Layers:
    painted = dict(zip(OUTPUTS, outputs, strict=False))
    return Layers(painted.pop("rgb"), **{"alpha": None, **painted})


def _convert(network: PlainNetwork, exact: bool) -> CompiledNetwork:
    return CompiledNetwork(openvino_runtime.convert(network), exact=exact)
