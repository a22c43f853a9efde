"""The folder in which models lie, one folder each. Nothing here reaches a network: jobs only look."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from perse_engine.errors import BackendMissing
from perse_engine.models.manifest import Manifest, describe_file
from perse_engine.models.table import ModelSpec, find_model

VARIABLE = "PERSE_MODELS"


@dataclass(frozen=True)
class ModelStore:
    """Models in `folder`/<name>, each complete with its manifest."""

    folder: Path

    @staticmethod
    def of_this_machine() -> ModelStore:
        """The folder that PERSE_MODELS names, else perse/models in the user's data folder.

        Raises:
            BackendMissing: there is neither.
        """
        if named := os.environ.get(VARIABLE):
            return ModelStore(Path(named))
        data = os.environ.get("XDG_DATA_HOME")
        try:
            return ModelStore((Path(data) if data else Path.home() / ".local" / "share") / "perse" / "models")
        except RuntimeError:
            raise BackendMissing("There is no home folder to keep models in.", hint=f"Set {VARIABLE}.") from None

    def path(self, name: str) -> Path:
        """The folder of a model whose files are all there, with the sizes that were pulled; digests are not read.

        Raises:
            UnknownName: no such model.
            BackendMissing: it was not pulled, or not wholly.
            CorruptFile: its manifest is damaged.
        """
        spec = find_model(name)
        manifest = self.manifest(name)
        folder = self.folder / spec.name
        for file, stored in manifest.files.items():
            if not (folder / file).is_file() or (folder / file).stat().st_size != stored.size_bytes:
                raise _missing(spec, f"lacks {file}, or the file has another size")
        return folder

    def manifest(self, name: str) -> Manifest:
        """What was pulled; raises as `path`."""
        spec = find_model(name)
        try:
            return Manifest.read(self.folder / spec.name)
        except FileNotFoundError:
            raise _missing(spec, "is not on this machine") from None

    def has(self, name: str) -> bool:
        """Whether a model was pulled wholly."""
        try:
            self.path(name)
        except BackendMissing:
            return False
        return True

    def problems(self, name: str) -> list[str]:
        """A sentence for each file that is not what was pulled; reads every byte. Raises as `manifest`."""
        folder = self.folder / name
        found = []
        for file, stored in self.manifest(name).files.items():
            if not (folder / file).is_file():
                found.append(f"{name}: {file} is missing.")
            elif describe_file(folder / file) != stored:
                found.append(f"{name}: {file} has changed since it was pulled.")
        return found


def _missing(spec: ModelSpec, what: str) -> BackendMissing:
    return BackendMissing(
        f"The model {spec.name} ({spec.role}, {spec.size_gb:g} GB) {what}.", hint=f"perse models pull {spec.name}"
    )
