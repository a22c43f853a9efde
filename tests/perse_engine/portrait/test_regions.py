"""Regions: what is hair and what is skin above the landmarks."""

from __future__ import annotations

import numpy as np

from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.portrait.regions import find_regions


def test_light_strands_in_the_hair_are_hair(astronaut_analysis: PortraitAnalysis) -> None:
    points, hair = astronaut_analysis.landmarks[:, :2], astronaut_analysis.regions.hair
    top, height = points[10], np.linalg.norm(points[10] - points[152])
    x, y = top.astype(int)
    up, wide = int(0.32 * height), int(0.3 * height)
    above = hair[y - up : y - int(0.06 * height), x - wide : x + wide]
    assert (above > 0.7).mean() > 0.97


def test_a_high_forehead_is_skin(astronaut_analysis: PortraitAnalysis) -> None:
    # The forehead's own colour drawn over the lower third of the fringe.
    work, points = astronaut_analysis.work_rgb.copy(), astronaut_analysis.landmarks
    height = float(np.linalg.norm(points[10, :2] - points[152, :2]))
    x, y = points[10, :2].astype(int)
    skin = work[int(points[151, 1]) - 4 : int(points[151, 1]) + 4, x - 6 : x + 6].reshape(-1, 3)
    wide, high = int(0.22 * height), int(0.12 * height)
    noise = np.random.default_rng(0).integers(0, len(skin), (high + 40, 2 * wide))
    work[y - high : y + 40, x - wide : x + wide] = skin[noise]
    regions, _ = find_regions(work, points, astronaut_analysis.regions.person, astronaut_analysis.regions.valid)
    drawn = (slice(y - high + 6, y + 20), slice(x - wide + 10, x + wide - 10))
    assert regions.skin[drawn].mean() > 0.8 > 0.2 > regions.hair[drawn].mean()
