"""The Python client against the real app over a socket, and against connections that break."""

from __future__ import annotations

import hashlib
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import app.client
from app.client import Drive, Parts, Perse, Progress
from app.client.transport import retry_after_s
from app.database.session import Sessions, transaction
from app.jobs.store import JobStore, NewPart, enqueue
from app.keys import create_key
from app.settings import Settings
from app.storage import LocalStorage
from tests.app.conftest import JPEG, TENANT, PromptEngine
from tests.app.live import FAILS, FILES, GOES_ON, live_service

Handler = Callable[[httpx.Request, int], httpx.Response | None]


class Faults(httpx.BaseTransport):
    """The network, but for requests that `handle` answers itself or breaks; it gets the request's number."""

    def __init__(self, handle: Handler) -> None:
        self.requests: list[httpx.Request] = []
        self.network = httpx.HTTPTransport()
        self._handle = handle

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._handle(request, len(self.requests)) or self.network.handle_request(request)

    def close(self) -> None:
        self.network.close()

    def to(self, path: str) -> list[httpx.Request]:
        return [r for r in self.requests if r.url.path == path]


def no_fault(request: httpx.Request, number: int) -> httpx.Response | None:
    return None


@pytest.fixture
def url(settings: Settings, sessions: Sessions, storage: LocalStorage, engine: PromptEngine) -> Iterator[str]:
    with live_service(settings, sessions, storage, engine) as url:
        yield url


@pytest.fixture
def perse(url: str) -> Iterator[Perse]:
    with Perse(url) as perse:
        yield perse


def test_a_job_that_has_fanned_out_counts_its_parts(perse: Perse, sessions: Sessions) -> None:
    store = JobStore(sessions)
    with transaction(sessions) as session:
        id = enqueue(session, tenant_id=TENANT, kind="render", queue="nobody", input={}).id
    assert perse.job(id).parts is None
    plan = store.claim("test", ["nobody"], 30)
    assert plan is not None and store.fan_out(plan, [NewPart("piece", {})] * 3, "synthesis", (0.1, 0.5))
    part = store.claim("test", ["nobody"], 30)
    assert part is not None and store.succeed(part, {})
    assert perse.job(id).parts == Parts(total=3, done=1)


def test_from_photo_to_files(perse: Perse, tmp_path: Path) -> None:
    photo = tmp_path / "me.jpg"
    photo.write_bytes(JPEG)
    told: list[Progress] = []
    avatar = perse.create(photo, consent="self", name="me", wish="a red beanie", metadata={"a": "b"})
    assert avatar.status == "building" and avatar.recipe["variants"] == [["hat", "beanie-red"]]
    ready = avatar.wait(on_progress=told.append, timeout_s=120)
    assert ready.status == "ready" and ready.name == "me" and ready.metadata == {"a": "b"}
    assert any(p.stage == "training" for p in told) and told[-1].status == "succeeded"
    assert str(told[-1]) == "training 100 %, step 3 of 3, 1 s left"

    look = {"hair": {"long-wavy-blonde": 0.7}}
    first = avatar.render(yaw_deg=20, look=look)
    assert first.media_type == "image/png" and first.data and not first.is_stored
    avatar.save_look("blonde", look)
    assert avatar.looks() == {"blonde": look}
    again = avatar.render(yaw_deg=20, look="blonde")
    assert again.is_stored and again.etag == first.etag
    assert again.save(tmp_path / "r.png").read_bytes() == first.data
    avatar.delete_look("blonde")
    assert avatar.looks() == {}
    assert avatar.latents().categories["hair"].variants["long-wavy-blonde"] == [0.5] * 32

    files = avatar.download(tmp_path / "out")
    assert {f.name: f.read_bytes() for f in files} == FILES
    assert perse.avatar(avatar.id).building().id == avatar.building().id
    assert [a.id for a in perse.avatars()] == [avatar.id] and len(list(perse.jobs())) == 1
    assert avatar.delete(timeout_s=120).result == {"erased_objects": 3, "objects_left": 0}
    with pytest.raises(app.client.NotFound) as gone:
        avatar.refresh()
    assert (gone.value.status, gone.value.code) == (404, "not_found")


def test_a_ready_avatar_learns_a_variant(perse: Perse) -> None:
    avatar = perse.create(JPEG, consent="self").wait(timeout_s=120)
    job = avatar.add_variant("hat", id="beanie-red").wait(timeout_s=120)
    assert job.kind == "add_variant" and job.result is not None and job.result["variant"] == "beanie-red"
    learned = avatar.refresh()
    assert learned.added is not None and learned.variants is not None
    assert [(one.category, one.id, one.method) for one in learned.added] == [("hat", "beanie-red", "adapter")]
    assert learned.variants["hat"] == ["beanie-red"]
    with pytest.raises(app.client.Conflict):
        learned.add_variant("hat", "a red beanie")
    with pytest.raises(app.client.Refused, match="sparkly"):
        learned.add_variant("hat", "a sparkly beanie")
    assert learned.remove_variant("hat", "beanie-red").wait(timeout_s=120).status == "succeeded"
    assert avatar.refresh().added == []


def test_an_avatar_is_moved_and_taken_away(perse: Perse, tmp_path: Path) -> None:
    avatar = perse.create(JPEG, consent="self").wait(timeout_s=120)
    first, second = (avatar.export("ply", yaw_deg=20, expression={"jawOpen": 0.5}) for _ in range(2))
    assert first.id == second.id
    (file,) = first.wait(timeout_s=120).artifacts()
    assert b"jawOpen" in file.save(tmp_path / "a.ply").read_bytes()
    with pytest.raises(app.client.Refused):
        avatar.export("obj")
    job = avatar.animate(Drive(clip="talk", seconds=2, seed=3), look={"hair": {"long-wavy-blonde": 0.5}}, fps=30)
    video, _ = job.wait(timeout_s=120).artifacts()
    told = video.save(tmp_path / "a.mp4").read_bytes()
    assert all(word in told for word in (b"talk", b"long-wavy-blonde", b"('fps', 30)"))
    assert perse.create(JPEG, consent="self").building().artifacts() == []


def test_files_go_along_with_the_options(perse: Perse, tmp_path: Path) -> None:
    avatar = perse.create(JPEG, consent="self").wait(timeout_s=120)
    wav = tmp_path / "a.wav"
    wav.write_bytes(b"RIFF\x00\x00\x00\x00WAVE" + bytes(50))
    job = avatar.animate(Drive(voice=wav, clip="nod"), audio=wav.read_bytes(), background=[0, 0, 0]).wait(timeout_s=120)
    assert job.kind == "animate" and len(job.artifacts()) == 2
    for motion in ([{"jawOpen": 0.2}], b'[{"jawOpen": 0.2}]'):
        assert avatar.animate(Drive(motion=motion)).wait(timeout_s=120).status == "succeeded"
    with pytest.raises(app.client.Refused):
        avatar.animate(Drive())


def test_portraits_are_uploaded_listed_and_erased(perse: Perse) -> None:
    portrait = perse.upload(JPEG, consent="self")
    assert portrait.image() == JPEG[::-1] and portrait.pose["yaw_deg"] == 1.0
    assert list(perse.portraits()) == [perse.portrait(portrait.id)] == [portrait]
    portrait.delete()
    assert list(perse.portraits()) == []


def test_previews_are_given_while_an_avatar_is_built(perse: Perse) -> None:
    given: list[bytes] = []
    avatar = perse.create(JPEG, consent="self", seed=GOES_ON)

    def look(picture: bytes) -> None:
        given.append(picture)
        if len(given) == 2:
            avatar.cancel()

    with pytest.raises(app.client.JobCanceled):
        avatar.wait(on_preview=look, timeout_s=120)
    assert len(set(given)) == len(given) and all(one.startswith(b"RIFF") for one in given)
    queued = perse.create(JPEG, consent="self", seed=GOES_ON).building()
    assert queued.preview_path is None or queued.preview()


def test_a_face_is_met_and_followed(perse: Perse, tmp_path: Path) -> None:
    (tmp_path / "rest.jpg").write_bytes(JPEG)
    driver = perse.meet([tmp_path / "rest.jpg", JPEG], consent="self")
    seen = driver.capture(JPEG)
    assert seen.is_seen and seen.pose is not None and seen.pose["gaze"]["pitch_deg"] == 5.0
    assert seen.expression == {"jawOpen": 0.5}


def test_waiting_without_a_watcher_takes_few_requests(url: str) -> None:
    faults = Faults(no_fault)
    with Perse(url, transport=faults) as perse:
        avatar = perse.create(JPEG, consent="self")
        assert avatar.wait(timeout_s=120).status == "ready"
    asked = [r for r in faults.requests if r.url.path.startswith("/v1/jobs")]
    assert len(asked) <= 3 and all("wait=" in r.headers["Prefer"] for r in asked)


def test_a_service_that_passes_over_prefer_and_has_no_stream_is_polled(url: str) -> None:
    def plain(request: httpx.Request, number: int) -> httpx.Response | None:
        if request.url.path.endswith("/events"):
            return httpx.Response(200, text="<html>a proxy</html>", headers={"Content-Type": "text/html"})
        request.headers.pop("Prefer", None)
        return None

    told: list[Progress] = []
    with Perse(url, transport=Faults(plain)) as perse:
        assert perse.create(JPEG, consent="self").wait(on_progress=told.append, timeout_s=120).status == "ready"
    assert told[-1].status == "succeeded"


class Cut(httpx.SyncByteStream):
    """A body that breaks off after two pieces."""

    def __init__(self, whole: httpx.Response) -> None:
        self._whole = whole

    def __iter__(self) -> Iterator[bytes]:
        assert isinstance(self._whole.stream, httpx.SyncByteStream)
        for n, chunk in enumerate(self._whole.stream):
            yield chunk
            if n == 1:
                raise httpx.ReadError("cut")

    def close(self) -> None:
        self._whole.close()


def test_a_broken_stream_is_resumed_where_it_ended(url: str) -> None:
    streams: list[httpx.Request] = []

    def cut_first(request: httpx.Request, number: int) -> httpx.Response | None:
        if not request.url.path.endswith("/events"):
            return None
        streams.append(request)
        whole = faults.network.handle_request(request)
        return whole if len(streams) > 1 else httpx.Response(200, headers=whole.headers, stream=Cut(whole))

    faults = Faults(cut_first)
    with Perse(url, transport=faults, backoff_s=0.01) as perse:
        assert [j.status for j in perse.create(JPEG, consent="self").building().events(60)][-1] == "succeeded"
    assert len(streams) == 2 and int(streams[1].headers["Last-Event-ID"]) > 0


def test_a_job_that_fails_raises_its_problem(perse: Perse) -> None:
    avatar = perse.create(JPEG, consent="self", seed=FAILS)
    with pytest.raises(app.client.JobFailed) as failed:
        avatar.wait(timeout_s=120)
    assert (failed.value.code, failed.value.hint, failed.value.job.status) == ("engine_crashed", "Try again.", "failed")
    assert str(failed.value) == "It broke. (engine_crashed)\n\nhint: Try again."
    with pytest.raises(app.client.JobFailed):
        perse.avatar(avatar.id).wait()


@pytest.mark.parametrize("is_watched", [True, False])
def test_a_wait_can_end_before_the_job_and_the_job_be_canceled(perse: Perse, is_watched: bool) -> None:
    avatar = perse.create(JPEG, consent="self", seed=GOES_ON)
    with pytest.raises(app.client.WaitTimeout):
        avatar.wait(on_progress=print if is_watched else None, timeout_s=1.2)
    assert avatar.cancel().status in ("canceling", "canceled")
    with pytest.raises(app.client.JobCanceled):
        avatar.wait(timeout_s=120)
    assert avatar.building().wait(timeout_s=120, check=False).status == "canceled"


def test_lost_answers_and_busy_services_are_tried_again_under_one_key(url: str) -> None:
    def trouble(request: httpx.Request, number: int) -> httpx.Response | None:
        if number == 1:
            raise httpx.ConnectError("refused")
        if number == 2:
            return httpx.Response(429, headers={"Retry-After": "0"}, json={"code": "rate_limited", "detail": "d"})
        tries = len(faults.to("/v1/avatars"))
        if request.method == "POST" and tries == 1:
            # It was done; the answer is lost.
            faults.network.handle_request(request).read()
            raise httpx.ReadError("lost")
        return httpx.Response(503, text="a proxy") if request.method == "POST" and tries == 2 else None

    faults = Faults(trouble)
    with Perse(url, transport=faults, backoff_s=0.01) as perse:
        avatar = perse.create(JPEG, consent="self")
        assert [a.id for a in perse.avatars()] == [avatar.id]
    uploads, creates = faults.to("/v1/portraits"), [r for r in faults.to("/v1/avatars") if r.method == "POST"]
    assert (len(uploads), len(creates)) == (3, 3)
    for requests in (uploads, creates):
        assert len({r.headers["Idempotency-Key"] for r in requests}) == 1


def test_other_answers_are_not_tried_again(url: str) -> None:
    faults = Faults(no_fault)
    with Perse(url, transport=faults) as perse:
        with pytest.raises(app.client.Refused) as refused:
            perse.upload(b"text", consent="self")
        assert (refused.value.status, refused.value.code) == (415, "unsupported_media_type")
        assert refused.value.hint == "Save the photo as JPEG." and refused.value.request_id
        portrait = perse.upload(JPEG, consent="self")
        with pytest.raises(app.client.Refused, match="body/seed"):
            perse.create(portrait, seed=-1)
        with pytest.raises(app.client.Conflict):
            perse.create(portrait, seed=GOES_ON).render()
        with pytest.raises(app.client.NotUnderstood, match="shiny"):
            perse.create(portrait, wish="a shiny beanie")
        with pytest.raises(app.client.NotUnderstood, match="nose"):
            perse.create(portrait, wish="a nose")
        with pytest.raises(ValueError, match="consent"):
            perse.create(JPEG)
    assert len(faults.requests) == 7


@pytest.mark.parametrize(("status", "name"), [(429, "RateLimited"), (503, "ServerFailed"), (None, "Unreachable")])
def test_after_every_retry_the_last_trouble_is_raised(status: int | None, name: str) -> None:
    tried: list[httpx.Request] = []

    def always(request: httpx.Request) -> httpx.Response:
        tried.append(request)
        if status is None:
            raise httpx.ConnectError("refused")
        return httpx.Response(status, headers={"Retry-After": "0"})

    perse = Perse("http://x", transport=httpx.MockTransport(always), retries=2, backoff_s=0.001)
    with perse, pytest.raises(getattr(app.client, name)):
        perse.vocabulary()
    assert len(tried) == 3


@pytest.mark.parametrize(
    ("status", "code", "later"),
    [(503, "backend_missing", "1"), (429, "quota_exceeded", "30"), (429, "rate_limited", "3600")],
)
def test_what_no_short_wait_mends_is_raised_at_once(status: int, code: str, later: str) -> None:
    answer = httpx.Response(status, json={"code": code, "detail": "d"}, headers={"Retry-After": later})
    perse = Perse("http://x", transport=httpx.MockTransport(lambda request: answer), backoff_s=100)
    with perse, pytest.raises(app.client.ApiError) as error:
        perse.vocabulary()
    assert (error.value.code, error.value.retry_after_s) == (code, float(later))


def test_a_deletion_whose_answer_was_lost_is_done() -> None:
    tried: list[httpx.Request] = []

    def lost_first(request: httpx.Request) -> httpx.Response:
        tried.append(request)
        if len(tried) == 1:
            raise httpx.ReadError("lost")
        return httpx.Response(404)

    with Perse("http://x", transport=httpx.MockTransport(lost_first), backoff_s=0.001) as perse:
        perse._api.call("DELETE", "/v1/portraits/por_x")
        with pytest.raises(app.client.NotFound):
            perse._api.call("DELETE", "/v1/portraits/por_x")


@pytest.mark.parametrize(
    ("header", "expected"),
    [("3", 3.0), ("Wed, 01 Jan 2020 00:00:00 GMT", 0.0), ("soon", None), ("", None), ("-1", None), ("\xb2", None)],
)
def test_retry_after_is_seconds_or_a_date(header: str, expected: float | None) -> None:
    response = httpx.Response(429, headers=[(b"Retry-After", header.encode("latin-1"))])
    assert retry_after_s(response) == expected


def latents_of(perse: Perse) -> app.client.Artifact:
    avatar = perse.create(JPEG, consent="self").wait(timeout_s=120)
    return next(a for a in avatar.artifacts() if a.name == "latents.json")


def test_a_download_goes_on_where_it_broke_off(url: str, tmp_path: Path) -> None:
    faults = Faults(no_fault)
    with Perse(url, transport=faults) as perse:
        artifact = latents_of(perse)
        (tmp_path / "latents.json.part").write_bytes(FILES["latents.json"][:4000])
        assert artifact.save(tmp_path).read_bytes() == FILES["latents.json"]
        assert faults.requests[-1].headers["Range"] == "bytes=4000-"
        before = len(faults.requests)
        artifact.save(tmp_path)
        assert len(faults.requests) == before
    assert [p.name for p in tmp_path.glob("latents*")] == ["latents.json"]


def test_a_download_that_breaks_in_the_middle_is_mended(url: str, tmp_path: Path) -> None:
    ranges: list[str | None] = []

    def broken(request: httpx.Request, number: int) -> httpx.Response | None:
        if not request.url.path.endswith("/content"):
            return None
        ranges.append(request.headers.get("Range"))
        if len(ranges) > 2:
            return None
        start = int((ranges[-1] or "bytes=0-")[6:-1])

        def some() -> Iterator[bytes]:
            yield FILES["latents.json"][start : start + 3000]
            raise httpx.ReadError("cut")

        return httpx.Response(206 if start else 200, content=some())

    with Perse(url, transport=Faults(broken), backoff_s=0.001) as perse:
        assert latents_of(perse).save(tmp_path / "l").read_bytes() == FILES["latents.json"]
    assert ranges == [None, "bytes=3000-", "bytes=6000-"]


def test_wrong_bytes_are_fetched_anew_and_then_refused(url: str, tmp_path: Path) -> None:
    def wrong(request: httpx.Request, number: int) -> httpx.Response | None:
        return httpx.Response(200, content=bytes(10_000)) if request.url.path.endswith("/content") else None

    with Perse(url) as perse:
        artifact = latents_of(perse)
        (tmp_path / "l.part").write_bytes(b"x" * 5000)
        assert artifact.save(tmp_path / "l").read_bytes() == FILES["latents.json"]
    with Perse(url, transport=Faults(wrong)) as perse, pytest.raises(app.client.Damaged):
        latents_of(perse).save(tmp_path / "m")
    assert sorted(p.name for p in tmp_path.glob("[lm]*")) == ["l"]


@pytest.mark.parametrize("name", ["../evil", "a/b", "..", ""])
def test_names_that_lead_elsewhere_are_refused(name: str, tmp_path: Path) -> None:
    api: Any = None
    artifact = app.client.Artifact("art_x", "ava_x", name, "a/b", 0, hashlib.sha256(b"").hexdigest(), None, api)
    with pytest.raises(app.client.Damaged):
        artifact.save(tmp_path)


def test_a_key_is_sent(settings: Settings, sessions: Sessions, storage: LocalStorage, engine: PromptEngine) -> None:
    keyed = settings.model_copy(update={"require_key": True})
    with live_service(keyed, sessions, storage, engine) as url:
        with Perse(url) as perse, pytest.raises(app.client.Unauthorized):
            perse.vocabulary()
        with Perse(url, key=create_key(sessions, "a")) as perse:
            assert "presets" in perse.vocabulary()


def test_the_client_needs_httpx_only() -> None:
    code = "import sys, app.client; print({m.partition('.')[0] for m in sys.modules} & {'fastapi', 'sqlalchemy'})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_everything_public_is_exported_in_order() -> None:
    public = [n for n, v in vars(app.client).items() if not n.startswith("_") and not inspect.ismodule(v)]
    assert app.client.__all__ == sorted(public)
