"""Eyebrows grow where the person's own are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.synthesis.procedural.brow_growth import brow_growth, brow_lines
from perse_engine.synthesis.procedural.brow_zone import grown_zone, own_hair
from perse_engine.synthesis.procedural.outfit import Outfit
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


def test_hairs_of_a_brow_lie_along_it(astronaut_subject: Subject) -> None:
    outfit = Outfit.of(astronaut_subject)
    for line in brow_lines(outfit):
        points = line[1:-1]
        ways = brow_growth(outfit)(points, np.tile([0.0, 0.0, 1.0], (len(points), 1)))[:, :2]
        along = (line[2:] - line[:-2])[:, :2]
        cosine = np.abs((ways * along).sum(1)) / np.linalg.norm(ways, axis=1) / np.linalg.norm(along, axis=1)
        assert cosine.min() > 0.6
        assert np.median(cosine) > 0.85


def test_brows_are_sparser_at_both_ends_and_leave_the_fringe_alone(astronaut_subject: Subject) -> None:
    zone, own = grown_zone(astronaut_subject, 1.5, 0.0), own_hair(astronaut_subject)
    for columns in (np.flatnonzero(own[:, :512].any(0)), 512 + np.flatnonzero(own[:, 512:].any(0))):
        densest = zone[:, columns[0] : columns[-1] + 1].max(0)
        tenth = len(densest) // 10
        assert max(densest[:tenth].mean(), densest[-tenth:].mean()) < 0.8 * densest[4 * tenth : 6 * tenth].mean()
    hair = (astronaut_subject.texel_maps["hair"] > 0.9) & (astronaut_subject.texel_maps["eyebrows"] < 0.05)
    assert zone[hair].max() < 0.02
