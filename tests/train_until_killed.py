"""Train a toy recipe, a checkpoint after every step: python train_until_killed.py WORKSPACE OUT.pt

OUT.pt gets the weights, and the number of the first step that this process took.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from dancedouble.progress import Progress
from dancedouble.training import trainer as trainer_module
from dancedouble.training.presets import tiny
from dancedouble.workspace import Workspace
from training_world import trainer

if __name__ == "__main__":
    trainer_module.CHECKPOINT_EVERY = 0.0
    trainer_module.SAVING_SHARE = 1e9
    torch.set_num_threads(1)
    taken: list[int] = []

    def note(progress: Progress) -> None:
        if progress.stage == "train":
            taken.append(learning.state.steps)

    learning = trainer(Workspace(sys.argv[1]), tiny(64), steps=25, on_progress=note)
    outcome = learning.run()
    temporary = Path(sys.argv[2]).with_suffix(".part")
    torch.save({"first": taken[0], "weights": outcome.person.weights}, temporary)
    temporary.rename(sys.argv[2])
