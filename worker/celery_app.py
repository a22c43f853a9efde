"""Celery: messages ring a bell, the rows are the jobs. Settings and why: measured on Celery 5.7 with Redis.

train, files, render, io    one queue per duration class; a message means "there is work", its content names no job
engine                      what the API asks of the engine, answered through a Redis key that expires

A worker process does one thing at a time. Lanes that do not wait for each other are processes of their own.
"""

from __future__ import annotations

import base64
import json
import threading
from typing import Any

import redis
from celery import Celery
from celery.signals import worker_shutting_down

from app.database.session import open_database
from app.engine_client import AvatarFiles, EngineClient, EngineFailure, RenderRequest
from app.settings import Settings
from app.storage import open_storage
from worker.engine_host import HostPool
from worker.reaper import reap
from worker.supervisor import work_through
from worker.worker import Worker

REPLY_TTL_S = 120
HARD_LIMIT_S = 3 * 3600
KEY_PREFIX = "perse:"


def create_celery(settings: Settings) -> Celery:
    """The Celery app of these settings, with its tasks."""
    app = Celery("perse", broker=settings.broker_url)
    app.conf.update(
        task_ignore_result=True,
        result_backend=None,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        # Attempts are counted in the database: a lost worker's message must not loop in Redis.
        task_reject_on_worker_lost=False,
        task_acks_on_failure_or_timeout=True,
        task_time_limit=HARD_LIMIT_S,
        broker_transport_options={
            # Longer than any task: else Redis hands a running task's message to a second worker.
            "visibility_timeout": HARD_LIMIT_S + 1800,
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 25,
            "global_keyprefix": KEY_PREFIX,
        },
        task_publish_retry_policy={"max_retries": 2, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5},
        broker_connection_retry_on_startup=True,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        # Jobs run in a child process of their own, so threads are enough here, and limits are kept there.
        worker_pool="threads",
        worker_concurrency=1,
        task_default_queue="io",
        worker_hijack_root_logger=False,
        # Our lines are JSON already.
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
    )
    _add_tasks(app, settings)
    return app


def _add_tasks(app: Celery, settings: Settings) -> None:
    holder = _Lazy(settings)

    @worker_shutting_down.connect(weak=False)
    def leave(**_: Any) -> None:
        """Asked to stop: the running job goes back to its queue within seconds, with its checkpoint."""
        holder.stopping.set()

    @app.task(name="perse.bell")
    def bell(queue: str) -> None:
        """There may be work on a queue."""
        worker = holder.worker()
        reap(worker)
        work_through(worker, (queue,))

    @app.task(name="perse.engine")
    def engine(request_id: str, name: str, payload: dict[str, Any]) -> None:
        """Answer a request of the API."""
        worker = holder.worker()
        client = redis.Redis.from_url(str(settings.broker_url))
        reply: dict[str, Any]
        try:
            reply = _answer(worker.engine, name, payload)
        except EngineFailure as failure:
            reply = {"failure": {"code": failure.code, "detail": failure.detail, "hint": failure.hint}}
        key = f"{KEY_PREFIX}reply:{request_id}"
        pipeline = client.pipeline()
        pipeline.rpush(key, json.dumps(reply))
        pipeline.expire(key, REPLY_TTL_S)
        pipeline.execute()


def _answer(engine: EngineClient, name: str, payload: dict[str, Any]) -> dict[str, Any]:
    """What the API asks of the engine, as JSON; see `CeleryEngine`."""
    if name == "analyse":
        found = engine.analyse(base64.b64decode(payload["data"]))
        return {"data": _text(found.image), "media_type": found.media_type, "report": found.report}
    if name == "meet":
        return engine.meet([base64.b64decode(data) for data in payload["pictures"]])
    if name == "follow":
        return engine.follow(payload["driver"], base64.b64decode(payload["picture"]))
    image = engine.render(AvatarFiles(**payload["avatar"]), RenderRequest(**payload["request"]))
    return {"data": _text(image.data), "media_type": image.media_type, "render_ms": image.render_ms}


class _Lazy:
    """The worker's connections, opened in the process that uses them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._worker: Worker | None = None
        self.stopping = threading.Event()
        self._lock = threading.Lock()

    def worker(self) -> Worker:
        with self._lock:
            if self._worker is None:
                settings = self._settings
                storage = open_storage(settings)
                sessions = open_database(settings.resolved_database_url)
                hosts = HostPool(sessions, storage, settings.data_dir / "cache", settings.engine_hosts)
                self._worker = Worker(settings, sessions, storage, hosts, self.stopping)
            return self._worker


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
