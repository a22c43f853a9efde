"""The words that engine, API, database and files share. Standard library only: the API process imports it."""

from perse_engine.vocabulary.backends import ANIMATORS, EDITORS, INTERPOLATORS, RIGS
from perse_engine.vocabulary.catalogue import CATALOGUE, VariantSpec, variant_spec, variants_of
from perse_engine.vocabulary.categories import (
    ADDITIVE_CATEGORIES,
    CATEGORIES,
    LAYERS,
    REGION_LABELS,
    THIN_CATEGORIES,
)
from perse_engine.vocabulary.expressions import ARKIT_NAMES, EYE_LOOK_MAX_DEG, EYE_LOOK_NAMES
from perse_engine.vocabulary.presets import PRESETS, Preset, pose_limits_deg
from perse_engine.vocabulary.wish import Wish, find_variant
from perse_engine.vocabulary.wishes import parse_wish, parse_wishes

__all__ = [
    "ADDITIVE_CATEGORIES",
    "ANIMATORS",
    "ARKIT_NAMES",
    "CATALOGUE",
    "CATEGORIES",
    "EDITORS",
    "EYE_LOOK_MAX_DEG",
    "EYE_LOOK_NAMES",
    "INTERPOLATORS",
    "LAYERS",
    "PRESETS",
    "REGION_LABELS",
    "RIGS",
    "THIN_CATEGORIES",
    "Preset",
    "VariantSpec",
    "Wish",
    "find_variant",
    "parse_wish",
    "parse_wishes",
    "pose_limits_deg",
    "variant_spec",
    "variants_of",
]
