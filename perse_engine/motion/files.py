"""The one door for motion files: the name's end says the kind."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from perse_engine.errors import CorruptFile, InvalidValue
from perse_engine.motion import live_link, motion_file
from perse_engine.motion.live_link import motion_from_csv, motion_to_csv
from perse_engine.motion.motion import Motion
from perse_engine.motion.motion_file import motion_from_json, motion_to_json, weights_to_json

MAX_BYTES = max(live_link.MAX_BYTES, motion_file.MAX_BYTES)


def read_motion(path: Path, fps: float | None = None) -> Motion:
    """Read motion.json, a JSON list of ARKit weights, or a Live Link Face CSV.

    `fps` is the rate of a list (60 when None) or of a CSV (read from its timecodes when None).

    Raises:
        CorruptFile, UnknownName, InvalidValue: what the readers of these formats raise.
        FileNotFoundError: there is no such file.
    """
    suffix = path.suffix.lower()
    if suffix not in (".json", ".csv"):
        raise InvalidValue(f"A motion is a .json or .csv file, not {suffix or 'a name without an end'}.")
    # Size first: a file may be larger than memory.
    if path.stat().st_size > MAX_BYTES:
        raise CorruptFile(f"The motion has more than {MAX_BYTES / 1e6:.0f} MB.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise CorruptFile("The motion is not text in UTF-8.") from None
    return motion_from_csv(text, fps) if suffix == ".csv" else motion_from_json(text, fps)


def motion_from_bytes(data: bytes, fps: float | None = None) -> Motion:
    """As `read_motion`, of bytes without a name: what begins with a bracket is JSON, all else CSV.

    Raises:
        CorruptFile, UnknownName, InvalidValue: see `read_motion`.
    """
    if len(data) > MAX_BYTES:
        raise CorruptFile(f"The motion has more than {MAX_BYTES / 1e6:.0f} MB.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CorruptFile("The motion is not text in UTF-8.") from None
    return motion_from_json(text, fps) if text.lstrip()[:1] in ("[", "{") else motion_from_csv(text, fps)


def write_motion(path: Path, motion: Motion, kind: Literal["motion", "weights"] = "motion") -> None:
    """Write .csv (Live Link Face) or .json (motion.json, or with `kind` weights the plain list).

    Raises:
        InvalidValue: another end of the name.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv":
        text = motion_to_csv(motion)
    elif suffix == ".json":
        text = motion_to_json(motion) if kind == "motion" else weights_to_json(motion)
    else:
        raise InvalidValue(f"A motion is written as .json or .csv, not {suffix or 'without an end'}.")
    path.write_text(text, encoding="utf-8")
