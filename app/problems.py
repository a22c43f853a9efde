"""Every way a request can fail, in one table, answered as RFC 9457 problem details."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from botocore.exceptions import ConnectionError as StoreUnreachable
from botocore.exceptions import HTTPClientError as StoreTimeout
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from app.answers import Answer

MEDIA_TYPE = "application/problem+json"

CODES: Mapping[str, tuple[int, str]] = {
    "not_found": (404, "Not found"),
    "method_not_allowed": (405, "Method not allowed"),
    "unauthorized": (401, "A valid API key is needed"),
    "forbidden": (403, "The API key does not allow this"),
    "rate_limited": (429, "Too many requests"),
    "quota_exceeded": (429, "The quota is used up"),
    "conflict": (409, "Conflict"),
    "not_ready": (409, "The avatar is not ready"),
    "in_progress": (409, "The first request with this key is still running"),
    "misdirected": (421, "This service does not answer to that name"),
    "too_large": (413, "Too large"),
    "unsupported_media_type": (415, "Unsupported media type"),
    "range_not_satisfiable": (416, "Range not satisfiable"),
    "invalid_request": (422, "Invalid request"),
    "invalid_value": (422, "Invalid value"),
    "unknown_name": (422, "Unknown name"),
    "unsupported_wish": (422, "The editor cannot do this"),
    "not_offered": (422, "This server does not offer it"),
    "edits_rejected": (422, "No picture was good enough"),
    "licence_not_accepted": (403, "A model's licence was not accepted"),
    "idempotency_mismatch": (422, "The key was used with another request"),
    "undecodable": (422, "The file cannot be decoded"),
    "too_small": (422, "The picture is too small"),
    "no_face": (422, "No face"),
    "several_faces": (422, "Several faces"),
    "face_too_small": (422, "The face is too small"),
    "portrait_error": (422, "The photo cannot be used"),
    "cancelled": (409, "Cancelled"),
    "backend_missing": (503, "A backend is missing"),
    "corrupt_file": (500, "A stored file is damaged"),
    "engine_timeout": (504, "The engine took too long"),
    "engine_crashed": (500, "The engine stopped while working"),
    "deadline_exceeded": (504, "The job's deadline has passed"),
    "attempts_exhausted": (500, "The worker was lost too often"),
    "unavailable": (503, "Something that the service needs does not answer"),
    "internal": (500, "Internal error"),
}


@dataclass
class Problem(Exception):
    """Raise anywhere in a request; `code` is a key of CODES."""

    code: str
    detail: str
    hint: str | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)


class FieldProblem(Answer):
    """What is wrong with one field of a request."""

    pointer: str = Field(description="JSON pointer, its first part says where: body, query, path or header")
    detail: str
    code: str


class ProblemBody(Answer):
    """RFC 9457 problem details; `code` is stable, `detail` and `hint` are for people."""

    type: str
    title: str
    status: int
    detail: str
    hint: str | None
    instance: str
    code: str
    request_id: str | None
    errors: list[FieldProblem]


def not_found(kind: str) -> Problem:
    """Also for what belongs to another tenant: its existence is not told."""
    return Problem("not_found", f"There is no such {kind}.")


def problem_body(problem: Problem, request: Request) -> dict[str, Any]:
    """The JSON of a problem; no path of this machine, no stack."""
    status, title = CODES.get(problem.code, CODES["internal"])
    return {
        "type": f"urn:perse:problem:{problem.code}",
        "title": title,
        "status": status,
        "detail": problem.detail,
        "hint": problem.hint,
        "instance": request.url.path,
        "code": problem.code,
        "request_id": getattr(request.state, "request_id", None),
        "errors": problem.errors,
    }


def respond(problem: Problem, request: Request) -> JSONResponse:
    """A problem as a response."""
    body = problem_body(problem, request)
    return JSONResponse(body, status_code=body["status"], media_type=MEDIA_TYPE, headers=problem.headers)


def install(app: FastAPI) -> None:
    """Answer every failure of this app as a problem."""

    @app.exception_handler(Problem)
    async def known(request: Request, error: Problem) -> JSONResponse:
        return respond(error, request)

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> JSONResponse:
        by_status = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}
        code = by_status.get(error.status_code, "invalid_request" if error.status_code < 500 else "internal")
        return respond(Problem(code, str(error.detail), headers=dict(error.headers or {})), request)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        errors = [
            {"pointer": "/" + "/".join(str(p) for p in e["loc"]), "detail": e["msg"], "code": e["type"]}
            for e in error.errors()
        ]
        return respond(Problem("invalid_request", "The request does not fit the contract.", errors=errors), request)

    @app.exception_handler(OperationalError)
    @app.exception_handler(StoreUnreachable)
    @app.exception_handler(StoreTimeout)
    async def away(request: Request, error: Exception) -> JSONResponse:
        structlog.get_logger().warning("request.unavailable", path=request.url.path, reason=type(error).__name__)
        return respond(
            Problem(
                "unavailable", "The database or the store does not answer just now; nothing was changed.",
                hint="Ask again, with the same Idempotency-Key.", headers={"Retry-After": "1"},
            ),
            request,
        )  # fmt: skip

    @app.exception_handler(Exception)
    async def unknown(request: Request, error: Exception) -> JSONResponse:
        structlog.get_logger().exception("request.failed", path=request.url.path)
        return respond(Problem("internal", "Something went wrong on our side; it was logged."), request)


EVERYWHERE = ("unauthorized", "forbidden", "misdirected", "invalid_request", "rate_limited", "unavailable", "internal")
"""What every route under /v1 can answer."""
WITH_KEY = ("in_progress", "idempotency_mismatch")
"""What a route that honours Idempotency-Key can answer."""


def documented(*codes: str) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route: the problems it can answer, beside EVERYWHERE's."""
    out: dict[int | str, dict[str, Any]] = {}
    own = {CODES[c][0] for c in codes}
    # A route's own entry for a status takes the place of that for every route.
    for code in (*(c for c in EVERYWHERE if CODES[c][0] in own and c not in codes), *codes):
        status, title = CODES[code]
        schema = {"$ref": "#/components/schemas/ProblemBody"}
        entry = out.setdefault(status, {"description": "", "content": {MEDIA_TYPE: {"schema": schema}}})
        entry["description"] = "; ".join(filter(None, [entry["description"], f"{code}: {title}"]))
    return out
