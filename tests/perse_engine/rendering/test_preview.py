"""The picture of an avatar that is being trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from perse_engine.avatar.avatar import Avatar
from perse_engine.rendering import preview
from perse_engine.rendering.preview import CELL_PX, NAME, Preview


def test_it_shows_three_different_views_on_nothing(tiny_avatar: Avatar, tmp_path: Path) -> None:
    Preview(tmp_path, "cpu")(tiny_avatar)
    image = Image.open(tmp_path / NAME)
    assert image.size == (3 * CELL_PX, CELL_PX) and image.mode == "RGBA"
    cells = np.split(np.asarray(image, np.float64), 3, axis=1)
    for cell in cells:
        assert cell[CELL_PX // 2, CELL_PX // 2, 3] > 200 and cell[0, 0, 3] == 0
    assert all(np.abs(cell - cells[0]).mean() > 2 for cell in cells[1:])


def test_it_is_drawn_again_when_it_is_time(
    tiny_avatar: Avatar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = Preview(tmp_path, "cpu")
    show(tiny_avatar)
    (tmp_path / NAME).unlink()
    show(tiny_avatar)
    assert not (tmp_path / NAME).exists()
    monkeypatch.setattr(preview, "EVERY_S", 0.0)
    again = Preview(tmp_path, "cpu")
    for _ in range(2):
        again(tiny_avatar)
        (tmp_path / NAME).unlink()
