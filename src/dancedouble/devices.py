"""Where networks run: the best device that is there, or the one asked for."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TypeVar

import torch
from torch import nn

from dancedouble.errors import InputError, MissingExtraError

OPENVINO = "openvino"
NO_OPENVINO = "OpenVINO is not installed; run pip install 'dancedouble[openvino]'"


def has_openvino() -> bool:
    """Whether OpenVINO is here, without loading it."""
    return find_spec("openvino") is not None


def choose_device(name: str = "auto") -> torch.device:
    """``auto``, ``cpu``, ``cuda`` (also ``cuda:1``) or ``mps``. Raises InputError for one that is not there.

    ``openvino`` only renders: PyTorch's part of the work is on the CPU then. Raises MissingExtraError without it.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    if name == OPENVINO:
        if not has_openvino():
            raise MissingExtraError(NO_OPENVINO)
        return torch.device("cpu")
    kind = name.split(":")[0]
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if kind not in there:
        raise InputError(f"--device {name}: no such device; expected auto, cpu, cuda, mps or openvino")
    number = name.removeprefix(kind).removeprefix(":") or "0"
    if not number.isdecimal() or (kind == "cuda" and there[kind] and int(number) >= torch.cuda.device_count()):
        raise InputError(f"--device {name}: no such device; there are {', '.join(available_devices())}")
    if not there[kind]:
        raise InputError(f"--device {name}: not available on this machine; leave --device out, or use --device cpu")
    return torch.device(name)


Network = TypeVar("Network", bound=nn.Module)


def place(network: Network, device: torch.device) -> Network:
    """Move a network to ``device``, channels last: the fast layout for convolutions on CPUs and on CUDA alike."""
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def has_bfloat16(device: torch.device) -> bool:
    """Whether this is a processor that computes in bfloat16 itself, which is then a third faster."""
    if device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return False
    can = torch.cpu.get_capabilities()
    return bool(can.get("avx512_bf16") or can.get("amx_bf16"))


def available_devices() -> list[str]:
    """Names of the devices of this machine, best first."""
    cuda = [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    return [*cuda, *(["mps"] if torch.backends.mps.is_available() else []), f"cpu ({torch.get_num_threads()} threads)"]
