"""The CSV of Epic's Live Link Face: a row a frame, 52 weights, then angles of head and eyes in radians.

The columns and the timecode, HH:MM:SS:FF.fff with FF counted at the recording's rate, are those of the app's files.
Head angles are taken with the signs of `Pose`; no recording of the app was at hand to check them against a real head.
"""

from __future__ import annotations

import csv
import io
import math
import re
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.errors import CorruptFile
from perse_engine.motion.motion import MAX_FRAMES, Motion, motion_of
from perse_engine.vocabulary import ARKIT_NAMES, EYE_LOOK_MAX_DEG, EYE_LOOK_NAMES

Array = npt.NDArray[Any]

EYES = ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")
SIDES = ("Left", "Right")
SHAPES: tuple[str, ...] = (
    *(f"Eye{what}{side}" for side in SIDES for what in EYES),
    "JawForward", "JawRight", "JawLeft", "JawOpen",
    "MouthClose", "MouthFunnel", "MouthPucker", "MouthRight", "MouthLeft",
    *(f"Mouth{what}{side}" for what in ("Smile", "Frown", "Dimple", "Stretch") for side in SIDES),
    "MouthRollLower", "MouthRollUpper", "MouthShrugLower", "MouthShrugUpper",
    *(f"Mouth{what}{side}" for what in ("Press", "LowerDown", "UpperUp") for side in SIDES),
    "BrowDownLeft", "BrowDownRight", "BrowInnerUp", "BrowOuterUpLeft", "BrowOuterUpRight",
    "CheekPuff", "CheekSquintLeft", "CheekSquintRight", "NoseSneerLeft", "NoseSneerRight", "TongueOut",
)  # fmt: skip
HEAD = ("HeadYaw", "HeadPitch", "HeadRoll")
EYE_ANGLES = tuple(f"{side}Eye{axis}" for side in SIDES for axis in ("Yaw", "Pitch", "Roll"))
COLUMNS = ("Timecode", "BlendShapeCount", *SHAPES, *HEAD, *EYE_ANGLES)

MAX_BYTES = 64_000_000
RATES = (24, 25, 30, 50, 60)
TIMECODE = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})[:;](\d{1,3}(?:\.\d{1,9})?)", re.ASCII)


def motion_to_csv(motion: Motion) -> str:
    """The CSV's text. The eyes' whole rotation, pose and expression together, goes into both kinds of column, as the
    app's own files have it; eyeLook weights end at 1, which is 35 x 25 degrees here. Looks and confidence are lost."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for index, frame in enumerate(motion.frames):
        turned = frame.expression.gaze()
        gaze = frame.pose.gaze
        eyes = [(g.yaw_deg + gaze.yaw_deg, g.pitch_deg + gaze.pitch_deg) for g in turned.values()]
        weights = dict(frame.expression.weights) | _look_weights(eyes)
        shapes = [f"{weights.get(name[0].lower() + name[1:], 0.0):.9f}" for name in SHAPES]
        head = (frame.pose.yaw_deg, frame.pose.pitch_deg, frame.pose.roll_deg)
        angles = [*head, *eyes[0], 0.0, *eyes[1], 0.0]
        count = len(SHAPES) + len(angles)
        writer.writerow([_timecode(index, motion.fps), count, *shapes, *(f"{math.radians(a):.9f}" for a in angles)])
    return out.getvalue()


def motion_from_csv(text: str, fps: float | None = None) -> Motion:
    """Read a Live Link Face CSV. Frames lie where their timecodes say; where none is near, or a row holds no shapes,
    the frame is bridged and has confidence 0. The eyes' own angles are read only where no eyeLook weight is used.

    `fps` None reads the rate from the timecodes: the least of 24, 25, 30, 50 and 60 that holds their frame numbers; a
    file of less than a second needs `fps`, unless frame numbers above 49 settle it.

    Raises:
        CorruptFile: other columns, a row or timecode that cannot be read, times that go back, more than ten minutes.
        InvalidValue: a weight or an angle outside its range.
    """
    if len(text) > MAX_BYTES:
        raise CorruptFile(f"The CSV has {len(text) / 1e6:.0f} MB; at most {MAX_BYTES / 1e6:.0f} MB are read.")
    try:
        rows = [row for row in csv.reader(io.StringIO(text.lstrip("\ufeff"), newline="")) if any(row)]
    except csv.Error:
        raise CorruptFile("The file is not CSV.") from None
    if len(rows) < 2 or len(rows) > MAX_FRAMES + 1:
        raise CorruptFile(f"The CSV has {max(len(rows) - 1, 0)} frames; 1..{MAX_FRAMES} are read.")
    places = _places([name.strip() for name in rows[0]])
    clock = [_clock(row, places["Timecode"], line) for line, row in enumerate(rows[1:], 2)]
    rate = _rate(clock) if fps is None else fps
    whole = [line for line, row in enumerate(rows[1:]) if _holds_shapes(row, places)]
    if not whole:
        raise CorruptFile("No row of the CSV holds any shapes.")
    values = np.array([_values(rows[line + 1], places, line + 2) for line in whole])
    base = _frames_a_second(rate)
    at = np.array([second * base + number for second, number in clock])
    at = np.where(at < at[0] - 43_200 * base, at + 86_400 * base, at)  # recorded over midnight
    if (np.diff(at) < 0).any():
        raise CorruptFile("The CSV's timecodes go back.")
    count = round(at[-1] - at[0]) + 1
    if count > MAX_FRAMES:
        raise CorruptFile(f"The CSV spans {count} frames; at most {MAX_FRAMES} are read.")
    known = at[whole] - at[0]
    grid = np.arange(count, dtype=np.float64)
    channels = np.stack([np.interp(grid, known, column) for column in values.T], 1)
    near = np.abs(grid[:, None] - known[_nearest(known, grid)]).min(1) <= 0.75
    return motion_of(rate, channels, near.astype(np.float64))


def _look_weights(eyes: list[tuple[float, float]]) -> dict[str, float]:
    """eyeLook weights of (yaw, pitch) of the left and the right eye, degrees; the opposite of `Expression.gaze`."""
    out = {}
    for side, outward, (yaw, pitch) in zip(SIDES, (1.0, -1.0), eyes, strict=True):
        x, y = outward * yaw / EYE_LOOK_MAX_DEG[0], pitch / EYE_LOOK_MAX_DEG[1]
        for name, amount in (("Out", x), ("In", -x), ("Up", y), ("Down", -y)):
            out[f"eyeLook{name}{side}"] = min(max(amount, 0.0), 1.0)
    return out


def _frames_a_second(fps: float) -> int:
    """How many frame numbers a second of timecode has: they count at a whole rate, at 23.976 up to 24."""
    return max(math.ceil(fps - 1e-6), 1)


def _timecode(index: int, fps: float) -> str:
    second, number = divmod(index, _frames_a_second(fps))
    return f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}:{number:02d}.000"


def _places(header: list[str]) -> dict[str, int]:
    places = {name: header.index(name) for name in COLUMNS if name in header}
    missing = [name for name in ("Timecode", *SHAPES) if name not in places]
    if missing:
        raise CorruptFile(f"The CSV has no column {missing[0]}.", hint="Save it with Live Link Face's ARKit capture.")
    return places


def _clock(row: list[str], place: int, line: int) -> tuple[int, float]:
    """Whole seconds, and the frame number within the second."""
    match = TIMECODE.fullmatch(row[place].strip()) if place < len(row) else None
    if match is None:
        raise CorruptFile(f"Line {line} of the CSV has no timecode HH:MM:SS:FF.fff.")
    hours, minutes, seconds = (int(part) for part in match.groups()[:3])
    return hours * 3600 + minutes * 60 + seconds, float(match[4])


def _rate(clock: list[tuple[int, float]]) -> float:
    most = max(number for _, number in clock)
    whole_second = clock[-1][0] - clock[0][0] >= 2 or most >= 50
    rates = [rate for rate in RATES if most < rate]
    if not rates or not whole_second:
        raise CorruptFile(
            "The CSV's timecodes do not tell how many frames a second it has.", hint="Say it: --motion-fps 60."
        )
    return float(rates[0])


def _holds_shapes(row: list[str], places: dict[str, int]) -> bool:
    """Whether the app found a face: else it writes a count of 0, or leaves the shapes out."""
    count = row[places["BlendShapeCount"]].strip() if places.get("BlendShapeCount", len(row)) < len(row) else "52"
    return count != "0" and max(places[name] for name in SHAPES) < len(row)


def _values(row: list[str], places: dict[str, int], line: int) -> list[float]:
    """One row in the order of CHANNELS."""

    def read(name: str) -> float:
        place = places.get(name, len(row))
        if place >= len(row):
            return 0.0
        try:
            number = float(row[place])
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or abs(number) > 1000.0:
            raise CorruptFile(f"Line {line} of the CSV has no usable number for {name}.")
        return number

    # The app now and then writes weights a little outside 0..1.
    weights = {name[0].lower() + name[1:]: min(max(read(name), 0.0), 1.0) for name in SHAPES}
    # Rounded, so that half a turn in radians is no more than 180 degrees.
    head = [round(math.degrees(read(name)), 6) for name in HEAD]
    gaze = [0.0, 0.0]
    if not any(weights[name] for name in EYE_LOOK_NAMES):
        angles = {name: math.degrees(read(name)) for name in EYE_ANGLES}
        gaze = [(angles[f"LeftEye{axis}"] + angles[f"RightEye{axis}"]) / 2 for axis in ("Yaw", "Pitch")]
    return [*head, *gaze, *(weights[name] for name in ARKIT_NAMES)]


def _nearest(known: Array, grid: Array) -> Array:
    """Indices of the known positions on both sides of each grid position, [grid, 2]."""
    after = np.clip(np.searchsorted(known, grid), 0, len(known) - 1)
    return np.stack([np.maximum(after - 1, 0), after], 1)
