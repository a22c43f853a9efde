"""Hats enclose the head, come down with the weight, and differ."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from perse_engine.errors import UnsupportedWish
from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.rig import BONES
from perse_engine.head.subject import PARTS, Subject
from perse_engine.look import Look
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.procedural.hat import hat
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.synthesis.procedural.worn import Worn
from perse_engine.vocabulary import REGION_LABELS, VariantSpec, variants_of
from tests.perse_engine.synthesis.procedural.dressing import (
    assert_sound,
    changed,
    dressed,
    parts_of,
    seen,
    silhouette,
)

IDS = [v.id for v in variants_of("hat")]
TYPES = {v.slots["type"]: v.id for v in variants_of("hat")}


def test_there_are_seven_types() -> None:
    assert len(TYPES) >= 7


@pytest.mark.parametrize("id", IDS)
def test_geometry_is_sound_and_follows_the_head(id: str, astronaut_subject: Subject) -> None:
    for part in parts_of(astronaut_subject, "hat", id):
        assert_sound(part)
        assert (part.bone_weights[:, BONES.index("head")] == 1).all()


@pytest.mark.parametrize("id", IDS)
def test_more_weight_shows_more(id: str, astronaut_subject: Subject) -> None:
    counts = [changed(astronaut_subject, "hat", id, w) for w in (0.0, 0.3, 0.65, 1.0)]
    assert counts[0] == 0
    assert counts == sorted(set(counts))


@pytest.mark.parametrize("id", IDS)
def test_no_hair_sticks_out_of_the_crown(id: str, astronaut_subject: Subject) -> None:
    labels = seen(dressed(astronaut_subject, "hat", id), size_px=160).labels
    rows = np.where((labels == REGION_LABELS["hat"]).any(1))[0]
    upper = labels[rows.min() : rows.min() + len(rows) // 2]
    assert ((upper != 0) & (upper != REGION_LABELS["hat"])).mean() < 0.002


def test_types_differ_in_silhouette(astronaut_subject: Subject) -> None:
    shapes = [silhouette(astronaut_subject, "hat", id) for id in TYPES.values()]
    for a, b in combinations(shapes, 2):
        assert (a != b).sum() > 0.08 * max(a.sum(), b.sum())


@pytest.mark.parametrize("kind", ["fedora", "cowboy", "cap", "top-hat"])
def test_a_brim_shades_the_brow_and_not_the_chin(kind: str, astronaut_subject: Subject) -> None:
    # Between the eyes, below the nose, beside the chin.
    brow, lip, chin = (_kept(astronaut_subject, TYPES[kind], mark) for mark in (168, 164, 199))
    assert 0.5 < brow < 0.88
    assert brow + 0.05 < lip
    assert chin > 0.95


def test_a_beanie_shades_only_where_it_touches(astronaut_subject: Subject) -> None:
    beanie, fedora = (_kept(astronaut_subject, TYPES[kind], 168) for kind in ("beanie", "fedora"))
    assert beanie > fedora + 0.08
    assert _kept(astronaut_subject, TYPES["beanie"], 164) > 0.98


def test_a_brims_shade_comes_with_the_hat(astronaut_subject: Subject) -> None:
    kept = [_kept(astronaut_subject, TYPES["fedora"], 168, weight) for weight in (0.4, 0.7, 0.85, 1.0)]
    assert kept == sorted(kept, reverse=True)
    assert max(a - b for a, b in pairwise(kept)) < 0.2


def test_a_little_of_a_brim_shades_a_little(astronaut_subject: Subject) -> None:
    def brow(*weights: float) -> float:
        mix = dict(zip((TYPES["beanie"], TYPES["fedora"]), weights, strict=True))
        look = ProceduralEditor().dress(astronaut_subject, Look({"hat": mix}))
        return float(look.texture[:ATLAS_PX, :ATLAS_PX, :3][astronaut_subject.texel_maps["eyebrows"] > 0.5].mean())

    beanie, little, half, fedora = brow(1, 0), brow(0.98, 0.02), brow(0.5, 0.5), brow(0, 1)
    assert abs(beanie - little) < 0.05 * (beanie - fedora)
    assert beanie > half > fedora


def _kept(subject: Subject, id: str, mark: int, weight: float = 1.0) -> float:
    """The share of its brightness that the skin at a landmark keeps under a hat."""
    x, y = subject.look.uv[subject.landmark_vertices[mark]].astype(int)
    before, after = (
        look.texture[y - 4 : y + 5, x - 4 : x + 5, :3].mean()
        for look in (subject.look, dressed(subject, "hat", id, weight))
    )
    return float(after / before)


def test_an_unknown_hat_is_refused(astronaut_subject: Subject) -> None:
    crown = VariantSpec("hat", "x", {"type": "crown", "colour": "red"}, "")
    with pytest.raises(UnsupportedWish):
        hat(Outfit.of(astronaut_subject), Worn(((crown, 1.0),)))


@pytest.mark.parametrize("style", ["source-length-curly-black-afro", "long-wavy-blonde"])
def test_hair_stays_under_a_hat(style: str, astronaut_subject: Subject) -> None:
    def labels(look: Look) -> np.ndarray:
        pictures = [seen(ProceduralEditor().dress(astronaut_subject, look), yaw_deg=y).labels for y in (-30.0, 30.0)]
        return np.stack(pictures)

    alone = labels(Look({"hat": {"beanie-red": 1}})) == REGION_LABELS["hat"]
    both = labels(Look({"hat": {"beanie-red": 1}, "hair": {style: 1}}))
    assert (both[alone] == REGION_LABELS["hair"]).mean() < 0.05


def test_a_fedora_is_not_much_wider_than_the_head_and_narrows(astronaut_subject: Subject) -> None:
    crown, brim = parts_of(astronaut_subject, "hat", TYPES["fedora"])[:2]
    look = astronaut_subject.look
    hair = look.rig.vertices[np.unique(look.faces[look.face_part == PARTS.index("scalp")])]
    assert np.ptp(brim.vertices[:, 0]) < np.ptp(hair[:, 0]) + 0.09
    height = crown.vertices[:, 1]
    low, high = (np.ptp(crown.vertices[np.abs(height - np.quantile(height, q)) < 0.006, 0]) for q in (0.3, 0.75))
    assert high < 0.85 * low
