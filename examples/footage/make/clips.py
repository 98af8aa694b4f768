"""Whole clips: motion, checks, rendering that can be stopped and resumed, encoding, the numbers beside each clip."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from .beat import RATE, Song, synthesise
from .body import build_body
from .cast import CLIPS, DANCES, FPS, PEOPLE, Clip
from .figure import Figure, dress
from .geometry import Floats, rotation_angle
from .motion import interpolate, perform
from .render import Studio
from .room import Camera

LARGEST_TURN = 28.0
"""Degrees a bone may turn from one frame to the next; a flip is well above."""
MARGIN = 8.0
"""Pixels every joint keeps from the picture's edge: the last joint of a finger is not its tip."""
LABEL = "synthetic footage: not a real person; CC0"


class MotionError(ValueError):
    """A motion that no body should make, or that leaves the picture."""


@dataclass(frozen=True)
class Performance:
    """A person dancing before a camera. ``rotations`` (T, B, 3, 3), ``joints`` (T, B, 3) m, ``pixels`` (T, B, 2)."""

    figure: Figure
    rotations: Floats
    joints: Floats
    pixels: Floats
    blink: Floats

    def __len__(self) -> int:
        return len(self.joints)


def rehearse(clip: Clip, camera: Camera | None = None) -> Performance:
    """Everything about a clip but its pictures; takes a few seconds."""
    person, dance = PEOPLE[clip.person], DANCES[clip.dance]
    figure = dress(build_body(person.shape, person.height), person.look)
    frames = round(dance.seconds * FPS)
    motion = interpolate(dance.keys, frames, FPS, dance.bpm, liveliness=dance.liveliness, seed=dance.seed)
    rotations, joints = perform(figure.body.skeleton, motion)
    pixels = (camera or clip.camera).project(joints)[..., :2]
    return Performance(figure, rotations, joints, pixels, motion.blink)


def check_motion(performance: Performance, camera: Camera) -> float:
    """The largest bone turn in degrees a frame; MotionError when it is a flip or a joint leaves the picture."""
    turns = rotation_angle(np.swapaxes(performance.rotations[:-1], -1, -2) @ performance.rotations[1:])
    frame, bone = np.unravel_index(turns.argmax(), turns.shape)
    names = performance.figure.body.skeleton.names
    if turns.max() > LARGEST_TURN:
        raise MotionError(f"{names[bone]} turns {turns.max():.0f}° after frame {frame}; at most {LARGEST_TURN:.0f}°")
    limits = np.array(camera.size[::-1]) - MARGIN
    outside = ((performance.pixels[:, 1:] < MARGIN) | (performance.pixels[:, 1:] > limits)).any(-1)
    if outside.any():
        frame, bone = np.argwhere(outside)[0]
        where = performance.pixels[frame, bone + 1].round()
        raise MotionError(f"{names[bone + 1]} is at {where} in frame {frame}: outside the picture")
    return float(turns.max())


def render_frames(name: str, cache: Path, seconds: float) -> bool:
    """Render a clip's missing frames as PNGs (RGB + mask as alpha) into ``cache/name``; True when all are there.

    Stops after about ``seconds``; the next call goes on where this one stopped.
    """
    clip = CLIPS[name]
    folder = cache / name
    folder.mkdir(parents=True, exist_ok=True)
    performance = rehearse(clip)
    check_motion(performance, clip.camera)
    studio = Studio(clip.room, clip.camera, seed=len(name))
    deadline = time.monotonic() + seconds
    for t in range(len(performance)):
        path = folder / f"{t:04d}.png"
        if path.exists():
            continue
        if time.monotonic() > deadline:
            return False
        picture, mask = film_frame(studio, performance, t)
        rgba = np.dstack([picture, (mask * 255 + 0.5).astype(np.uint8)])
        part = path.with_suffix(".part.png")
        cv2.imwrite(str(part), cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA), [cv2.IMWRITE_PNG_COMPRESSION, 1])
        part.replace(path)
    return True


def film_frame(studio: Studio, performance: Performance, t: int) -> tuple[NDArray[np.uint8], Floats]:
    """Picture (H, W, 3) and mask (H, W) of one frame."""
    return studio.film(
        performance.figure, performance.rotations[t], performance.joints[t], blink=float(performance.blink[t]), frame=t
    )


def finish(name: str, cache: Path, output: Path) -> None:
    """Encode a rendered clip to ``output/name.mp4`` and write ``name.npz`` beside it."""
    clip = CLIPS[name]
    performance = rehearse(clip)
    dance = DANCES[clip.dance]
    frames = (_read(cache / name / f"{t:04d}.png")[..., :3] for t in range(len(performance)))
    encode(output / f"{name}.mp4", frames, clip.camera.size, dance.song, dance.seconds, clip.about)
    masks = [_read(cache / name / f"{t:04d}.png")[..., 3] for t in range(len(performance))]
    write_numbers(output / f"{name}.npz", performance, clip, masks)


def _read(path: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA), dtype=np.uint8)


def encode(
    path: Path,
    frames: Iterator[NDArray[np.uint8]],
    size: tuple[int, int],
    song: Song | None,
    seconds: float,
    about: str,
) -> None:
    """H.264 + AAC in mp4, labelled synthetic in the container's metadata."""
    part = path.with_suffix(".part.mp4")
    with av.open(str(part), "w", options={"movflags": "+faststart"}) as container:
        container.metadata["title"] = f"{path.stem} (synthetic)"
        container.metadata["comment"] = f"{about}; {LABEL}"
        video = container.add_stream("libx264", rate=FPS)
        video.height, video.width = size
        video.pix_fmt = "yuv420p"
        colour = "colorprim=bt709:transfer=bt709:colormatrix=bt709"
        video.options = {"crf": "17", "preset": "slow", "x264-params": colour}
        sound = container.add_stream("aac", rate=RATE, layout="stereo") if song else None
        if sound:
            sound.bit_rate = 160_000
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture = picture.reformat(format="yuv420p", dst_colorspace="ITU709")
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        if song and sound:
            for block in _blocks(synthesise(song, seconds)):
                container.mux(sound.encode(block))
            container.mux(sound.encode(None))
    part.replace(path)


def _blocks(samples: Floats) -> Iterator[av.AudioFrame]:
    for start in range(0, samples.shape[1], 1024):
        block = np.ascontiguousarray(samples[:, start : start + 1024], dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate = RATE
        frame.pts = start
        yield frame


def write_numbers(path: Path, performance: Performance, clip: Clip, masks: list[NDArray[np.uint8]]) -> None:
    """The truth about a clip: see the README of the footage for its keys."""
    skeleton = performance.figure.body.skeleton
    facts: dict[str, Any] = {
        "person": clip.person, "height": PEOPLE[clip.person].height, "dance": clip.dance, "room": clip.room,
        "about": clip.about, "label": LABEL, "camera": asdict(clip.camera),
    }  # fmt: skip
    part = path.with_suffix(".part.npz")
    np.savez_compressed(
        part,
        joints=np.round(performance.pixels * 32).astype(np.float32) / 32,
        joints_3d=np.round(performance.joints * 1024).astype(np.float32) / 1024,
        names=np.array(skeleton.names),
        parents=np.array(skeleton.parents, dtype=np.int16),
        fps=np.array(FPS),
        size=np.array(clip.camera.size),
        mask=np.packbits(np.array(masks) > 127, axis=-1),
        facts=np.array(json.dumps(facts)),
    )
    part.replace(path)
