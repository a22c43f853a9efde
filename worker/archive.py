"""A folder as one file, for handing work over through the store."""

from __future__ import annotations

import zipfile
from pathlib import Path


def pack(folder: Path, archive: Path) -> None:
    """Put every file below a folder into an archive, uncompressed: pictures are compressed already."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            file.write(path, path.relative_to(folder).as_posix())


def unpack(archive: Path, folder: Path) -> None:
    """The opposite of `pack`; names never lead out of the folder."""
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
