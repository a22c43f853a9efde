"""Who makes an avatar's pictures: what this server offers, and what a request chooses of it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from app.problems import Problem
from app.settings import Settings
from app.text import Strict
from perse_engine.vocabulary import INTERPOLATORS

HINT = "GET /v1/vocabulary lists what this server offers, under backends."


class ModelsWish(Strict):
    """Which pretrained models make the pictures; where one is left out, the first choice of its kind."""

    editor_model: str | None = Field(None, examples=["flux2-klein-4b"])
    animator_model: str | None = Field(None, examples=["wan-vace-1.3b"])
    interpolator: str = Field("rig", description="what in-betweens are made with")
    interpolator_model: str | None = Field(None, examples=["sdxl-base"])
    encoder_model: str | None = Field(None, description="judges pictures by their words", examples=["clip-vit-large"])
    attempts: int = Field(3, ge=1, le=10, description="seeds that are tried per picture")


def offered(settings: Settings) -> dict[str, list[str]]:
    """What requests may choose from."""
    takes_models = settings.offered_editors != ("procedural",) or settings.offered_animators != ("rig",)
    return {
        "editors": list(settings.offered_editors),
        "animators": list(settings.offered_animators),
        "rigs": list(settings.offered_rigs),
        "interpolators": list(INTERPOLATORS) if takes_models else ["rig"],
        "models": list(settings.offered_models),
    }


def chosen(editor: str, animator: str, rig: str, models: ModelsWish | None, settings: Settings) -> dict[str, Any]:
    """The part of a recipe that says who makes the pictures; 422 where the server does not offer it."""
    there = offered(settings)
    for kind, name in (("editor", editor), ("animator", animator), ("rig", rig)):
        if name not in there[f"{kind}s"]:
            raise Problem("not_offered", f"This server does not offer the {kind} {name!r}.", HINT)
    if editor == "procedural" and animator == "rig":
        if models is not None:
            raise Problem("invalid_value", "The editor procedural and the animator rig take no models.", HINT)
        return {"editor": editor, "animator": animator, "rig": rig, "learned": None}
    wish = models or ModelsWish()
    if wish.interpolator not in there["interpolators"]:
        raise Problem("unknown_name", f"There is no interpolator {wish.interpolator!r}.", HINT)
    named = wish.model_dump(exclude_none=True)
    for name in (v for k, v in named.items() if k.endswith("_model")):
        if name not in there["models"]:
            raise Problem("not_offered", f"This server does not offer the model {name!r}.", HINT)
    learned = named | {"memory": settings.model_memory}
    return {"editor": editor, "animator": animator, "rig": rig, "learned": learned}
