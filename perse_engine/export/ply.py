"""PLY files in the layout of 3D Gaussian splatting: what every splat viewer and editor reads.

Binary little endian, one element `vertex` of 62 float32: x y z, nx ny nz (0), f_dc_0..2 and f_rest_0..44 (spherical
harmonics of degree 3; ours have degree 0 only), opacity (logit), scale_0..2 (natural logarithm, metres), rot_0..3 (unit
quaternion wxyz).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from perse_engine.errors import CorruptFile, InvalidValue
from perse_engine.export.bands import warn_higher_bands
from perse_engine.export.limits import MAX_GAUSSIANS, cloud_from_file
from perse_engine.scene import FloatArray
from perse_engine.splatting.cloud import GaussianCloud

SH_0 = 0.28209479177387814
"""The constant spherical harmonic, 1 / (2 sqrt(pi)): colour = 0.5 + SH_0 f_dc."""
OPACITY_LIMIT = 1e-6
"""A logit is finite between 0 and 1 only; opacities are written at least so far from either."""
SMALLEST_SCALE_M = 1e-9
"""A logarithm is finite above 0 only."""

WORLD_FRAME_COMMENTS = (
    "frame: world, right-handed, origin between the eyes at rest, y up, the face looks along +z, subject's left is +x",
    "units: metre; colours sRGB",
    "AI-generated: a synthetic avatar made from one photo",
)

_REST = 45
PROPERTIES = (
    *("x", "y", "z", "nx", "ny", "nz"),
    *(f"f_dc_{k}" for k in range(3)),
    *(f"f_rest_{k}" for k in range(_REST)),
    "opacity",
    *(f"scale_{k}" for k in range(3)),
    *(f"rot_{k}" for k in range(4)),
)
_NEEDED = tuple(name for name in PROPERTIES if not name.startswith(("n", "f_rest")))

# Limits for files of unknown origin.
_MAX_HEADER_BYTES = 1 << 16
_MAX_PROPERTIES = 256
_FLOAT_TYPES = ("float", "float32")


def write_ply(target: Path | BinaryIO, cloud: GaussianCloud, comments: Sequence[str] = ()) -> None:
    """Write a cloud in the world frame; the header says so, and that it is AI-generated, then your comments.

    Opacities are moved into 1e-6..1 - 1e-6, scales above 1e-9 m, quaternions to length 1.

    Raises:
        InvalidValue: a comment that is not one line of printable ASCII.
    """
    header = _header(len(cloud), (*WORLD_FRAME_COMMENTS, *comments))
    rows = np.zeros((len(cloud), len(PROPERTIES)), "<f4")
    opacities = np.clip(cloud.opacities.astype(np.float64), OPACITY_LIMIT, 1 - OPACITY_LIMIT)
    rows[:, 0:3] = cloud.means
    rows[:, 6:9] = (cloud.colours - 0.5) / SH_0
    rows[:, 54] = np.log(opacities / (1 - opacities))
    rows[:, 55:58] = np.log(np.maximum(cloud.scales.astype(np.float64), SMALLEST_SCALE_M))
    rows[:, 58:62] = cloud.normalised_quats()
    with _opened(target, "wb") as file:
        file.write(header)
        file.write(rows.tobytes())


def read_ply(source: Path | BinaryIO) -> GaussianCloud:
    """Read a cloud; properties may come in any order, and normals and f_rest may be absent.

    PLYs of other programs often hold view-dependent colour (f_rest): its constant part is read, and HigherBandsIgnored
    is warned of. Axes are the file's own.

    Safe for files of unknown origin: nothing is read before the header was checked against the size. The source must
    be seekable.

    Raises:
        CorruptFile: anything but a whole binary PLY file of Gaussians.
    """
    with _opened(source, "rb") as file:
        count, names = _read_header(file)
        start = file.tell()
        if file.seek(0, io.SEEK_END) - start != count * len(names) * 4:
            raise CorruptFile(f"The PLY file announces {count} Gaussians and holds more or fewer bytes.")
        file.seek(start)
        body = file.read()
    rows = np.frombuffer(body, "<f4").reshape(count, len(names))

    def columns(*wanted: str) -> FloatArray:
        return rows[:, [names.index(name) for name in wanted]].astype(np.float32)

    if any(rows[:, k].any() for k, name in enumerate(names) if name.startswith("f_rest_")):
        warn_higher_bands("PLY")
    with np.errstate(over="ignore", invalid="ignore"):
        values = {
            "means": columns("x", "y", "z"),
            "quats": columns("rot_0", "rot_1", "rot_2", "rot_3"),
            "scales": np.exp(columns("scale_0", "scale_1", "scale_2")),
            "opacities": (1 / (1 + np.exp(-columns("opacity")[:, 0].astype(np.float64)))).astype(np.float32),
            "colours": 0.5 + np.float32(SH_0) * columns("f_dc_0", "f_dc_1", "f_dc_2"),
        }
    return cloud_from_file("PLY", **values)


def _header(count: int, comments: Sequence[str]) -> bytes:
    for comment in comments:
        if not (comment.isascii() and comment.isprintable()):
            raise InvalidValue(f"PLY comment {comment!r} must be one line of printable ASCII.")
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        *(f"comment {comment}" for comment in comments),
        f"element vertex {count}",
        *(f"property float {name}" for name in PROPERTIES),
        "end_header",
    ]
    return ("\n".join(lines) + "\n").encode("ascii")


def _read_header(file: BinaryIO) -> tuple[int, list[str]]:
    """The number of Gaussians, and the names of their float32 properties."""
    lines = list(_header_lines(file))
    if lines[:2] != ["ply", "format binary_little_endian 1.0"]:
        raise CorruptFile("This is no binary little-endian PLY file.")
    content = [line for line in lines[2:] if line.split(" ")[0] not in ("comment", "obj_info")]
    element = re.fullmatch(r"element vertex (\d{1,9})", content[0]) if content else None
    if element is None or int(element[1]) > MAX_GAUSSIANS:
        raise CorruptFile(f"A PLY file of Gaussians has one element, vertex, of at most {MAX_GAUSSIANS}.")
    names = []
    for line in content[1:]:
        words = line.split(" ")
        if len(words) != 3 or words[0] != "property" or words[1] not in _FLOAT_TYPES:
            raise CorruptFile(f"The PLY header line {line[:80]!r} is not a float property of the vertex.")
        names.append(words[2])
    if len(names) > _MAX_PROPERTIES or len(set(names)) != len(names):
        raise CorruptFile("The PLY file has too many properties, or one twice.")
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise CorruptFile(f"The PLY file lacks {', '.join(missing)}; it holds no Gaussians.")
    return int(element[1]), names


def _header_lines(file: BinaryIO) -> Iterator[str]:
    """Lines before end_header, without their ends."""
    left = _MAX_HEADER_BYTES
    while left > 0:
        line = file.readline(left)
        left -= len(line)
        if not line.endswith(b"\n"):
            break
        try:
            text = line.decode("ascii").rstrip("\r\n")
        except UnicodeDecodeError:
            break
        if text == "end_header":
            return
        yield text
    raise CorruptFile(f"The PLY header does not end within {_MAX_HEADER_BYTES} bytes of ASCII.")


@contextmanager
def _opened(file: Path | BinaryIO, mode: str) -> Iterator[BinaryIO]:
    if isinstance(file, Path):
        with file.open(mode) as opened:
            yield opened  # type: ignore[misc]  # the mode is binary
    else:
        yield file
