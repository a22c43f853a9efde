"""Logs: one JSON object per line, and no values in tracebacks."""

from __future__ import annotations

import json

import pytest
import structlog
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError

from app.logs import configure_logs
from tests.app.conftest import PromptEngine
from tests.app.test_routes import assert_problem, upload


@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_traceback_tells_no_values(is_terminal: bool, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(is_terminal=is_terminal)
    password = "-".join(["hush"] * 2)
    try:
        len(password) / 0
    except ZeroDivisionError:
        structlog.get_logger().exception("it.broke", job_id="job_1")
    told = capsys.readouterr().out
    assert "ZeroDivisionError" in told and "job_1" in told and password not in told


def test_a_line_is_json_with_the_id_of_its_request(client: TestClient, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(is_terminal=False)
    answer = client.get("/v1/jobs/job_none")
    (line,) = (json.loads(text) for text in capsys.readouterr().out.splitlines())
    told = {name: line[name] for name in ("event", "level", "method", "path", "status", "request_id")}
    assert told == {
        "event": "request.done", "level": "info", "method": "GET", "path": "/v1/jobs/job_none", "status": 404,
        "request_id": answer.headers["X-Request-Id"],
    }  # fmt: skip


def test_a_database_that_is_away_is_said_and_may_be_asked_again(client: TestClient, engine: PromptEngine) -> None:
    engine.failure = OperationalError("SELECT 1", {}, Exception("connection to 10.1.2.3 refused"))  # type: ignore[assignment]
    answer = upload(client)
    assert_problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"] == "1" and "10.1.2.3" not in answer.text
