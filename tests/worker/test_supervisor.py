"""Lanes: a job waits for those of its own lane only."""

from __future__ import annotations

import dataclasses
import re
import threading
from pathlib import Path

from app.database.models import Job
from app.database.session import transaction
from app.engine_client import AvatarFiles, RenderedImage, RenderRequest
from app.jobs.store import TERMINAL, enqueue
from tests.app.conftest import TENANT, PromptEngine
from tests.servers import wait_until
from tests.worker.conftest import add_avatar
from worker.supervisor import LANES, lanes
from worker.worker import Worker

APP = Path(__file__).parents[2] / "app"


class HeldEngine(PromptEngine):
    """Renders when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun, self.may_end = threading.Event(), threading.Event()

    def render(self, avatar: AvatarFiles, request: RenderRequest) -> RenderedImage:
        self.has_begun.set()
        assert self.may_end.wait(120)
        return super().render(avatar, request)


def test_a_lane_goes_on_while_another_is_busy(worker: Worker) -> None:
    engine = HeldEngine()
    avatar = add_avatar(worker)
    with lanes(dataclasses.replace(worker, engine=engine), ("files", "render")):
        slow = _queued(worker, "render", "render", avatar, request={}, key="renders/a.png")
        assert engine.has_begun.wait(60)
        _wait(worker, _queued(worker, "export", "files", add_avatar(worker, "deleting")))
        assert _status(worker, slow) == "running"
        engine.may_end.set()
        _wait(worker, slow)


def test_queues_that_were_not_asked_for_are_left_alone(worker: Worker) -> None:
    with lanes(worker, ("io", "files")):
        other = _queued(worker, "render", "render", add_avatar(worker), request={}, key="renders/a.png")
        _wait(worker, _queued(worker, "delete_avatar", "io", add_avatar(worker, "deleting")))
        _wait(worker, _queued(worker, "export", "files", add_avatar(worker, "deleting")))
        assert _status(worker, other) == "queued"


def test_every_queue_that_the_api_fills_has_a_lane() -> None:
    filled = {name for path in APP.rglob("*.py") for name in re.findall(r'queue="(\w+)"', path.read_text())}
    assert filled == {queue for lane in LANES for queue in lane}


def _queued(worker: Worker, kind: str, queue: str, avatar_id: str, **input: object) -> str:
    with transaction(worker.sessions) as session:
        return enqueue(session, tenant_id=TENANT, kind=kind, queue=queue, input=input, avatar_id=avatar_id).id


def _status(worker: Worker, id: str) -> str:
    with worker.sessions() as session:
        job = session.get(Job, id)
        assert job is not None
        return job.status


def _wait(worker: Worker, id: str) -> None:
    wait_until(lambda: _status(worker, id) in TERMINAL, 60, "the job ends")
