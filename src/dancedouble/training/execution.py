"""How steps are computed: device, number format, memory, and how many processes share a batch.

None of it changes what is learned beyond rounding. Several processes are started by ``torchrun``; each takes its
part of every batch, and gradients are averaged by PyTorch's DistributedDataParallel.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Adam

from dancedouble.errors import InputError

Precision = Literal["auto", "full", "bf16", "fp16"]
HALVES: dict[str, torch.dtype] = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, kw_only=True)
class Execution:
    """Where and how the steps run; ``rank`` of ``ranks`` processes."""

    device: torch.device
    half: torch.dtype | None = None
    """Number format of the networks' inner work where it is safe; None: float32 throughout."""
    save_memory: bool = False
    """Recompute activations in the backward pass instead of keeping them (gradient checkpointing)."""
    rank: int = 0
    ranks: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and reports; exactly one does."""
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[Any]:
        """The context networks and losses run in."""
        return nullcontext() if self.half is None else torch.autocast(self.device.type, self.half)

    def parallel(self, network: nn.Module) -> nn.Module:
        """The same network, with gradients averaged over the processes where there are several."""
        if self.ranks == 1:
            return network
        where = [self.device] if self.device.type == "cuda" else None
        with warnings.catch_warnings():
            # The newest releases name this option anew; it has to work with the older ones too. A network is called
            # for both frames before the backward pass, which forbids changing its buffers in between.
            warnings.simplefilter("ignore", FutureWarning)
            return DistributedDataParallel(network, device_ids=where, broadcast_buffers=False)

    def largest(self, *values: float) -> list[float]:
        """Each value's maximum over the processes: how they agree on the time, and on whether to stop."""
        if self.ranks == 1:
            return list(values)
        shared = torch.tensor(values, dtype=torch.float64 if self.device.type != "mps" else None, device=self.device)
        dist.all_reduce(shared, dist.ReduceOp.MAX)
        found: list[float] = shared.tolist()
        return found

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """The block in the leading process, and only then in the others: what it leaves on the disk serves them."""
        if not self.leads:
            self.wait()
        yield
        if self.leads:
            self.wait()

    def wait(self) -> None:
        """Until every process is here."""
        if self.ranks > 1:
            dist.barrier()


def execution_on(device: torch.device, *, precision: Precision = "auto", save_memory: bool = False) -> Execution:
    """One process on ``device``. ``auto``: mixed on CUDA (bfloat16 where the card has it), full elsewhere."""
    if precision == "auto":
        precision = "full"
        if device.type == "cuda":
            with torch.cuda.device(device):  # older cards only emulate it, slowly
                precision = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if precision == "fp16" and device.type == "cpu":
        raise InputError("--precision fp16: CPUs do not train in it; expected auto, full or bf16")
    return Execution(device=device, half=HALVES.get(precision), save_memory=save_memory)


def launched_ranks() -> int:
    """How many processes ``torchrun`` started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


@contextmanager
def joined(execution: Execution) -> Iterator[Execution]:
    """Meet the other processes that ``torchrun`` started (NCCL on CUDA, gloo elsewhere), and part at the end."""
    ranks = launched_ranks()
    if ranks == 1:
        yield execution
        return
    device = execution.device
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    # One process may cut hours of footage for all before the first step.
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=timedelta(hours=6))
    try:
        yield Execution(
            device=device, half=execution.half, save_memory=execution.save_memory, rank=dist.get_rank(), ranks=ranks
        )
    finally:
        dist.destroy_process_group()


class Descent:
    """Adam on one network's parameters, with the gradient scaling that float16 needs."""

    def __init__(self, network: nn.Module, rate: float, betas: tuple[float, float], execution: Execution) -> None:
        self.adam = Adam(network.parameters(), rate, betas)
        self._scaler = torch.amp.GradScaler(execution.device.type, enabled=execution.half is torch.float16)

    def step(self, loss: Tensor, rate: float) -> None:
        """One step down the gradient of ``loss``."""
        for group in self.adam.param_groups:
            group["lr"] = rate
        self.adam.zero_grad(set_to_none=True)
        torch.autograd.backward(self._scaler.scale(loss))
        self._scaler.step(self.adam)
        self._scaler.update()

    def state(self) -> dict[str, Any]:
        """Moments and scale."""
        return {"adam": self.adam.state_dict(), "scaler": self._scaler.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a saved state."""
        self.adam.load_state_dict(state["adam"])
        if state["scaler"]:  # empty where the run had another precision, which scales nothing
            self._scaler.load_state_dict(state["scaler"])
