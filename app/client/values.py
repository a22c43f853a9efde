"""Plain values that the API answers with. Fields that this client does not know are passed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

Value = TypeVar("Value")


def known(type_: type[Value], body: Mapping[str, Any], **own: Any) -> Value:
    """A dataclass from the fields of a body that it has; `own` goes first."""
    names = {f.name for f in fields(type_)}  # type: ignore[arg-type]
    return type_(**{k: v for k, v in body.items() if k in names} | own)


def moment(text: str | None) -> datetime | None:
    """A time of the API."""
    return None if text is None else datetime.fromisoformat(text)


@dataclass(frozen=True)
class Progress:
    """How far a job is; prints as one line."""

    status: str
    fraction: float | None = None
    stage: str | None = None
    step: int | None = None
    total_steps: int | None = None
    eta_s: float | None = None

    def __str__(self) -> str:
        percent = "" if self.fraction is None else f" {100 * self.fraction:3.0f} %"
        steps = f", step {self.step} of {self.total_steps}" if self.total_steps else ""
        left = "" if self.eta_s is None else f", {self.eta_s:.0f} s left"
        return f"{self.stage or self.status}{percent}{steps}{left}"


@dataclass(frozen=True)
class Parts:
    """Into how many parts a job has fanned out, and how many of them are done."""

    total: int
    done: int


@dataclass(frozen=True)
class Problem:
    """Why a job failed."""

    code: str
    detail: str
    hint: str | None = None


@dataclass(frozen=True)
class Camera:
    """Where the camera stands; +yaw moves it towards the subject's left, +pitch up. `distance` is in metres."""

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    distance: float = 1.0
    fov_deg: float = 18.0


@dataclass(frozen=True)
class Added:
    """A variant that was added to a ready avatar."""

    category: str
    id: str
    prompt: str
    method: str
    gaussians: int
    measured: Mapping[str, float]


@dataclass(frozen=True)
class Codes:
    """The codes of one category: the source's, and one per variant."""

    source: Sequence[float]
    variants: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Latents:
    """Every category's codes."""

    dimension: int
    categories: Mapping[str, Codes]


@dataclass(frozen=True)
class Variant:
    """A variant of a category; its slots are the adjectives that make it."""

    id: str
    prompt: str
    slots: Mapping[str, str]


@dataclass(frozen=True)
class Wish:
    """What a text asks for in one category. Either `variant` or `problem` is None."""

    category: str
    variant: Variant | None
    slots: Mapping[str, str]
    understood: Sequence[str]
    not_understood: Sequence[str]
    problem: Problem | None
