"""Exports and animations by real child processes: what is published, what is refused, and that uploads do not stay."""

from __future__ import annotations

import io
import json
import threading
import wave
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select, update

from app.animations.schemas import AnimationBody
from app.database.models import Artifact, Job, now
from app.database.session import transaction
from app.exports.schemas import ExportBody
from app.ids import new_id
from app.jobs.store import request_cancel
from app.storage import avatar_prefix
from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.storage import save_avatar
from perse_engine.export import read_cloud
from perse_engine.motion.files import read_motion
from perse_engine.rendering.sound import RATE, Sound, read_sound
from perse_engine.rendering.video import write_mp4
from tests.app.conftest import TENANT
from tests.perse_engine.avatar.fixtures import tiny_avatar
from tests.perse_engine.synthesis.fixtures import tiny_dataset, tiny_recipe
from tests.servers import wait_until
from tests.worker.conftest import add_avatar, claimed
from worker.run_job import run_job
from worker.worker import Worker

__all__ = ["tiny_avatar", "tiny_dataset", "tiny_recipe"]

MODEL = ("avatar.json", "avatar.safetensors")
SMALL = {"width_px": 64, "height_px": 64}


@pytest.fixture(scope="module")
def model(tiny_avatar: Avatar, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save_avatar(tiny_avatar, folder)
    return folder


@pytest.fixture
def avatar(worker: Worker, model: Path) -> str:
    """A ready avatar with its real model files."""
    id = add_avatar(worker)
    with transaction(worker.sessions) as session:
        for name in MODEL:
            key = f"{avatar_prefix(TENANT, id)}/attempt-1/{name}"
            worker.storage.put_file(key, model / name, "application/octet-stream")
            session.add(
                Artifact(
                    id=new_id("art"), tenant_id=TENANT, avatar_id=id, name=name, media_type="application/octet-stream",
                    size_bytes=1, sha256="0", storage_key=key,
                )
            )  # fmt: skip
    return id


def job_of(worker: Worker, id: str) -> Job:
    with worker.sessions() as session:
        job = session.get(Job, id)
        assert job is not None
        return job


def export(worker: Worker, avatar: str, digest: str = "d" * 64, **wish: Any) -> Job:
    body = ExportBody.model_validate(wish).model_dump()
    claim = claimed(worker, "export", avatar, wish=body, digest=digest, portrait_key=None)
    run_job(worker, claim)
    return job_of(worker, claim.id)


def test_what_a_lost_attempt_uploaded_is_erased_by_the_one_that_succeeds(worker: Worker, avatar: str) -> None:
    body = ExportBody.model_validate({"format": "ply"}).model_dump()
    lost = claimed(worker, "export", avatar, wish=body, digest="e" * 64, portrait_key=None)
    base = avatar_prefix(TENANT, avatar)
    worker.storage.put_bytes(f"{base}/{lost.id}-{lost.lease_token}/half.ply", b"x", "application/octet-stream")
    with transaction(worker.sessions) as session:
        session.execute(update(Job).where(Job.id == lost.id).values(lease_expires_at=now()))
    second = worker.jobs.claim("test", ["io"], worker.settings.lease_s)
    assert second is not None and (second.id, second.lease_token) == (lost.id, lost.lease_token + 1)
    run_job(worker, second)
    assert job_of(worker, lost.id).status == "succeeded"
    left = [key for key in worker.storage.list(base) if lost.id in key]
    assert left and all(key.startswith(f"{base}/{lost.id}-{second.lease_token}/") for key in left)


def animation_input(
    worker: Worker, avatar: str, uploads: dict[str, bytes], wish: dict[str, Any], max_s: float = 5.0
) -> dict[str, Any]:
    folder = f"{avatar_prefix(TENANT, avatar)}/uploads/{new_id('upl')}"
    for name, data in uploads.items():
        worker.storage.put_bytes(f"{folder}/{name}", data, "application/octet-stream")
    body = AnimationBody.model_validate(SMALL | wish).model_dump()
    return {"wish": body, "max_s": max_s, "uploads": {n: f"{folder}/{n}" for n in uploads}, "uploads_prefix": folder}


def animate(worker: Worker, avatar: str, uploads: dict[str, bytes] | None = None, **wish: Any) -> Job:
    claim = claimed(worker, "animate", avatar, **animation_input(worker, avatar, uploads or {}, wish))
    run_job(worker, claim)
    assert uploads_of(worker, avatar) == []
    assert not (worker.settings.data_dir / "work" / claim.id).exists()
    return job_of(worker, claim.id)


def uploads_of(worker: Worker, avatar: str) -> list[str]:
    return list(worker.storage.list(f"{avatar_prefix(TENANT, avatar)}/uploads"))


def made(worker: Worker, job: Job, folder: Path) -> list[Path]:
    """The job's files, downloaded; their rows say what they are."""
    assert job.status == "succeeded", job.error
    assert job.result is not None
    ids = [f["artifact_id"] for f in job.result.get("files", [job.result])]
    paths = []
    with worker.sessions() as session:
        for id in ids:
            row = session.get(Artifact, id)
            assert row is not None and row.avatar_id == job.avatar_id
            worker.storage.download(row.storage_key, folder / row.name)
            assert (folder / row.name).stat().st_size == row.size_bytes
            paths.append(folder / row.name)
    return paths


def voice(seconds: float) -> bytes:
    time_s = np.arange(round(16_000 * seconds)) / 16_000
    buzz = 0.5 * np.sign(np.sin(2 * np.pi * 120 * time_s)) * (np.sin(2 * np.pi * 2 * time_s) > 0)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes((buzz * 32_000).astype("<i2").tobytes())
    return file.getvalue()


def test_an_export_is_an_artifact_with_its_frame(worker: Worker, avatar: str, tmp_path: Path) -> None:
    job = export(worker, avatar, format="ply", pose={"yaw_deg": 20}, y_down=True)
    (path,) = made(worker, job, tmp_path)
    assert path.name == f"export-{'d' * 12}.ply" and len(read_cloud(path).means) > 100
    assert job.result is not None and job.result["version"] == 1
    assert (job.result["frame"]["up"], job.result["frame"]["quaternions"]) == ("-y", "wxyz")


def test_the_same_content_is_the_same_artifact(worker: Worker, avatar: str) -> None:
    first, second = (export(worker, avatar, format="spz") for _ in range(2))
    assert first.result is not None and second.result is not None
    assert first.result["artifact_id"] == second.result["artifact_id"]
    with worker.sessions() as session:
        named = select(Artifact).where(Artifact.avatar_id == avatar, Artifact.name.like("export-%"))
        assert len(session.scalars(named).all()) == 1


def test_what_the_engine_refuses_is_told(worker: Worker, avatar: str) -> None:
    job = export(worker, avatar, format="ply", look={"hat": {"crown": 1.0}})
    assert job.status == "failed" and job.error is not None and job.error["code"] == "unknown_name"


def test_keyframes_become_a_video_and_its_motion(worker: Worker, avatar: str, tmp_path: Path) -> None:
    keys = [{"time_s": 0}, {"time_s": 0.4, "pose": {"yaw_deg": 20}, "expression": {"jawOpen": 0.5}}]
    job = animate(worker, avatar, keyframes=keys, looks=[{"time_s": 0, "look": {}}])
    video, told = made(worker, job, tmp_path)
    assert video.suffix == ".mp4" and read_sound(video) is None
    motion = read_motion(told)
    assert motion.frames[10].expression["jawOpen"] == pytest.approx(0.5, abs=1e-4) and len(motion.looks) == 1
    assert job.result is not None
    assert {k: job.result[k] for k in ("frames", "fps", "bridged_frames", "has_sound")} == {
        "frames": 11, "fps": 25, "bridged_frames": 0, "has_sound": False,
    }  # fmt: skip
    assert job.progress["stage"] == "animation"


def test_a_voice_is_seen_and_heard(worker: Worker, avatar: str, tmp_path: Path) -> None:
    video, told = made(worker, animate(worker, avatar, {"voice": voice(1.0)}, format="webm"), tmp_path)
    sound = read_sound(video)
    assert sound is not None and sound.duration_s == pytest.approx(1.0, abs=0.1)
    jaw = [frame.expression["jawOpen"] for frame in read_motion(told).frames]
    assert len(jaw) == 25 and max(jaw) > 0.2 and min(jaw) < 0.05


def test_pictures_come_in_a_zip(worker: Worker, avatar: str, tmp_path: Path) -> None:
    pictures, _ = made(worker, animate(worker, avatar, clip="nod", seconds=0.2, format="png"), tmp_path)
    with zipfile.ZipFile(pictures) as archive:
        assert archive.namelist() == [f"frame_{i:05d}.png" for i in range(5)]
        assert archive.read("frame_00000.png")[:4] == b"\x89PNG"


def test_a_motion_file_keeps_its_own_looks(worker: Worker, avatar: str, tmp_path: Path) -> None:
    motion = json.dumps([{"jawOpen": 0.1 * i} for i in range(6)]).encode()
    _, told = made(worker, animate(worker, avatar, {"motion": motion}, motion_fps=25, seed=1), tmp_path)
    assert [round(f.expression["jawOpen"], 3) for f in read_motion(told).frames] == [0, 0.1, 0.2, 0.3, 0.4, 0.5]


def test_a_driving_video_moves_the_avatar_and_is_heard(
    worker: Worker, avatar: str, tmp_path: Path, astronaut_png: bytes
) -> None:
    face = np.asarray(Image.open(io.BytesIO(astronaut_png)).convert("RGB"))
    hum = Sound(np.full((1, RATE), 0.3, np.float32) * np.sin(np.arange(RATE) / 50).astype(np.float32))
    take = tmp_path / "take.mp4"
    write_mp4(take, (np.zeros_like(face) if i == 3 else face for i in range(8)), fps=25, sound=hum)
    job = animate(worker, avatar, {"video": take.read_bytes()}, fps=50)
    video, told = made(worker, job, tmp_path)
    assert job.result is not None and job.result["bridged_frames"] == 1 and job.result["has_sound"]
    sound = read_sound(video)
    assert sound is not None and np.abs(sound.samples).max() > 0.2
    assert len(read_motion(told).frames) == 15 and read_motion(told).fps == 50


@pytest.mark.parametrize(
    ("uploads", "code"),
    [
        ({"video": b"\x00\x00\x00\x20ftypisom" + bytes(300)}, "undecodable"),
        ({"motion": b'[{"smirk": 1}]'}, "unknown_name"),
        ({"voice": voice(6.0)}, "invalid_value"),
    ],
)
def test_hostile_uploads_end_the_job_and_nothing_else(
    worker: Worker, avatar: str, uploads: dict[str, bytes], code: str
) -> None:
    job = animate(worker, avatar, uploads)
    assert job.status == "failed" and job.error is not None and job.error["code"] == code
    assert str(worker.settings.data_dir) not in json.dumps(job.error)


@pytest.fixture
def running(worker: Worker, avatar: str) -> Iterator[str]:
    """The id of an animation that is being made in another thread, and would take long."""
    claim = claimed(
        worker, "animate", avatar, **animation_input(worker, avatar, {}, {"clip": "idle", "seconds": 100}, max_s=100.0)
    )
    thread = threading.Thread(target=run_job, args=(worker, claim))
    thread.start()
    wait_until(lambda: job_of(worker, claim.id).progress.get("stage") == "animation", 120, "it renders")
    yield claim.id
    thread.join(120)
    assert not thread.is_alive()


def test_a_cancel_is_heard_at_once(worker: Worker, avatar: str, running: str) -> None:
    with transaction(worker.sessions) as session:
        job = session.get(Job, running)
        assert job is not None
        request_cancel(session, job)
    wait_until(lambda: job_of(worker, running).status == "canceled", 60, "it is canceled")
    wait_until(lambda: not (worker.settings.data_dir / "work" / running).exists(), 60, "nothing is left")
    with worker.sessions() as session:
        assert not session.scalars(select(Artifact).where(Artifact.name.like("animation-%"))).all()
