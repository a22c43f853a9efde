"""If-None-Match, as RFC 9110 has it: lists, weak tags and `*`."""

from __future__ import annotations

import re

TAG = re.compile(r'(?:W/)?("[^"]*")')


def is_fresh(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has what `etag` names; the comparison is the weak one. `*` is any that exists."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or etag.removeprefix("W/") in TAG.findall(if_none_match)
