"""A person's networks for other programs: ONNX or OpenVINO files, what goes into them, and one frame to try."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from dancedouble import openvino_runtime
from dancedouble.deployment import PlainNetwork, load_networks, plain_networks
from dancedouble.errors import MissingExtraError, OutputError
from dancedouble.files import atomic_folder, entries
from dancedouble.person import Person
from dancedouble.synthesis import Synthesizer

Format = Literal["onnx", "openvino"]
OPSET = 18
"""ONNX operators of 2022: what today's runtimes read."""
MODELS = (".onnx", ".xml")
DESCRIPTION, EXAMPLE = "networks.json", "example.npz"
MEANINGS = {
    "label": "limb maps of the wanted pose at a quarter of the size, or its stick figure, RGB in [-1, 1]",
    "references": "pictures of the person warped to the pose, best first: RGB in [-1, 1], mask in [0, 1]",
    "previous": "the finished frame before, moved along with the limbs (`carry`), RGB in [-1, 1] and alpha in [0, 1];"
    " zeros at the start",
    "rgb": "the painted person, RGB in [-1, 1]; the frame is alpha * rgb + (1 - alpha) * ((plate + 1) * shade - 1)",
    "alpha": "1 where the person covers the plate, 0 where the plate shows",
    "shares": "how much of each pixel is from each reference",
    "offsets": "x and y in pixels by which each reference was sampled beside each pixel",
    "shade": "the factor on the light of the plate: the person's shadow",
    "figure": "the stick figure's face, RGB in [-1, 1]",
    "face": "the face of the painted frame, RGB in [-1, 1]",
    "residual": "what is added to rgb in the face",
}


def export_person(person: Person, format: Format, folder: Path) -> list[Path]:
    """Write ``painter`` and ``face`` in a format, their description and a frame to try them on; the files, in order.

    The networks take pictures of the size that the person was learned in, one at a time. Raises MissingExtraError
    without the packages that write the format, OutputError.
    """
    _require(format)
    plain = plain_networks(person, load_networks(person))
    if folder.exists() and not (folder.is_dir() and ((folder / DESCRIPTION).is_file() or not entries(folder))):
        raise OutputError(f"{folder}: exists and is not a folder of exported networks; choose another name")
    write = _write_onnx if format == "onnx" else _write_openvino
    with atomic_folder(folder) as part:
        models = {name: write(network, part / name).name for name, network in plain.items()}
        (part / DESCRIPTION).write_text(json.dumps(_describe(person, format, plain, models), indent=1))
        np.savez_compressed(part / EXAMPLE, allow_pickle=False, **_example(person, plain))
    return sorted(folder.iterdir())


def _require(format: Format) -> None:
    if format == "openvino":
        openvino_runtime.load()
    elif missing := [name for name in ("onnx", "onnxscript") if find_spec(name) is None]:
        raise MissingExtraError(f"{' and '.join(missing)} not installed; run pip install 'dancedouble[onnx]'")


def _write_onnx(network: PlainNetwork, path: Path) -> Path:
    path = path.with_suffix(".onnx")
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it tells of every library that is not installed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's own, about PyTorch
            torch.onnx.export(
                network.module, network.example, path, input_names=network.inputs, output_names=network.outputs,
                opset_version=OPSET, dynamo=True, external_data=False, verbose=False,
            )  # fmt: skip
    finally:
        logger.setLevel(level)
    return path


def _write_openvino(network: PlainNetwork, path: Path) -> Path:
    path = path.with_suffix(".xml")
    model = openvino_runtime.convert(network)
    model.reshape({name: list(value.shape) for name, value in zip(network.inputs, network.example, strict=True)})
    openvino_runtime.load().save_model(model, path, compress_to_fp16=False)
    return path


def _describe(
    person: Person, format: Format, plain: Mapping[str, PlainNetwork], models: Mapping[str, str]
) -> dict[str, Any]:
    def ports(names: tuple[str, ...]) -> dict[str, str]:
        return {name: MEANINGS[name] for name in names}

    return {
        "format": format, "preset": person.recipe["preset"], "crop_size": list(person.crop_size),
        "body_height": person.body_height, "consent": person.consent,
        "notice": "These networks make pictures of one person. Say of what they make that it is synthetic.",
        "networks": {
            name: {
                "file": models[name], "inputs": ports(network.inputs), "outputs": ports(network.outputs),
                "shapes": {key: list(v.shape) for key, v in zip(network.inputs, network.example, strict=True)},
            }
            for name, network in plain.items()
        },
    }  # fmt: skip


def _example(person: Person, plain: Mapping[str, PlainNetwork]) -> dict[str, np.ndarray[Any, Any]]:
    """Inputs of a frame of the person's own footage, by name, the plate behind it, and what PyTorch makes of them."""
    inputs = Synthesizer(person, torch.device("cpu")).own_frame()
    example = {name: inputs[name] for name in plain["painter"].inputs}
    with torch.inference_mode():
        painted = plain["painter"].module(*example.values())
    example |= {f"torch_{name}": value for name, value in zip(plain["painter"].outputs, painted, strict=True)}
    example["plate"] = inputs["plate"]
    return {name: value.numpy() for name, value in example.items()}
