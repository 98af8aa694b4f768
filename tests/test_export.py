"""Networks for other programs: equal to PyTorch's to 0.001, and run by the example without this package."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dancedouble import exporting, openvino_runtime, pipeline
from dancedouble.devices import has_openvino
from dancedouble.errors import MissingExtraError, OutputError
from dancedouble.exporting import Format
from dancedouble.person import save_person
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


def networks_of(folder: Path) -> dict[str, dict[str, np.ndarray]]:
    """What the exported painter makes of the example, by a runtime that has nothing to do with this program."""
    example = dict(np.load(folder / "example.npz"))
    described = json.loads((folder / "networks.json").read_text())["networks"]["painter"]
    inputs = {name: example[name] for name in described["inputs"]}
    assert {name: list(value.shape) for name, value in inputs.items()} == described["shapes"]
    if described["file"].endswith(".onnx"):
        import onnxruntime

        session = onnxruntime.InferenceSession(folder / described["file"], providers=["CPUExecutionProvider"])
        found = dict(zip(described["outputs"], session.run(list(described["outputs"]), inputs), strict=True))
    else:
        openvino = openvino_runtime.load()
        compiled = openvino.compile_model(folder / described["file"], "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        outputs = compiled(inputs)
        found = {name: outputs[name] for name in described["outputs"]}
    return {"found": found, "wanted": {name: example[f"torch_{name}"] for name in described["outputs"]}}


@pytest.mark.parametrize("format", ["onnx", "openvino"])
def test_exported_networks_compute_what_pytorch_computes(person: Path, tmp_path: Path, format: Format) -> None:
    if not HERE[format]:
        pytest.skip(f"{format} is not installed")
    folder = tmp_path / "networks"
    result = pipeline.export(person, folder, format=format)
    assert result.networks == ["face", "painter"] and {"networks.json", "example.npz"} <= set(result.files)
    painted = networks_of(folder)
    assert painted["found"].keys() == painted["wanted"].keys() >= {"rgb", "alpha", "shade"}
    for name, wanted in painted["wanted"].items():
        assert np.abs(painted["found"][name] - wanted).max() < AS_EQUAL, name

    run = subprocess.run(
        [sys.executable, "-c", ALONE, str(EXAMPLE), str(folder), str(tmp_path / "doll.png")],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    picture = np.asarray(Image.open(tmp_path / "doll.png"))
    size = json.loads((folder / "networks.json").read_text())["crop_size"]
    assert picture.shape == (*size, 3) and picture.std() > 10


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
