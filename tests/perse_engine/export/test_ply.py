"""PLY files: the standard layout as plyfile reads it, back without loss, and safe against hostile bytes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plyfile import PlyData

from perse_engine.errors import CorruptFile, EngineError, InvalidValue
from perse_engine.export.bands import HigherBandsIgnored
from perse_engine.export.ply import OPACITY_LIMIT, PROPERTIES, read_ply, write_ply
from perse_engine.splatting.cloud import GaussianCloud
from tests.perse_engine.export.clouds import asymmetric_cloud

POSITION = b"property float x\n"


def ply_bytes(cloud: GaussianCloud | None = None, comments: tuple[str, ...] = ()) -> bytes:
    file = io.BytesIO()
    write_ply(file, asymmetric_cloud() if cloud is None else cloud, comments)
    return file.getvalue()


def test_plyfile_reads_the_standard_fields_and_their_meaning(tmp_path: Path) -> None:
    cloud = asymmetric_cloud()
    write_ply(tmp_path / "a.ply", cloud)
    vertex = PlyData.read(str(tmp_path / "a.ply"))["vertex"]
    assert [p.name for p in vertex.properties] == list(PROPERTIES)
    assert len(PROPERTIES) == 62
    assert all(p.val_dtype == "f4" for p in vertex.properties)

    def columns(*names: str) -> np.ndarray:
        return np.stack([vertex[name] for name in names], -1)

    np.testing.assert_array_equal(columns("x", "y", "z"), cloud.means)
    np.testing.assert_allclose(np.exp(columns("scale_0", "scale_1", "scale_2")), cloud.scales, rtol=1e-6)
    np.testing.assert_allclose(1 / (1 + np.exp(-vertex["opacity"])), cloud.opacities, rtol=1e-6)
    colours = 0.5 + 0.28209479177387814 * columns("f_dc_0", "f_dc_1", "f_dc_2")
    np.testing.assert_allclose(colours, cloud.colours, atol=1e-6)
    np.testing.assert_allclose(columns("rot_0", "rot_1", "rot_2", "rot_3"), cloud.normalised_quats())
    assert not columns("nx", "ny", "nz", *(f"f_rest_{k}" for k in range(45))).any()


def test_the_header_names_frame_unit_origin_and_the_callers_comments() -> None:
    header = ply_bytes(comments=("look: hair=bald",)).split(b"end_header")[0].decode()
    assert "comment frame: world" in header
    assert "comment units: metre" in header
    assert "comment AI-generated" in header
    assert "comment look: hair=bald" in header


@pytest.mark.parametrize("n", [0, 1, 50])
def test_reading_gives_back_what_was_written(n: int, tmp_path: Path) -> None:
    cloud = asymmetric_cloud(n)
    write_ply(tmp_path / "a.ply", cloud)
    back = read_ply(tmp_path / "a.ply")
    np.testing.assert_array_equal(back.means, cloud.means)
    np.testing.assert_allclose(back.quats, cloud.normalised_quats())
    for name in ("scales", "opacities", "colours"):
        np.testing.assert_allclose(getattr(back, name), getattr(cloud, name), rtol=1e-5, atol=1e-6)


def test_opacities_of_0_and_1_and_scales_of_0_stay_finite() -> None:
    cloud = asymmetric_cloud(3)
    cloud.opacities[:] = 0, 1, 0.5
    cloud.scales[:] = 0
    back = read_ply(io.BytesIO(ply_bytes(cloud)))
    np.testing.assert_allclose(back.opacities, [0, 1, 0.5], atol=1.01 * OPACITY_LIMIT)
    assert back.scales.max() <= 1.01e-9


def test_properties_may_come_in_another_order_and_without_normals_and_rest() -> None:
    cloud = asymmetric_cloud(4)
    full = PlyData.read(io.BytesIO(ply_bytes(cloud)))["vertex"]
    names = [name for name in reversed(PROPERTIES) if not name.startswith(("n", "f_rest"))]
    rows = np.stack([full[name] for name in names], -1).astype("<f4")
    header = "ply\nformat binary_little_endian 1.0\nelement vertex 4\n"
    header += "".join(f"property float {name}\n" for name in names) + "end_header\n"
    np.testing.assert_array_equal(read_ply(io.BytesIO(header.encode() + rows.tobytes())).means, cloud.means)


def test_view_dependent_colour_of_other_programs_is_left_out_and_said() -> None:
    cloud = asymmetric_cloud()
    header, body = ply_bytes(cloud).split(b"end_header\n")
    rows = np.frombuffer(body, "<f4").reshape(-1, 62).copy()
    rows[:, PROPERTIES.index("f_rest_0") : PROPERTIES.index("f_rest_44") + 1] = 0.3
    with pytest.warns(HigherBandsIgnored, match="PLY"):
        back = read_ply(io.BytesIO(header + b"end_header\n" + rows.tobytes()))
    np.testing.assert_allclose(back.colours, cloud.colours, atol=1e-6)


@pytest.mark.parametrize("comment", ["two\nlines", "ümlaut", "tab\t", "end_header\nelement face 3"])
def test_comments_that_would_break_the_header_are_refused(comment: str) -> None:
    with pytest.raises(InvalidValue):
        ply_bytes(comments=(comment,))


def corrupted() -> dict[str, bytes]:
    whole = ply_bytes()
    header, body = whole.split(b"end_header\n")
    header += b"end_header\n"

    def with_value(name: str, value: float) -> bytes:
        rows = np.frombuffer(body, "<f4").reshape(-1, 62).copy()
        rows[7, PROPERTIES.index(name)] = value
        return header + rows.tobytes()

    return {
        "nothing": b"",
        "text": b"hello\n" * 100,
        "a header without end": b"ply\n" + b"comment x\n" * 100_000,
        "one endless line": b"ply" * 100_000,
        "cut off": whole[:-1],
        "too long": whole + b"\0",
        "cut off in the header": whole[:200],
        "ASCII format": whole.replace(b"binary_little_endian", b"ascii"),
        "big endian": whole.replace(b"little", b"big"),
        "a count too large for the bytes": whole.replace(b"vertex 50", b"vertex 51"),
        "an absurd count": whole.replace(b"vertex 50", b"vertex 999999999"),
        "a longer count": whole.replace(b"vertex 50", b"vertex 99999999999999999999"),
        "a negative count": whole.replace(b"vertex 50", b"vertex -50"),
        "a missing property": whole.replace(POSITION, b""),
        "a property twice": whole.replace(POSITION, b"property float y\n"),
        "a list": whole.replace(POSITION, b"property list uchar int x\n"),
        "doubles": whole.replace(POSITION, b"property double x\n"),
        "a second element": whole.replace(b"end_header", b"element face 1\nend_header"),
        "not a number": with_value("y", np.nan),
        "infinite colour": with_value("f_dc_1", np.inf),
        "a scale beyond float": with_value("scale_1", 1e4),
        "no rotation": header + np.zeros((50, 62), "<f4").tobytes(),
    }


@pytest.mark.parametrize("name", corrupted())
def test_a_corrupt_file_is_refused(name: str) -> None:
    with pytest.raises(CorruptFile):
        read_ply(io.BytesIO(corrupted()[name]))


@given(position=st.integers(0, 1500), value=st.binary(min_size=1, max_size=8))
def test_a_damaged_header_never_raises_anything_else(position: int, value: bytes) -> None:
    whole = bytearray(ply_bytes(asymmetric_cloud(2)))
    whole[position : position + len(value)] = value
    try:
        read_ply(io.BytesIO(bytes(whole)))
    except EngineError as error:
        assert isinstance(error, CorruptFile)
