"""How long work reports where it is, and how it is told to stop."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives progress. Called often: implementations throttle.

    `report` raises `Cancelled` when the caller wants the work to stop; workers call it at step boundaries,
    at least once a second.
    """

    def report(self, stage: str, step: int, total_steps: int) -> None:
        """Tell that `step` of `total_steps` of `stage` is done (stage: 'subject', 'synthesis', ...)."""
        ...


class SilentProgress:
    """Ignores every report."""

    def report(self, stage: str, step: int, total_steps: int) -> None:
        """Do nothing."""
