"""`EngineClient` over Celery: the request on the queue `engine`, the reply through a Redis list that expires."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import redis
from celery import Celery
from kombu.exceptions import OperationalError

from app.engine_client import AnalysedPortrait, AvatarFiles, EngineFailure, RenderedImage, RenderRequest
from worker.celery_app import KEY_PREFIX

TIMEOUT_S = 90


class CeleryEngine:
    """Any worker that listens on `engine` answers."""

    def __init__(self, app: Celery, broker_url: str) -> None:
        self._app = app
        # BLPOP blocks longer than a usual read.
        self._redis = redis.Redis.from_url(broker_url, socket_timeout=TIMEOUT_S + 10)

    def analyse(self, upload: bytes) -> AnalysedPortrait:
        """See `EngineClient`."""
        reply = self._ask("analyse", {"data": base64.b64encode(upload).decode()})
        return AnalysedPortrait(base64.b64decode(reply["data"]), reply["media_type"], reply["report"])

    def render(self, avatar: AvatarFiles, request: RenderRequest) -> RenderedImage:
        """See `EngineClient`."""
        reply = self._ask("render", {"avatar": asdict(avatar), "request": asdict(request)})
        return RenderedImage(base64.b64decode(reply["data"]), reply["media_type"], reply["render_ms"])

    def meet(self, pictures: Sequence[bytes]) -> dict[str, Any]:
        """See `EngineClient`."""
        return self._ask("meet", {"pictures": [base64.b64encode(data).decode() for data in pictures]})

    def follow(self, driver: Mapping[str, Any], picture: bytes) -> dict[str, Any]:
        """See `EngineClient`."""
        return self._ask("follow", {"driver": dict(driver), "picture": base64.b64encode(picture).decode()})

    def close(self) -> None:
        """See `EngineClient`."""
        self._redis.close()

    def _ask(self, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        request_id = uuid.uuid4().hex
        # An answer that comes after the client gave up is of no use.
        arguments = (request_id, name, payload)
        try:
            self._app.send_task("perse.engine", arguments, queue="engine", expires=TIMEOUT_S)
            answer: Any = self._redis.blpop([f"{KEY_PREFIX}reply:{request_id}"], TIMEOUT_S)
        except (OperationalError, redis.exceptions.RedisError) as error:
            raise EngineFailure("unavailable", "The workers' queue does not answer.", "Ask again.") from error
        if answer is None:
            raise EngineFailure("engine_timeout", "No worker answered in time.", "Is a worker running?")
        reply: dict[str, Any] = json.loads(answer[1])
        if "failure" in reply:
            raise EngineFailure(**reply["failure"])
        return reply
