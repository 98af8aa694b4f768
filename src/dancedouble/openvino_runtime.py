"""OpenVINO: the same networks on Intel and AMD processors in half the time. Optional: the extra ``openvino``.

Nothing here leaves the machine: OpenVINO's own telemetry is kept from being loaded.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dancedouble.deployment import ONE_AT_A_TIME, PlainNetwork, expect_traces, trace
from dancedouble.devices import NO_OPENVINO
from dancedouble.errors import MissingExtraError

TELEMETRY = "openvino_telemetry"
SHARED = {"PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
"""Threads share the cores with the rest of the program, so none is tied to one."""
EXACT = {**SHARED, "INFERENCE_PRECISION_HINT": "f32"}
"""Otherwise processors that have bfloat16 compute in it: a third less time, and up to 1 % of an output's range off."""


def load() -> Any:
    """The package, its telemetry kept out. Raises MissingExtraError where it is not installed."""
    # Before the first import: it would send a message home, and wait for it, wherever no CI variable is set.
    sys.modules.setdefault(TELEMETRY, None)  # type: ignore[arg-type]
    expect_traces()
    try:
        import openvino
    except ImportError as error:
        raise MissingExtraError(NO_OPENVINO) from error
    return openvino


def convert(network: PlainNetwork) -> Any:
    """A network as an OpenVINO model for pictures of any size, its inputs and outputs named."""
    openvino = load()
    with ONE_AT_A_TIME:
        model = openvino.convert_model(trace(network.module, network.example), example_input=network.example)
    for ports, names in ((model.inputs, network.inputs), (model.outputs, network.outputs)):
        for port, name in zip(ports, names, strict=True):
            port.get_tensor().set_names({name})
    return model


class CompiledNetwork:
    """A converted network on the CPU. It is compiled for the size of the first picture, and again when that changes.

    It has as many threads as PyTorch may have at that moment.
    """

    def __init__(self, model: Any, *, exact: bool = True) -> None:
        self.model, self.settings = model, EXACT if exact else SHARED
        self._shapes: list[tuple[int, ...]] = []
        self._request: Any = None

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        """The outputs, each a tensor of its own."""
        arrays: list[NDArray[np.float32]] = [value.contiguous().numpy() for value in inputs]
        shapes = [array.shape for array in arrays]
        if shapes != self._shapes:
            self._compile(shapes)
        found = self._request.infer(arrays, share_inputs=True)
        return [torch.from_numpy(found[port]) for port in self._request.model_outputs]

    def _compile(self, shapes: list[tuple[int, ...]]) -> None:
        core = load().Core()
        self.model.reshape({port: list(shape) for port, shape in zip(self.model.inputs, shapes, strict=True)})
        settings = {**self.settings, "INFERENCE_NUM_THREADS": torch.get_num_threads()}
        self._request = core.compile_model(self.model, "CPU", settings).create_infer_request()
        self._shapes = shapes
