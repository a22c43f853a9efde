"""Edits on disk: a picture per variant and in-between, its mask, and how it was judged.

edits/<category>/<name>/picture.png     inside the portrait, as accepted; <name> is a variant or a--b@0.50
edits/<category>/<name>/mask.png        where it may differ from the portrait
edits/<category>/<name>/outcome.json    prompt, seed, verdicts; its presence says that the edit is decided
edits/<category>/<name>/rejected.png    the last picture of a rejected one, to look at
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.errors import CorruptFile
from perse_engine.synthesis.learned.acceptance import Verdict

Rgb = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Outcome:
    """What became of one edit.

    Attributes:
        prompt: what the editor was told; empty for in-betweens.
        mask_from: 'geometry', 'picture' or 'ends' (in-betweens).
        verdicts: one per attempt, the last decides.
    """

    category: str
    name: str
    prompt: str
    mask_from: str
    verdicts: tuple[Verdict, ...]

    @property
    def is_accepted(self) -> bool:
        """Whether the last attempt was taken."""
        return bool(self.verdicts) and self.verdicts[-1].is_accepted

    def sentence(self) -> str:
        """For people: what was rejected and why."""
        last = "; ".join(self.verdicts[-1].reasons) if self.verdicts else "nothing was tried"
        return f"{self.category}/{self.name}: rejected {len(self.verdicts)} times, at last because {last}"


class EditFolder:
    """The folder of a dataset's edits; every edit is written whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def outcome(self, category: str, name: str) -> Outcome | None:
        """How an edit was decided, None while it is not.

        Raises:
            CorruptFile: its file is damaged.
        """
        path = self.folder / category / name / "outcome.json"
        if not path.exists():
            return None
        try:
            value = json.loads(path.read_text())
            verdicts = tuple(
                Verdict(int(v["seed"]), tuple(v["reasons"]), dict(v["measured"])) for v in value["verdicts"]
            )
            return Outcome(value["category"], value["name"], value["prompt"], value["mask_from"], verdicts)
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptFile(f"The outcome of {category}/{name} is damaged.", hint="Delete the edit.") from error

    def write(self, outcome: Outcome, picture: Rgb, mask: Array) -> None:
        """Keep a decided edit."""
        target = self.folder / outcome.category / outcome.name
        unfinished = self.folder / "unfinished" / outcome.category / outcome.name
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        name = "picture.png" if outcome.is_accepted else "rejected.png"
        _write(unfinished / name, np.ascontiguousarray(picture[..., ::-1]))
        # Rounded upwards, so that nothing that may differ reads as 0.
        _write(unfinished / "mask.png", np.ceil(mask * 255).astype(np.uint8))
        (unfinished / "outcome.json").write_text(json.dumps(asdict(outcome), indent=1))
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished.rename(target)

    def picture_path(self, category: str, name: str) -> Path:
        """Where an accepted picture lies, if there is one."""
        return self.folder / category / name / "picture.png"

    def picture(self, category: str, name: str) -> Rgb | None:
        """The accepted picture [S, S, 3], or None."""
        path = self.picture_path(category, name)
        return _read(path, cv2.IMREAD_COLOR)[..., ::-1].copy() if path.exists() else None

    def mask(self, category: str, name: str) -> Array:
        """Where an edit may differ from the portrait, [S, S] float32 0..1."""
        return _read(self.folder / category / name / "mask.png", cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255


def between_name(weights: Mapping[str, float]) -> str:
    """The name of an in-between's edit, as in its clip's path: source--a@0.25, a--b@0.50."""
    (first, weight), *others = weights.items()
    if not others:
        return f"source--{first}@{weight:.2f}"
    return f"{first}--{others[0][0]}@{others[0][1]:.2f}"


def _write(path: Path, picture: Array) -> None:
    if not cv2.imwrite(str(path), picture):
        raise OSError(f"{path.name} could not be written.")


def _read(path: Path, kind: int) -> Array:
    picture = cv2.imread(str(path), kind) if path.exists() else None
    if picture is None:
        raise CorruptFile(f"{path.name} of {path.parent.name} is not a picture.", hint="Delete the edit.")
    return np.asarray(picture)
