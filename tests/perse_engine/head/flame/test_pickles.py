from __future__ import annotations

import contextlib
import os
import pickle
import struct
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from perse_engine.errors import CorruptFile
from perse_engine.head.flame.pickles import read_pickle, to_array

MOST = 10**6
RANDOM = np.random.default_rng(0)


class Calls:
    """A pickle that calls something when it is loaded."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Any:
        return self._call


@pytest.fixture
def chumpy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Classes of chumpy's names, so that pickles that mention them can be written."""
    modules = {name: types.ModuleType(name) for name in ("chumpy", "chumpy.ch", "chumpy.reordering")}
    ch = type("Ch", (), {"__module__": "chumpy.ch"})
    select = type("Select", (), {"__module__": "chumpy.reordering"})
    modules["chumpy.ch"].Ch = ch  # type: ignore[attr-defined]
    modules["chumpy.reordering"].Select = select  # type: ignore[attr-defined]
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    yield types.SimpleNamespace(Ch=ch, Select=select)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "array",
    [
        RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(2, 3, 4)).astype(np.float32), np.arange(6, dtype=np.uint32),
        np.asfortranarray(RANDOM.normal(size=(3, 4))), RANDOM.normal(size=(6, 6))[::2, ::3], np.zeros((0, 3)),
        np.arange(4, dtype=">i8"), np.array([True, False]),
    ],
    ids=["f8", "f4", "u4", "fortran", "strided", "empty", "big-endian", "bool"],
)  # fmt: skip
def test_an_array_comes_back_as_it_was(array: np.ndarray, protocol: int) -> None:
    found = to_array(read_pickle(pickle.dumps({"x": array}, protocol))["x"], MOST)

    assert found.shape == array.shape
    np.testing.assert_array_equal(found, array)


def test_an_array_of_python_2_is_read() -> None:
    """FLAME 2017 and 2020 were pickled by Python 2: bytes are strings there, and modules have their old names."""
    numbers = np.array([1.5, -2.0])
    data = (
        b"\x80\x02}U\x01xcnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R"
        b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        b"T" + struct.pack("<i", 16) + numbers.tobytes() + b"tbs."
    )  # fmt: skip

    np.testing.assert_array_equal(to_array(read_pickle(data)["x"], MOST), numbers)


@pytest.mark.parametrize("format", ["csc", "csr"])
def test_a_sparse_matrix_comes_back_dense(format: Any) -> None:
    matrix = sp.random(5, 7, 0.5, format, random_state=1)

    found = to_array(read_pickle(pickle.dumps({"x": matrix}))["x"], MOST)

    np.testing.assert_array_equal(found, matrix.toarray())


@pytest.mark.parametrize("protocol", [0, 2])
def test_the_array_inside_of_one_of_chumpys_is_found_without_chumpy(chumpy: Any, protocol: int) -> None:
    array = chumpy.Ch()
    array.x = RANDOM.normal(size=(4, 3))
    data = pickle.dumps({"x": array}, protocol)

    np.testing.assert_array_equal(to_array(read_pickle(data)["x"], MOST), array.x)


def test_a_selection_of_chumpys_is_made(chumpy: Any) -> None:
    source, selection = chumpy.Ch(), chumpy.Select()
    source.x = np.arange(6.0)
    selection.a, selection.idxs, selection.preferred_shape = source, np.array([5, 0, 3, 1]), (2, 2)

    found = to_array(read_pickle(pickle.dumps({"x": selection}))["x"], MOST)

    np.testing.assert_array_equal(found, [[5, 0], [3, 1]])


def test_a_pickle_that_runs_a_command_is_refused_and_does_not_run_it(tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    data = pickle.dumps({"v_template": Calls(os.system, f"touch {witness}")})

    with pytest.raises(CorruptFile, match=r"posix\.system|nt\.system"):
        read_pickle(data)
    assert not witness.exists()


@pytest.mark.parametrize(
    "value",
    [
        Calls(eval, "1"), Calls(getattr, 1, "real"), Calls(bytearray, 10**12), Calls(np.zeros, 10**12),
        Calls(np.frombuffer, b"x"), Calls(Path, "/"), types.SimpleNamespace(x=1), sys.intern,
    ],
    ids=["eval", "getattr", "bytearray", "zeros", "frombuffer", "path", "namespace", "function"],
)  # fmt: skip
def test_names_that_arrays_do_not_need_are_refused(value: Any) -> None:
    with pytest.raises(CorruptFile, match="not need"):
        read_pickle(pickle.dumps({"x": value}))


def test_empty_bytes_of_any_length_that_is_asked_for_are_refused() -> None:
    with pytest.raises(CorruptFile):
        read_pickle(pickle.dumps({"x": Calls(bytes, 10**12)}, 2))


@pytest.mark.parametrize("array", [np.array([1, "a", None], object), np.array(["a"]), np.zeros(2, [("a", "f8")])])
def test_arrays_of_something_else_than_numbers_are_refused(array: np.ndarray) -> None:
    with pytest.raises(CorruptFile):
        to_array(read_pickle(pickle.dumps({"x": array}))["x"], MOST)


def test_an_array_that_says_to_be_larger_than_its_bytes_is_refused() -> None:
    data = pickle.dumps({"x": np.zeros((3, 7))}, 2)
    shape = b"K\x03K\x07\x86"
    assert data.count(shape) == 1

    grown = data.replace(shape, b"J" + struct.pack("<i", 2**31 - 1) + b"K\x07\x86")

    with pytest.raises(CorruptFile, match="expected"):
        to_array(read_pickle(grown)["x"], MOST)


def test_a_sparse_matrix_that_would_be_huge_when_dense_is_refused() -> None:
    matrix = sp.csc_matrix((np.ones(1), (np.zeros(1, int), np.zeros(1, int))), shape=(100_000, 100_000))

    with pytest.raises(CorruptFile, match="100000 x 100000"):
        to_array(read_pickle(pickle.dumps({"x": matrix}))["x"], MOST)


def test_a_sparse_matrix_that_points_outside_is_refused() -> None:
    matrix = sp.csc_matrix(np.eye(3))
    matrix.indices[1] = 7

    with pytest.raises(CorruptFile, match="outside"):
        to_array(read_pickle(pickle.dumps({"x": matrix}))["x"], MOST)


def test_a_memo_number_that_would_take_gigabytes_is_refused() -> None:
    data = b"\x80\x02}r" + struct.pack("<I", 2**31) + b"."

    with pytest.raises(CorruptFile, match="instructions"):
        read_pickle(data)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_an_error_of_ours(data: bytes) -> None:
    with contextlib.suppress(CorruptFile):
        read_pickle(data)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_pickle_is_read_or_refused_with_an_error_of_ours(data: st.DataObject) -> None:
    whole = bytearray(pickle.dumps({"x": np.arange(4.0), "s": sp.csc_matrix(np.eye(3))}, 2))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CorruptFile):
        for value in read_pickle(bytes(whole)).values():
            to_array(value, MOST)
