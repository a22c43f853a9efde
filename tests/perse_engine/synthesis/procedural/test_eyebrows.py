"""Eyebrows grow where the person's own are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.synthesis.procedural.procedural_editor import ProceduralEditor


def change(subject: Subject, variant: str) -> np.ndarray:
    """How much a variant changes the head's atlas, [A, A]."""
    dressed = ProceduralEditor().dress(subject, Look({"eyebrows": {variant: 1.0}}))
    before, after = (look.texture[:ATLAS_PX, :ATLAS_PX, :3] for look in (subject.look, dressed))
    return np.asarray(np.abs(after - before).mean(-1))


@pytest.mark.parametrize("variant", ["thick-dark", "thick-straight", "bushy-grey", "thick-angled"])
def test_thick_brows_stay_around_the_own_ones(variant: str, astronaut_subject: Subject) -> None:
    changed = change(astronaut_subject, variant)
    near = cv2.dilate(astronaut_subject.texel_maps["eyebrows"], np.ones((25, 25))) > 0.3
    assert changed[near].sum() > 0.97 * changed.sum()


def test_thick_brows_show_single_hairs(astronaut_subject: Subject) -> None:
    changed = change(astronaut_subject, "thick-straight")
    grown = cv2.GaussianBlur(changed, (0, 0), 3.0) > 0.10
    assert grown.sum() > 500
    assert (changed - cv2.GaussianBlur(changed, (0, 0), 3.0))[grown].std() > 0.03
