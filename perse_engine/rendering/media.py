"""Opens videos and sounds of unknown origin: the usual containers, from this one file and from nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from perse_engine.errors import CorruptFile

CONTAINERS = ("mov", "matroska,webm", "avi", "wav", "mp3", "aac", "flac", "ogg", "mpegts", "mpeg")
"""FFmpeg also knows playlists, which name other files and hosts: none of these is one."""


@contextmanager
def open_media(path: Path) -> Iterator[Any]:
    """The open container; what goes wrong inside the block is told as one error.

    Raises:
        CorruptFile: it cannot be opened, or not decoded to its end.
        FileNotFoundError: there is no such file.
    """
    path.stat()
    allowed = {"format_whitelist": ",".join(CONTAINERS), "protocol_whitelist": "file"}
    try:
        # The prefix keeps a colon in the name from being read as a protocol.
        with av.open(f"file:{path}", options=allowed) as container:
            yield container
    except FFmpegError:
        raise CorruptFile(
            f"The file {path.name} is not a video or sound that can be read to its end.",
            hint="Send MP4, MOV, WebM, MKV or AVI, or for sound WAV, MP3, M4A, FLAC or OGG.",
        ) from None
