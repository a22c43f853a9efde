"""Jobs: wait for them, follow them, cancel them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from app.client.artifact import Artifact
from app.client.errors import ApiError, JobCanceled, JobEnded, JobExpired, JobFailed, NotFound, WaitTimeout
from app.client.transport import Api
from app.client.values import Parts, Problem, Progress, known, moment

ENDINGS: Mapping[str, type[JobEnded]] = {"failed": JobFailed, "canceled": JobCanceled, "expired": JobExpired}
HOLD_S = 30
"""How long the service may hold an answer; less than proxies wait."""
POLL_S = 1.0
"""Between answers of a service or proxy that does not hold them."""
SILENCE_S = 45.0
"""The service says something at least every 15 s on a stream of events."""

OnProgress = Callable[[Progress], object]
OnPreview = Callable[[bytes], object]


@dataclass(frozen=True)
class Job:
    """Work of the service, as it was when this was read; `refresh` reads it again."""

    id: str
    kind: str
    status: str
    status_sequence: int
    progress: Progress
    parts: Parts | None
    attempt: int
    max_attempts: int
    queue_position: int | None
    error: Problem | None
    result: Mapping[str, Any] | None
    avatar_id: str | None
    preview_path: str | None
    """Of the newest picture of the avatar that is being built; a newer picture has another path."""
    created_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    _api: Api = field(repr=False, compare=False)

    @staticmethod
    def read(api: Api, body: Mapping[str, Any]) -> Job:
        """From the API's JSON."""
        times = {t: moment(body[t]) for t in ("created_at", "started_at", "finished_at")}
        avatar = body["links"].get("avatar")
        return known(
            Job, body, **times, _api=api,
            progress=known(Progress, body["progress"], status=body["status"]),
            parts=known(Parts, body["parts"]) if body["parts"] else None,
            error=known(Problem, body["error"]) if body["error"] else None,
            avatar_id=avatar.rpartition("/")[2] if avatar else None,
            preview_path=body["links"].get("preview"),
        )  # fmt: skip

    @property
    def has_ended(self) -> bool:
        """Whether nothing changes any more."""
        return self.status == "succeeded" or self.status in ENDINGS

    def refresh(self) -> Job:
        """As it is now."""
        return Job.read(self._api, self._api.get(f"/v1/jobs/{self.id}"))

    def cancel(self) -> Job:
        """Ask it to stop: a queued job ends at once, a running one within seconds. Raises Conflict when it is over."""
        return Job.read(self._api, self._api.call("POST", f"/v1/jobs/{self.id}/cancel").json())

    def preview(self) -> bytes | None:
        """The avatar so far, WebP: the source look, turned and smiling, and a variant. None before and afterwards."""
        try:
            data: bytes = self._api.call("GET", f"/v1/jobs/{self.id}/preview").content
        except NotFound:
            return None
        return data

    def artifacts(self) -> list[Artifact]:
        """The files that it made, once it has succeeded; none of a job that makes none."""
        result = self.result or {}
        files = result.get("files") or ([result] if "artifact_id" in result else [])
        return [Artifact.read(self._api, self._api.get(f"/v1/artifacts/{f['artifact_id']}")) for f in files]

    def wait(
        self, on_progress: OnProgress | None = None, timeout_s: float | None = None, *,
        on_preview: OnPreview | None = None, check: bool = True,
    ) -> Job:  # fmt: skip
        """Until it has ended. With `on_progress` or `on_preview` its events are followed, else answers are held.

        `on_preview` is given each newer picture of the avatar that is being built; see `preview`.

        Raises:
            JobFailed, JobCanceled, JobExpired: it ended otherwise than well, and `check`.
            WaitTimeout: it goes on.
        """
        deadline = time.monotonic() + timeout_s if timeout_s is not None else float("inf")
        job, told, shown = self, None, None
        is_watched = on_progress is not None or on_preview is not None
        for job in self._states(deadline, is_watched=is_watched):
            if on_progress is not None and job.progress != told:
                told = job.progress
                on_progress(told)
            if on_preview is not None and job.preview_path not in (None, shown):
                shown = job.preview_path
                if (picture := job.preview()) is not None:
                    on_preview(picture)
        if not job.has_ended:
            raise WaitTimeout("wait_timeout", f"The job is still {job.status} after {timeout_s:g} s.", "It goes on.")
        if check and job.status in ENDINGS:
            raise ENDINGS[job.status](job)
        return job

    def events(self, timeout_s: float | None = None) -> Iterator[Job]:
        """The job each time that something happens to it, until it has ended."""
        deadline = time.monotonic() + timeout_s if timeout_s is not None else float("inf")
        return self._states(deadline, is_watched=True)

    def _states(self, deadline: float, *, is_watched: bool) -> Iterator[Job]:
        job = self
        if is_watched:
            for job in self._followed(deadline):
                yield job
        if not job.has_ended and time.monotonic() < deadline:
            yield from job._polled(deadline)

    def _polled(self, deadline: float) -> Iterator[Job]:
        etag: dict[str, str] = {}
        # Half of what this client waits for an answer at all.
        longest = min(HOLD_S, (self._api.http.timeout.read or 2 * HOLD_S) / 2)
        while True:
            start = time.monotonic()
            hold = max(0, int(min(longest, deadline - start)))
            response = self._api.call("GET", f"/v1/jobs/{self.id}", headers={"Prefer": f"wait={hold}"} | etag)
            if response.status_code != 304:
                etag = {"If-None-Match": response.headers["ETag"]} if "ETag" in response.headers else {}
                job = Job.read(self._api, response.json())
                yield job
                if job.has_ended:
                    return
            if (left := deadline - time.monotonic()) <= 0:
                return
            # Whoever passed over `Prefer` is not asked more often than this.
            time.sleep(max(0.0, min(POLL_S - (time.monotonic() - start), left)))

    def _followed(self, deadline: float) -> Iterator[Job]:
        """Its events, resumed where a connection broke; ends early when there is no stream to be had."""
        last_id, failures = "", 0
        while (left := deadline - time.monotonic()) > 0:
            headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
            try:
                with self._api.stream(f"/v1/jobs/{self.id}/events", headers, min(SILENCE_S, left)) as response:
                    if not response.headers.get("content-type", "").startswith("text/event-stream"):
                        return
                    for event_id, data in _messages(response.iter_lines(), deadline):
                        last_id, failures = event_id or last_id, 0
                        job = Job.read(self._api, json.loads(data))
                        yield job
                        if job.has_ended:
                            return
            except httpx.TransportError as error:
                if time.monotonic() >= deadline:
                    return
                self._api.patiently(failures, error)
            except ApiError as error:
                self._api.patiently(failures, error)
            failures += 1
            if failures > self._api.retries.count:
                return


def _messages(lines: Iterator[str], deadline: float) -> Iterator[tuple[str, str]]:
    """(id, data) of server-sent events; pings are nothing, but the deadline is looked at."""
    event_id, data = "", []
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            event_id = value
        elif name == "data":
            data.append(value)
        elif not line and data:
            yield event_id, "\n".join(data)
            data = []
        if time.monotonic() > deadline:
            return
