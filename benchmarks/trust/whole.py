"""Everything at once: the sample becomes an avatar whose pictures are served."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.trust.clients import checked, create, sample_portrait, upload, wait_for
from benchmarks.trust.promise import Promise, exactly, figure, holds
from benchmarks.trust.stack import full_stack


def whole(folder: Path, preset: str) -> list[Promise]:
    """API, Postgres, Redis, Celery workers, and a store that checks signatures; workers compute with what there is."""
    with full_stack(folder) as stack, stack.client(timeout_s=120) as client:
        start = time.monotonic()
        avatar, job = create(client, upload(client, sample_portrait()), preset)
        ended = wait_for(client, job, 3600)
        built_s = time.monotonic() - start
        picture = client.post(
            f"/v1/avatars/{avatar}/renders", json={"pose": {"yaw_deg": 15}, "expression": {"jawOpen": 0.5}}
        )
        again = client.post(
            f"/v1/avatars/{avatar}/renders", json={"pose": {"yaw_deg": 15}, "expression": {"jawOpen": 0.5}}
        )
        files = checked(client.get(f"/v1/avatars/{avatar}/artifacts"))["data"]
        sizes = [len(client.get(f["links"]["content"]).content) - f["size_bytes"] for f in files]
        return [
            holds("the job succeeded", ended["status"] == "succeeded", ended["status"]),
            figure("from upload to avatar", built_s, "s"),
            holds("a render is a PNG", picture.content.startswith(b"\x89PNG"), f"{len(picture.content)} bytes"),
            holds("the same again comes from the store", again.headers.get("X-Render-Stored") == "true", "yes"),
            figure("artifacts", len(files)),
            exactly("artifacts whose content has another size than they say", sum(s != 0 for s in sizes), 0),
        ]
