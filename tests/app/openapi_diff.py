"""Which changes between two OpenAPI documents break clients that were written for the older one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.app.contract import METHODS

Document = dict[str, Any]
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


def breaking_changes(old: Document, new: Document) -> list[str]:
    """One sentence for each; empty when every client of the old document can go on."""
    return list(dict.fromkeys(_paths(old, new)))


def _paths(old: Document, new: Document) -> Iterator[str]:
    for path, operations in old["paths"].items():
        for method in (m for m in METHODS if m in operations):
            where = f"{method.upper()} {path}"
            if method not in new["paths"].get(path, {}):
                yield f"{where}: removed"
                continue
            before, after = operations[method], new["paths"][path][method]
            yield from _parameters(old, new, before, after, where)
            yield from _requests(old, new, before, after, where)
            yield from _responses(old, new, before, after, where)


def _parameters(old: Document, new: Document, before: Document, after: Document, where: str) -> Iterator[str]:
    known = {(p["in"], p["name"].lower()): p for p in before.get("parameters", [])}
    offered = {(p["in"], p["name"].lower()): p for p in after.get("parameters", [])}
    for key, parameter in known.items():
        if key not in offered:
            yield f"{where}: the {key[0]} parameter {key[1]} was removed"
        else:
            schemas = parameter.get("schema", {}), offered[key].get("schema", {})
            yield from _narrowed(old, new, *schemas, f"{where} {key[0]} {key[1]}", set())
    for key, parameter in offered.items():
        if parameter.get("required") and not known.get(key, {}).get("required"):
            yield f"{where}: the {key[0]} parameter {key[1]} is now required"


def _requests(old: Document, new: Document, before: Document, after: Document, where: str) -> Iterator[str]:
    if after.get("requestBody", {}).get("required") and not before.get("requestBody", {}).get("required"):
        yield f"{where}: a request body is now required"
    accepted = after.get("requestBody", {}).get("content", {})
    for media_type, entry in before.get("requestBody", {}).get("content", {}).items():
        if media_type not in accepted:
            yield f"{where}: {media_type} is no longer accepted"
        else:
            schemas = entry.get("schema", {}), accepted[media_type].get("schema", {})
            yield from _narrowed(old, new, *schemas, f"{where} request", set())


def _responses(old: Document, new: Document, before: Document, after: Document, where: str) -> Iterator[str]:
    for status, response in before["responses"].items():
        if not status.startswith("2"):
            continue
        if status not in after["responses"]:
            yield f"{where}: no longer answers {status}"
            continue
        content = after["responses"][status].get("content", {})
        for media_type, entry in response.get("content", {}).items():
            if media_type not in content:
                yield f"{where} {status}: no longer answers {media_type}"
            else:
                # What clients may get must not grow beyond what they knew: the directions are the other way round.
                schemas = entry.get("schema", {}), content[media_type].get("schema", {})
                yield from _widened(old, new, *schemas, f"{where} {status}", set())


def _narrowed(old: Document, new: Document, a: Document, b: Document, where: str, seen: set[Any]) -> Iterator[str]:
    """What requests could say in `a` and cannot in `b`."""
    if (pair := _pair(a, b)) in seen:
        return
    seen = seen | {pair} if pair else seen
    a, b = _resolved(old, a), _resolved(new, b)
    if "anyOf" in a or "anyOf" in b:
        options = a.get("anyOf", [a])
        for option in options:
            offered = b.get("anyOf", [b])
            if all(list(_narrowed(old, new, option, other, where, seen)) for other in offered):
                yield f"{where}: no longer takes {_name(old, option)}"
        return
    if gone := _types(a) - _types(b):
        yield f"{where}: the type was {'/'.join(sorted(gone))} and is {_name(new, b)}"
        return
    if "enum" in b or "const" in b:
        yield from (f"{where}: no longer takes {v!r}" for v in sorted(_values(a) - _values(b), key=repr))
        if not _values(a):
            yield f"{where}: takes only {sorted(_values(b), key=repr)} now"
    for key in LOWER:
        if key in b and b[key] > a.get(key, float("-inf")):
            yield f"{where}: {key} is now {b[key]}"
    for key in UPPER:
        if key in b and b[key] < a.get(key, float("inf")):
            yield f"{where}: {key} is now {b[key]}"
    if "pattern" in b and a.get("pattern") != b["pattern"]:
        yield f"{where}: must now match {b['pattern']}"
    yield from (
        f"{where}: the field {name} is now required"
        for name in b.get("required", [])
        if name not in a.get("required", [])
    )
    offered = b.get("properties", {})
    for name, schema in a.get("properties", {}).items():
        if name not in offered:
            if b.get("additionalProperties") is False:
                yield f"{where}: the field {name} was removed"
        else:
            yield from _narrowed(old, new, schema, offered[name], f"{where} {name}", seen)
    for key in ("items", "additionalProperties"):
        if isinstance(a.get(key), dict) and isinstance(b.get(key), dict):
            yield from _narrowed(old, new, a[key], b[key], f"{where} {key}", seen)


def _widened(old: Document, new: Document, a: Document, b: Document, where: str, seen: set[Any]) -> Iterator[str]:
    """What answers could be relied on to say in `a` and cannot in `b`. New fields and new enum values are no break."""
    if (pair := _pair(a, b)) in seen:
        return
    seen = seen | {pair} if pair else seen
    a, b = _resolved(old, a), _resolved(new, b)
    if "anyOf" in a or "anyOf" in b:
        for option in b.get("anyOf", [b]):
            known = a.get("anyOf", [a])
            if all(list(_widened(old, new, other, option, where, seen)) for other in known):
                yield f"{where}: may now be {_name(new, option)}"
        return
    if a and (fresh := _types(b) - _types(a)):
        yield f"{where}: the type was {_name(old, a)} and is {'/'.join(sorted(fresh))}"
        return
    promised = b.get("properties", {})
    for name, schema in a.get("properties", {}).items():
        if name not in promised:
            yield f"{where}: the field {name} was removed"
            continue
        if name in a.get("required", []) and name not in b.get("required", []):
            yield f"{where}: the field {name} is no longer always there"
        yield from _widened(old, new, schema, promised[name], f"{where} {name}", seen)
    for key in ("items", "additionalProperties"):
        if isinstance(a.get(key), dict) and isinstance(b.get(key), dict):
            yield from _widened(old, new, a[key], b[key], f"{where} {key}", seen)


def _pair(a: Document, b: Document) -> tuple[str, str] | None:
    """Two schemas that refer to others by name: those that hold themselves are looked at once."""
    return (a["$ref"], b["$ref"]) if "$ref" in a and "$ref" in b else None


def _resolved(document: Document, schema: Document) -> Document:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _types(schema: Document) -> set[str]:
    if "type" not in schema:
        return {"object", "array", "string", "integer", "number", "boolean", "null"}
    return {"integer", "number"} if schema["type"] == "number" else {schema["type"]}


def _values(schema: Document) -> set[Any]:
    return set(schema.get("enum", [schema["const"]] if "const" in schema else []))


def _name(document: Document, schema: Document) -> str:
    return str(schema.get("$ref", "").rpartition("/")[2] or _resolved(document, schema).get("type", "anything"))
