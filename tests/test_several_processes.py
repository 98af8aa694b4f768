"""Training shared by the processes that torchrun starts: here two on the CPU, joined by gloo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dancedouble.errors import InputError
from dancedouble.person import load_person
from dancedouble.training.execution import Execution, execution_on
from dancedouble.workspace import Workspace
from training_world import make_workspace

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("ranks"))


def start(ranks: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program under torchrun."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
    done = subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, timeout=100,
        env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done


@pytest.mark.slow
def test_two_ranks_learn_what_one_learns_with_twice_the_batch(workspace: Workspace, tmp_path: Path) -> None:
    start(2, HERE / "ranked_training.py", workspace.path, tmp_path / "two.pt", 1)
    start(1, HERE / "ranked_training.py", workspace.path, tmp_path / "one.pt", 2)
    ones, twos = (torch.load(tmp_path / name, weights_only=True) for name in ("one.pt", "two.pt"))
    assert len(ones) == 2
    for one, two in zip(ones, twos, strict=True):
        assert one.keys() == two.keys() and any(name.startswith("discriminator.") for name in one)
        for name in one:
            torch.testing.assert_close(two[name], one[name], rtol=0, atol=1e-5)


@pytest.mark.slow
def test_the_command_line_under_torchrun_writes_one_person_and_one_answer(workspace: Workspace, tmp_path: Path) -> None:
    person = tmp_path / "doll.safetensors"
    done = start(
        2, "-m", "dancedouble", "train", workspace.path, "-o", person, "--preset", "tiny", "--size", 64,
        "--steps", 6, "--json",
    )  # fmt: skip
    answers = [json.loads(text) for text in done.stdout.split("\n}") if text.strip() for text in [text + "\n}"]]
    assert len(answers) == 1 and answers[0]["steps"] >= 6
    assert load_person(person).trained["stages"] == ["reconstruct", "adversarial", "face"]


def test_alone_there_is_nothing_to_agree_on() -> None:
    alone = Execution(device=torch.device("cpu"))
    network = torch.nn.Linear(1, 1)
    assert alone.leads and alone.parallel(network) is network and alone.largest(2.0, 0.0) == [2.0, 0.0]


def test_cpus_compute_in_full_precision_unless_asked() -> None:
    cpu = torch.device("cpu")
    assert execution_on(cpu).half is None
    assert execution_on(cpu, precision="bf16").half is torch.bfloat16
    with pytest.raises(InputError, match="fp16"):
        execution_on(cpu, precision="fp16")
