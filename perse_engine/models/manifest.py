"""What was pulled: written beside a model when it is complete, so its presence says that the model is whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from perse_engine.errors import CorruptFile

FILE_NAME = "perse-manifest.json"
SCHEMA_VERSION = 1
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class StoredFile:
    """Size and digest of one file when it was pulled."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Where a model came from and what its files are.

    Attributes:
        model: its name in the table.
        source: repository at the hub.
        revision: commit; 'unknown' when it was copied from a folder without a manifest.
        licence: name of the licence that it was pulled under.
        files: path below the model's folder -> size and digest.
    """

    model: str
    source: str
    revision: str
    licence: str
    files: Mapping[str, StoredFile]

    def write(self, folder: Path) -> None:
        """Put it into the model's folder."""
        text = json.dumps({"schema_version": SCHEMA_VERSION} | asdict(self), indent=1)
        (folder / FILE_NAME).write_text(text)

    def digest(self) -> str:
        """SHA-256 over all file digests: one value that names exactly these weights."""
        lines = "".join(f"{path} {self.files[path].sha256}\n" for path in sorted(self.files))
        return hashlib.sha256(lines.encode()).hexdigest()

    @staticmethod
    def read(folder: Path) -> Manifest:
        """The manifest in a model's folder.

        Raises:
            FileNotFoundError: there is none.
            CorruptFile: it is not one, or names a file outside the folder.
        """
        try:
            value = json.loads((folder / FILE_NAME).read_text())
            files = {
                str(path): StoredFile(int(entry["size_bytes"]), str(entry["sha256"]))
                for path, entry in value["files"].items()
            }
            found = Manifest(
                str(value["model"]), str(value["source"]), str(value["revision"]), str(value["licence"]), files
            )
            version = value["schema_version"]
        except FileNotFoundError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            raise CorruptFile(f"{FILE_NAME} is not a model's manifest.", hint="Pull the model again.") from error
        if version != SCHEMA_VERSION or not files or not all(_is_inside(p) for p in files):
            raise CorruptFile(f"{FILE_NAME} does not describe a model's folder.", hint="Pull the model again.")
        return found


def describe_file(path: Path) -> StoredFile:
    """Size and digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
    return StoredFile(path.stat().st_size, digest.hexdigest())


def _is_inside(path: str) -> bool:
    parts = PurePosixPath(path)
    return bool(path) and not parts.is_absolute() and ".." not in parts.parts and "\\" not in path
