"""/v1/vocabulary: the words that requests may use, and what own words mean."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from app.auth import CurrentTenant
from app.avatars.choices import offered
from app.problems import documented
from app.state import AppState
from app.text import Strict
from app.vocabulary.schemas import ParsedWishes, VocabularyBody
from app.vocabulary.wishes import read_wishes, variant_of
from perse_engine.vocabulary import ARKIT_NAMES, CATEGORIES, PRESETS, Wish, pose_limits_deg, variants_of

router = APIRouter(prefix="/v1/vocabulary", tags=["vocabulary"])


@router.get("", response_model=VocabularyBody)
def get_vocabulary(state: AppState, _: CurrentTenant) -> dict[str, Any]:
    """Categories with their catalogue of variants, expressions, presets, editors and animators, limits."""
    return {
        "categories": [
            {
                "name": c,
                "variants": [{"id": v.id, "prompt": v.prompt, "slots": dict(v.slots)} for v in variants_of(c)],
            }
            for c in CATEGORIES
        ],
        "expressions": list(ARKIT_NAMES),
        "presets": [asdict(p) for p in PRESETS.values()],
        "backends": offered(state.settings),
        "limits": {
            "upload_bytes": state.settings.max_upload_bytes,
            "upload_px": 40_000_000,
            "render_px": state.settings.max_render_px,
            "animation_s": state.settings.max_animation_s,
            "pose_deg": pose_limits_deg(),
        },
        "live_capture": state.settings.live_capture,
    }


class WishesBody(Strict):
    """Own words."""

    text: str = Field(min_length=1, max_length=500, examples=["a red beanie and a short beard"])


@router.post("/wishes", response_model=ParsedWishes, responses=documented("too_large", "unsupported_wish"))
def parse_wishes(body: WishesBody, _: CurrentTenant) -> dict[str, Any]:
    """What free text means: a wish per category that it names, each with the variant that answers it.

    `variant.id` can be sent as it is in `variants` of `POST /v1/avatars`; nothing is stored here. `variant` is null and
    `problem` says why, when the text names a category but not how it should be.
    """
    return {"text": body.text, "wishes": [_show(w) for w in read_wishes(body.text)]}


def _show(wish: Wish) -> dict[str, Any]:
    variant, problem = variant_of(wish)
    return {
        "category": wish.category,
        "variant": None
        if variant is None
        else {"id": variant.id, "prompt": variant.prompt, "slots": dict(variant.slots)},
        "slots": dict(wish.slots),
        "understood": list(wish.understood),
        "not_understood": list(wish.not_understood),
        "problem": None if problem is None else {"code": problem.code, "detail": problem.detail, "hint": problem.hint},
    }
