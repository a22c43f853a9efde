"""SPZ files, versions 2 and 3: about a tenth of the bytes of a PLY, and 8 bits per number.

One gzip stream, little endian: a header of 16 bytes, then each attribute for all Gaussians: positions (three signed
24-bit fixed-point numbers), opacity, colour, scale (natural logarithm) and rotation. The spherical harmonics that may
follow are written by nobody here and skipped when read.

SPZ's axes are RUB: x right, y up, z back, towards the viewer. Whoever faces the head sees its left (+x) on the right
and its face towards them (+z), so our world frame is RUB as it stands, and nothing is turned.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from perse_engine.errors import CorruptFile, InvalidValue
from perse_engine.export.bands import warn_higher_bands
from perse_engine.export.limits import MAX_GAUSSIANS, cloud_from_file
from perse_engine.export.ply import SH_0
from perse_engine.scene import FloatArray
from perse_engine.splatting.cloud import GaussianCloud

Bytes = npt.NDArray[np.uint8]

MAGIC = 0x5053474E
FRACTIONAL_BITS = 16
"""Steps of 15 micrometres, within 128 m; coordinates beyond get fewer bits."""
COLOUR_SCALE = 0.15
"""A byte spans f_dc -3.33..3.33, a little more than displayable colour; a step is 1.9 levels of 255."""
LARGEST_SMALL = np.sqrt(0.5)
"""No component of a unit quaternion but the largest is longer."""

_HEADER = struct.Struct("<IIIBBBB")
_ANTIALIASED, _HAS_EXTENSIONS = 0x1, 0x2
_ROTATION_BYTES = {2: 3, 3: 4}
_HIGHER_COEFFICIENTS = (0, 9, 24, 45, 72)


def write_spz(target: Path, cloud: GaussianCloud, version: Literal[2, 3] = 3, *, is_antialiased: bool = False) -> None:
    """Write a cloud; version 3 keeps rotations better, a few older readers know version 2 only.

    `is_antialiased` tells viewers that the Gaussians were trained with an antialiased rasteriser.

    Raises:
        InvalidValue: another version, no Gaussian (readers refuse such files), or a coordinate beyond 8000 km.
    """
    if version not in _ROTATION_BYTES:
        raise InvalidValue(f"SPZ version {version} is not written.", hint="Versions: 2, 3.")
    if not len(cloud):
        raise InvalidValue("An SPZ file holds at least one Gaussian.")
    bits = _fractional_bits(cloud.means)
    parts = (
        _HEADER.pack(MAGIC, version, len(cloud), 0, bits, _ANTIALIASED * is_antialiased, 0),
        _pack_positions(cloud.means, bits),
        _to_bytes(cloud.opacities * 255),
        _to_bytes(((cloud.colours - 0.5) / SH_0 * COLOUR_SCALE + 0.5) * 255),
        _to_bytes((np.log(np.maximum(cloud.scales, 1e-9)) + 10) * 16),
        _pack_first_three(cloud) if version == 2 else _pack_smallest_three(cloud),
    )
    # No time stamp: the same cloud gives the same bytes.
    target.write_bytes(gzip.compress(b"".join(bytes(part) for part in parts), mtime=0))


def read_spz(source: Path) -> GaussianCloud:
    """Read version 2 or 3; warns with HigherBandsIgnored when there is view-dependent colour.

    Safe for files of unknown origin: no more is unpacked than the checked header announces.

    Raises:
        CorruptFile: anything but a whole SPZ file of these versions.
    """
    data = source.read_bytes()
    if data[:4] == b"NGSP":
        raise CorruptFile("This is SPZ version 4 or later.", hint="Save it as version 3.")
    unpacker = zlib.decompressobj(wbits=31)
    version, count, degree, bits, flags = _checked_header(_unpacked(unpacker, data, _HEADER.size))
    sizes = {"means": 9, "opacities": 1, "colours": 3, "scales": 3, "quats": _ROTATION_BYTES[version]}
    sizes["higher"] = _HIGHER_COEFFICIENTS[degree]
    size = count * sum(sizes.values())
    body = _unpacked(unpacker, unpacker.unconsumed_tail, size + 1)
    if len(body) < size or (len(body) > size and not flags & _HAS_EXTENSIONS):
        raise CorruptFile(f"The SPZ file announces {count} Gaussians and holds more or fewer bytes.")
    bytes_of, start = {}, 0
    for name, width in sizes.items():
        bytes_of[name] = np.frombuffer(body, np.uint8, count * width, start).reshape(count, width)
        start += count * width
    if degree:
        warn_higher_bands("SPZ")
    unpack_quats = _unpack_first_three if version == 2 else _unpack_smallest_three
    return cloud_from_file(
        "SPZ",
        means=_unpack_positions(bytes_of["means"], bits),
        quats=unpack_quats(bytes_of["quats"]),
        scales=np.exp(bytes_of["scales"] / np.float32(16) - 10),
        opacities=bytes_of["opacities"][:, 0] / np.float32(255),
        colours=0.5 + SH_0 * (bytes_of["colours"] / np.float32(255) - 0.5) / COLOUR_SCALE,
    )


def _checked_header(header: bytes) -> tuple[int, int, int, int, int]:
    """version, count, degree of harmonics, fractional bits, flags."""
    if len(header) < _HEADER.size or struct.unpack_from("<I", header)[0] != MAGIC:
        raise CorruptFile("This is no SPZ file.")
    _, version, count, degree, bits, flags, _ = _HEADER.unpack(header)
    if version not in _ROTATION_BYTES:
        raise CorruptFile(f"The SPZ file has version {version}; 2 and 3 are read.")
    if count > MAX_GAUSSIANS or degree >= len(_HIGHER_COEFFICIENTS) or bits > 24:
        raise CorruptFile(f"The SPZ header announces {count} Gaussians of degree {degree}, {bits} fractional bits.")
    return version, count, degree, bits, flags


def _unpacked(unpacker: Any, data: bytes, at_most: int) -> bytes:
    try:
        return bytes(unpacker.decompress(data, at_most)) if at_most else b""
    except zlib.error as error:
        raise CorruptFile("The SPZ file is no whole gzip stream.") from error


def _to_bytes(values: FloatArray) -> Bytes:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _fractional_bits(means: FloatArray) -> int:
    reach = float(np.abs(means).max())
    for bits in range(FRACTIONAL_BITS, -1, -1):
        if reach * 2**bits < 2**23 - 1:
            return bits
    raise InvalidValue(f"A Gaussian lies {reach:.0f} m away; SPZ reaches 8000 km.")


def _pack_positions(means: FloatArray, bits: int) -> Bytes:
    fixed = np.rint(means.astype(np.float64) * 2**bits).astype("<i4")
    return np.ascontiguousarray(fixed.view(np.uint8).reshape(-1, 3, 4)[..., :3])


def _unpack_positions(packed: Bytes, bits: int) -> FloatArray:
    fixed = np.zeros((len(packed), 3, 4), np.uint8)
    # In the upper three bytes, so that the sign is extended by the shift.
    fixed[..., 1:] = packed.reshape(-1, 3, 3)
    return ((fixed.view("<i4")[..., 0] >> 8) / 2.0**bits).astype(np.float32)


def _pack_first_three(cloud: GaussianCloud) -> Bytes:
    return _to_bytes(cloud.normalised_quats()[:, 1:] * 127.5 + 127.5)


def _unpack_first_three(packed: Bytes) -> FloatArray:
    xyz = packed / np.float32(127.5) - 1
    w = np.sqrt(np.maximum(0, 1 - (xyz**2).sum(1, keepdims=True)))
    return np.concatenate([w, xyz], 1).astype(np.float32)


def _pack_smallest_three(cloud: GaussianCloud) -> Bytes:
    """From the top: 2 bits name the largest of xyzw, then 10 bits (sign, magnitude) for each other, in that order."""
    xyzw = cloud.normalised_quats()[:, [1, 2, 3, 0]].astype(np.float64)
    largest = np.abs(xyzw).argmax(1)
    rows = np.arange(len(xyzw))
    xyzw *= np.where(xyzw[rows, largest] < 0, -1, 1)[:, None]
    others = xyzw[_others(largest)].reshape(-1, 3)
    fields = np.minimum(np.rint(np.abs(others) / LARGEST_SMALL * 511), 511).astype("<u4") | ((others < 0) << 9)
    word = (largest << 30) | (fields[:, 0] << 20) | (fields[:, 1] << 10) | fields[:, 2]
    return word.astype("<u4").view(np.uint8)


def _unpack_smallest_three(packed: Bytes) -> FloatArray:
    word = np.ascontiguousarray(packed).view("<u4")[:, 0]
    largest = word >> 30
    fields = np.stack([word >> 20, word >> 10, word], 1)
    others = (fields & 511) / 511 * LARGEST_SMALL * np.where(fields & 512, -1, 1)
    xyzw = np.empty((len(word), 4))
    mask = _others(largest)
    xyzw[mask] = others.ravel()
    xyzw[~mask] = np.sqrt(np.maximum(0, 1 - (others**2).sum(1)))
    return xyzw[:, [3, 0, 1, 2]].astype(np.float32)


def _others(largest: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """[N, 4], False at the largest component."""
    return np.arange(4) != largest[:, None]
