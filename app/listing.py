"""Cursor pagination: newest first, the cursor is the last id seen (ids are ordered by time)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Query
from sqlalchemy import Select
from sqlalchemy.orm import Session


class Page:
    """`?limit=&cursor=` of a list."""

    def __init__(
        self,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, Query(pattern=r"^[a-z0-9_]{1,64}$")] = None,
    ) -> None:
        self.limit, self.cursor = limit, cursor


PageQuery = Annotated[Page, Depends(Page)]


def list_page(
    session: Session, statement: Select[Any], model: Any, page: Page, show: Callable[[Any], dict[str, Any]]
) -> dict[str, Any]:
    """`{data, next_cursor}` of one model's rows."""
    if page.cursor:
        statement = statement.where(model.id < page.cursor)
    rows = session.scalars(statement.order_by(model.id.desc()).limit(page.limit + 1)).all()
    shown = rows[: page.limit]
    return {
        "data": [show(r) for r in shown],
        "next_cursor": shown[-1].id if len(rows) > page.limit else None,
    }
