"""Jobs that fan out, on SQLite and on a real Postgres: parts, joins, and ends that cascade."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from app.database.models import Job, JobEvent, Outbox, WebhookDelivery, now
from app.database.session import Sessions, transaction
from app.jobs.leftovers import parts_prefix
from app.jobs.parts import fate_of, progress_of_parts
from app.jobs.store import TERMINAL, ClaimedJob, JobStore, NewPart, enqueue, problem_of, request_cancel
from app.keys import ensure_tenant
from app.quotas import check_jobs
from app.settings import Settings
from app.storage import LocalStorage
from app.webhooks.endpoints import new_endpoint

TENANT = "tenant_default"
LEASE_S = 30.0
SPAN = (0.1, 0.5)


def fan_out(sessions: Sessions, *weights: float, max_attempts: int = 3, deadline_s: float | None = None) -> str:
    """A job that waits for its parts; returns its id."""
    store = JobStore(sessions)
    with transaction(sessions) as session:
        job = enqueue(
            session, tenant_id=TENANT, kind="render", queue="train", input={}, max_attempts=max_attempts,
            deadline_s=deadline_s,
        )  # fmt: skip
    plan = claimed(store)
    assert plan.id == job.id
    assert store.fan_out(plan, [NewPart("piece", {"n": n}, w) for n, w in enumerate(weights)], "synthesis", SPAN)
    return job.id


def claimed(store: JobStore, owner: str = "a") -> ClaimedJob:
    claim = store.claim(owner, ["train"], LEASE_S)
    assert claim is not None
    return claim


def cancel(sessions: Sessions, id: str) -> None:
    with transaction(sessions) as session:
        job = session.get(Job, id)
        assert job is not None
        request_cancel(session, job)


def statuses(sessions: Sessions, id: str) -> tuple[str, list[str]]:
    """The job's and its parts'."""
    with sessions() as session:
        parts = session.scalars(select(Job.status).where(Job.parent_id == id).order_by(Job.part_index)).all()
        return str(session.scalar(select(Job.status).where(Job.id == id))), list(parts)


def lose(sessions: Sessions, id: str) -> None:
    with transaction(sessions) as session:
        session.execute(update(Job).where(Job.id == id).values(lease_expires_at=now().replace(year=2020)))


def test_a_job_that_fans_out_waits_while_its_parts_run_and_joins_once_they_have_succeeded(
    any_sessions: Sessions,
) -> None:
    id, store = fan_out(any_sessions, 1, 1), JobStore(any_sessions)
    first, second = claimed(store), claimed(store)
    assert {first.input["n"], second.input["n"]} == {0, 1} and first.parent_id == second.parent_id == id
    assert store.claim("c", ["train"], LEASE_S) is None
    assert store.succeed(second, {"made": second.input["n"]})
    assert statuses(any_sessions, id)[0] == "running" and store.claim("c", ["train"], LEASE_S) is None
    assert store.succeed(first, {"made": first.input["n"]})
    join = claimed(store)
    assert (join.id, join.parts_total, join.attempt) == (id, 2, 1)
    assert [(p.input["n"], p.result["made"]) for p in store.made_parts(join)] == [(0, 0), (1, 1)]
    assert store.claim("d", ["train"], LEASE_S) is None
    assert store.succeed(join, {}) and statuses(any_sessions, id) == ("succeeded", ["succeeded", "succeeded"])


def test_whoever_planned_holds_nothing_any_more(any_sessions: Sessions) -> None:
    with transaction(any_sessions) as session:
        job = enqueue(session, tenant_id=TENANT, kind="render", queue="train", input={})
    store = JobStore(any_sessions)
    plan = claimed(store)
    assert store.fan_out(plan, [NewPart("piece", {})], "synthesis", SPAN)
    assert not store.fan_out(plan, [NewPart("piece", {})], "synthesis", SPAN)
    assert not store.succeed(plan, {}) and store.heartbeat(plan, LEASE_S).is_fenced
    assert statuses(any_sessions, job.id) == ("running", ["queued"])


def test_a_plan_that_was_canceled_meanwhile_fans_out_into_nothing(any_sessions: Sessions) -> None:
    with transaction(any_sessions) as session:
        job = enqueue(session, tenant_id=TENANT, kind="render", queue="train", input={})
    store = JobStore(any_sessions)
    plan = claimed(store)
    cancel(any_sessions, job.id)
    assert not store.fan_out(plan, [NewPart("piece", {})], "synthesis", SPAN)
    assert store.finish_cancel(plan) and statuses(any_sessions, job.id) == ("canceled", [])


def test_a_part_is_tried_again_by_itself(any_sessions: Sessions) -> None:
    id, store = fan_out(any_sessions, 1, 1), JobStore(any_sessions)
    done, lost = claimed(store), claimed(store)
    store.succeed(done, {})
    lose(any_sessions, lost.id)
    assert store.reap() == 1
    again = claimed(store, "b")
    assert (again.id, again.attempt) == (lost.id, 2)
    assert store.succeed(again, {}) and claimed(store).id == id


def test_a_zombie_part_publishes_nothing_and_starts_no_second_join(any_sessions: Sessions) -> None:
    id, store = fan_out(any_sessions, 1), JobStore(any_sessions)
    zombie = claimed(store)
    lose(any_sessions, zombie.id)
    alive = claimed(store, "b")
    assert alive.id == zombie.id
    assert not store.succeed(zombie, {"by": "zombie"}, lambda _: pytest.fail("a fenced part published"))
    assert store.succeed(alive, {"by": "alive"})
    assert not store.succeed(zombie, {"by": "zombie"}) and not store.fail(zombie, {}, retry=False)
    join = claimed(store)
    assert [p.result for p in store.made_parts(join)] == [{"by": "alive"}] and statuses(any_sessions, id)[
        0
    ] == "running"
    with any_sessions() as session:
        assert len(session.scalars(select(Outbox).where(Outbox.job_id == id)).all()) == 2


def test_a_join_whose_worker_was_lost_is_joined_again_without_its_parts(any_sessions: Sessions) -> None:
    id, store = fan_out(any_sessions, 1), JobStore(any_sessions)
    store.succeed(claimed(store), {})
    zombie = claimed(store)
    lose(any_sessions, id)
    join = claimed(store, "b")
    assert (join.id, join.attempt, join.parts_total) == (id, 2, 1)
    assert not store.succeed(zombie, {}) and store.succeed(join, {})
    assert statuses(any_sessions, id) == ("succeeded", ["succeeded"])


def test_a_part_that_fails_for_good_fails_its_job_and_stops_the_others(any_sessions: Sessions) -> None:
    id, store = fan_out(any_sessions, 1, 1, 1), JobStore(any_sessions)
    broken, running = claimed(store), claimed(store)
    store.fail(broken, problem_of("backend_missing", "No model."), retry=False)
    job, parts = statuses(any_sessions, id)
    assert job == "failed" and sorted(parts) == ["canceled", "canceling", "failed"]
    with any_sessions() as session:
        error = session.scalar(select(Job.error).where(Job.id == id))
    assert error is not None and error["detail"] == "No model."
    assert store.heartbeat(running, LEASE_S).cancel_requested and store.finish_cancel(running)
    assert statuses(any_sessions, id)[0] == "failed" and store.claim("c", ["train"], LEASE_S) is None


def test_a_part_whose_worker_is_lost_too_often_fails_its_job(any_sessions: Sessions) -> None:
    id, store = fan_out(any_sessions, 1, 1, max_attempts=1), JobStore(any_sessions)
    lose(any_sessions, claimed(store).id)
    ended: list[str] = []
    assert store.reap(lambda session, job: ended.append(job.id)) == 1
    job, parts = statuses(any_sessions, id)
    assert ended == [id] and job == "failed" and sorted(parts) == ["canceled", "failed"]
    with any_sessions() as session:
        error = session.scalar(select(Job.error).where(Job.id == id))
    assert error is not None and error["code"] == "attempts_exhausted"


def test_canceling_a_job_cancels_parts_that_wait_and_stops_those_that_run(any_sessions: Sessions) -> None:
    id, store = fan_out(any_sessions, 1, 1), JobStore(any_sessions)
    running = claimed(store)
    cancel(any_sessions, id)
    job, parts = statuses(any_sessions, id)
    assert job == "canceling" and sorted(parts) == ["canceled", "canceling"]
    assert store.heartbeat(running, LEASE_S).cancel_requested and store.finish_cancel(running)
    assert statuses(any_sessions, id) == ("canceled", ["canceled", "canceled"])


def test_a_canceled_job_whose_parts_all_wait_ends_at_once(any_sessions: Sessions) -> None:
    id = fan_out(any_sessions, 1, 1)
    cancel(any_sessions, id)
    assert statuses(any_sessions, id) == ("canceled", ["canceled", "canceled"])
    with any_sessions() as session:
        told = session.scalars(select(JobEvent.kind).where(JobEvent.job_id == id).order_by(JobEvent.id)).all()
    assert told[-1] == "done"


def test_a_canceled_job_ends_when_the_worker_of_its_last_part_is_lost(any_sessions: Sessions) -> None:
    id, store = fan_out(any_sessions, 1), JobStore(any_sessions)
    part = claimed(store)
    cancel(any_sessions, id)
    lose(any_sessions, part.id)
    assert store.reap() == 1 and statuses(any_sessions, id) == ("canceled", ["canceled"])


def test_a_job_that_waits_for_its_parts_expires_with_them(any_sessions: Sessions) -> None:
    id, store = fan_out(any_sessions, 1, 1, deadline_s=60.0), JobStore(any_sessions)
    running = claimed(store)
    with transaction(any_sessions) as session:
        session.execute(update(Job).where(Job.deadline_at.is_not(None)).values(deadline_at=now().replace(year=2020)))
    assert store.heartbeat(running, LEASE_S).is_expired
    assert store.reap() >= 1 and statuses(any_sessions, id)[0] == "expired"
    assert store.expire(running)
    assert set(statuses(any_sessions, id)[1]) <= {"expired", "canceled"}


def test_parts_are_done_by_weight(any_sessions: Sessions) -> None:
    id, store = fan_out(any_sessions, 3, 1), JobStore(any_sessions)
    claims = sorted((claimed(store), claimed(store)), key=lambda c: int(c.input["n"]))
    store.heartbeat(claims[0], LEASE_S, {"fraction": 0.5})
    store.succeed(claims[1], {})
    with any_sessions() as session:
        job = session.get(Job, id)
        assert job is not None
        progress = progress_of_parts(session, job)
    assert progress is not None and (progress.total, progress.done, progress.fraction) == (2, 1, 0.625)


def test_a_stream_hears_of_its_jobs_parts(any_sessions: Sessions) -> None:
    id, store = fan_out(any_sessions, 1), JobStore(any_sessions)
    store.heartbeat(claimed(store), LEASE_S, {"fraction": 0.5})
    with any_sessions() as session:
        told = session.scalars(select(JobEvent.kind).where(JobEvent.job_id == id).order_by(JobEvent.id)).all()
    assert list(told) == ["status", "status", "progress", "progress", "progress"]


def test_tenants_take_turns(any_sessions: Sessions) -> None:
    with transaction(any_sessions) as session:
        ensure_tenant(session, "tenant_other")
        mine = [enqueue(session, tenant_id=TENANT, kind="render", queue="train", input={}).id for _ in range(3)]
        theirs = enqueue(session, tenant_id="tenant_other", kind="render", queue="train", input={}).id
    store = JobStore(any_sessions)
    order = [claimed(store).id for _ in range(4)]
    assert order[1] == theirs and sorted([order[0], *order[2:]]) == sorted(mine)


def test_workers_that_race_start_one_join(any_sessions: Sessions) -> None:
    for _ in range(5):
        id, store = fan_out(any_sessions, *[1] * 8), JobStore(any_sessions)
        start = threading.Barrier(4)
        joins: list[str] = []

        def work(start: threading.Barrier, store: JobStore, joins: list[str]) -> None:
            start.wait(60)
            while True:
                claim = store.claim("w", ["train"], LEASE_S)
                if claim is None:
                    with any_sessions() as session:
                        unfinished = select(Job.id).where(Job.queue == "train", Job.status.not_in(TERMINAL))
                        if session.scalars(unfinished).first() is None:
                            return
                    continue
                if claim.parts_total:
                    joins.append(claim.id)
                assert store.succeed(claim, {})

        threads = [threading.Thread(target=work, args=(start, store, joins)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert joins == [id] and statuses(any_sessions, id) == ("succeeded", ["succeeded"] * 8)


@given(
    st.sampled_from(["running", "canceling"]),
    st.dictionaries(st.sampled_from(["queued", "running", "canceling", *TERMINAL]), st.integers(1, 5), min_size=1),
)
def test_a_job_joins_only_when_every_part_succeeded(status: str, counts: dict[str, int]) -> None:
    fate = fate_of(status, counts)
    assert (fate == "joins") == (status == "running" and set(counts) == {"succeeded"})
    if status == "canceling":
        assert fate in ("waits", "canceled")
    if fate == "canceled" or fate == "joins":
        assert not set(counts) & {"queued", "running", "canceling"}


CALLS = ("claim", "beat", "succeed", "fail", "retry", "release", "stopped", "expire", "cancel", "reap", "lose", "late")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 3), st.lists(st.tuples(st.sampled_from(CALLS), st.integers(0, 5)), max_size=20))
def test_in_no_order_of_calls_does_a_job_end_without_its_parts_or_wait_for_ever(
    sessions: Sessions, parts: int, calls: list[tuple[str, int]]
) -> None:
    id, store = fan_out(sessions, *[1.0] * parts, deadline_s=600), JobStore(sessions)
    claims: list[ClaimedJob] = []
    joined, ended = 0, None
    acts: dict[str, Callable[[ClaimedJob], object]] = {
        "beat": lambda c: store.heartbeat(c, LEASE_S, {"fraction": 0.5}),
        "succeed": lambda c: store.succeed(c, {}),
        "fail": lambda c: store.fail(c, {}, retry=False),
        "retry": lambda c: store.fail(c, {}, retry=True, delay_s=0.0),
        "release": store.release,
        "stopped": store.finish_cancel,
        "expire": store.expire,
        "lose": lambda c: lose(sessions, c.id),
    }
    for call, which in calls:
        if call == "claim":
            found = store.claim("a", ["train"], LEASE_S)
            claims += [found] if found else []
        elif call == "cancel":
            cancel(sessions, id)
        elif call == "reap":
            store.reap()
        elif call == "late":
            with transaction(sessions) as session:
                session.execute(update(Job).where(Job.id == id).values(deadline_at=now().replace(year=2020)))
        elif claims:
            claim = claims[which % len(claims)]
            was_done = acts[call](claim)
            joined += call == "succeed" and claim.id == id and bool(was_done)
        status, of_parts = statuses(sessions, id)
        if ended is not None:
            assert status == ended
        if status == "succeeded":
            assert set(of_parts) == {"succeeded"} and joined == 1
        if status in TERMINAL:
            ended = status
            assert not set(of_parts) & {"queued", "running"}, "a part goes on after its job has ended"
    # Whatever happened: workers that come now bring it to an end.
    for claim in claims:
        lose(sessions, claim.id)
    for _ in range(40):
        store.reap()
        found = store.claim("z", ["train"], LEASE_S)
        if found is not None:
            store.succeed(found, {})
    assert statuses(sessions, id)[0] in TERMINAL and not set(statuses(sessions, id)[1]) - set(TERMINAL)


def test_clients_see_a_jobs_parts_as_counts_only(client: TestClient, sessions: Sessions) -> None:
    id, store = fan_out(sessions, 1, 3), JobStore(sessions)
    first = claimed(store)
    store.succeed(first, {})
    shown = client.get(f"/v1/jobs/{id}").json()
    reached = SPAN[0] + (SPAN[1] - SPAN[0]) * (0.25 if first.input["n"] == 0 else 0.75)
    assert shown["parts"] == {"total": 2, "done": 1} and shown["status"] == "running"
    assert shown["progress"] == {
        "fraction": pytest.approx(reached), "stage": "synthesis", "step": 1, "total_steps": 2, "eta_s": None,
    }  # fmt: skip
    listed = client.get("/v1/jobs").json()["data"]
    assert [job["id"] for job in listed] == [id] and listed[0]["parts"] == shown["parts"]
    for path in (f"/v1/jobs/{first.id}", f"/v1/jobs/{first.id}/events"):
        assert client.get(path).status_code == 404
    assert client.post(f"/v1/jobs/{first.id}/cancel").status_code == 404
    assert 'perse_job_parts{kind="piece",status="queued"} 1.0' in client.get("/metrics").text


def test_the_tag_changes_with_every_part(client: TestClient, sessions: Sessions) -> None:
    id, store = fan_out(sessions, 1, 1e-9), JobStore(sessions)
    before = client.get(f"/v1/jobs/{id}").headers["ETag"]
    light = next(c for c in (claimed(store), claimed(store)) if c.input["n"] == 1)
    store.succeed(light, {})
    assert client.get(f"/v1/jobs/{id}", headers={"If-None-Match": before}).status_code == 200


def test_canceling_erases_what_parts_have_handed_over(
    client: TestClient, sessions: Sessions, storage: LocalStorage, ready_avatar: str
) -> None:
    id, store = fan_out(sessions, 1, 1), JobStore(sessions)
    with transaction(sessions) as session:
        session.execute(update(Job).where(Job.id == id).values(avatar_id=ready_avatar))
    storage.put_bytes(f"{parts_prefix(TENANT, ready_avatar)}/a.zip", b"made", "application/zip")
    store.succeed(claimed(store), {})
    assert client.post(f"/v1/jobs/{id}/cancel").json()["status"] == "canceled"
    assert not list(storage.list(parts_prefix(TENANT, ready_avatar)))


def test_a_job_of_many_parts_is_one_unfinished_job(sessions: Sessions) -> None:
    fan_out(sessions, 1, 1, 1)
    with transaction(sessions) as session:
        check_jobs(session, TENANT, Settings(max_unfinished_jobs=2))


def test_webhooks_hear_of_the_job_and_not_of_its_parts(any_sessions: Sessions) -> None:
    id, store = fan_out(any_sessions, 1, 1), JobStore(any_sessions)
    endpoint = new_endpoint(TENANT, "https://hooks.example.com", ["job.succeeded", "job.failed", "job.canceled"])
    with transaction(any_sessions) as session:
        session.add(endpoint)
    store.succeed(claimed(store), {})
    store.fail(claimed(store), {}, retry=False)
    with any_sessions() as session:
        own = WebhookDelivery.endpoint_id == endpoint.id
        told = session.execute(select(WebhookDelivery.job_id, WebhookDelivery.event).where(own)).all()
    assert [tuple(row) for row in told] == [(id, "job.failed")]
