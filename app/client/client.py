"""The service: portraits, avatars, jobs and words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import httpx

from app.client.avatar import Avatar
from app.client.driver import Driver
from app.client.errors import NotUnderstood
from app.client.files import File, content_of
from app.client.job import Job
from app.client.portrait import Portrait
from app.client.transport import Api, Retries
from app.client.values import Problem, Variant, Wish, known
from app.client.webhook import WebhookEndpoint

TIMEOUT_S = 180.0
"""Longer than an engine may take that starts and then renders."""


class Perse:
    """A client of one service; usable from several threads, and as a context manager."""

    def __init__(
        self, url: str = "http://127.0.0.1:8000", *, key: str | None = None, timeout_s: float = TIMEOUT_S,
        retries: int = 4, backoff_s: float = 0.5, transport: httpx.BaseTransport | None = None,
    ) -> None:  # fmt: skip
        """`key` is an API key. `transport` takes the place of the network, in tests."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        timeout = httpx.Timeout(timeout_s, connect=10.0)
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=transport)
        self._api = Api(self._http, Retries(retries, backoff_s))

    def __enter__(self) -> Perse:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def upload(self, photo: File, *, consent: str) -> Portrait:
        """Upload a photo; `consent` is 'self' for a photo of yourself, 'authorised' when its subject agreed."""
        files = {"file": ("photo", content_of(photo))}
        response = self._api.call("POST", "/v1/portraits", files=files, data={"consent": _agreed(consent)})
        return Portrait.read(self._api, response.json())

    def create(
        self, photo: File | Portrait, *, preset: str = "draft", consent: str | None = None,
        name: str | None = None, categories: Sequence[str] | None = None, variants: Iterable[tuple[str, str]] = (),
        wish: str | None = None, seed: int = 0, metadata: Mapping[str, str] | None = None,
        cancel_after_s: int | None = None, webhook_url: str | None = None, editor: str = "procedural",
        animator: str = "rig", rig: str = "landmarks", learned: Mapping[str, Any] | None = None,
    ) -> Avatar:  # fmt: skip
        """Begin to build an avatar of a photo or of an uploaded portrait; `Avatar.wait` waits for it.

        Args:
            photo: a file's path, its bytes, or what `upload` gave.
            consent: needed with a photo; see `upload`.
            variants: (category, id) pairs beside the preset's own.
            wish: variants in own words, such as "a red beanie and a short beard".
            cancel_after_s: the job expires when it has not finished by then.
            webhook_url: told when the job ends; `Avatar.webhook` has the secret.
            editor, animator: who makes variants and clips; the vocabulary's `backends` say what a service offers.
            rig: what the head is built on, likewise.
            learned: the models of one that takes some, such as {"animator_model": "wan-vace-14b"}.

        Raises:
            NotUnderstood: words of `wish` say nothing to the service.
        """
        if not isinstance(photo, Portrait) and consent is None:
            raise ValueError("a photo needs consent='self' or consent='authorised'")
        wanted = [{"category": c, "id": i} for c, i in variants]
        wanted += [{"category": c, "id": i} for c, i in (self._understood(wish) if wish else ())]
        portrait = photo if isinstance(photo, Portrait) else self.upload(photo, consent=str(consent))
        body: dict[str, Any] = {
            "portrait_id": portrait.id, "preset": preset, "name": name, "variants": wanted, "seed": seed,
            "categories": None if categories is None else list(categories), "metadata": dict(metadata or {}),
            "webhook_url": webhook_url, "editor": editor, "animator": animator, "rig": rig,
            "learned": None if learned is None else dict(learned),
        }  # fmt: skip
        headers = {"Cancel-After": str(cancel_after_s)} if cancel_after_s is not None else {}
        made = self._api.call("POST", "/v1/avatars", json=body, headers=headers).json()
        webhook = WebhookEndpoint.read(self._api, made["webhook"]) if made.get("webhook") else None
        return Avatar.read(self._api, made["avatar"], Job.read(self._api, made["job"]), webhook)

    def portrait(self, id: str) -> Portrait:
        """One portrait."""
        return Portrait.read(self._api, self._api.get(f"/v1/portraits/{id}"))

    def portraits(self) -> Iterator[Portrait]:
        """All of them, newest first."""
        return (Portrait.read(self._api, body) for body in self._api.listed("/v1/portraits"))

    def avatar(self, id: str) -> Avatar:
        """One avatar."""
        return Avatar.read(self._api, self._api.get(f"/v1/avatars/{id}"))

    def avatars(self) -> Iterator[Avatar]:
        """All of them, newest first."""
        return (Avatar.read(self._api, body) for body in self._api.listed("/v1/avatars"))

    def job(self, id: str) -> Job:
        """One job."""
        return Job.read(self._api, self._api.get(f"/v1/jobs/{id}"))

    def jobs(self) -> Iterator[Job]:
        """All of them, newest first."""
        return (Job.read(self._api, body) for body in self._api.listed("/v1/jobs"))

    def meet(self, pictures: Iterable[File], *, consent: str) -> Driver:
        """Learn a face from up to 30 pictures of a second or so in which it is at rest; then `Driver.capture` reads it.

        `consent`: see `upload`. Raises ServerFailed where the service does not follow faces (`live_capture` of the
        vocabulary), Refused where it finds none.
        """
        files = [("pictures", (f"{i}", content_of(one))) for i, one in enumerate(pictures)]
        met = self._api.call("POST", "/v1/drivers", files=files, data={"consent": _agreed(consent)})
        return Driver(met.json(), self._api)

    def register_webhook(self, url: str, *, events: Sequence[str] | None = None) -> WebhookEndpoint:
        """Have a URL told when jobs end; `events` are all of them, or such as "job.succeeded". Keep its `secret`."""
        body = {"url": url} | ({} if events is None else {"events": list(events)})
        return WebhookEndpoint.read(self._api, self._api.call("POST", "/v1/webhook-endpoints", json=body).json())

    def webhook_endpoint(self, id: str) -> WebhookEndpoint:
        """One webhook endpoint."""
        return WebhookEndpoint.read(self._api, self._api.get(f"/v1/webhook-endpoints/{id}"))

    def webhook_endpoints(self) -> Iterator[WebhookEndpoint]:
        """All of them, newest first."""
        return (WebhookEndpoint.read(self._api, body) for body in self._api.listed("/v1/webhook-endpoints"))

    def vocabulary(self) -> dict[str, Any]:
        """Categories with their variants, expressions, presets and limits."""
        return self._api.get("/v1/vocabulary")

    def wishes(self, text: str) -> list[Wish]:
        """What own words mean."""
        body = self._api.call("POST", "/v1/vocabulary/wishes", json={"text": text}).json()
        return [
            known(
                Wish, entry,
                variant=known(Variant, entry["variant"]) if entry["variant"] else None,
                problem=known(Problem, entry["problem"]) if entry["problem"] else None,
            )
            for entry in body["wishes"]
        ]  # fmt: skip

    def _understood(self, text: str) -> list[tuple[str, str]]:
        """(category, id) of each wish, all of whose words were understood."""
        found = []
        for wish in self.wishes(text):
            if wish.problem is not None:
                raise NotUnderstood(wish.problem.code, wish.problem.detail, wish.problem.hint)
            if wish.not_understood or wish.variant is None:
                words = " ".join(wish.not_understood)
                raise NotUnderstood("unsupported_wish", f"Not understood of the {wish.category}: {words}.")
            found.append((wish.category, wish.variant.id))
        return found


def _agreed(subject: str) -> str:
    return json.dumps({"version": "1", "subject": subject})
