"""The container of glTF 2.0: arrays in, one binary .glb out, and back.

A GLB is a header of 12 bytes, a JSON chunk and one binary chunk, both padded to 4 bytes. Arrays live in the binary
chunk as buffer views, and accessors say what they are.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.errors import CorruptFile

Array = npt.NDArray[Any]

COMPONENTS = {"|u1": 5121, "<u2": 5123, "<u4": 5125, "<f4": 5126}
TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
VERTICES, INDICES = 34962, 34963
"""What a GPU shall use a buffer view for."""
MAX_BYTES = 1 << 31

_MAGIC, _JSON, _BIN = b"glTF", b"JSON", b"BIN\0"
_DTYPES = {number: np.dtype(text) for text, number in COMPONENTS.items()}


class GltfBuilder:
    """Collects a scene; `document` is the JSON that is written, open to additions."""

    def __init__(self, generator: str, extras: dict[str, Any]) -> None:
        self.document: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": generator, "extras": extras},
            "scene": 0,
            "scenes": [{"nodes": []}],
        }
        self._bytes = bytearray()

    def add(self, collection: str, item: dict[str, Any]) -> int:
        """Append to `nodes`, `meshes`, ...; returns the index."""
        items: list[dict[str, Any]] = self.document.setdefault(collection, [])
        items.append(item)
        return len(items) - 1

    def add_root(self, node: int) -> None:
        """Show a node."""
        self.document["scenes"][0]["nodes"].append(node)

    def use_extension(self, name: str) -> None:
        """List an extension; readers that do not know it show the rest."""
        used = self.document.setdefault("extensionsUsed", [])
        if name not in used:
            used.append(name)

    def view(self, data: bytes, target: int | None = None) -> int:
        """A buffer view of these bytes, aligned to 4."""
        self._bytes += bytes(-len(self._bytes) % 4)
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self._bytes), "byteLength": len(data)}
        if target is not None:
            view["target"] = target
        self._bytes += data
        return self.add("bufferViews", view)

    def accessor(
        self, array: Array, target: int | None = VERTICES, *, normalised: bool = False, bounds: bool = False
    ) -> int:
        """An accessor of [N] or [N, k]; `bounds` where glTF demands min and max."""
        accessor = _description(array, normalised, bounds) | {"bufferView": self.view(_packed(array), target)}
        return self.add("accessors", accessor)

    def sparse_accessor(self, array: Array, rows: Array) -> int:
        """An accessor of [N, k] that is 0 except in `rows`; no view and no sparse part when there are none."""
        accessor = _description(array, False, True)
        if len(rows):
            # The views of a sparse accessor must not name a target.
            accessor["sparse"] = {
                "count": len(rows),
                "indices": {"bufferView": self.view(_packed(rows.astype("<u4"))), "componentType": COMPONENTS["<u4"]},
                "values": {"bufferView": self.view(_packed(array[rows]))},
            }
        return self.add("accessors", accessor)

    def to_bytes(self) -> bytes:
        """The whole .glb."""
        binary = bytes(self._bytes) + bytes(-len(self._bytes) % 4)
        document = self.document | {"buffers": [{"byteLength": len(binary)}]}
        text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        size = 12 + 8 + len(text) + 8 + len(binary)
        head = struct.pack("<4sII", _MAGIC, 2, size) + struct.pack("<I4s", len(text), _JSON)
        return b"".join((head, text, struct.pack("<I4s", len(binary), _BIN), binary))


def _description(array: Array, normalised: bool, bounds: bool) -> dict[str, Any]:
    columns = array[:, None] if array.ndim == 1 else array
    out: dict[str, Any] = {
        "componentType": COMPONENTS[array.dtype.newbyteorder("<").str],
        "count": len(array),
        "type": TYPES[columns.shape[1]],
    }
    if normalised:
        out["normalized"] = True
    if bounds:
        out |= {"min": columns.min(0).tolist(), "max": columns.max(0).tolist()}
    return out


def _packed(array: Array) -> bytes:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()


def parse_glb(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON and the binary chunk.

    Raises:
        CorruptFile: the chunks do not fit the file, or the JSON is none.
    """
    if len(data) < 20 or data[:4] != _MAGIC or struct.unpack_from("<II", data, 4) != (2, len(data)):
        raise CorruptFile("This is no whole binary glTF 2.0 file.")
    chunks, start = [], 12
    while start + 8 <= len(data):
        length, kind = struct.unpack_from("<I4s", data, start)
        chunks.append((kind, data[start + 8 : start + 8 + length], length))
        start += 8 + length
    if start != len(data) or chunks[0][0] != _JSON:
        raise CorruptFile("The chunks of the glTF file do not fit its length.")
    try:
        document = json.loads(chunks[0][1])
    except (ValueError, RecursionError) as error:
        raise CorruptFile("The JSON of the glTF file is not readable.") from error
    if not isinstance(document, dict):
        raise CorruptFile("The JSON of the glTF file is not an object.")
    return document, next((body for kind, body, _ in chunks[1:] if kind == _BIN), b"")


def read_accessor(document: dict[str, Any], binary: bytes, index: int) -> Array:
    """The array of a dense accessor over the binary chunk; [N] or [N, k], of the stored type.

    Raises:
        CorruptFile, KeyError, IndexError, TypeError, ValueError: it names what is not there or does not fit.
    """
    accessor = document["accessors"][_natural(index)]
    view = document["bufferViews"][_natural(accessor["bufferView"])]
    dtype = _DTYPES[accessor["componentType"]]
    width = {text: number for number, text in TYPES.items()}[accessor["type"]]
    count, row = _natural(accessor["count"]), width * dtype.itemsize
    stride = _natural(view.get("byteStride", row))
    within = _natural(accessor.get("byteOffset", 0))
    start, length = _natural(view.get("byteOffset", 0)), _natural(view["byteLength"])
    fits = stride >= row and (count == 0 or within + (count - 1) * stride + row <= length)
    if "sparse" in accessor or not fits or start + length > len(binary):
        raise CorruptFile("An accessor of the glTF file reaches beyond its bytes, or is sparse.")
    array: Array = np.ndarray((count, width), dtype, binary, start + within, (stride, dtype.itemsize)).copy()
    return array[:, 0] if width == 1 else array


def _natural(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MAX_BYTES:
        raise CorruptFile(f"The glTF file has {str(value)[:40]!r} where a count or an index belongs.")
    return value
