"""How large and how costly a network is: its parameters and floating-point operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(network: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def count_flops(network: Callable[..., Any], *shapes: tuple[int, ...]) -> int:
    """Floating-point operations of one forward pass of a network built on the meta device; no memory is used.

    ``shapes`` are those of its tensor arguments. Convolutions and matrix products count, a multiply-add as
    two; pointwise work does not.
    """
    inputs = [torch.empty(shape, device="meta") for shape in shapes]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(*inputs)
    return int(counter.get_total_flops())
