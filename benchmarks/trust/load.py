"""How many polls and renders a second, with the generator on the same cores, and how both grow with workers."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

from benchmarks.trust.clients import add_ready_avatar, checked, create, sample_portrait, upload
from benchmarks.trust.generator import Load, generate, request
from benchmarks.trust.promise import Promise, at_least, at_most, figure, holds
from benchmarks.trust.stack import Stack, embedded, full_stack

POLLS_PER_S, POLLS_P99_MS, RENDERS_PER_S = 300.0, 100.0, 20.0
CONNECTIONS = 16
UNLIMITED = {"PERSE_RATE_LIMIT_PER_MIN": "0", "PERSE_MAX_UNFINISHED_JOBS": "0"}
SIZE_PX = 256

_looks = itertools.count(1)


def polls(folder: Path, seconds: float) -> list[Promise]:
    """Of a job that trains, at the asked rate and as fast as they are answered; with a tag, and by one with a key."""
    with embedded(folder, PERSE_REQUIRE_KEY="false", **UNLIMITED) as stack, stack.client() as client:
        path = f"/v1/jobs/{_training(client)}"
        tag = client.get(path).headers["ETag"]
        asked = generate(stack.url, [request("GET", path)], seconds, CONNECTIONS, POLLS_PER_S)
        tagged = generate(stack.url, [request("GET", path, {"If-None-Match": tag})], seconds, CONNECTIONS, POLLS_PER_S)
        before = _cpu_s(stack)
        most = generate(stack.url, [request("GET", path)], seconds, CONNECTIONS)
        each_ms = 1000 * (_cpu_s(stack) - before) / len(most.latencies)
        job = checked(client.get(path))
        return [
            at_least("polls answered while a job trains, of 300 a second", asked.per_s, 0.99 * POLLS_PER_S, "/s"),
            at_most("their p99, from when each was due", asked.percentile_ms(99), POLLS_P99_MS, "ms"),
            figure("their median", asked.percentile_ms(50), "ms"),
            figure("with If-None-Match: p99", tagged.percentile_ms(99), "ms"),
            at_least("as fast as they are answered", most.per_s, POLLS_PER_S, "/s"),
            figure("the API's processor time for each", each_ms, "ms"),
            holds("none was refused", asked.refused + most.refused == 0, str(asked.statuses | most.statuses)),
            holds("the job trained all the while", job["stage"] == "training", f"{job['status']}, {job['stage']}"),
        ]


def renders(folder: Path, model: Path, seconds: float) -> list[Promise]:
    """New pictures of a warm avatar: by the embedded service with one and two engine hosts, and by Celery workers."""
    rows: list[Promise] = []
    for hosts in (1, 2):
        place = folder / f"hosts-{hosts}"
        place.mkdir()
        with embedded(place, PERSE_ENGINE_HOSTS=str(hosts), **UNLIMITED) as stack:
            load = _render_load(stack, model, seconds, 2 * hosts)
            what = f"renders at {SIZE_PX} px, embedded, {hosts} engine host{'s' if hosts > 1 else ''}"
            bar = at_least(what, load.per_s, RENDERS_PER_S, "/s") if hosts == 1 else figure(what, load.per_s, "/s")
            rows += [bar, figure("  median", load.percentile_ms(50), "ms"), _unrefused(load)]
    for workers in (1, 2):
        place = folder / f"workers-{workers}"
        place.mkdir()
        with full_stack(place, [("render", "io")], **UNLIMITED) as stack:
            for number in range(1, workers):
                stack.add_worker(("render", "io"), number)
            load = _render_load(stack, model, seconds, 2 * workers)
            what = f"the same through Postgres, Redis and Swift, {workers} worker{'s' if workers > 1 else ''}"
            rows += [figure(what, load.per_s, "/s"), _unrefused(load)]
    return rows


def _render_load(stack: Stack, model: Path, seconds: float, connections: int) -> Load:
    avatar = add_ready_avatar(stack, model)
    with stack.client(timeout_s=120) as client:
        deadline = time.monotonic() + 120
        # Every host and worker has loaded the avatar when a few in a row are quick.
        while time.monotonic() < deadline and not all(_is_quick(client, avatar) for _ in range(6)):
            pass
    return generate(stack.url, [_render(avatar) for _ in range(5000)], seconds, connections)


def _is_quick(client: httpx.Client, avatar: str) -> bool:
    body = json.dumps(_body()).encode()
    start = time.monotonic()
    client.post(f"/v1/avatars/{avatar}/renders", content=body, headers=JSON).raise_for_status()
    return time.monotonic() - start < 1


JSON = {"Content-Type": "application/json"}


def _body() -> dict[str, object]:
    """No two are equal: the same render again comes from the store."""
    pose = {"yaw_deg": next(_looks) * 0.001 % 40 - 20}
    return {"width_px": SIZE_PX, "height_px": SIZE_PX, "pose": pose}


def _render(avatar: str) -> str:
    return request("POST", f"/v1/avatars/{avatar}/renders", JSON, json.dumps(_body()).encode())


def _unrefused(load: Load) -> Promise:
    return holds("  none was refused", load.refused == 0, str(load.statuses))


def _training(client: httpx.Client) -> str:
    """The id of a job that has just begun to train."""
    _, job = create(client, upload(client, sample_portrait()), "draft")
    for status in _watched(client, job):
        if status["stage"] == "training":
            return job
        if status["status"] not in ("queued", "running"):
            break
    raise RuntimeError(f"The avatar was not built: {status}")


def _watched(client: httpx.Client, job: str) -> Iterator[dict[str, object]]:
    while True:
        yield checked(client.get(f"/v1/jobs/{job}"))
        time.sleep(0.5)


def _cpu_s(stack: Stack) -> float:
    process = stack.parts["api"].process
    assert process is not None
    times = psutil.Process(process.pid).cpu_times()
    return float(times.user + times.system)
