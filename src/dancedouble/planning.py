"""How a budget is shared out between looking, learning and rendering, and how large the picture can be."""

from __future__ import annotations

import math

import torch

from dancedouble.results import Plan

DEFAULT_BUDGET = 600.0
"""Seconds for the whole job when none are given; more where long clips would leave too few to learn in."""
LEAST_LEARNING = 240.0
"""Seconds of learning that a budget nobody gave leaves at the least."""
LITTLE_LEARNING = 60.0
"""Seconds below which a person is hardly learned: that is said."""
POSE_SECONDS = 0.12
"""Per frame of footage, on two cores, looked at twice by the heavy network; decoding and writing included."""
DANCE_SECONDS = 0.03
"""Per frame of a dance, which is not looked at in every frame."""
RENDER_SECONDS = {192: 0.05, 256: 0.06, 384: 0.13, 512: 0.22}
"""Per frame by picture height, on two cores; measured by benchmarks/render.py."""
SHORTEST_TRAINING = 20.0
"""Below this nothing is learned: the budget is overrun instead."""
GPU_SPEED = 6.0
"""How much faster a GPU is taken to be until it is measured."""


def choose_size(budget: float, person_height: float, device: torch.device) -> int:
    """Height of the picture to learn: what the budget can fill, and never more than the footage shows."""
    worth = budget * (GPU_SPEED if device.type == "cuda" else 1.0)
    affordable = 192 if worth < 120 else 256 if worth < 1500 else 384 if worth < 5400 else 512
    return min(affordable, max(128, int(person_height * 1.15) // 16 * 16))


def plan_budget(
    budget: float | None,
    *,
    preset: str,
    size: int,
    source_frames: int,
    target_frames: int,
    spent: float,
    device: torch.device,
) -> Plan:
    """Shares in seconds of a budget, or of what the job needs where none is given.

    ``spent`` is what looking at both clips took; 0 before it is known, when it is estimated.
    """
    poses = spent or DANCE_SECONDS * source_frames + POSE_SECONDS * target_frames
    nearest = min(RENDER_SECONDS, key=lambda height: abs(height - size))
    speed = GPU_SPEED if device.type == "cuda" else 1.0
    rendering = RENDER_SECONDS[nearest] * source_frames / speed + 2.0
    least = LEAST_LEARNING if budget is None else SHORTEST_TRAINING
    training = max(least, (budget or DEFAULT_BUDGET) - poses - rendering)
    return Plan(poses=poses, training=training, rendering=rendering, size=size, preset=preset)


def short_of_learning(plan: Plan) -> list[str]:
    """A line where a plan leaves too little to learn a person; otherwise nothing."""
    if plan.training >= LITTLE_LEARNING:
        return []
    minutes = math.ceil((plan.poses + plan.rendering + LEAST_LEARNING) / 60)
    return [
        f"the budget leaves {plan.training:.0f} s to learn the person, who will hardly be recognised; give --budget"
        f" {minutes}m, or a part of the dance, such as --frames 0:300"
    ]
