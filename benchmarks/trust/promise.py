"""What a scenario shows: a promise, what was measured, and whether it was kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Promise:
    """One row of the table.

    Attributes:
        what: in a few words.
        measured: as people read it.
        asked: the bar, as people read it; empty of a figure without one.
        is_kept: None of a figure without a bar.
        value: of the JSON, where a number says more than `measured`.
    """

    what: str
    measured: str
    asked: str = ""
    is_kept: bool | None = None
    value: float | None = None


def figure(what: str, value: float, unit: str = "") -> Promise:
    """A number without a bar."""
    return Promise(what, f"{value:.4g}{' ' if unit else ''}{unit}", value=value)


def exactly(what: str, value: float, wanted: float) -> Promise:
    """A count that must be this one."""
    return Promise(what, f"{value:g}", f"{wanted:g}", value == wanted, value)


def at_least(what: str, value: float, bar: float, unit: str = "") -> Promise:
    """A number with a lower bar."""
    unit = f" {unit}" if unit else ""
    return Promise(what, f"{value:.4g}{unit}", f">= {bar:g}{unit}", value >= bar, value)


def at_most(what: str, value: float, bar: float, unit: str = "") -> Promise:
    """A number with an upper bar."""
    unit = f" {unit}" if unit else ""
    return Promise(what, f"{value:.4g}{unit}", f"<= {bar:g}{unit}", value <= bar, value)


def holds(what: str, is_kept: bool, measured: str) -> Promise:
    """A promise that is no number."""
    return Promise(what, measured, "yes", is_kept)
