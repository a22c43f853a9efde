""".splat files: 32 bytes per Gaussian, in the order that viewers want."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perse_engine.errors import CorruptFile
from perse_engine.export.splat_file import read_splat, write_splat
from perse_engine.splatting.cloud import GaussianCloud
from tests.perse_engine.export.clouds import asymmetric_cloud, drawable_cloud, psnr_db, turn_errors_deg


def test_a_gaussian_has_exactly_these_bytes(tmp_path: Path) -> None:
    cloud = GaussianCloud(
        means=np.array([[1.0, -0.5, 2.0]]),
        quats=np.array([[1.0, 0, -1.0, 0]]) * 3,
        scales=np.array([[0.25, 0.5, 1.0]]),
        opacities=np.array([0.2]),
        colours=np.array([[0.0, 0.4, 1.2]]),
    )
    write_splat(tmp_path / "a.splat", cloud)
    expected = struct.pack("<6f", 1, -0.5, 2, 0.25, 0.5, 1) + bytes((0, 102, 255, 51, 219, 128, 37, 128))
    assert (tmp_path / "a.splat").read_bytes() == expected


@pytest.mark.parametrize("n", [0, 1, 50])
def test_reading_gives_back_what_8_bits_keep(n: int, tmp_path: Path) -> None:
    cloud = asymmetric_cloud(n)
    write_splat(tmp_path / "a.splat", cloud)
    back = read_splat(tmp_path / "a.splat")
    cloud = cloud.take(np.argsort(-cloud.scales.astype(np.float64).prod(1) * cloud.opacities))
    np.testing.assert_array_equal(back.means, cloud.means)
    np.testing.assert_array_equal(back.scales, cloud.scales)
    np.testing.assert_allclose(back.opacities, cloud.opacities, atol=0.501 / 255)
    np.testing.assert_allclose(back.colours, cloud.colours.clip(0, 1), atol=0.501 / 255)
    assert turn_errors_deg(back, cloud).max(initial=0) < 1.5


def test_large_and_opaque_gaussians_come_first(tmp_path: Path) -> None:
    write_splat(tmp_path / "a.splat", drawable_cloud())
    back = read_splat(tmp_path / "a.splat")
    weight = back.scales.prod(1) * back.opacities
    # The order is that before opacities were rounded to a byte.
    assert (weight[1:] <= weight[:-1] * 1.02).all()


def test_a_read_cloud_looks_like_the_original(tmp_path: Path) -> None:
    write_splat(tmp_path / "a.splat", drawable_cloud())
    assert psnr_db(read_splat(tmp_path / "a.splat"), drawable_cloud()) >= 40


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(max_size=200), repeat=st.integers(1, 32))
def test_random_bytes_never_raise_anything_else(data: bytes, repeat: int, tmp_path: Path) -> None:
    (tmp_path / "a.splat").write_bytes(data * repeat)
    with suppress(CorruptFile):
        assert len(read_splat(tmp_path / "a.splat")) * 32 == len(data) * repeat


def test_a_part_of_a_gaussian_is_refused(tmp_path: Path) -> None:
    write_splat(tmp_path / "a.splat", asymmetric_cloud(3))
    whole = (tmp_path / "a.splat").read_bytes()
    (tmp_path / "a.splat").write_bytes(whole[:-1])
    with pytest.raises(CorruptFile, match="not whole"):
        read_splat(tmp_path / "a.splat")
