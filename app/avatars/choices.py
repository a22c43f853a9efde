"""Who makes an avatar's pictures: what this server offers, and what a request chooses of it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from app.problems import Problem
from app.settings import Settings
from app.text import Strict
from perse_engine.vocabulary import INTERPOLATORS

HINT = "GET /v1/vocabulary lists what this server offers, under backends."


class PictureLimits(Strict):
    """When a picture of an editor is taken; null switches a limit off. Lengths are of the distance between the eyes."""

    max_drift: float | None = Field(0.08, ge=0, le=100, description="of landmarks outside the mask, before alignment")
    max_residual: float | None = Field(0.02, ge=0, le=100, description="the same after it: another face has more")
    min_identity: float | None = Field(0.5, ge=-1, le=1, description="cosine, where the worker has a face recogniser")
    min_attribute_gain: float | None = Field(0.0, ge=-2, le=2, description="cosine nearer to the words, by the encoder")
    min_change: float | None = Field(0.01, ge=0, le=1, description="inside the mask, of full scale")


class FrameLimits(Strict):
    """When a frame of an animator's video is taken; null switches a limit off."""

    max_turn_deg: float | None = Field(12.0, ge=0, le=180, description="by which the head is turned otherwise than led")
    max_drift: float | None = Field(0.3, ge=0, le=100, description="of the landmarks, before the frame is aligned")
    max_residual: float | None = Field(0.04, ge=0, le=100, description="the same after it")
    min_share: float = Field(0.5, ge=0, le=1, description="of a clip's frames; with fewer its variant is rejected")


class ModelsWish(Strict):
    """Which pretrained models make the pictures; where one is left out, the first choice of its kind."""

    editor_model: str | None = Field(None, examples=["flux2-klein-4b"])
    animator_model: str | None = Field(None, examples=["wan-vace-1.3b"])
    interpolator: str = Field("rig", description="what in-betweens are made with")
    interpolator_model: str | None = Field(None, examples=["sdxl-base"])
    spacing_model: str | None = Field(None, description="spaces in-betweens by sight", examples=["lpips-alex"])
    encoder_model: str | None = Field(None, description="judges pictures by their words", examples=["clip-vit-large"])
    attempts: int = Field(3, ge=1, le=10, description="seeds that are tried per picture")
    acceptance: PictureLimits = Field(default_factory=PictureLimits)
    frames: FrameLimits = Field(default_factory=FrameLimits)


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
    # Only here does null mean the first choice; of a limit it means off.
    named = {name: value for name, value in wish.model_dump().items() if value is not None}
    for name in (v for k, v in named.items() if k.endswith("_model")):
        if name not in there["models"]:
            raise Problem("not_offered", f"This server does not offer the model {name!r}.", HINT)
    learned = named | {"memory": settings.model_memory}
    return {"editor": editor, "animator": animator, "rig": rig, "learned": learned}
