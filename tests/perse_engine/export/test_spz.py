"""SPZ files: the exact bytes, what 8 bits keep, and safe against hostile bytes."""

from __future__ import annotations

import gzip
import struct
from contextlib import suppress
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perse_engine.errors import CorruptFile, InvalidValue
from perse_engine.export.bands import HigherBandsIgnored
from perse_engine.export.spz import read_spz, write_spz
from perse_engine.splatting.cloud import GaussianCloud
from tests.perse_engine.export.clouds import asymmetric_cloud, drawable_cloud, psnr_db, turn_errors_deg

VERSIONS: tuple[Literal[2, 3], ...] = (2, 3)


def single(**changes: object) -> GaussianCloud:
    values: dict[str, object] = {
        "means": [[1.0, -0.5, 2.0]],
        "quats": [[1, 0, 0, 0]],
        "scales": [np.exp([[-10, -2, 0]])[0]],
        "opacities": [1.0],
        "colours": [[0.5, 1.0, 0.0]],
    }
    return GaussianCloud(**{k: np.array(v, np.float32) for k, v in (values | changes).items()})


@pytest.mark.parametrize("is_antialiased", [False, True])
def test_the_header_says_how_the_gaussians_were_trained(tmp_path: Path, is_antialiased: bool) -> None:
    write_spz(tmp_path / "a.spz", single(), is_antialiased=is_antialiased)
    assert gzip.decompress((tmp_path / "a.spz").read_bytes())[14] == int(is_antialiased)
    assert len(read_spz(tmp_path / "a.spz")) == 1


def unpacked(cloud: GaussianCloud, version: Literal[2, 3], folder: Path) -> bytes:
    write_spz(folder / "a.spz", cloud, version)
    return gzip.decompress((folder / "a.spz").read_bytes())


def read_bytes(body: bytes, folder: Path) -> GaussianCloud:
    """Of a file with this body."""
    (folder / "b.spz").write_bytes(gzip.compress(body))
    return read_spz(folder / "b.spz")


def test_version_3_has_exactly_these_bytes(tmp_path: Path) -> None:
    body = unpacked(single(), 3, tmp_path)
    assert body[:16] == b"NGSP" + struct.pack("<IIBBBB", 3, 1, 0, 16, 0, 0)
    # 1.0, -0.5 and 2.0 with 16 fractional bits, three bytes each.
    assert body[16:25] == bytes((0, 0, 1, 0, 0x80, 0xFF, 0, 0, 2))
    assert body[25] == 255
    # Colour 1 is f_dc 1.772, times 0.15 plus 0.5 of 255: 195.3.
    assert body[26:29] == bytes((128, 195, 60))
    assert body[29:32] == bytes((0, 128, 160))
    # The largest is w, number 3 of xyzw, in the two highest bits.
    assert body[32:] == struct.pack("<I", 3 << 30)


def test_version_2_has_exactly_these_bytes(tmp_path: Path) -> None:
    body = unpacked(single(quats=[[-0.5, 0.5, -0.5, 0.5]]), 2, tmp_path)
    assert body[:16] == b"NGSP" + struct.pack("<IIBBBB", 2, 1, 0, 16, 0, 0)
    # w is made positive, then 127.5 + 127.5 x.
    assert body[32:] == bytes((64, 191, 64))


def test_version_3_packs_sign_and_magnitude_from_the_top(tmp_path: Path) -> None:
    # xyzw = (0.1, -0.7, 0.1, 0.7): y is the largest and turns positive, so the others change sign.
    quat = np.array([0.69, 0.1, -0.71, 0.1])
    word = struct.unpack("<I", unpacked(single(quats=[quat]), 3, tmp_path)[32:])[0]
    x, z, w = (np.rint(np.abs(quat[[1, 3, 0]]) / np.linalg.norm(quat) * np.sqrt(2) * 511)).astype(int)
    assert word == 1 << 30 | (512 | x) << 20 | (512 | z) << 10 | (512 | w)


def test_the_same_cloud_gives_the_same_file(tmp_path: Path) -> None:
    for name in "ab":
        write_spz(tmp_path / name, asymmetric_cloud())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("n", [1, 50])
def test_reading_gives_back_what_8_bits_keep(version: Literal[2, 3], n: int, tmp_path: Path) -> None:
    cloud = asymmetric_cloud(n)
    write_spz(tmp_path / "a.spz", cloud, version)
    back = read_spz(tmp_path / "a.spz")
    np.testing.assert_allclose(back.means, cloud.means, atol=0.51 / 2**16)
    np.testing.assert_allclose(np.log(back.scales), np.log(cloud.scales), atol=0.501 / 16)
    np.testing.assert_allclose(back.opacities, cloud.opacities, atol=0.501 / 255)
    np.testing.assert_allclose(back.colours, cloud.colours, atol=0.51 / 255 * 0.2821 / 0.15)
    assert turn_errors_deg(back, cloud).max() < (3.0 if version == 2 else 0.25)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_read_cloud_looks_like_the_original(version: Literal[2, 3], tmp_path: Path) -> None:
    cloud = drawable_cloud()
    write_spz(tmp_path / "a.spz", cloud, version)
    assert psnr_db(read_spz(tmp_path / "a.spz"), cloud) >= 40


def test_every_rotation_survives_version_3(tmp_path: Path) -> None:
    quats = [[a, b, c, d] for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1, 0, 1) for d in (-1, 0, 1)]
    quats = [q for q in quats if any(q)]
    one = single()
    cloud = one.take(np.zeros(len(quats), int))
    cloud = GaussianCloud(cloud.means, np.array(quats, np.float32), cloud.scales, cloud.opacities, cloud.colours)
    write_spz(tmp_path / "a.spz", cloud)
    assert turn_errors_deg(read_spz(tmp_path / "a.spz"), cloud).max() < 0.25


@pytest.mark.parametrize(("reach", "bits"), [(100.0, 16), (200.0, 15), (1e6, 3)])
def test_far_gaussians_take_bits_from_the_fraction(reach: float, bits: int, tmp_path: Path) -> None:
    body = unpacked(single(means=[[reach, -reach, 0]]), 3, tmp_path)
    assert body[13] == bits
    np.testing.assert_allclose(read_bytes(body, tmp_path).means, [[reach, -reach, 0]], atol=0.5 / 2**bits)


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="version 4"):
        write_spz(tmp_path / "a.spz", single(), 4)  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="at least one"):
        write_spz(tmp_path / "a.spz", single().take(np.array([], int)))
    with pytest.raises(InvalidValue, match="m away"):
        write_spz(tmp_path / "a.spz", single(means=[[1e7, 0, 0]]))


def test_view_dependent_colour_of_other_programs_is_left_out_and_said(tmp_path: Path) -> None:
    cloud = asymmetric_cloud(4)
    body = bytearray(unpacked(cloud, 3, tmp_path))
    body[12] = 3
    with pytest.warns(HigherBandsIgnored, match="SPZ"):
        back = read_bytes(bytes(body) + b"\x90" * 4 * 45, tmp_path)
    np.testing.assert_allclose(back.means, cloud.means, atol=1e-4)


def test_extensions_behind_the_gaussians_are_skipped(tmp_path: Path) -> None:
    body = bytearray(unpacked(asymmetric_cloud(4), 3, tmp_path))
    body[14] = 0x2
    assert len(read_bytes(bytes(body) + b"extension", tmp_path)) == 4


def changed(body: bytes, at: int, value: bytes) -> bytes:
    return body[:at] + value + body[at + len(value) :]


MAGIC, VERSION, COUNT, DEGREE, BITS = 0, 4, 8, 12, 13


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (MAGIC, b"X"),
        (VERSION, b"\4"),
        (VERSION, b"\1"),
        (COUNT, b"\5"),
        (COUNT, b"\3"),
        (COUNT, b"\xff\xff\xff\xff"),
        (DEGREE, b"\1"),
        (DEGREE, b"\x09"),
        (BITS, b"\x19"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(at: int, value: bytes, tmp_path: Path) -> None:
    body = unpacked(asymmetric_cloud(4), 3, tmp_path)
    with pytest.raises(CorruptFile):
        read_bytes(changed(body, at, value), tmp_path)


def test_version_4_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.spz").write_bytes(b"NGSP\4\0\0\0" + bytes(100))
    with pytest.raises(CorruptFile, match="version 4"):
        read_spz(tmp_path / "a.spz")


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    header = b"NGSP" + struct.pack("<IIBBBB", 3, 1, 0, 16, 0, 0)
    (tmp_path / "a.spz").write_bytes(gzip.compress(header + bytes(200_000_000), compresslevel=1))
    with pytest.raises(CorruptFile, match="more or fewer"):
        read_spz(tmp_path / "a.spz")


same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@same_folder
@given(data=st.binary(max_size=200))
def test_random_bytes_never_raise_anything_else(data: bytes, tmp_path: Path) -> None:
    for name, content in (("a", data), ("b", gzip.compress(data)), ("c", gzip.compress(b"NGSP" + data))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CorruptFile):
            read_spz(tmp_path / name)


@same_folder
@given(cut=st.integers(0, 10_000), at=st.integers(0, 10_000), value=st.integers(0, 255))
def test_cut_and_damaged_files_never_raise_anything_else(cut: int, at: int, value: int, tmp_path: Path) -> None:
    write_spz(tmp_path / "a.spz", asymmetric_cloud(3))
    whole = (tmp_path / "a.spz").read_bytes()
    damaged = bytearray(whole)
    damaged[at % len(whole)] = value
    for content in (whole[: cut % len(whole)], bytes(damaged)):
        (tmp_path / "b.spz").write_bytes(content)
        with suppress(CorruptFile):
            read_spz(tmp_path / "b.spz")
