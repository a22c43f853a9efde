"""What runs inside an engine host: analyse hostile bytes, render from a loaded avatar."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.engine_client import AnalysedPortrait, RenderedImage, RenderRequest
from worker.processes import child_environment, limit_memory

if TYPE_CHECKING:
    from perse_engine.motion.rig_fit import Driver

MAX_WARM_BYTES = 600_000_000

_warm: OrderedDict[str, tuple[Any, int]] = OrderedDict()


@dataclass(frozen=True)
class Failure:
    """An answer: the engine refused."""

    code: str
    detail: str
    hint: str | None


def serve(connection: Connection) -> None:
    """Answer requests, a name and arguments each, until the pipe closes."""
    child_environment()
    limit_memory()
    from perse_engine.errors import EngineError

    tasks: dict[str, Callable[..., Any]] = {task.__name__: task for task in (analyse, render, meet, follow)}
    connection.send("ready")
    while True:
        try:
            name, arguments = connection.recv()
        except EOFError:
            return
        answer: Any
        try:
            answer = tasks[name](*arguments)
        except EngineError as error:
            answer = Failure(error.code, error.message, error.hint)
        except MemoryError:
            answer = Failure("undecodable", "The picture needs more memory than is allowed.", None)
        connection.send(answer)


def analyse(data: bytes) -> AnalysedPortrait:
    """Decode, find the face, and return the clean picture with the report.

    Raises:
        EngineError: the photo cannot be used.
    """
    from perse_engine.portrait.analyse import analyse_portrait, report
    from perse_engine.portrait.decode import decode_portrait, encode_portrait

    portrait = decode_portrait(data)
    found = report(analyse_portrait(portrait)).to_json()
    pose = {k: found.pop(k) for k in ("yaw_deg", "pitch_deg", "roll_deg")}
    return AnalysedPortrait(encode_portrait(portrait), "image/jpeg", found | {"pose": pose})


def render(folder: Path, request: RenderRequest) -> RenderedImage:
    """Render one picture of the avatar in `folder`; avatars stay loaded, the least used are dropped.

    Raises:
        EngineError: a name or number that the avatar does not know.
    """
    from perse_engine.look import Look
    from perse_engine.rendering.image import encode_image
    from perse_engine.scene import Camera, Expression, Gaze, Pose

    renderer = _renderer(folder)
    start = time.perf_counter()
    camera = Camera.orbit(
        request.camera.get("yaw_deg", 0.0),
        request.camera.get("pitch_deg", 0.0),
        distance_m=request.camera.get("distance", 1.0),
        fov_deg=request.camera.get("fov_deg", 18.0),
        width_px=request.width_px,
        height_px=request.height_px,
    )
    pose = dict(request.pose)
    gaze = Gaze(**pose.pop("gaze", {}))
    background = None if request.background is None else tuple(request.background)
    output = renderer.render(
        Look.from_json(request.look), Pose(**pose, gaze=gaze), Expression(request.expression), camera, background,
        request.light,
    )  # fmt: skip
    alpha = output.alpha if background is None else None
    data = encode_image(output.rgb, alpha, format=request.format)  # type: ignore[arg-type]
    return RenderedImage(data, f"image/{request.format}", 1000 * (time.perf_counter() - start))


def meet(pictures: Sequence[bytes]) -> dict[str, Any]:
    """Learn a driver's face from pictures of it at rest.

    Raises:
        EngineError: too few of them show one, or one of them cannot be read.
    """
    from perse_engine.motion.live import driver_to_json
    from perse_engine.motion.live import meet as meet_face
    from perse_engine.portrait.decode import decode_portrait

    return driver_to_json(meet_face([decode_portrait(data).rgb for data in pictures]))


def follow(driver: str, picture: bytes) -> dict[str, Any]:
    """What a driver, given as JSON, does on a picture.

    Raises:
        EngineError: no driver, or a picture that cannot be read.
    """
    from perse_engine.motion.live import look_at
    from perse_engine.portrait.decode import decode_portrait

    seen = look_at(_driver(driver), decode_portrait(picture).rgb)
    if seen is None:
        return {"is_seen": False, "confidence": 0.0, "pose": None, "expression": {}}
    expression: Mapping[str, float] = seen.expression.weights
    return {"is_seen": True, "confidence": seen.confidence, "pose": asdict(seen.pose), "expression": dict(expression)}


@lru_cache(maxsize=8)
def _driver(text: str) -> Driver:
    """Kept for the next picture: what it is reckoned with takes longer than a picture."""
    from perse_engine.motion.live import driver_from_json

    return driver_from_json(json.loads(text))


def drop_erased() -> None:
    """Forget avatars whose folder is gone: they were erased."""
    for gone in [k for k in _warm if not Path(k).exists()]:
        del _warm[gone]


def _renderer(folder: Path) -> Any:
    from perse_engine.avatar.storage import load_avatar
    from perse_engine.rendering.render import Renderer

    drop_erased()
    key = str(folder)
    if key in _warm:
        _warm.move_to_end(key)
        return _warm[key][0]
    size = sum(f.stat().st_size for f in folder.iterdir() if f.is_file())
    renderer = Renderer(load_avatar(folder))
    _warm[key] = (renderer, size)
    while len(_warm) > 1 and sum(s for _, s in _warm.values()) > MAX_WARM_BYTES:
        _warm.popitem(last=False)
    return renderer
