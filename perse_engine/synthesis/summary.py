"""What a stage of the synthesis tells of its work, in a file beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from perse_engine.errors import CorruptFile

SUMMARY = "summary.json"


def write_summary(folder: Path, told: Mapping[str, object]) -> None:
    """Tell of the stage whose folder this is."""
    (folder / SUMMARY).write_text(json.dumps(told, indent=1))


def read_summary(folder: Path) -> dict[str, object] | None:
    """What the stage of `folder` told; None where it made nothing.

    Raises:
        CorruptFile: it is no JSON object.
    """
    path = folder / SUMMARY
    if not path.exists():
        return None
    try:
        return dict(json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise CorruptFile(f"{folder.name}/{SUMMARY} is not JSON.", hint="Make the dataset again.") from error
