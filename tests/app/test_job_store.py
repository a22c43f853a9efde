"""The job's state machine, on SQLite and on a real Postgres."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from app.database.models import Job, JobEvent, Outbox, now
from app.database.session import Sessions, transaction
from app.jobs.store import TERMINAL, JobStore, enqueue, problem_of, request_cancel

TENANT = "tenant_default"
LEASE_S = 30.0


def add_job(sessions: Sessions, **values: object) -> str:
    with transaction(sessions) as session:
        job = enqueue(session, tenant_id=TENANT, kind="render", queue="render", input={"a": 1}, **values)  # type: ignore[arg-type]
        return job.id


def status_of(sessions: Sessions, id: str) -> str:
    with sessions() as session:
        return str(session.scalar(select(Job.status).where(Job.id == id)))


def expire_lease(sessions: Sessions, id: str) -> None:
    with transaction(sessions) as session:
        session.execute(update(Job).where(Job.id == id).values(lease_expires_at=now().replace(year=2020)))


def test_a_claimed_job_is_not_claimed_again(any_sessions: Sessions) -> None:
    id = add_job(any_sessions)
    store = JobStore(any_sessions)
    claim = store.claim("a", ["render"], LEASE_S)
    assert claim is not None and claim.id == id and claim.input == {"a": 1}
    assert store.claim("b", ["render"], LEASE_S) is None


def test_other_queues_are_left_alone(any_sessions: Sessions) -> None:
    add_job(any_sessions)
    assert JobStore(any_sessions).claim("a", ["train", "io"], LEASE_S) is None


def test_higher_priority_goes_first(any_sessions: Sessions) -> None:
    add_job(any_sessions)
    urgent = add_job(any_sessions, priority=5)
    claim = JobStore(any_sessions).claim("a", ["render"], LEASE_S)
    assert claim is not None and claim.id == urgent


def test_a_worker_that_lost_its_lease_changes_nothing(any_sessions: Sessions) -> None:
    id = add_job(any_sessions)
    store = JobStore(any_sessions)
    old = store.claim("a", ["render"], LEASE_S)
    expire_lease(any_sessions, id)
    new = store.claim("b", ["render"], LEASE_S)
    assert old and new and new.attempt == 2
    assert store.heartbeat(old, LEASE_S).is_fenced
    assert not store.succeed(old, {}, lambda session: pytest.fail("a fenced worker published"))
    assert not store.fail(old, {}, retry=False)
    assert store.succeed(new, {"ok": True})
    assert status_of(any_sessions, id) == "succeeded"


def test_a_failed_job_is_retried_until_its_attempts_are_used(any_sessions: Sessions) -> None:
    id = add_job(any_sessions, max_attempts=2)
    store = JobStore(any_sessions)
    for expected in ("queued", "failed"):
        claim = store.claim("a", ["render"], LEASE_S)
        assert claim is not None
        store.fail(claim, problem_of("internal", "broken"), retry=True, delay_s=0.0)
        assert status_of(any_sessions, id) == expected
    assert store.claim("a", ["render"], LEASE_S) is None


def test_canceling_a_queued_job_ends_it_at_once(any_sessions: Sessions) -> None:
    id = add_job(any_sessions)
    with transaction(any_sessions) as session:
        job = session.get(Job, id)
        assert job is not None and request_cancel(session, job)
    assert status_of(any_sessions, id) == "canceled"
    assert JobStore(any_sessions).claim("a", ["render"], LEASE_S) is None


def test_a_running_job_hears_of_its_cancel_at_the_next_heartbeat(any_sessions: Sessions) -> None:
    id = add_job(any_sessions)
    store = JobStore(any_sessions)
    claim = store.claim("a", ["render"], LEASE_S)
    assert claim is not None and not store.heartbeat(claim, LEASE_S).cancel_requested
    with transaction(any_sessions) as session:
        job = session.get(Job, id)
        assert job is not None and request_cancel(session, job)
    assert store.heartbeat(claim, LEASE_S).cancel_requested
    assert store.finish_cancel(claim)
    assert status_of(any_sessions, id) == "canceled"


def test_released_jobs_wait_again_without_losing_an_attempt(any_sessions: Sessions) -> None:
    add_job(any_sessions)
    store = JobStore(any_sessions)
    first = store.claim("a", ["render"], LEASE_S)
    assert first is not None and store.release(first)
    second = store.claim("b", ["render"], LEASE_S)
    assert second is not None and second.attempt == 1 and second.lease_token > first.lease_token


def test_the_reaper_gives_up_when_attempts_are_used(any_sessions: Sessions) -> None:
    id = add_job(any_sessions, max_attempts=1)
    store = JobStore(any_sessions)
    store.claim("a", ["render"], LEASE_S)
    expire_lease(any_sessions, id)
    ended: list[str] = []
    assert store.reap(lambda session, job: ended.append(job.id)) == 1
    assert ended == [id] and status_of(any_sessions, id) == "failed"


def test_every_change_is_told_and_new_work_rings_a_bell(any_sessions: Sessions) -> None:
    id = add_job(any_sessions)
    store = JobStore(any_sessions)
    claim = store.claim("a", ["render"], LEASE_S)
    assert claim is not None
    store.succeed(claim, {})
    with any_sessions() as session:
        kinds = session.scalars(select(JobEvent.kind).where(JobEvent.job_id == id).order_by(JobEvent.id)).all()
        bells = session.scalars(select(Outbox.queue).where(Outbox.job_id == id)).all()
    assert list(kinds) == ["status", "status", "done"]
    assert list(bells) == ["render"]


def pass_deadline(sessions: Sessions, id: str) -> None:
    with transaction(sessions) as session:
        session.execute(update(Job).where(Job.id == id).values(deadline_at=now().replace(year=2020)))


def test_a_job_that_waits_past_its_deadline_expires_unrun(any_sessions: Sessions) -> None:
    id = add_job(any_sessions, deadline_s=60.0)
    pass_deadline(any_sessions, id)
    store = JobStore(any_sessions)
    assert store.claim("a", ["render"], LEASE_S) is None
    ended: list[str] = []
    assert store.reap(lambda session, job: ended.append(job.id)) == 1
    assert ended == [id] and status_of(any_sessions, id) == "expired"


def test_a_running_job_hears_of_its_deadline_at_the_next_heartbeat(any_sessions: Sessions) -> None:
    id = add_job(any_sessions, deadline_s=60.0)
    store = JobStore(any_sessions)
    claim = store.claim("a", ["render"], LEASE_S)
    assert claim is not None and not store.heartbeat(claim, LEASE_S).is_expired
    pass_deadline(any_sessions, id)
    assert store.heartbeat(claim, LEASE_S).is_expired
    assert store.expire(claim) and status_of(any_sessions, id) == "expired"
    with any_sessions() as session:
        error = session.scalar(select(Job.error).where(Job.id == id))
    assert error is not None and error["code"] == "deadline_exceeded"


def test_a_lost_job_past_its_deadline_is_not_tried_again(any_sessions: Sessions) -> None:
    id = add_job(any_sessions, deadline_s=60.0)
    store = JobStore(any_sessions)
    assert store.claim("a", ["render"], LEASE_S) is not None
    expire_lease(any_sessions, id)
    pass_deadline(any_sessions, id)
    assert store.claim("b", ["render"], LEASE_S) is None
    assert store.reap() == 1 and status_of(any_sessions, id) == "expired"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(
            [
                "claim",
                "beat",
                "succeed",
                "fail",
                "retry",
                "release",
                "cancel",
                "stopped",
                "reap",
                "lose",
                "late",
                "expire",
            ]
        ),
        max_size=14,
    )
)
def test_no_order_of_calls_leaves_a_terminal_state(sessions: Sessions, calls: list[str]) -> None:
    id = add_job(sessions, max_attempts=3)
    store, claim, ended = JobStore(sessions), None, None
    for call in calls:
        if call == "claim":
            found = store.claim("a", ["render"], LEASE_S)
            claim = found if found and found.id == id else claim
            if found and found.id != id:
                store.succeed(found, {})
        elif call == "cancel":
            with transaction(sessions) as session:
                job = session.get(Job, id)
                assert job is not None
                request_cancel(session, job)
        elif call == "reap":
            store.reap()
        elif call == "lose":
            expire_lease(sessions, id)
        elif call == "late":
            pass_deadline(sessions, id)
        elif claim is not None:
            actions = {
                "beat": lambda c: store.heartbeat(c, LEASE_S),
                "succeed": lambda c: store.succeed(c, {}),
                "fail": lambda c: store.fail(c, {}, retry=False),
                "retry": lambda c: store.fail(c, {}, retry=True, delay_s=0.0),
                "release": store.release,
                "stopped": store.finish_cancel,
                "expire": store.expire,
            }
            actions[call](claim)
        now_status = status_of(sessions, id)
        if ended is not None:
            assert now_status == ended
        if now_status in TERMINAL:
            ended = now_status
    with transaction(sessions) as session:
        session.execute(update(Job).where(Job.id == id, Job.status.notin_(TERMINAL)).values(status="canceled"))
