"""Blocks of the bundle: named arrays behind each other in one buffer view, as small integers with scales.

    value = stored * scale        scale per column, or per (first index, column)

0 stays exactly 0, and signs stay: what is transparent in the source look is transparent in the bundle.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.errors import CorruptFile
from perse_engine.export.gltf import GltfBuilder
from perse_engine.scene import FloatArray

Array = npt.NDArray[Any]

TYPES = {"i8": np.int8, "u8": np.uint8, "i16": np.int16, "u16": np.uint16, "u32": np.uint32, "f32": np.float32}
MAX_BLOCK_BYTES = 1 << 29
MAX_DIMENSIONS = 3
_ALIGN = 4


class BlockWriter:
    """Collects the arrays of one block."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self.arrays: dict[str, dict[str, Any]] = {}

    def put(self, name: str, array: Array, scale: FloatArray | None = None) -> None:
        """Append an array as it is; `scale` is what a reader multiplies it with."""
        self._bytes += bytes(-len(self._bytes) % _ALIGN)
        stored = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        name_of = {np.dtype(dtype): text for text, dtype in TYPES.items()}
        entry: dict[str, Any] = {"at": len(self._bytes), "type": name_of[array.dtype], "shape": list(array.shape)}
        if scale is not None:
            entry["scale"] = [float(s) for s in np.asarray(scale, np.float32).ravel()]
        self.arrays[name] = entry
        self._bytes += stored.tobytes()

    def put_index(self, name: str, index: Array, count: int) -> None:
        """Indices below `count`, in as few bytes as they need."""
        self.put(name, index.astype(np.uint16 if count <= 1 << 16 else np.uint32))

    def put_signed(self, name: str, values: FloatArray, dtype: type[np.int8] | type[np.int16]) -> None:
        """Quantise [N, k] with a scale per column, or [K, n, k] with a scale per (first index, column)."""
        top = np.iinfo(dtype).max
        axis = values.ndim - 2
        largest = np.abs(values).max(axis, keepdims=True, initial=0.0)
        scale = np.where(largest > 0, largest / top, 1.0).astype(np.float32)
        self.put(name, np.clip(np.rint(values / scale), -top, top).astype(dtype), scale)

    def add_to(self, builder: GltfBuilder) -> dict[str, Any]:
        """Write the block; returns its entry: the buffer view and its arrays."""
        return {"bufferView": builder.view(bytes(self._bytes)), "arrays": self.arrays}


class BlockReader:
    """The arrays of one block of a file of unknown origin."""

    def __init__(self, document: Mapping[str, Any], binary: bytes, entry: Mapping[str, Any]) -> None:
        """Find its bytes.

        Raises:
            CorruptFile: they are not all there.
        """
        view = document["bufferViews"][natural(entry["bufferView"])]
        start, length = natural(view.get("byteOffset", 0)), natural(view["byteLength"])
        if start + length > len(binary):
            raise CorruptFile("A block of the bundle reaches beyond the file.")
        self._bytes, self._arrays = memoryview(binary)[start : start + length], entry["arrays"]

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def raw(self, name: str) -> Array:
        """An array as stored.

        Raises:
            CorruptFile: it reaches beyond the block, or has another form than arrays have.
        """
        entry = self._arrays[name]
        shape = tuple(natural(n) for n in entry["shape"])
        dtype = np.dtype(TYPES[entry["type"]])
        at, size = natural(entry["at"]), dtype.itemsize
        for n in shape:
            size *= n
        if not 1 <= len(shape) <= MAX_DIMENSIONS or at + size > len(self._bytes):
            raise CorruptFile(f"The array {str(name)[:40]} of the bundle reaches beyond its block.")
        return np.ndarray(shape, dtype, self._bytes[at : at + size]).copy()

    def scales(self, name: str) -> FloatArray:
        """The scales of an array, flat; none are ones."""
        entry = self._arrays[name]
        return np.array(entry.get("scale", [1.0] * natural(entry["shape"][-1])), np.float32).reshape(-1)

    def values(self, name: str) -> FloatArray:
        """An array times its scale, float32.

        Raises:
            CorruptFile: the scale does not fit it.
        """
        array = self.raw(name)
        scale = self.scales(name)
        per_first = array.ndim == MAX_DIMENSIONS and len(scale) == array.shape[0] * array.shape[-1]
        if per_first:
            scale = scale.reshape(array.shape[0], 1, array.shape[-1])
        elif scale.shape != (array.shape[-1],):
            raise CorruptFile(f"The array {str(name)[:40]} of the bundle has {scale.size} scales.")
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(array * scale, np.float32)


def natural(value: object) -> int:
    """A count or an index.

    Raises:
        CorruptFile: it is none.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_BLOCK_BYTES:
        raise CorruptFile(f"The bundle has {str(value)[:40]!r} where a count or an index belongs.")
    return value
