"""Video in and out. Start here: probe a file, read its frames, write a new one."""

from __future__ import annotations

from dancedouble.media.coding import H264, PRORES_4444
from dancedouble.media.probing import VideoInfo, probe, read_metadata
from dancedouble.media.reading import read_frames
from dancedouble.media.writing import VideoWriter, check_output, check_video_output

__all__ = [
    "H264", "PRORES_4444", "VideoInfo", "VideoWriter", "check_output", "check_video_output", "probe", "read_frames",
    "read_metadata",
]  # fmt: skip
