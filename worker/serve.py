"""Assemble the service from the settings: embedded, or with a broker."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import uvicorn
from fastapi import FastAPI

from app.database.migrate import upgrade
from app.database.session import Sessions, open_database, transaction
from app.engine_client import EngineClient
from app.keys import ensure_tenant
from app.logs import configure_logs
from app.main import create_app
from app.settings import Settings
from app.state import State
from app.storage import open_storage
from worker.celery_app import create_celery
from worker.celery_engine import CeleryEngine
from worker.engine_host import HostPool
from worker.housekeeping import housekeeping
from worker.orphans import sweeping
from worker.reaper import Reaper
from worker.relay import relaying
from worker.supervisor import lanes, supervised
from worker.webhooks import delivering
from worker.worker import Worker


def prepare(settings: Settings) -> Sessions:
    """Migrate, and open the database."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    upgrade(settings.resolved_database_url)
    sessions = open_database(settings.resolved_database_url)
    with transaction(sessions) as session:
        ensure_tenant(session)
    return sessions


def build_app(settings: Settings) -> FastAPI:
    """The API with what runs beside it."""
    sessions = prepare(settings)
    storage = open_storage(settings)
    background: Callable[[], AbstractContextManager[object]]
    engine: EngineClient
    if settings.is_embedded:
        hosts = HostPool(sessions, storage, settings.data_dir / "cache", settings.engine_hosts)
        hosts.warm_up()
        engine = hosts
        worker = Worker(settings, sessions, storage, hosts, threading.Event())
        background = partial(supervised, worker)
    else:
        celery = create_celery(settings)
        engine = CeleryEngine(celery, str(settings.broker_url))
        reaper = Worker(settings, sessions, storage, engine, threading.Event())
        background = partial(relaying, sessions, celery, Reaper(reaper).round, settings.reap_every_s)

    @contextmanager
    def beside() -> Iterator[None]:
        with delivering(settings, sessions), sweeping(sessions, storage), background():
            yield

    return create_app(State(settings, sessions, storage, engine), beside)


def serve(settings: Settings) -> None:
    """Run until stopped."""
    configure_logs()
    uvicorn.run(
        build_app(settings), host=settings.host, port=settings.port, log_level="warning", timeout_graceful_shutdown=10
    )


def work(settings: Settings, queues: tuple[str, ...]) -> None:
    """Run a worker until stopped: on the broker's bells, or looking at the rows when there is no broker."""
    configure_logs()
    sessions = prepare(settings)
    if settings.broker_url is not None:
        names = ",".join((*queues, "engine") if "render" in queues else queues)
        with housekeeping(settings, sessions):
            create_celery(settings).worker_main(["worker", "-Q", names, "--loglevel=WARNING", "--without-gossip"])
        return
    storage = open_storage(settings)
    hosts = HostPool(sessions, storage, settings.data_dir / "cache", settings.engine_hosts)
    worker = Worker(settings, sessions, storage, hosts, threading.Event())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stopping.set())
    with housekeeping(settings, sessions), lanes(worker, queues):
        worker.stopping.wait()
    hosts.close()
