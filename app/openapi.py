"""What FastAPI's document lacks: problems, scopes, and the headers of answers."""

from __future__ import annotations

from typing import Any

from app.animations.schemas import AnimationBody
from app.auth import scope_of
from app.problems import ProblemBody

WITH_LOCATION = (
    ("post", "/v1/portraits"),
    ("post", "/v1/avatars"),
    ("delete", "/v1/avatars/{avatar_id}"),
    ("post", "/v1/avatars/{avatar_id}/renders"),
    ("post", "/v1/avatars/{avatar_id}/exports"),
    ("post", "/v1/avatars/{avatar_id}/animations"),
    ("post", "/v1/webhook-endpoints"),
)
"""Their 201 and 202 say where what they made is: a portrait, a webhook endpoint, or a job."""


def complete(document: dict[str, Any]) -> None:
    """Add it, in place."""
    schema = ProblemBody.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    asked = AnimationBody.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, own in (("ProblemBody", schema), ("AnimationBody", asked)):
        document["components"]["schemas"] |= own.pop("$defs") | {name: own}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if "security" in operation:
                operation["security"] = [{"HTTPBearer": [scope_of(method.upper(), path)]}]
            for status, response in operation["responses"].items():
                response["headers"] = _headers(method, path, status, is_tagged="304" in operation["responses"])


def _headers(method: str, path: str, status: str, *, is_tagged: bool) -> dict[str, Any]:
    found: dict[str, tuple[str, bool]] = {}
    if status < "500":
        found["X-Request-Id"] = ("names the request in the logs", True)
    if is_tagged and status in ("200", "206", "304"):
        found["ETag"] = ("for If-None-Match", True)
    if status in ("201", "202") and (method, path) in WITH_LOCATION:
        found["Location"] = ("what was made", True)
    if status == "206":
        found["Content-Range"] = ("which part it is", True)
    if status == "429":
        found["Retry-After"] = ("seconds; absent where time does not help", False)
    if path.startswith("/v1/") and status < "500":
        found["RateLimit"] = ("requests left, and seconds until all are; to requests with a key", False)
        found["RateLimit-Policy"] = ("requests in a window; to requests with a key", False)
    return {
        name: {"description": text, "required": is_always, "schema": {"type": "string"}}
        for name, (text, is_always) in found.items()
    }
