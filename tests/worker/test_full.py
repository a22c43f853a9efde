"""Everything at once: Postgres, Redis, an S3 store, the API, and a real Celery worker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import postgres_server, redis_server, s3_server
from tests.worker.service import environment, service


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.redis
def test_a_celery_worker_builds_renders_and_stores_in_s3(
    tmp_path_factory: pytest.TempPathFactory, astronaut_png: bytes
) -> None:
    api_folder, worker_folder = (tmp_path_factory.mktemp(n) for n in ("api", "worker"))
    with (
        postgres_server(tmp_path_factory.mktemp("postgres")) as database,
        redis_server(tmp_path_factory.mktemp("redis")) as broker,
        s3_server() as s3,
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
        log = (worker_folder / "worker.log").open("wb")
        command = [sys.executable, "-m", "worker.cli", "worker"]
        with service(api_folder, settings) as api:
            workers = [
                subprocess.Popen(
                    [*command, "--queues", queues], env=environment(worker_folder, **settings), stdout=log, stderr=log
                )
                for queues in ("train", "files", "render,io")
            ]
            try:
                avatar, job = api.create(astronaut_png, preset="preview")
                ended = api.wait(job)
                assert ended["status"] == "succeeded", (ended, (worker_folder / "worker.log").read_text()[-3000:])
                picture = api.client.post(f"/v1/avatars/{avatar}/renders", json={"pose": {"yaw_deg": 10}})
                assert picture.content.startswith(b"\x89PNG")
                wish = {"clip": "idle", "seconds": 0.2, "width_px": 64, "height_px": 64}
                moving = api.client.post(f"/v1/avatars/{avatar}/animations", json=wish).json()["job"]["id"]
                assert api.wait(moving, 60)["status"] == "succeeded"
                artifact = api.client.get(f"/v1/avatars/{avatar}/artifacts").json()["data"][0]
                moved = api.client.get(f"/v1/artifacts/{artifact['id']}/content")
                assert moved.status_code == 307 and moved.headers["location"].startswith(s3)
                followed = api.client.get(moved.headers["location"])
                assert len(followed.content) == artifact["size_bytes"]
                assert api.upload(b"\xff\xd8\xff" + b"\0" * 500).json()["code"] == "undecodable"
                erased = api.wait(api.client.delete(f"/v1/avatars/{avatar}").json()["job"]["id"], 60)
                assert erased["result"]["objects_left"] == 0
            finally:
                for process in workers:
                    process.terminate()
                for process in workers:
                    process.wait(30)
                log.close()
    assert not list(Path(api_folder).glob("work/*"))
