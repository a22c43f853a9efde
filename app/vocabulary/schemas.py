"""What the vocabulary and wishes look like over HTTP."""

from __future__ import annotations

from pydantic import Field

from app.answers import Answer
from perse_engine.vocabulary import Preset


class VariantBody(Answer):
    """A variant; its slots are the adjectives that make it."""

    id: str
    prompt: str
    slots: dict[str, str]


class CategoryBody(Answer):
    """A facial attribute and its catalogue."""

    name: str
    variants: list[VariantBody]


class LimitsBody(Answer):
    """What is refused beyond, and the angles within which an avatar looks right."""

    upload_bytes: int
    upload_px: int
    render_px: int
    animation_s: float
    pose_deg: dict[str, tuple[float, float]]


class BackendsBody(Answer):
    """Who can make pictures here."""

    editors: list[str]
    animators: list[str]
    rigs: list[str]
    interpolators: list[str]
    models: list[str] = Field(description="that a request may name; the first choices need no name")


class VocabularyBody(Answer):
    """The words that requests may use."""

    categories: list[CategoryBody]
    expressions: list[str]
    presets: list[Preset]
    backends: BackendsBody
    limits: LimitsBody
    live_capture: bool = Field(description="whether POST /v1/drivers and /v1/captures follow a face live")


class WishProblem(Answer):
    """Why a wish has no variant."""

    code: str
    detail: str
    hint: str | None


class WishBody(Answer):
    """What a text asks for in one category. Either `variant` or `problem` is null."""

    category: str
    variant: VariantBody | None
    slots: dict[str, str]
    understood: list[str]
    not_understood: list[str]
    problem: WishProblem | None


class ParsedWishes(Answer):
    """A wish per category that the text names, in the order of the text."""

    text: str
    wishes: list[WishBody]
