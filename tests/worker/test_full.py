"""Everything at once: Postgres, Redis, an S3 store, the API, and real Celery workers."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.servers import postgres_server, redis_server, s3_server
from tests.worker.service import CONSENT, Service, environment, service

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.redis]


LITTLE = {"preset": "preview", "categories": [], "variants": [{"category": "nose", "id": "wide"}]}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, s3: str) -> Iterator[Service]:
    """The service with two workers, which write worker.log beside its data folder."""
    api_folder, worker_folder = (tmp_path_factory.mktemp(n) for n in ("api", "worker"))
    with (
        postgres_server(tmp_path_factory.mktemp("postgres")) as database,
        redis_server(tmp_path_factory.mktemp("redis")) as broker,
        (api_folder.parent / "worker.log").open("wb") as log,
    ):
        settings = {
            "PERSE_DATABASE_URL": database,
            "PERSE_BROKER_URL": broker,
            "PERSE_STORAGE_URL": "s3://perse/objects",
            "PERSE_S3_ENDPOINT_URL": s3,
            "PERSE_S3_PUBLIC_ENDPOINT_URL": s3,
            "PERSE_S3_ACCESS_KEY_ID": "id",
            "PERSE_S3_SECRET_ACCESS_KEY": "secret",
        }
        command = [sys.executable, "-m", "worker.cli", "worker"]
        with service(api_folder, settings) as running:
            workers = [
                subprocess.Popen(
                    [*command, "--queues", queues], env=environment(worker_folder, **settings), stdout=log, stderr=log
                )
                for queues in ("train,files", "render,io")
            ]
            try:
                yield running
            finally:
                for process in workers:
                    process.terminate()
                for process in workers:
                    process.wait(60)


def test_a_celery_worker_builds_renders_and_stores_in_s3(api: Service, s3: str, astronaut_png: bytes) -> None:
    avatar, job = api.create(astronaut_png, **LITTLE)
    ended = api.wait(job)
    assert ended["status"] == "succeeded", (ended, (api.data_dir.parent / "worker.log").read_text()[-3000:])
    picture = api.client.post(f"/v1/avatars/{avatar}/renders", json={"pose": {"yaw_deg": 10}})
    assert picture.content.startswith(b"\x89PNG")
    wish = {"clip": "idle", "seconds": 0.2, "width_px": 64, "height_px": 64}
    moving = api.client.post(f"/v1/avatars/{avatar}/animations", json=wish).json()["job"]["id"]
    assert api.wait(moving)["status"] == "succeeded"
    artifact = api.client.get(f"/v1/avatars/{avatar}/artifacts").json()["data"][0]
    moved = api.client.get(f"/v1/artifacts/{artifact['id']}/content")
    assert moved.status_code == 307 and moved.headers["location"].startswith(s3)
    followed = api.client.get(moved.headers["location"])
    assert len(followed.content) == artifact["size_bytes"]
    assert api.upload(b"\xff\xd8\xff" + b"\0" * 500).json()["code"] == "undecodable"
    erased = api.wait(api.client.delete(f"/v1/avatars/{avatar}").json()["job"]["id"])
    assert erased["result"]["objects_left"] == 0
    assert not list(Path(api.data_dir).glob("work/*"))


def test_a_face_before_a_camera_is_met_and_followed_by_a_worker(api: Service, astronaut_png: bytes) -> None:
    """The driver and the movements go through the broker, which keeps neither."""
    picture = jpeg(astronaut_png)
    met = api.client.post(
        "/v1/drivers", files=[("pictures", (f"{n}.jpg", picture)) for n in range(3)], data={"consent": CONSENT}
    )
    assert met.status_code == 200, met.text

    def follow(data: bytes) -> dict[str, Any]:
        answer = api.client.post("/v1/captures", files={"picture": ("a.jpg", data)}, data={"driver": met.text})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    seen = follow(picture)
    assert seen["is_seen"] and seen["confidence"] > 0.5
    # It is the very picture of the face at rest.
    assert abs(seen["pose"]["yaw_deg"]) < 5 and seen["expression"].get("jawOpen", 0.0) < 0.2
    assert not follow(jpeg(blank()))["is_seen"]
    nobody = api.client.post("/v1/drivers", files=[("pictures", ("0.jpg", jpeg(blank())))], data={"consent": CONSENT})
    assert (nobody.status_code, nobody.json()["code"]) == (422, "no_face")


def jpeg(data: bytes) -> bytes:
    file = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").save(file, "JPEG")
    return file.getvalue()


def blank() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (400, 400), "grey").save(file, "PNG")
    return file.getvalue()
