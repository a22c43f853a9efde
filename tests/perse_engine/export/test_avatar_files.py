"""One door to exports: what fits together is written as asked, and each file's frame is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.posing import posed_cloud
from perse_engine.errors import InvalidValue, UnknownName
from perse_engine.export import read_bundle, read_cloud, visible
from perse_engine.export.avatar_files import SUFFIXES, ExportWish, export_avatar, frame_of
from perse_engine.look import Look
from perse_engine.scene import Expression, Pose


@pytest.mark.parametrize("format", ["ply", "spz", "splat", "glb"])
def test_a_turned_head_lies_where_its_frame_says(format: str, tiny_avatar: Avatar, tmp_path: Path) -> None:
    source = tiny_avatar.bake(Look())
    world = np.sort(visible(posed_cloud(tiny_avatar, source, Pose(yaw_deg=40), Expression())).means, 0)
    assert np.abs(world[:, 0] + world[::-1, 0]).mean() > 0.01, "a turned head is not its mirror image"
    for y_down in (False, True) if format in ("ply", "splat") else (False,):
        wish = ExportWish(format, pose=Pose(yaw_deg=40), y_down=y_down)
        path = tmp_path / f"{y_down}.{SUFFIXES[format]}"
        export_avatar(path, tiny_avatar, wish)
        frame = frame_of(wish)
        signs = [-1.0 if frame[axis].startswith("-") else 1.0 for axis in ("subject_left", "up")]
        means = np.sort(read_cloud(path).means * [*signs, 1.0], 0)
        assert np.abs(means - world).max() < 1e-4


def test_a_bundle_holds_the_avatar(tiny_avatar: Avatar, tmp_path: Path) -> None:
    export_avatar(tmp_path / "a.glb", tiny_avatar, ExportWish("bundle"))
    assert read_bundle(tmp_path / "a.glb").variants() == tiny_avatar.variants()


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ({"format": "obj"}, UnknownName),
        ({"format": "ply", "content": "rig"}, InvalidValue),
        ({"format": "glb", "content": "both"}, InvalidValue),
        ({"format": "spz", "y_down": True}, InvalidValue),
        ({"format": "ply", "look": Look({"hat": {"crown": 1.0}})}, UnknownName),
    ],
)
def test_what_cannot_be_is_refused(wish: dict[str, Any], error: type, tiny_avatar: Avatar, tmp_path: Path) -> None:
    with pytest.raises(error):
        export_avatar(tmp_path / "a", tiny_avatar, ExportWish(**wish))
    assert not (tmp_path / "a").exists()
