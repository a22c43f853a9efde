"""The door to all formats: names, suffixes, what is left out, and axes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from perse_engine.errors import InvalidValue, UnknownName
from perse_engine.export import FORMATS, export_cloud, read_cloud, turned_y_down
from perse_engine.splatting.cloud import GaussianCloud
from tests.perse_engine.export.clouds import asymmetric_cloud, drawable_cloud, psnr_db

PSNR_DB = {"ply": 100, "spz": 40, "splat": 40, "glb": 100}


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_read_looks_like_what_was_written(format: str, tmp_path: Path) -> None:
    cloud = drawable_cloud()
    assert export_cloud(cloud, tmp_path / f"a.{format.upper()}") == len(cloud)
    assert psnr_db(read_cloud(tmp_path / f"a.{format.upper()}"), cloud) >= PSNR_DB[format]


@pytest.mark.parametrize("format", FORMATS)
def test_the_name_of_the_format_beats_the_suffix(format: str, tmp_path: Path) -> None:
    export_cloud(asymmetric_cloud(), tmp_path / "a.bin", format)
    assert len(read_cloud(tmp_path / "a.bin", format)) == 50


@pytest.mark.parametrize(("name", "format"), [("a", None), ("a.obj", None), ("a.ply", "fbx")])
def test_an_unknown_format_is_named_with_a_hint(name: str, format: str | None, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="ply, spz, splat, glb"):
        export_cloud(asymmetric_cloud(), tmp_path / name, format)
    with pytest.raises(UnknownName, match="ply, spz, splat, glb"):
        read_cloud(tmp_path / name, format)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("format", FORMATS)
def test_transparent_gaussians_are_left_out(format: str, tmp_path: Path) -> None:
    cloud = asymmetric_cloud()
    cloud.opacities[10:30] = 0
    assert export_cloud(cloud, tmp_path / f"a.{format}") == 30
    assert len(read_cloud(tmp_path / f"a.{format}")) == 30


def test_turning_y_down_is_a_rotation_about_z_and_its_own_opposite() -> None:
    cloud = asymmetric_cloud()
    turned = turned_y_down(cloud)
    np.testing.assert_array_equal(turned.means, cloud.means * (-1, -1, 1))
    np.testing.assert_array_equal(turned_y_down(turned).means, cloud.means)
    np.testing.assert_array_equal(turned_y_down(turned).quats, -cloud.quats)
    assert psnr_db(turned_y_down(turned_y_down(drawable_cloud())), drawable_cloud()) > 100
    # The upside-down ball is another picture.
    assert psnr_db(turned_y_down(drawable_cloud()), drawable_cloud()) < 25


def test_a_covariance_turns_with_its_mean() -> None:
    cloud = asymmetric_cloud(5)
    turn = np.diag([-1.0, -1.0, 1.0])
    for before, after in zip(covariances(cloud), covariances(turned_y_down(cloud)), strict=True):
        np.testing.assert_allclose(after, turn @ before @ turn, atol=1e-8)


def covariances(cloud: GaussianCloud) -> list[np.ndarray]:
    rotations = Rotation.from_quat(cloud.quats, scalar_first=True).as_matrix()
    return [r @ np.diag(s**2) @ r.T for r, s in zip(rotations, cloud.scales, strict=True)]


def test_y_down_files_say_so_and_are_for_formats_without_axes(tmp_path: Path) -> None:
    export_cloud(asymmetric_cloud(), tmp_path / "a.ply", y_down=True)
    assert b"y points down" in (tmp_path / "a.ply").read_bytes()
    np.testing.assert_array_equal(read_cloud(tmp_path / "a.ply").means, asymmetric_cloud().means * (-1, -1, 1))
    for format in ("spz", "glb"):
        with pytest.raises(InvalidValue, match="y up"):
            export_cloud(asymmetric_cloud(), tmp_path / f"a.{format}", y_down=True)
