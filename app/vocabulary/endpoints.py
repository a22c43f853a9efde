"""/v1/vocabulary: the words that requests may use."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from app.state import AppState
from perse_engine.vocabulary import ARKIT_NAMES, CATEGORIES, PRESETS, pose_limits_deg, variants_of

router = APIRouter(prefix="/v1/vocabulary", tags=["vocabulary"])


@router.get("")
def get_vocabulary(state: AppState) -> dict[str, Any]:
    """Categories with their catalogue of variants, expressions, presets, limits."""
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
        "limits": {
            "upload_bytes": state.settings.max_upload_bytes,
            "upload_px": 40_000_000,
            "render_px": state.settings.max_render_px,
            "pose_deg": pose_limits_deg(),
        },
    }
