"""Which engine renders, and that OpenVINO paints what PyTorch paints, without a word to the network."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch

from dancedouble import engine, openvino_runtime, pipeline
from dancedouble.deployment import load_networks, plain_networks
from dancedouble.devices import choose_device, has_openvino
from dancedouble.engine import OpenVinoEngine, TorchEngine, open_engine
from dancedouble.errors import InputError, MissingExtraError
from dancedouble.models.layers import Layers
from dancedouble.person import save_person
from dancedouble.synthesis import Synthesizer
from dancedouble.training.execution import execution_on
from untrained_person import doll_poses, untrained_person

needs_openvino = pytest.mark.skipif(not has_openvino(), reason="the extra openvino is not installed")
AS_EQUAL = 1e-3

NO_NETWORK = """
import os, socket, sys
asked = []
def refuse(*args, **kwargs):
    asked.append(args)
    raise OSError("no network in this test")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
from dancedouble.engine import open_engine
from dancedouble.person import load_person
from dancedouble.synthesis import Synthesizer
person = load_person(sys.argv[1])
frames = list(Synthesizer(person, open_engine(person, "openvino")).frames(person.poses[:3]))
assert len(frames) == 3
import threading
for thread in threading.enumerate():
    if thread is not threading.current_thread() and not thread.daemon:
        thread.join(20)
assert not asked, asked
assert sys.modules["openvino_telemetry"] is None
print("quiet")
"""


@needs_openvino
@pytest.mark.parametrize("name", ["tiny", "figure"])
def test_openvino_computes_what_pytorch_computes(name: str) -> None:
    person = untrained_person(name, height=64)
    for part, network in plain_networks(person, load_networks(person)).items():
        compiled = openvino_runtime.CompiledNetwork(openvino_runtime.convert(network))
        # Also at another size than it was converted for: every dance has its own window.
        wider = tuple(torch.cat([value, value], dim=-1) for value in network.example)
        for inputs in (network.example, wider if part == "painter" else network.example):
            with torch.inference_mode():
                wanted = network.module(*inputs)
            found = compiled(*inputs)
            for name, a, b in zip(network.outputs, wanted if part == "painter" else (wanted,), found, strict=True):
                assert (a - b).abs().max() < AS_EQUAL, (part, name)


def test_the_traced_networks_are_the_learned_ones_at_any_size() -> None:
    person = untrained_person(height=64)
    painter = load_networks(person).painter
    engine = open_engine(person, "cpu")
    label, references, previous = plain_networks(person, load_networks(person))["painter"].example
    for _size in range(2):
        for before in (None, Layers(previous[:, :3], previous[:, 3:])):
            with torch.inference_mode():
                wanted = painter(label, references, before)
            found = engine.paint(label, references, before)
            for a, b in zip(wanted, found, strict=True):
                torch.testing.assert_close(a, b)
        label, references, previous = (torch.cat([value, value], -1) for value in (label, references, previous))


def test_a_core_is_left_to_other_threads_while_frames_are_painted() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        person = untrained_person(height=64, frames=8)
        frames = Synthesizer(person, open_engine(person, "cpu")).frames(doll_poses(8, seed=5))
        next(frames)
        assert torch.get_num_threads() == 2
        frames.close()
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@needs_openvino
def test_a_dance_looks_the_same_with_openvino() -> None:
    person = untrained_person()
    poses = doll_poses(12, seed=5)
    poses.score[5] = 0  # for a moment nobody is there
    torch_frames, openvino_frames = (
        [finished.frame.astype(int) for finished in Synthesizer(person, open_engine(person, name)).frames(poses)]
        for name in ("cpu", "openvino")
    )
    assert len(torch_frames) == len(openvino_frames) == 12
    apart = np.abs(np.stack(torch_frames) - np.stack(openvino_frames))
    assert apart.max() <= 1
    assert (torch_frames[3] != person.plate).any() and (openvino_frames[5] == person.plate).all()


@pytest.mark.parametrize("device", ["cpu", pytest.param("openvino", marks=needs_openvino)])
def test_what_is_not_exact_is_a_level_or_two_off(device: str) -> None:
    person, poses = untrained_person(), doll_poses(6, seed=5)
    exact, quick = (
        [finished.frame.astype(int) for finished in Synthesizer(person, engine).frames(poses)]
        for engine in (open_engine(person, device), open_engine(person, device, exact=False))
    )
    assert np.abs(np.stack(exact) - np.stack(quick)).mean() < 0.3


@needs_openvino
def test_openvino_says_nothing_to_the_network(tmp_path: Path) -> None:
    save_person(tmp_path / "doll.safetensors", untrained_person(height=64, frames=8))
    quiet = {key: value for key, value in os.environ.items() if key not in {"CI", "TF_BUILD", "JENKINS_URL"}}
    run = subprocess.run(
        [sys.executable, "-c", NO_NETWORK, str(tmp_path / "doll.safetensors")],
        env={**quiet, "HOME": str(tmp_path)}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert run.stdout.strip() == "quiet", run.stderr


def test_a_device_names_its_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    person = untrained_person(height=64, frames=8)
    assert isinstance(open_engine(person, "cpu"), TorchEngine)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(engine, "has_openvino", lambda: False)
    assert isinstance(open_engine(person), TorchEngine)
    assert pipeline.info().to_dict()["renders_with"] == "cpu"
    with pytest.raises(InputError, match="openvino"):
        open_engine(person, "abacus")


@needs_openvino
def test_a_cpu_takes_openvino_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert isinstance(open_engine(untrained_person(height=64, frames=8)), OpenVinoEngine)
    assert pipeline.info().to_dict()["renders_with"] == "openvino"


def test_openvino_asked_for_and_not_installed_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"dancedouble\[openvino\]"):
        open_engine(untrained_person(height=64, frames=8), "openvino")


@pytest.mark.parametrize(
    ("name", "said"),
    [("gpu", "expected auto"), ("cpu:x", "no such device"), ("cuda:7", "not available|no such device")],
)
def test_a_device_that_is_not_there_is_refused(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        choose_device(name)


def test_a_card_of_a_number_that_is_not_there_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "a card")
    assert choose_device("cuda:0").index == 0
    with pytest.raises(InputError, match=r"cuda:1: no such device; there are cuda:0 \(a card\)"):
        choose_device("cuda:1")


def test_openvino_that_is_not_installed_is_told_before_anything_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dancedouble.devices.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="pip install"):
        choose_device("openvino")


@pytest.mark.parametrize(("own", "half"), [(True, torch.bfloat16), (False, torch.float16)])
def test_cards_that_only_emulate_bfloat16_learn_in_float16(
    own: bool, half: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: own or including_emulation)
    assert execution_on(torch.device("cuda")).half is half
