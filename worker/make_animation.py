"""The job `animate` inside its own two processes: one reads what drives the avatar, under limits, one renders."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker.child import Message, PipeProgress, answer, told_as_failed
from worker.processes import limit_memory

if TYPE_CHECKING:
    from perse_engine.errors import EngineError
    from perse_engine.motion.drive import Drive
    from perse_engine.scene import Pose

SHARES_WITH_CAPTURE = {"capture": 0.5, "animation": 0.5}
SHARES = {"animation": 1.0}
MOTION, SOUND = "motion.json", "sound.npy"
"""What the first process leaves for the second one."""


def run_drive(connection: Connection, folder: Path, input: dict[str, Any]) -> None:
    """Read the uploads in `folder`, which are hostile, into motion.json and sound.npy; messages as of `answer`."""
    limit_memory()
    answer(connection, partial(_read, connection, folder, input), _told_of_uploads)


def _read(connection: Connection, folder: Path, input: dict[str, Any]) -> None:
    from perse_engine.errors import CorruptFile

    try:
        _leave(folder, _drive(folder, input, PipeProgress(connection, _shares(input))))
    except MemoryError:
        raise CorruptFile("The file needs more memory than is allowed.") from None


def _told_of_uploads(error: EngineError) -> Message:
    """A damaged file is not one of ours here: what was sent cannot be read."""
    from perse_engine.errors import CorruptFile

    if not isinstance(error, CorruptFile):
        return told_as_failed(error)
    return "failed", {"code": "undecodable", "detail": error.message, "hint": error.hint, "final": True}


def run_animation(connection: Connection, folder: Path, input: dict[str, Any]) -> None:
    """Render what `run_drive` left, of the avatar in `folder`; messages as of `answer`."""
    answer(connection, partial(_animate, connection, folder, input))


def _shares(input: dict[str, Any]) -> dict[str, float]:
    return SHARES_WITH_CAPTURE if "video" in input["uploads"] else SHARES


def _drive(folder: Path, input: dict[str, Any], progress: PipeProgress) -> Drive:
    from perse_engine.errors import InvalidValue
    from perse_engine.look import Look
    from perse_engine.motion.drive import Drive, needed_sound
    from perse_engine.motion.motion import LookKey

    drive, wish = _source(folder, input, progress), input["wish"]
    if drive.motion.duration_s > input["max_s"] + 1 / drive.motion.fps:
        raise InvalidValue(
            f"The animation would last {drive.motion.duration_s:.1f} s; at most {input['max_s']:g} s are made.",
            hint="Send a shorter piece.",
        )
    motion = drive.motion.resampled(wish["fps"])
    if wish["looks"]:
        keys = tuple(LookKey(key["time_s"], Look.from_json(key["look"])) for key in wish["looks"])
        motion = replace(motion, looks=keys)
    sound = needed_sound(folder / "audio") if "audio" in input["uploads"] else drive.sound
    return Drive(motion, None if wish["format"] == "png" else sound)


def _source(folder: Path, input: dict[str, Any], progress: PipeProgress) -> Drive:
    from perse_engine.motion.clips import DEFAULT_SECONDS, make_clip
    from perse_engine.motion.drive import Drive, drive_by_video, drive_by_voice
    from perse_engine.motion.files import motion_from_bytes
    from perse_engine.motion.keyframes import Keyframe, motion_from_keyframes
    from perse_engine.scene import Expression

    wish, uploads = input["wish"], input["uploads"]
    if "video" in uploads:
        return drive_by_video(folder / "video", progress, max_s=input["max_s"])
    if "voice" in uploads:
        return drive_by_voice(folder / "voice", wish["fps"], clip=wish["clip"] or "idle", seed=wish["seed"])
    if "motion" in uploads:
        return Drive(motion_from_bytes((folder / "motion").read_bytes(), wish["motion_fps"]), None)
    if wish["keyframes"] is not None:
        keys = [Keyframe(k["time_s"], _pose(k["pose"]), Expression(k["expression"])) for k in wish["keyframes"]]
        return Drive(motion_from_keyframes(keys, wish["fps"]), None)
    seconds = DEFAULT_SECONDS if wish["seconds"] is None else wish["seconds"]
    return Drive(make_clip(wish["clip"], seconds=seconds, fps=wish["fps"], seed=wish["seed"]), None)


def _pose(told: dict[str, Any]) -> Pose:
    from perse_engine.scene import Gaze, Pose

    return Pose(**told | {"gaze": Gaze(**told["gaze"])})


def _leave(folder: Path, drive: Drive) -> None:
    import numpy as np

    from perse_engine.motion.files import write_motion

    write_motion(folder / MOTION, drive.motion)
    if drive.sound is not None:
        np.save(folder / SOUND, drive.sound.samples, allow_pickle=False)


def _animate(connection: Connection, folder: Path, input: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    from perse_engine.avatar.storage import load_avatar
    from perse_engine.look import Look
    from perse_engine.motion.animate import animate
    from perse_engine.motion.files import read_motion
    from perse_engine.rendering.render import Renderer
    from perse_engine.rendering.sound import Sound
    from perse_engine.scene import Camera

    progress = PipeProgress(connection, _shares(input))
    wish, name = input["wish"], input["name"]
    motion = read_motion(folder / MOTION)
    sound = Sound(np.load(folder / SOUND, allow_pickle=False)) if (folder / SOUND).exists() else None
    seen, background = wish["camera"], wish["background"]
    camera = Camera.orbit(
        seen["yaw_deg"], seen["pitch_deg"], distance_m=seen["distance"], fov_deg=seen["fov_deg"],
        width_px=wish["width_px"], height_px=wish["height_px"],
    )  # fmt: skip
    is_folder = wish["format"] == "png"
    target = folder / ("pictures" if is_folder else f"{name}.{wish['format']}")
    count = animate(
        target, Renderer(load_avatar(folder)), motion, progress, look=Look.from_json(wish["look"]), camera=camera,
        background=tuple(background) if isinstance(background, list) else None, sound=sound, format=wish["format"],
    )  # fmt: skip
    if is_folder:
        target = _zipped(target, folder / f"{name}.zip")
    told = (folder / MOTION).rename(folder / f"{name}.json")
    bridged = sum(frame.confidence == 0 for frame in motion.frames)
    result = {"frames": count, "fps": wish["fps"], "bridged_frames": bridged, "has_sound": sound is not None}
    return {"files": [target.name, told.name], "result": result}


def _zipped(pictures: Path, target: Path) -> Path:
    # PNG is packed already.
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for picture in sorted(pictures.iterdir()):
            archive.write(picture, picture.name)
    return target
