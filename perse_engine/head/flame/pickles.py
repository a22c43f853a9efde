"""Arrays out of a pickle that nobody vouches for.

A pickle is a program. This one is read twice: first its instructions are listed without running any, and everything is
refused but those that build plain data; then it runs with inert classes in place of the real ones. Nothing of numpy,
scipy or chumpy is called until the file has been read, and no name outside ALLOWED can be reached at all.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.errors import CorruptFile

Array = npt.NDArray[Any]

MAX_INSTRUCTIONS = 1_000_000
"""FLAME's files take a few hundred."""
FORBIDDEN = frozenset({"PERSID", "BINPERSID", "EXT1", "EXT2", "EXT4", "INST", "OBJ", "NEXT_BUFFER", "READONLY_BUFFER"})
"""Instructions that reach outside of the file, or call a class in a way that FLAME's files never do."""
KINDS: Mapping[str, tuple[int, ...]] = {"f": (2, 4, 8), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "b": (1,)}
HINT = "Take the file as it was downloaded, or save its arrays with numpy.savez."


class StoredType:
    """Stands for numpy.dtype: a letter and a size, such as 'f8', and the byte order."""

    def __init__(self, code: Any = None, *_: Any) -> None:
        self.code, self.order = code, "<"

    def __setstate__(self, state: Any) -> None:
        self.order = state[1]

    def to_numpy(self) -> np.dtype[Any]:
        """The number type; refuses objects, strings and records."""
        code = self.code.decode("latin1") if isinstance(self.code, bytes) else self.code
        if not isinstance(code, str) or self.order not in ("<", ">", "|", "="):
            raise CorruptFile("The pickle holds an array of an unknown type.", hint=HINT)
        kind, size = code[:1], code[1:]
        if kind not in KINDS or not size.isdigit() or int(size) not in KINDS[kind]:
            raise CorruptFile(f"The pickle holds an array of type {code[:8]!r}; expected numbers.", hint=HINT)
        return np.dtype(self.order.replace("|", "=") + code)


@dataclass(eq=False)
class StoredArray:
    """Stands for numpy.ndarray."""

    shape: Any = ()
    type: Any = None
    is_fortran: Any = False
    data: Any = b""

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.type, self.is_fortran, self.data = state

    def to_numpy(self) -> Array:
        """The array, if shape and bytes agree."""
        if not isinstance(self.type, StoredType):
            raise CorruptFile("The pickle holds an array without a type.", hint=HINT)
        dtype = self.type.to_numpy()
        data = self.data.encode("latin1") if isinstance(self.data, str) else self.data
        sizes = self.shape if isinstance(self.shape, tuple) else (self.shape,)
        if not isinstance(data, bytes | bytearray) or not all(isinstance(n, int) and n >= 0 for n in sizes):
            raise CorruptFile("The pickle holds an array that is not made of plain numbers.", hint=HINT)
        expected = dtype.itemsize
        for n in sizes:
            expected *= n
        if expected != len(data):
            raise CorruptFile(f"An array of shape {sizes} has {len(data)} bytes; expected {expected}.", hint=HINT)
        return np.frombuffer(data, dtype).reshape(sizes, order="F" if self.is_fortran else "C")


class StoredObject:
    """Stands for an object of another class: what it remembers, and nothing that it does."""

    def __init__(self, *_: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def part(self, name: str) -> Any:
        """One of its attributes; None without it."""
        return self.state.get(name) if isinstance(self.state, dict) else None


class StoredColumns(StoredObject):
    """Stands for scipy's sparse matrices in columns (csc)."""


class StoredRows(StoredObject):
    """Stands for scipy's sparse matrices in rows (csr)."""


class StoredSelection(StoredObject):
    """Stands for chumpy's Select: entries of another array in another order."""


def _rebuilt(kind: Any, *_: Any) -> Any:
    if not isinstance(kind, type) or not issubclass(kind, StoredObject | StoredArray):
        raise CorruptFile("The pickle rebuilds an object of a class that arrays do not need.", hint=HINT)
    return kind()


def _new_array(*_: Any) -> StoredArray:
    return StoredArray()


def _array_of(data: Any, type_: Any, shape: Any, order: Any) -> StoredArray:
    return StoredArray(shape, type_, order == "F", data)


def _number(type_: Any, data: Any = b"") -> StoredArray:
    return StoredArray((), type_, False, data)


def _encoded(text: Any, encoding: Any = "latin1") -> bytes:
    # How Python 3 writes bytes into pickles of protocol 2.
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise CorruptFile("The pickle holds text in an encoding that arrays do not need.", hint=HINT)
    return text.encode("latin1")


def _no_bytes() -> bytes:
    # How empty bytes are written. With an argument, the real `bytes` would set aside as much memory as it is told.
    return b""


def _allowed() -> Mapping[tuple[str, str], Callable[..., Any]]:
    names: dict[tuple[str, str], Callable[..., Any]] = {
        ("numpy", "ndarray"): StoredArray,
        ("numpy", "dtype"): StoredType,
        ("_codecs", "encode"): _encoded,
        ("collections", "OrderedDict"): dict,
    }
    for core in ("numpy.core", "numpy._core"):
        names[f"{core}.multiarray", "_reconstruct"] = _new_array
        names[f"{core}.multiarray", "scalar"] = _number
        names[f"{core}.numeric", "_frombuffer"] = _array_of
    for python in ("copy_reg", "copyreg"):
        names[python, "_reconstructor"] = _rebuilt
    for python in ("__builtin__", "builtins"):
        names |= {(python, "object"): StoredObject, (python, "set"): set, (python, "bytes"): _no_bytes}
    for module in ("scipy.sparse.csc", "scipy.sparse._csc"):
        names |= {(module, "csc_matrix"): StoredColumns, (module, "csc_array"): StoredColumns}
    for module in ("scipy.sparse.csr", "scipy.sparse._csr"):
        names |= {(module, "csr_matrix"): StoredRows, (module, "csr_array"): StoredRows}
    return names


ALLOWED = _allowed()


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = ALLOWED.get((module, name))
        if found is not None:
            return found
        if (module, name) == ("chumpy.reordering", "Select"):
            return StoredSelection
        if module == "chumpy" or module.startswith("chumpy."):
            return StoredObject
        raise CorruptFile(f"The pickle asks for {module}.{name}, which arrays do not need; it was not run.", hint=HINT)


def read_pickle(data: bytes) -> Mapping[str, Any]:
    """The dictionary in a pickle; its arrays are Stored* objects, for `to_array`.

    Raises:
        CorruptFile: it is damaged, holds something else, or wants to do more than hold arrays.
    """
    _check_instructions(data)
    try:
        found = _Reader(io.BytesIO(data), encoding="latin1").load()
    except _DAMAGE as error:
        raise CorruptFile("The pickle is damaged.", hint=HINT) from error
    if not isinstance(found, dict):
        raise CorruptFile("The pickle does not hold a dictionary of arrays.", hint=HINT)
    return {k.decode("latin1") if isinstance(k, bytes) else str(k): v for k, v in found.items()}


_DAMAGE = (
    pickle.UnpicklingError, AttributeError, EOFError, IndexError, KeyError, MemoryError, OverflowError, RecursionError,
    TypeError, ValueError, struct.error,
)  # fmt: skip


def _check_instructions(data: bytes) -> None:
    """Refuse what the C reader would obey too early: it sets memory aside for any memo number that it is told."""
    try:
        for count, (instruction, argument, _) in enumerate(pickletools.genops(data)):
            if instruction.name in FORBIDDEN:
                raise CorruptFile(f"The pickle has an instruction {instruction.name}, which arrays do not need.")
            is_memo = instruction.name in ("PUT", "BINPUT", "LONG_BINPUT")
            if count > MAX_INSTRUCTIONS or (is_memo and int(str(argument)) > MAX_INSTRUCTIONS):
                raise CorruptFile(f"The pickle has more than {MAX_INSTRUCTIONS} instructions.", hint=HINT)
    except _DAMAGE as error:
        raise CorruptFile("The file is neither a pickle nor an .npz file, or is damaged.", hint=HINT) from error


def to_array(value: Any, max_numbers: int) -> Array:
    """An array, a sparse matrix or chumpy's array out of `read_pickle`, dense.

    Raises:
        CorruptFile: it is none, damaged, or would hold more than `max_numbers`.
    """
    if isinstance(value, StoredArray):
        return value.to_numpy()
    if isinstance(value, StoredColumns | StoredRows):
        return _dense(value, max_numbers)
    if isinstance(value, StoredSelection):
        return _selected(value, max_numbers)
    if isinstance(value, StoredObject) and isinstance(value.part("x"), StoredArray):
        return to_array(value.part("x"), max_numbers)
    raise CorruptFile("An array in the pickle is of a kind that cannot be read.", hint=HINT)


def _selected(value: StoredSelection, max_numbers: int) -> Array:
    source, index, shape = value.part("a"), value.part("idxs"), value.part("preferred_shape")
    if isinstance(source, StoredSelection) or not isinstance(index, StoredArray):
        raise CorruptFile("An array in the pickle is of a kind that cannot be read.", hint=HINT)
    flat, places = to_array(source, max_numbers).ravel(), index.to_numpy().ravel()
    if places.dtype.kind not in "iu" or len(places) > max_numbers or np.any((places < 0) | (places >= len(flat))):
        raise CorruptFile("A selection in the pickle points outside of its array.", hint=HINT)
    try:
        return flat[places].reshape(shape if shape is not None else -1)
    except (TypeError, ValueError) as error:
        raise CorruptFile("A selection in the pickle has a shape that does not fit.", hint=HINT) from error


def _size(value: Any) -> int:
    number = to_array(value, 1) if isinstance(value, StoredArray) else np.asarray(value)
    if number.size != 1 or number.dtype.kind not in "iu":
        raise CorruptFile("A sparse matrix in the pickle has no size.", hint=HINT)
    return int(number.item())


def _dense(value: StoredObject, max_numbers: int) -> Array:
    shape = value.part("_shape") or value.part("shape")
    parts = [value.part(n) for n in ("data", "indices", "indptr")]
    if not all(isinstance(p, StoredArray) for p in parts) or not isinstance(shape, tuple) or len(shape) != 2:
        raise CorruptFile("A sparse matrix in the pickle is not whole.", hint=HINT)
    numbers, inner, starts = (p.to_numpy().ravel() for p in parts)
    rows, columns = (_size(n) for n in shape)
    lines, width = (columns, rows) if isinstance(value, StoredColumns) else (rows, columns)
    if min(rows, columns) < 1 or rows * columns > max_numbers:
        raise CorruptFile(f"A sparse matrix in the pickle has {rows} x {columns} numbers.", hint=HINT)
    counts = np.diff(starts.astype(np.int64))
    is_sound = (
        len(starts) == lines + 1 and starts[0] == 0 and (counts >= 0).all() and starts[-1] == len(numbers) == len(inner)
        and inner.dtype.kind in "iu" and not np.any((inner < 0) | (inner >= width))
    )  # fmt: skip
    if not is_sound:
        raise CorruptFile("A sparse matrix in the pickle points outside of itself.", hint=HINT)
    dense = np.zeros((lines, width))
    np.add.at(dense, (np.repeat(np.arange(lines), counts), inner), numbers)
    return dense.T if isinstance(value, StoredColumns) else dense
