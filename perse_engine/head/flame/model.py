"""The FLAME model as arrays that were checked, and the file that it is read from.

Li, Bolkart, Black, Li and Romero 2017, "Learning a model of facial shape and expression from 4D scans".
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.errors import BackendMissing, CorruptFile
from perse_engine.head.flame.pickles import read_pickle, to_array

Array = npt.NDArray[Any]

SHAPES, EXPRESSIONS = 300, 100
"""Directions of identity, then of expression, in the files of 2017, 2020 and 2023."""
JOINTS = ("root", "neck", "jaw", "eyeLeft", "eyeRight")
PARENTS = (-1, 0, 1, 1, 1)
MAX_FILE_BYTES = 512 * 2**20
"""FLAME 2020 has 51 MB; with every array in double precision it would be 60 MB."""
VERTICES = range(100, 20_001)
"""FLAME has 5023."""
MAX_FACES = 40_000
HEIGHT_M = (0.1, 1.0)
HINT = "FLAME 2020 and 2023 are at flame.is.tue.mpg.de, under their own licence."


@dataclass(frozen=True, eq=False)
class FlameModel:
    """FLAME in its own frame: metres, y up, the face looks along +z, the subject's left is +x.

    Attributes:
        template: [V, 3] the mean head.
        directions: [V, 3, 400] per unit coefficient: 300 of identity, then 100 of expression, of variance 1 each.
        pose_directions: [V, 3, 36] correctives: per entry of R - I of the joints 1 to 4, row by row.
        regressor: [5, V] joints from vertices, in the order of JOINTS.
        weights: [V, 5] skinning, rows sum to 1.
        faces: [F, 3] int32.
        sha256: of the file.
    """

    template: Array
    directions: Array
    pose_directions: Array
    regressor: Array
    weights: Array
    faces: npt.NDArray[np.int32]
    sha256: str

    def joints(self) -> Array:
        """Of the mean head, [5, 3]."""
        return self.regressor @ self.template


def load_flame(path: Path) -> FlameModel:
    """Read the .pkl or .npz file that FLAME comes as.

    Raises:
        BackendMissing: there is no such file.
        CorruptFile: it is not FLAME, or wants to do more than hold arrays.
    """
    if not path.is_file():
        raise BackendMissing(f"There is no FLAME file {path.name}.", hint=HINT)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise CorruptFile(f"The FLAME file has more than {MAX_FILE_BYTES // 2**20} MB.", hint=HINT)
    data = path.read_bytes()
    arrays = _npz_arrays(path) if data[:2] == b"PK" else _pickled_arrays(data)
    return flame_of(arrays, hashlib.sha256(data).hexdigest())


NAMES = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f", "kintree_table")


def flame_of(arrays: Mapping[str, Array], sha256: str) -> FlameModel:
    """Check arrays under the names of FLAME's files (NAMES).

    Raises:
        CorruptFile: one has another shape, is not finite, or points outside of the mesh.
    """
    if missing := [n for n in NAMES if n not in arrays]:
        raise CorruptFile(f"The file lacks FLAME's {', '.join(missing)}.", hint=HINT)
    count = len(np.atleast_1d(arrays["v_template"]))
    if count not in VERTICES:
        raise CorruptFile(f"The model has {count} vertices; FLAME has 5023.", hint=HINT)
    faces = _whole("f", arrays["f"])
    if faces.ndim != 2 or faces.shape[1] != 3 or not 0 < len(faces) <= MAX_FACES:
        raise CorruptFile(f"FLAME's f has shape {faces.shape}; expected [F, 3], F up to {MAX_FACES}.", hint=HINT)
    if faces.min() < 0 or faces.max() >= count:
        raise CorruptFile(f"FLAME's f points outside of its {count} vertices.", hint=HINT)
    parents = _whole("kintree_table", arrays["kintree_table"])
    # The root's parent is -1, in some files as 2^32 - 1.
    if parents.shape != (2, 5) or tuple(parents[0, 1:]) != PARENTS[1:]:
        raise CorruptFile("The joints do not hang together as FLAME's: root, neck, then jaw and eyes.", hint=HINT)
    model = FlameModel(
        template=_numbers("v_template", arrays, (count, 3)),
        directions=_numbers("shapedirs", arrays, (count, 3, SHAPES + EXPRESSIONS)),
        pose_directions=_numbers("posedirs", arrays, (count, 3, 9 * (len(JOINTS) - 1))),
        regressor=_numbers("J_regressor", arrays, (len(JOINTS), count)),
        weights=_numbers("weights", arrays, (count, len(JOINTS))),
        faces=faces.astype(np.int32),
        sha256=sha256,
    )
    _check_meaning(model)
    return model


def _check_meaning(model: FlameModel) -> None:
    height = float(np.ptp(model.template[:, 1]))
    if not HEIGHT_M[0] < height < HEIGHT_M[1]:
        raise CorruptFile(f"The mean head is {height:.3g} high; expected metres.", hint=HINT)
    for name, rows in (("weights", model.weights), ("J_regressor", model.regressor)):
        if np.abs(rows.sum(1) - 1).max() > 0.01:
            raise CorruptFile(f"Rows of FLAME's {name} do not sum to 1.", hint=HINT)
    if model.weights.min() < -0.01:
        raise CorruptFile("FLAME's weights are below 0.", hint=HINT)
    left, right = model.joints()[3:]
    if not left[0] > right[0]:
        raise CorruptFile("The left eye's joint is not on the left (+x).", hint=HINT)


def _numbers(name: str, arrays: Mapping[str, Array], shape: tuple[int, ...]) -> Array:
    array = np.asarray(arrays[name])
    if array.shape != shape:
        raise CorruptFile(f"FLAME's {name} has shape {array.shape}; expected {shape}.", hint=HINT)
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all() or np.abs(array).max() > 1e3:
        raise CorruptFile(f"FLAME's {name} is not made of finite numbers of a head's size.", hint=HINT)
    return array.astype(np.float32)


def _whole(name: str, value: Array) -> npt.NDArray[np.int64]:
    array = np.asarray(value)
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all() or np.any(array != np.floor(array)):
        raise CorruptFile(f"FLAME's {name} is not made of whole numbers.", hint=HINT)
    return array.astype(np.int64)


def _pickled_arrays(data: bytes) -> dict[str, Array]:
    found = read_pickle(data)
    most = VERTICES[-1] * 3 * (SHAPES + EXPRESSIONS)
    return {name: to_array(found[name], most) for name in NAMES if name in found}


def _npz_arrays(path: Path) -> dict[str, Array]:
    """The arrays of an .npz, each only after its header was compared with how much the file says to hold."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {i.filename.removesuffix(".npy"): i for i in archive.infolist()}
            return {name: _npy(archive, members[name]) for name in NAMES if name in members}
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, RuntimeError) as error:
        raise CorruptFile("The .npz file is damaged, or holds more than arrays of numbers.", hint=HINT) from error


def _npy(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    if member.file_size > MAX_FILE_BYTES:
        raise ValueError("too large")
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, is_fortran, dtype = read_header(file)
        expected = dtype.itemsize
        for n in shape:
            expected *= n
        if dtype.hasobject or expected > member.file_size:
            raise ValueError("not numbers, or fewer than the header says")
        data = file.read()
    if len(data) != expected:
        raise ValueError("not as long as the header says")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if is_fortran else "C")
