"""motion.json: the documented file of a motion (docs/reference/motion.md), and the plain list of ARKit weights."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from perse_engine.errors import CorruptFile, InvalidValue
from perse_engine.look import Look
from perse_engine.motion.motion import MAX_FRAMES, MAX_LOOKS, Frame, LookKey, Motion
from perse_engine.scene import Expression, Gaze, Pose

FORMAT = "perse-motion"
VERSION = 1
MAX_BYTES = 64_000_000
DECIMALS = 5
"""Of every number in a file: a hundred-thousandth of a degree or of a weight."""
STREAM_FPS = 60.0
"""Of a list that does not say; what phones record."""
ANGLES = ("yaw_deg", "pitch_deg", "roll_deg")


def motion_to_json(motion: Motion) -> str:
    """The text of motion.json; numbers rounded to five decimals, what is 0 left out of expressions."""
    frames = []
    for frame in motion.frames:
        pose = {name: _short(getattr(frame.pose, name)) for name in ANGLES}
        gaze = {name: _short(getattr(frame.pose.gaze, name)) for name in ANGLES[:2]}
        weights = {name: _short(w) for name, w in frame.expression.weights.items() if _short(w)}
        told = {"pose": {**pose, "gaze": gaze}, "expression": weights, "confidence": _short(frame.confidence)}
        frames.append(told)
    looks = [{"time_s": key.time_s, "look": key.look.to_json()} for key in motion.looks]
    whole = {"format": FORMAT, "version": VERSION, "fps": motion.fps, "frames": frames, "looks": looks}
    return json.dumps(whole, separators=(",", ":"), allow_nan=False)


def motion_from_json(text: str | bytes, fps: float | None = None) -> Motion:
    """Read motion.json, or a list of frames that are `{"jawOpen": 0.2, ...}` or `{"expression": {...}}`.

    `fps` is the rate of such a list, 60 when None; a motion.json says its own.

    Raises:
        CorruptFile: not JSON, too large, another format or version, a missing, foreign or wrong field.
        UnknownName: an expression or category that there is not.
        InvalidValue: a number outside its range, or `fps` for a file that says its own.
    """
    if len(text) > MAX_BYTES:
        raise CorruptFile(f"The motion has {len(text) / 1e6:.0f} MB; at most {MAX_BYTES / 1e6:.0f} MB are read.")
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise CorruptFile("The motion is not JSON.", hint="NaN and Infinity are no JSON either.") from None
    if isinstance(value, list):
        _count(value, "frames", MAX_FRAMES)
        frames = tuple(_frame(_wrapped(item, i), f"frame {i}") for i, item in enumerate(value))
        return Motion(STREAM_FPS if fps is None else fps, frames)
    whole = _object(value, "the motion", {"format", "version", "fps", "frames", "looks"})
    if whole.get("format") != FORMAT:
        raise CorruptFile(f"The JSON is no motion: its format is not {FORMAT!r}.", hint="See docs/reference/motion.md.")
    if whole.get("version") != VERSION:
        raise CorruptFile(f"The motion's version is not {VERSION}.", hint="A newer Perse may have written it.")
    if fps is not None:
        raise InvalidValue("A motion.json says its frames a second itself.", hint="Resample it instead.")
    frames = tuple(
        _frame(item, f"frame {i}") for i, item in enumerate(_list(whole.get("frames"), "frames", MAX_FRAMES))
    )
    keys = tuple(_look_key(item, i) for i, item in enumerate(_list(whole.get("looks", []), "looks", MAX_LOOKS)))
    return Motion(_number(whole.get("fps"), "fps"), frames, keys)


def weights_to_json(motion: Motion) -> str:
    """A plain JSON list, one `{"jawOpen": 0.2, ...}` a frame: no rate, pose, gaze or looks."""
    rows = [{n: _short(w) for n, w in f.expression.weights.items() if _short(w)} for f in motion.frames]
    return json.dumps(rows, separators=(",", ":"), allow_nan=False)


def _short(number: float) -> float:
    return round(float(number), DECIMALS) + 0.0


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _wrapped(item: Any, index: int) -> Any:
    """A bare `{"jawOpen": 0.2}` as a frame; a frame as it is."""
    if not isinstance(item, Mapping):
        raise CorruptFile(f"In the motion, frame {index} is not an object.")
    return item if "expression" in item or "pose" in item else {"expression": item}


def _frame(value: Any, where: str) -> Frame:
    told = _object(value, where, {"pose", "expression", "confidence"})
    pose = _object(told.get("pose", {}), f"the pose of {where}", {*ANGLES, "gaze"})
    gaze = _object(pose.get("gaze", {}), f"the gaze of {where}", set(ANGLES[:2]))
    turns = [_number(pose.get(name, 0.0), f"{name} of {where}") for name in ANGLES]
    eyes = [_number(gaze.get(name, 0.0), f"gaze {name} of {where}") for name in ANGLES[:2]]
    weights = _object(told.get("expression", {}), f"the expression of {where}", None)
    numbers = {name: _number(w, f"{name[:40]} of {where}") for name, w in weights.items()}
    confidence = _number(told.get("confidence", 1.0), f"the confidence of {where}")
    return Frame(Pose(turns[0], turns[1], turns[2], Gaze(eyes[0], eyes[1])), Expression(numbers), confidence)


def _look_key(value: Any, index: int) -> LookKey:
    told = _object(value, f"look {index}", {"time_s", "look"})
    look: dict[str, Mapping[str, object]] = {}
    for category, entry in _object(told.get("look"), f"look {index}", None).items():
        amounts = _object(entry, f"{category[:40]} of look {index}", None)
        code = amounts.get("code")
        if isinstance(code, list):
            look[category] = {"code": [_number(x, f"a code of look {index}") for x in code]}
        else:
            look[category] = {name: _number(w, f"a weight of look {index}") for name, w in amounts.items()}
    return LookKey(_number(told.get("time_s"), f"the time of look {index}"), Look.from_json(look))


def _object(value: Any, what: str, fields: set[str] | None) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise CorruptFile(f"In the motion, {what} is not an object.")
    foreign = sorted(set(value) - fields) if fields is not None else []
    if foreign:
        raise CorruptFile(f"In the motion, {what} has an unknown field {foreign[0][:40]!r}.")
    return value


def _list(value: Any, what: str, limit: int) -> list[Any]:
    if not isinstance(value, list):
        raise CorruptFile(f"In the motion, {what} is not a list.")
    _count(value, what, limit)
    return value


def _count(value: list[Any], what: str, limit: int) -> None:
    if len(value) > limit:
        raise CorruptFile(f"The motion has {len(value)} {what}; at most {limit} are read.")


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CorruptFile(f"In the motion, {what} is not a number.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidValue(f"In the motion, {what} is not finite.")
    return number
