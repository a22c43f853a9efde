"""How the process of a job ends, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.database.models import Job
from app.database.session import transaction
from app.jobs.store import ClaimedJob, request_cancel
from tests.worker.conftest import claimed
from tests.worker.job_targets import answers, dies, hears_nothing, listens
from worker import supervise as supervising
from worker.heart import MAX_EVERY_S, Heart
from worker.supervise import CANCEL_GRACE_S, POLL_S, supervise
from worker.worker import Worker


@pytest.fixture
def job(worker: Worker) -> Iterator[tuple[ClaimedJob, Heart]]:
    claim = claimed(worker, "export")
    with Heart(worker.jobs, claim, worker.settings.lease_s) as heart:
        yield claim, heart


@pytest.mark.parametrize("told", [("done", {"files": ["a.ply"]}), ("failed", {"code": "no_face"}), ("canceled", None)])
def test_the_last_message_is_the_end(worker: Worker, job: tuple[ClaimedJob, Heart], told: tuple[str, Any]) -> None:
    claim, heart = job
    assert supervise(worker, claim, heart, answers, told) == told


def test_a_process_that_says_nothing_at_its_end_is_lost(worker: Worker, job: tuple[ClaimedJob, Heart]) -> None:
    claim, heart = job
    assert supervise(worker, claim, heart, dies, ()) == ("lost", None)


@pytest.mark.parametrize("target", [listens, hears_nothing])
def test_a_canceled_job_stops_by_itself_or_is_stopped(
    worker: Worker, job: tuple[ClaimedJob, Heart], target: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, heart = job
    monkeypatch.setattr(supervising, "CANCEL_GRACE_S", 0.2 if target is hears_nothing else 120.0)
    with transaction(worker.sessions) as session:
        request_cancel(session, session.get_one(Job, claim.id))
    assert supervise(worker, claim, heart, target, ()) == ("canceled", None)


def test_a_worker_that_leaves_gives_its_job_back(worker: Worker, job: tuple[ClaimedJob, Heart]) -> None:
    claim, heart = job
    worker.stopping.set()
    assert supervise(worker, claim, heart, listens, ()) == ("released", None)


def test_a_cancel_takes_at_most_five_seconds() -> None:
    """It is heard, asked for and enforced in turn; a test that measured it would measure how busy the machine is."""
    assert MAX_EVERY_S + POLL_S + CANCEL_GRACE_S < 5.0
