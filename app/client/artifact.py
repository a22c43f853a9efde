"""Artifacts: immutable files, downloaded in pieces if need be, and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from app.client.errors import ApiError, Damaged
from app.client.transport import Api
from app.client.values import known, moment

READ_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Artifact:
    """A file of an avatar."""

    id: str
    avatar_id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    created_at: datetime | None
    _api: Api = field(repr=False, compare=False)

    @staticmethod
    def read(api: Api, body: Mapping[str, Any]) -> Artifact:
        """From the API's JSON."""
        return known(Artifact, body, _api=api, created_at=moment(body["created_at"]))

    def save(self, path: str | Path) -> Path:
        """Download to a file, or into a folder under its own name. What is there already is not fetched again.

        A download that broke off goes on where it ended, also in another process: what has come lies in `<file>.part`.

        Raises:
            Damaged: the bytes are not those of the SHA-256, also when they are fetched anew.
        """
        path = Path(path)
        if path.is_dir():
            path = path / self._safe_name()
        if path.exists() and _sha256(path) == self.sha256:
            return path
        part = path.with_name(path.name + ".part")
        for _ in range(2):
            self._fetch(part)
            if _sha256(part) == self.sha256:
                part.replace(path)
                return path
            part.unlink()
        raise Damaged("damaged", f"{self.name} is not what its SHA-256 says.", "Try again later.")

    def _fetch(self, part: Path) -> None:
        """Append to `part` until it has every byte."""
        attempt = 0
        while (have := part.stat().st_size if part.exists() else 0) < self.size_bytes or not part.exists():
            try:
                self._append(part, have)
            except (httpx.TransportError, ApiError) as error:
                has_grown = part.exists() and part.stat().st_size > have
                attempt = 0 if has_grown else attempt
                self._api.patiently(attempt, error)
                attempt += 1
            else:
                if part.stat().st_size < self.size_bytes:
                    # A shorter file than was told of: its SHA-256 will not fit either.
                    return

    def _append(self, part: Path, have: int) -> None:
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with (
            self._api.stream(f"/v1/artifacts/{self.id}/content", headers, READ_TIMEOUT_S) as response,
            part.open("ab" if response.status_code == 206 else "wb") as file,
        ):
            for chunk in response.iter_bytes():
                file.write(chunk)

    def _safe_name(self) -> str:
        if Path(self.name).name != self.name or self.name in ("", ".", ".."):
            raise Damaged("damaged", f"{self.name!r} is no file name.", "Save it under a name of your own.")
        return self.name


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
