"""Holds answers against the OpenAPI document: the status, the media type, every field."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, ClassVar

from fastapi import FastAPI
from fastapi.testclient import TestClient

METHODS = ("get", "head", "post", "put", "patch", "delete")
PROBLEM = "application/problem+json"
KNOWN = {
    "$ref", "type", "properties", "required", "items", "prefixItems", "minItems", "maxItems", "anyOf", "const", "enum",
    "additionalProperties", "format", "title", "description", "examples", "default",
}  # fmt: skip
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool,
    "null": type(None),
}  # fmt: skip


class CheckedClient(TestClient):
    """A client that fails the test when an answer is not what the document says; `seen` holds what was answered."""

    # No setting changes it, and making it takes longer than most tests.
    document: ClassVar[dict[str, Any]] = {}

    def __init__(self, app: FastAPI, *arguments: Any, **options: Any) -> None:
        super().__init__(app, *arguments, **options)
        CheckedClient.document = CheckedClient.document or app.openapi()
        self.seen: set[tuple[str, str, int]] = set()

    def request(self, method: str, url: Any, **options: Any) -> Any:
        """As the client does, and then look at the answer."""
        response = super().request(method, url, **options)
        found = operation_at(self.document, method.lower(), str(response.request.url.path))
        if found is not None:
            self.seen.add((method.lower(), found, response.status_code))
            check_answer(self.document, method.lower(), found, response)
        elif response.status_code >= 400:
            validate(self.document, {"$ref": "#/components/schemas/ProblemBody"}, response.json(), str(url))
        return response


def operation_at(document: dict[str, Any], method: str, path: str) -> str | None:
    """The path of the document that a request's path is an instance of."""
    for template, operations in document["paths"].items():
        if method in operations and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return str(template)
    return None


def check_answer(document: dict[str, Any], method: str, template: str, response: Any) -> None:
    """The document must know this status, this media type and every field."""
    where = f"{method.upper()} {template} -> {response.status_code}"
    responses = document["paths"][template][method]["responses"]
    assert str(response.status_code) in responses, f"{where}: the document knows only {', '.join(responses)}"
    for name, header in responses[str(response.status_code)].get("headers", {}).items():
        assert name in response.headers or not header["required"], f"{where}: lacks the header {name}"
    content = responses[str(response.status_code)].get("content", {})
    if method == "head" or response.status_code in (204, 304):
        assert not response.content or method == "head", f"{where}: has a body"
        return
    media_type = response.headers.get("content-type", "").partition(";")[0]
    if not content:
        assert not response.content, f"{where}: the document says that there is no body"
        return
    assert media_type in content or "*/*" in content, f"{where}: {media_type} is not in {list(content)}"
    if media_type.endswith("json") and media_type in content:
        validate(document, content[media_type]["schema"], response.json(), where)


def validate(document: dict[str, Any], schema: dict[str, Any], value: Any, where: str) -> None:
    """JSON Schema, as far as the document uses it, and stricter: fields that it does not name are wrong."""
    unknown = set(schema) - KNOWN
    assert not unknown, f"{where}: this validator does not know {unknown}"
    if "$ref" in schema:
        validate(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], value, where)
        return
    if "anyOf" in schema:
        failures = [_failure(document, option, value, where) for option in schema["anyOf"]]
        assert None in failures, f"{where}: fits none of {len(failures)}: {failures}"
        return
    if "const" in schema:
        assert value == schema["const"], f"{where}: {value!r} is not {schema['const']!r}"
    if "enum" in schema:
        assert value in schema["enum"], f"{where}: {value!r} is none of {schema['enum']}"
    if "type" in schema:
        is_bool_as_number = isinstance(value, bool) and schema["type"] in ("integer", "number")
        fits = isinstance(value, TYPES[schema["type"]]) and not is_bool_as_number
        assert fits, f"{where}: {value!r} is no {schema['type']}"
    if schema.get("format") == "date-time":
        assert value.endswith("Z") and datetime.fromisoformat(value), f"{where}: {value!r} is no time in UTC"
    if isinstance(value, dict) and schema.get("type") == "object":
        _validate_fields(document, schema, value, where)
    if isinstance(value, list) and schema.get("type") == "array":
        size_fits = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        assert size_fits, f"{where}: {len(value)} items"
        first = schema.get("prefixItems", [])
        for i, item in enumerate(value):
            validate(document, first[i] if i < len(first) else schema.get("items", {}), item, f"{where}/{i}")


def _validate_fields(document: dict[str, Any], schema: dict[str, Any], value: dict[str, Any], where: str) -> None:
    missing = [name for name in schema.get("required", []) if name not in value]
    assert not missing, f"{where}: lacks {missing}"
    named = schema.get("properties", {})
    for name, item in value.items():
        others = schema.get("additionalProperties", False)
        assert name in named or others, f"{where}: the document does not name the field {name!r}"
        validate(document, named.get(name, others if isinstance(others, dict) else {}), item, f"{where}/{name}")


def _failure(document: dict[str, Any], schema: dict[str, Any], value: Any, where: str) -> str | None:
    try:
        validate(document, schema, value, where)
    except AssertionError as error:
        return str(error)
    return None
