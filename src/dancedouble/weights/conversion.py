"""Checkpoints that arrive as pickles, as safetensors."""

from __future__ import annotations

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from dancedouble.errors import WeightsError


def tensor_digest(path: Path) -> str:
    """SHA-256 over the names, types, shapes and values of a safetensors file, however its writer laid it out.

    Raises WeightsError when it is no such file.
    """
    digest = hashlib.sha256()
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: not a safetensors file ({error}); delete it to have it fetched again") from error
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tensor.shape}\n".encode())
        digest.update(np.ascontiguousarray(tensor).tobytes())
    return digest.hexdigest()


class _ArraysOnly(pickle.Unpickler):
    """Reads a pickle of plain numpy arrays and refuses everything else, so that no fetched code can run."""

    ALLOWED: ClassVar[dict[tuple[str, str], Any]] = {
        # Where it lives depends on the numpy that wrote the pickle; an array knows where it lives in this one.
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return self.ALLOWED[module, name]


def convert_lpips(content: bytes) -> bytes:
    """An LPIPS checkpoint (a pickle of arrays, convolutions as HWIO) as safetensors.

    Keys: ``conv{i}.weight`` (out, in, h, w) and ``conv{i}.bias`` (out,) of the backbone in order, and ``lin{i}.weight``
    (1, channels, 1, 1) of the five heads; float32. Raises WeightsError when the content is anything else.
    """
    try:
        tree = _ArraysOnly(io.BytesIO(content)).load()
        backbone = tree[next(key for key in tree if key.startswith(("AlexNet", "VGG16")))]
        tensors: dict[str, NDArray[np.float32]] = {}
        for index in range(len(backbone)):
            convolution = backbone[f"Conv_{index}"]
            tensors[f"conv{index}.weight"] = _oihw(convolution["kernel"])
            tensors[f"conv{index}.bias"] = np.ascontiguousarray(convolution["bias"], np.float32)
        for index in range(5):
            tensors[f"lin{index}.weight"] = _oihw(tree[f"NetLinLayer_{index}"]["Conv_0"]["kernel"])
    except (pickle.UnpicklingError, KeyError, StopIteration, TypeError, ValueError, EOFError) as error:
        raise WeightsError(f"the LPIPS checkpoint is not the expected tree of arrays ({error})") from error
    return save(tensors)


def _oihw(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(np.transpose(kernel, (3, 2, 0, 1)), np.float32)
