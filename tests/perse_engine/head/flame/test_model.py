from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from perse_engine.errors import BackendMissing, CorruptFile
from perse_engine.head.flame.model import flame_of, load_flame
from tests.perse_engine.head.flame.synthetic import Array


def write(file: Path, arrays: dict[str, Any]) -> Path:
    if file.suffix == ".npz":
        np.savez(file, **arrays)
    else:
        file.write_bytes(pickle.dumps(arrays, 2))
    return file


def changed(array: Array, place: Any, value: float) -> Array:
    out = array.copy()
    out[place] = value
    return out


@pytest.mark.parametrize("name", ["flame.pkl", "flame.npz"])
def test_a_file_is_loaded(tmp_path: Path, flame_arrays: dict[str, Array], name: str) -> None:
    model = load_flame(write(tmp_path / name, flame_arrays))

    np.testing.assert_allclose(model.template, flame_arrays["v_template"], atol=1e-7)
    np.testing.assert_array_equal(model.faces, flame_arrays["f"])
    np.testing.assert_allclose(model.regressor, flame_arrays["J_regressor"], atol=1e-7)


def test_a_pickle_with_a_sparse_regressor_and_other_keys_is_loaded(
    tmp_path: Path, flame_arrays: dict[str, Array]
) -> None:
    # As FLAME's own: the regressor in columns, and words beside the arrays.
    whole = {**flame_arrays, "J_regressor": sp.csc_matrix(flame_arrays["J_regressor"]), "bs_style": "lbs"}

    model = load_flame(write(tmp_path / "flame.pkl", whole))

    np.testing.assert_allclose(model.regressor, flame_arrays["J_regressor"], atol=1e-7)


def test_the_digest_is_the_files(tmp_path: Path, flame_arrays: dict[str, Array]) -> None:
    import hashlib

    file = write(tmp_path / "flame.pkl", flame_arrays)

    assert load_flame(file).sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_missing_file_says_where_flame_is(tmp_path: Path) -> None:
    with pytest.raises(BackendMissing, match=r"flame\.is\.tue\.mpg\.de"):
        load_flame(tmp_path / "none.pkl")


@pytest.mark.parametrize(
    ("name", "make", "says"),
    [
        ("v_template", lambda a: changed(a, (3, 1), np.nan), "finite"),
        ("v_template", lambda a: a * 1000, "finite|metres"),
        ("v_template", lambda a: a[:50], "50 vertices"),
        ("v_template", lambda a: a / 100, "metres"),
        ("shapedirs", lambda a: a[..., :150], "150"),
        ("shapedirs", lambda a: changed(a, (0, 0, 0), np.inf), "finite"),
        ("posedirs", lambda a: a[..., :9], "posedirs"),
        ("J_regressor", lambda a: a[:3], "J_regressor"),
        ("J_regressor", lambda a: 2 * a, "sum to 1"),
        ("weights", lambda a: changed(a, (0, 0), 3.0), "sum to 1"),
        ("weights", lambda a: changed(changed(a, (0, 0), -1.0), (0, 1), 2.0), "below 0"),
        ("f", lambda a: changed(a.astype(np.int64), (0, 0), -1), "outside"),
        ("f", lambda a: changed(a, (0, 0), 10**6), "outside"),
        ("f", lambda a: a + 0.5, "whole"),
        ("f", lambda a: a[:, :2], "shape"),
        ("kintree_table", lambda a: changed(a, (0, 2), 3), "hang together"),
    ],
)
def test_arrays_that_are_not_flames_are_refused(
    flame_arrays: dict[str, Array], name: str, make: Any, says: str
) -> None:
    with pytest.raises(CorruptFile, match=says):
        flame_of({**flame_arrays, name: make(flame_arrays[name])}, "")


def test_a_mirrored_head_is_refused(flame_arrays: dict[str, Array]) -> None:
    mirrored = flame_arrays["v_template"] * np.array([-1, 1, 1])

    with pytest.raises(CorruptFile, match="left"):
        flame_of({**flame_arrays, "v_template": mirrored}, "")


def test_a_file_that_lacks_an_array_names_it(tmp_path: Path, flame_arrays: dict[str, Array]) -> None:
    rest = {n: a for n, a in flame_arrays.items() if n != "posedirs"}

    with pytest.raises(CorruptFile, match="posedirs"):
        load_flame(write(tmp_path / "flame.npz", rest))


def test_an_npz_with_objects_is_refused(tmp_path: Path, flame_arrays: dict[str, Array]) -> None:
    objects = {**flame_arrays, "weights": np.array([{}, 1], object)}

    with pytest.raises(CorruptFile):
        load_flame(write(tmp_path / "flame.npz", objects))


def test_an_npz_whose_header_says_more_than_it_holds_is_refused(tmp_path: Path, flame_arrays: dict[str, Array]) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 3)}
    )  # fmt: skip
    file = write(tmp_path / "flame.npz", {n: a for n, a in flame_arrays.items() if n != "v_template"})
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("v_template.npy", header.getvalue() + bytes(100))

    with pytest.raises(CorruptFile):
        load_flame(file)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "flame.pkl"
    file.write_bytes(b"<html>not found</html>")

    with pytest.raises(CorruptFile, match="neither"):
        load_flame(file)
