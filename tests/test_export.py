"""Networks for other programs: equal to PyTorch's to 0.001, and run by the example without this package."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from dancedouble import exporting, openvino_runtime, pipeline
from dancedouble.deployment import load_networks
from dancedouble.devices import has_openvino
from dancedouble.errors import MissingExtraError, OutputError
from dancedouble.person import load_person, save_person
from dancedouble.results import ExportResult
from untrained_person import untrained_person

EXAMPLE = Path(__file__).parents[1] / "examples" / "run_exported.py"
AS_EQUAL = 1e-3
HERE = {
    "onnx": all(find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime")),
    "openvino": has_openvino(),
}
ALONE = (
    "import runpy, sys\ndel sys.argv[0]\n"
    "sys.modules['dancedouble'] = sys.modules['torch'] = None\n"
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("person") / "doll.safetensors"
    save_person(path, untrained_person(height=64))
    return path


@pytest.fixture(scope="module", params=["onnx", "openvino"])
def exported(request: pytest.FixtureRequest, person: Path, tmp_path_factory: pytest.TempPathFactory) -> ExportResult:
    """The person's networks in each format that can be written here."""
    if not HERE[request.param]:
        pytest.skip(f"{request.param} is not installed")
    return pipeline.export(person, tmp_path_factory.mktemp("exported") / "networks", format=request.param)


def described(folder: Path, network: str) -> dict[str, Any]:
    """What the folder says of a network."""
    networks: dict[str, dict[str, Any]] = json.loads((folder / "networks.json").read_text())["networks"]
    return networks[network]


def computed(folder: Path, network: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What an exported network makes of inputs, by a runtime that has nothing to do with this program."""
    said = described(folder, network)
    if said["file"].endswith(".onnx"):
        import onnxruntime

        session = onnxruntime.InferenceSession(folder / said["file"], providers=["CPUExecutionProvider"])
        return dict(zip(said["outputs"], session.run(list(said["outputs"]), inputs), strict=True))
    openvino = openvino_runtime.load()
    compiled = openvino.compile_model(folder / said["file"], "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    outputs = compiled(inputs)
    return {name: outputs[name] for name in said["outputs"]}


def test_exported_networks_compute_what_pytorch_computes(exported: ExportResult, tmp_path: Path) -> None:
    folder = exported.output
    assert exported.networks == ["face", "painter"] and {"networks.json", "example.npz"} <= set(exported.files)
    example, said = dict(np.load(folder / "example.npz")), described(folder, "painter")
    inputs = {name: example[name] for name in said["inputs"]}
    assert {name: list(value.shape) for name, value in inputs.items()} == said["shapes"]
    painted = computed(folder, "painter", inputs)
    assert painted.keys() >= {"rgb", "alpha", "shade"}
    for name, found in painted.items():
        assert np.abs(found - example[f"torch_{name}"]).max() < AS_EQUAL, name

    run = subprocess.run(
        [sys.executable, "-c", ALONE, str(EXAMPLE), str(folder), str(tmp_path / "doll.png")],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    picture = np.asarray(Image.open(tmp_path / "doll.png"))
    size = json.loads((folder / "networks.json").read_text())["crop_size"]
    assert picture.shape == (*size, 3) and picture.std() > 10


def test_the_exported_face_is_the_learned_one_by_the_names_of_its_inputs(exported: ExportResult, person: Path) -> None:
    """The learned one as it is, not the copy in plain layers that is exported."""
    random = np.random.default_rng(0)
    shapes = described(exported.output, "face")["shapes"]
    inputs = {name: random.uniform(-1, 1, shape).astype(np.float32) for name, shape in shapes.items()}
    learned = load_networks(load_person(person)).face
    assert learned is not None
    with torch.inference_mode():
        wanted = learned(torch.from_numpy(inputs["figure"]), torch.from_numpy(inputs["face"])).numpy()
    assert wanted.std() > 10 * AS_EQUAL, "enough to tell one result from another"
    assert np.abs(computed(exported.output, "face", inputs)["residual"] - wanted).max() < AS_EQUAL


def test_a_format_whose_packages_are_missing_names_the_extra(
    person: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"dancedouble\[onnx\]"):
        pipeline.export(person, tmp_path / "networks", format="onnx")
    assert not (tmp_path / "networks").exists()


@pytest.mark.skipif(not HERE["openvino"], reason="the extra openvino is not installed")
def test_only_an_export_is_replaced(person: Path, tmp_path: Path) -> None:
    mine = tmp_path / "holiday"
    mine.mkdir()
    (mine / "photo.jpg").write_bytes(b"jpg")
    with pytest.raises(OutputError, match="holiday"):
        pipeline.export(person, mine, format="openvino")
    assert (mine / "photo.jpg").read_bytes() == b"jpg"
    for _again in range(2):
        pipeline.export(person, tmp_path / "networks", format="openvino")
    assert not list(tmp_path.glob(".*"))
