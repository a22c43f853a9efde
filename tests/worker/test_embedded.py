"""The embedded service, whole: uploads, building, rendering, cancel, kill and resume. Real photo, real engine."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from plyfile import PlyData
from safetensors import safe_open

from tests.servers import wait_until
from tests.worker.service import Service, job_processes, service

LONG = {"preset": "draft", "categories": [], "variants": [{"category": "nose", "id": "wide"}]}
"""Trains for half a minute: long enough to be stopped in the middle."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("embedded")) as s:
        yield s


def kill_job_process(running: Service) -> None:
    """As the kernel does when memory is short."""
    (process,) = job_processes(running.process.pid)
    process.kill()


@pytest.fixture(scope="module")
def killed_job(running: Service, astronaut_png: bytes) -> tuple[str, dict[str, Any]]:
    """An avatar from the sample photo, preview preset, and its job, whose first process was killed."""
    avatar, job = running.create(astronaut_png, preset="preview")
    running.wait_for_stage(job, "synthesis")
    kill_job_process(running)
    return avatar, running.wait(job)


@pytest.fixture(scope="module")
def built(killed_job: tuple[str, dict[str, Any]]) -> str:
    """An avatar built by the service; that it took two attempts shows nowhere."""
    avatar, ended = killed_job
    assert ended["status"] == "succeeded", ended["error"]
    return avatar


@pytest.fixture(scope="module")
def training(running: Service, astronaut_png: bytes) -> tuple[str, str]:
    """Ids of an avatar that is being trained, and of its job; whoever cancels it comes last."""
    avatar, job = running.create(astronaut_png, **LONG)
    running.wait_for_stage(job, "training", 20)
    return avatar, job


def png_header(width: int, height: int) -> bytes:
    """A PNG that says how large it is and holds next to no pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def grey_picture() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((400, 400, 3), 128, np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"just some text" * 50, 415, "unsupported_media_type"),
        (png_header(30_000, 30_000), 413, "too_large"),
        (grey_picture(), 422, "no_face"),
        (b"\xff\xd8\xff" + b"\0" * 25_000_000, 413, "too_large"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 1000, 422, "undecodable"),
        (b"RIFF\0\0\0\0WEBPnonsense", 422, "undecodable"),
    ],
    ids=["text", "bomb", "no-face", "25-MB", "broken-jpeg", "broken-webp"],
)
def test_garbage_is_refused_with_its_reason(running: Service, data: bytes, status: int, code: str) -> None:
    response = running.upload(data)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"


def test_a_truncated_photo_is_refused(running: Service, astronaut_png: bytes) -> None:
    file = io.BytesIO()
    Image.open(io.BytesIO(astronaut_png)).save(file, "JPEG")
    response = running.upload(file.getvalue()[: file.tell() // 2])
    assert (response.status_code, response.json()["code"]) == (422, "undecodable")


def test_a_finished_avatar_tells_all_about_itself(running: Service, built: str) -> None:
    avatar = running.client.get(f"/v1/avatars/{built}").json()
    assert avatar["status"] == "ready" and avatar["variants"] == {
        "hair": ["long-wavy-blonde"],
        "eyeglasses": ["round-black"],
    }
    assert avatar["backends"] == {"editor": "procedural", "animator": "rig", "rasterizer": "cpu"}
    assert avatar["metrics"]["source_view"]["face_psnr_db"] > 20
    latents = running.client.get(f"/v1/avatars/{built}/latents").json()
    assert latents["dimension"] == 32 and len(latents["categories"]["hair"]["variants"]["long-wavy-blonde"]) == 32


def test_its_files_open_in_other_programs(running: Service, built: str) -> None:
    listed = running.client.get(f"/v1/avatars/{built}/artifacts").json()["data"]
    files = {a["name"]: a for a in listed}
    assert {
        "avatar.safetensors",
        "latents.json",
        "canonical.ply",
        "bundle.glb",
        "preview.png",
        "turntable.mp4",
        "metrics.json",
    } <= set(files)
    ply = running.client.get(files["canonical.ply"]["links"]["content"]).content
    vertex = PlyData.read(io.BytesIO(ply))["vertex"]
    assert len(vertex.properties) == 62 and len(vertex) > 1000
    preview = running.client.get(files["preview.png"]["links"]["content"]).content
    assert Image.open(io.BytesIO(preview)).width > 1000


def test_renders_answer_within_the_request_and_follow_it(running: Service, built: str) -> None:
    def picture(**body: object) -> np.ndarray:
        response = running.client.post(f"/v1/avatars/{built}/renders", json={"width_px": 256, "height_px": 256} | body)
        assert response.status_code == 200, response.text
        return np.asarray(Image.open(io.BytesIO(response.content)), np.float32)

    neutral = picture()
    assert neutral.shape == (256, 256, 3)
    for change in (
        {"pose": {"yaw_deg": 25}},
        {"expression": {"jawOpen": 0.6}},
        {"camera": {"yaw_deg": 25}},
        {"look": {"hair": {"long-wavy-blonde": 0.5}}},
    ):
        assert np.abs(picture(**change) - neutral).mean() > 0.2, change
    assert picture(background="transparent").shape == (256, 256, 4)


def test_a_latent_code_is_as_good_as_its_variants_name(running: Service, built: str) -> None:
    latents = running.client.get(f"/v1/avatars/{built}/latents").json()
    code = latents["categories"]["eyeglasses"]["variants"]["round-black"]

    def picture(look: dict[str, object]) -> np.ndarray:
        body = {"width_px": 256, "height_px": 256, "look": look}
        response = running.client.post(f"/v1/avatars/{built}/renders", json=body)
        assert response.status_code == 200, response.text
        return np.asarray(Image.open(io.BytesIO(response.content)), np.float32)

    named, coded = picture({"eyeglasses": {"round-black": 1.0}}), picture({"eyeglasses": {"code": code}})
    assert np.abs(named - coded).max() <= 1
    assert np.abs(coded - picture({"eyeglasses": {"code": [0.5] * 32}})).mean() > 0.05


def test_what_an_avatar_does_not_know_is_said(running: Service, built: str) -> None:
    response = running.client.post(f"/v1/avatars/{built}/renders", json={"look": {"eyeglasses": {"code": [1.0]}}})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_value")


def test_an_asynchronous_render_becomes_an_artifact(running: Service, built: str) -> None:
    response = running.client.post(
        f"/v1/avatars/{built}/renders", json={"pose": {"yaw_deg": 7}}, headers={"Prefer": "respond-async"}
    )
    ended = running.wait(response.json()["job"]["id"])
    assert ended["status"] == "succeeded"
    assert running.client.get(ended["result"]["content"]).content.startswith(b"\x89PNG")


def test_a_ready_avatar_learns_a_variant_and_forgets_it_again(running: Service, built: str) -> None:
    curly, base = "wish-length-short-texture-curly-colour-ginger", f"/v1/avatars/{built}"

    def picture(look: dict[str, object]) -> tuple[np.ndarray, str]:
        body = {"width_px": 256, "height_px": 256, "look": look}
        response = running.client.post(f"{base}/renders", json=body)
        assert response.status_code == 200, response.text
        return np.asarray(Image.open(io.BytesIO(response.content)), np.float32), response.headers["ETag"]

    old_look = {"hair": {"long-wavy-blonde": 1.0}}
    before, old_tag = picture(old_look)
    asked = running.client.post(f"{base}/variants", json={"category": "hair", "prompt": "short curly auburn hair"})
    assert asked.status_code == 202, asked.text
    ended = running.wait(asked.json()["job"]["id"])
    assert ended["status"] == "succeeded", ended["error"]
    assert ended["result"]["variant"] == curly and ended["result"]["measured"]["old_psnr_db"] == 99.0

    avatar = running.client.get(base).json()
    assert avatar["version"] == ended["result"]["version"] == 2
    assert avatar["variants"]["hair"] == ["long-wavy-blonde", curly]
    assert [(one["id"], one["method"]) for one in avatar["added"]] == [(curly, "adapter")]
    assert len(running.client.get(f"{base}/latents").json()["categories"]["hair"]["variants"][curly]) == 32
    (source, _), (half, _), (full, _) = (picture({"hair": {curly: w}}) for w in (0.0, 0.5, 1.0))
    assert 0.2 < np.abs(half - source).mean() < np.abs(full - source).mean()
    after, new_tag = picture(old_look)
    assert np.array_equal(after, before) and new_tag != old_tag
    for name in ("avatar.safetensors", "preview.png"):
        listed = running.client.get(f"{base}/artifacts").json()["data"]
        assert [a["name"] for a in listed].count(name) == 1

    removed = running.client.delete(f"{base}/variants/hair/{curly}")
    assert running.wait(removed.json()["job"]["id"])["status"] == "succeeded"
    assert running.client.get(base).json()["variants"]["hair"] == ["long-wavy-blonde"]
    gone = running.client.post(f"{base}/renders", json={"look": {"hair": {curly: 1.0}}})
    assert gone.json()["code"] == "unknown_name"
    assert np.array_equal(picture(old_look)[0], before)


def test_a_photo_gives_a_code(running: Service, built: str, astronaut_png: bytes) -> None:
    photo = running.upload(astronaut_png).json()["id"]
    body = {"category": "eyeglasses", "portrait_id": photo, "method": "inversion"}
    asked = running.client.post(f"/v1/avatars/{built}/variants", json=body)
    ended = running.wait(asked.json()["job"]["id"])
    assert ended["status"] == "succeeded", ended["error"]
    variant, measured = ended["result"]["variant"], ended["result"]["measured"]
    assert variant.startswith("reference-") and measured["inversion_psnr_db"] >= measured["source_psnr_db"]
    removed = running.client.delete(f"/v1/avatars/{built}/variants/eyeglasses/{variant}")
    assert running.wait(removed.json()["job"]["id"])["status"] == "succeeded"


def test_cancel_stops_a_variant_that_is_being_learned(running: Service, built: str) -> None:
    asked = running.client.post(f"/v1/avatars/{built}/variants", json={"category": "hair", "prompt": "bald head"})
    job = asked.json()["job"]["id"]
    running.wait_for_stage(job, "subject")
    running.client.post(f"/v1/jobs/{job}/cancel")
    assert running.wait(job)["status"] == "canceled"
    avatar = running.client.get(f"/v1/avatars/{built}").json()
    assert avatar["status"] == "ready" and avatar["variants"]["hair"] == ["long-wavy-blonde"]


@pytest.mark.slow
def test_a_killed_learning_process_is_started_again(running: Service, built: str) -> None:
    asked = running.client.post(f"/v1/avatars/{built}/variants", json={"category": "hair", "prompt": "bald head"})
    job = asked.json()["job"]["id"]
    running.wait_for_stage(job, "synthesis")
    kill_job_process(running)
    ended = running.wait(job)
    assert (ended["status"], ended["attempt"]) == ("succeeded", 2), ended["error"]
    assert running.client.get(f"/v1/avatars/{built}").json()["variants"]["hair"] == ["long-wavy-blonde", "bald"]
    removed = running.client.delete(f"/v1/avatars/{built}/variants/hair/bald")
    assert running.wait(removed.json()["job"]["id"])["status"] == "succeeded"


def test_an_animation_does_not_wait_for_somebodys_avatar(
    running: Service, built: str, training: tuple[str, str]
) -> None:
    _, long_job = training
    body = {"clip": "idle", "seconds": 0.2, "width_px": 64, "height_px": 64}
    made = running.client.post(f"/v1/avatars/{built}/animations", json=body)
    assert made.status_code == 202, made.text
    assert running.wait(made.json()["job"]["id"])["status"] == "succeeded"
    assert running.job(long_job)["status"] == "running"


def test_a_training_is_watched_and_then_canceled(running: Service, training: tuple[str, str]) -> None:
    avatar, job = training
    wait_until(lambda: running.job(job)["links"]["preview"] is not None, 120, "a preview")
    shown = running.client.get(running.job(job)["links"]["preview"])
    with Image.open(io.BytesIO(shown.content)) as picture:
        assert (shown.headers["Content-Type"], picture.size) == ("image/webp", (768, 256))
    assert running.client.post(f"/v1/jobs/{job}/cancel").json()["status"] == "canceling"
    assert running.wait(job)["status"] == "canceled"
    assert running.client.get(f"/v1/avatars/{avatar}").json()["status"] == "failed"
    assert running.client.get(f"/v1/jobs/{job}/preview").status_code == 404


def test_a_killed_building_process_is_started_again(killed_job: tuple[str, dict[str, Any]]) -> None:
    _, ended = killed_job
    assert (ended["status"], ended["attempt"]) == ("succeeded", 2)


def test_deleting_an_avatar_while_it_is_built_leaves_no_byte(running: Service, astronaut_png: bytes) -> None:
    avatar, job = running.create(astronaut_png, preset="preview")
    running.wait_for_stage(job, "synthesis")
    erased = running.wait(running.client.delete(f"/v1/avatars/{avatar}").json()["job"]["id"])
    assert erased["result"]["objects_left"] == 0
    assert running.wait(job)["status"] == "canceled"
    assert running.client.get(f"/v1/avatars/{avatar}").status_code == 404
    wait_until(lambda: not list(running.data_dir.rglob(f"*{avatar}*")), 60, "no file of the avatar")
    assert not (running.data_dir / "work" / job).exists()


@pytest.mark.slow
def test_a_killed_service_goes_on_from_its_checkpoint(tmp_path: Path, astronaut_png: bytes) -> None:
    fast_lease = {"PERSE_LEASE_S": "3"}
    with service(tmp_path, fast_lease) as first:
        _, job = first.create(astronaut_png, **LONG)
        checkpoint = tmp_path / "work" / job / "work/training/checkpoint.safetensors"
        wait_until(checkpoint.exists, 150, "a checkpoint")
        with safe_open(checkpoint, "numpy") as file:
            saved = int(file.metadata()["step"])
        # Progress is told twice a second at most, a checkpoint at once: what is told may be older for a moment.
        wait_until(lambda: first.job(job)["progress"]["step"] >= saved, 120, "progress as far as the checkpoint")
        reached = first.job(job)["progress"]["step"]
        first.kill()
    steps: list[int] = []
    with service(tmp_path, fast_lease) as second:

        def is_further() -> bool:
            now = second.job(job)
            assert now["status"] in ("queued", "running"), now
            if now["progress"]["stage"] == "training" and now["attempt"] > 1:
                steps.append(now["progress"]["step"])
            return len(set(steps)) > 1 and steps[-1] > reached

        wait_until(is_further, 150, "the training goes on")
    assert min(steps) >= saved, "it did not start again"
