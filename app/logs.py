"""What logs look like: one JSON object per line, or coloured text on a terminal.

A traceback tells files and lines, never values: they may be keys, addresses and pictures of people.
"""

from __future__ import annotations

import sys

import structlog
from structlog.typing import Processor


def configure_logs(*, is_terminal: bool | None = None) -> None:
    """Of this process; by default a look at stdout decides between JSON and text."""
    ending: tuple[Processor, ...]
    if sys.stdout.isatty() if is_terminal is None else is_terminal:
        ending = (structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),)
    else:
        ending = (structlog.processors.format_exc_info, structlog.processors.JSONRenderer())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *ending,
        ],
        logger_factory=structlog.WriteLoggerFactory(),
    )
