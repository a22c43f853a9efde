"""What the photo's torso wears: cloth that is labelled skin belongs to it, skin does not."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.synthesis.procedural.photo_cloth import MISSED_PX, photo_cloth, upper_edge
from perse_engine.synthesis.procedural.torso_chart import HEIGHT, WIDTH
from perse_engine.vocabulary import REGION_LABELS

SKIN, BLACK = np.array([0.75, 0.58, 0.45]), np.array([0.04, 0.04, 0.05])
TRUE_ROW, HEIGHTS = 200, np.repeat(np.linspace(0.1, -0.2, HEIGHT)[:, None], WIDTH, 1)


def chart(labelled_row: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and colours of black cloth from TRUE_ROW on, that is labelled from another row on."""
    labels = np.full((HEIGHT, WIDTH), REGION_LABELS["skin"], np.uint8)
    labels[labelled_row:] = REGION_LABELS["cloth"]
    colours = np.tile(SKIN, (HEIGHT, WIDTH, 1))
    colours[TRUE_ROW:] = BLACK
    return labels, colours.astype(np.float32)


@pytest.mark.parametrize("missed", [0, 20, MISSED_PX - 4])
def test_a_collar_that_was_taken_for_skin_is_found(missed: int) -> None:
    cloth = photo_cloth(*chart(TRUE_ROW + missed), SKIN)
    assert (np.argmax(cloth, 0) == TRUE_ROW).all()
    edge = upper_edge(cloth, HEIGHTS, np.zeros(WIDTH))
    assert edge == pytest.approx(HEIGHTS[TRUE_ROW, 0], abs=1e-3)


def test_shaded_skin_above_it_stays_skin() -> None:
    labels, colours = chart(TRUE_ROW)
    colours[TRUE_ROW - 30 : TRUE_ROW] = 0.5 * SKIN
    assert (np.argmax(photo_cloth(labels, colours, SKIN), 0) == TRUE_ROW).all()


def test_a_bare_torso_has_no_cloth() -> None:
    labels, colours = chart(HEIGHT)
    cloth = photo_cloth(labels, colours, SKIN)
    assert not cloth.any()
    assert (upper_edge(cloth, HEIGHTS, np.full(WIDTH, 0.3)) == 0.3).all()
