"""What every success body is built from. The schema of an answer is a promise: see tests/app/contract.py."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

Item = TypeVar("Item")


class Answer(BaseModel):
    """The body of a success. Every field is always there; null where there is nothing to tell."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; times are RFC 3339 in UTC."""
        return self.model_dump(mode="json")


class Listed(Answer, Generic[Item]):
    """One page of a list, newest first; `next_cursor` is null on the last one."""

    data: list[Item]
    next_cursor: str | None
