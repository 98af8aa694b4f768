"""Running one LiteRT network on one square crop of a frame."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from dancedouble.errors import WeightsError
from dancedouble.pose.estimator import Array, Frame, Roi


class Network:
    """A network from one square image to several arrays, on the CPU.

    Args:
        path: the network's file.
        threads: threads it runs in.
        unread: index of an output that nobody reads: it comes empty, and what serves it alone is not computed.

    Attributes:
        side: side of the input in pixels.
    """

    def __init__(self, path: Path, *, threads: int = 2, unread: int | None = None) -> None:
        try:
            with _silent():
                model = path.read_bytes() if unread is None else _without_output(path, unread)
                self._interpreter = Interpreter(model_content=model, num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, IndexError, struct.error) as error:
            raise WeightsError(f"{path}: LiteRT cannot run it ({error}); fetch the file again") from error
        entry = self._interpreter.get_input_details()[0]
        self._input: int = entry["index"]
        self._outputs: list[int] = [output["index"] for output in self._interpreter.get_output_details()]
        self._unread = unread
        self.side = int(entry["shape"][1])

    def __call__(self, image: Frame, *, scale: float = 255, shift: float = 0) -> list[Array]:
        """Run on ``image`` (side, side, 3), shown to the network as ``image / scale + shift``.

        The arrays are valid until the next call.
        """
        view: Any = self._interpreter.tensor(self._input)
        shown = view()[0]
        np.divide(image, np.float32(scale), out=shown)
        if shift:
            shown += np.float32(shift)
        del shown  # the interpreter refuses to run while anybody holds its memory
        self._interpreter.invoke()
        arrays = [self._interpreter.get_tensor(index)[0] for index in self._outputs]
        if self._unread is not None:
            arrays.insert(self._unread, np.empty(0, np.float32))
        return arrays

    def look(self, frame: Frame, roi: Roi, *, mirrored: bool = False) -> tuple[list[Array], NDArray[np.float64]]:
        """Run on a region of the frame, with pixels in 0 to 1: the arrays and the crop-to-frame matrix.

        ``mirrored``, the network sees the crop's left and right exchanged; the matrix is that of the crop before.
        """
        matrix = crop_matrix(roi, self.side)
        crop = cv2.warpAffine(
            frame, between_pixels(matrix), (self.side, self.side),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        return self(np.asarray(crop[:, ::-1] if mirrored else crop, np.uint8)), matrix


@lru_cache(maxsize=1)  # each thread that looks for bodies has a network of its own, of one file
def _without_output(path: Path, unread: int) -> bytes:
    """A network's file without one of its outputs, and without the operators that nothing else needs."""
    model = path.read_bytes()
    whole = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    graph = whole.subgraphs[0]
    graph.outputs = np.delete(graph.outputs, unread)
    needed, kept = set(graph.outputs.tolist()), []
    for operator in reversed(graph.operators):
        if needed.intersection(operator.outputs.tolist()):
            kept.append(operator)
            needed.update(operator.inputs.tolist())
    graph.operators = kept[::-1]
    builder = flatbuffers.Builder(len(model))
    builder.Finish(whole.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@contextmanager
def _silent() -> Iterator[None]:
    """Drop what native code writes to standard error: LiteRT announces its CPU kernels there and has no switch."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)


def crop_matrix(roi: Roi, side: int) -> NDArray[np.float64]:
    """(2, 3) matrix that takes points of a ``side`` × ``side`` crop of the region to points of the frame.

    Points are counted from the upper left corner of the first pixel, as poses' and networks' are.
    """
    cos, sin = np.cos(roi.angle) * roi.size / side, np.sin(roi.angle) * roi.size / side
    linear = np.array([[cos, -sin], [sin, cos]])
    offset = np.array([roi.x, roi.y]) - linear @ np.full(2, side / 2)
    return np.column_stack([linear, offset])


def between_pixels(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same map for OpenCV, to which whole numbers are the middles of pixels: 0 is half a pixel from the corner."""
    half = np.full(2, 0.5)
    return np.column_stack([matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ half - half])


def to_frame(points: Array, matrix: NDArray[np.float64]) -> Array:
    """Points (n, 2) of a crop as points of the frame."""
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def sigmoid(logits: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    return (1 / (1 + np.exp(-np.clip(logits, -80, 80)))).astype(np.float32)
