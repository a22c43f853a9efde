"""One door to the formats: a cloud to a file, and back, by name or suffix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from perse_engine.errors import InvalidValue, UnknownName
from perse_engine.export.glb import read_glb, write_glb
from perse_engine.export.ply import read_ply, write_ply
from perse_engine.export.splat_file import read_splat, write_splat
from perse_engine.export.spz import read_spz, write_spz
from perse_engine.splatting.cloud import GaussianCloud

VISIBLE_OPACITY = 1 / 255
"""No rasteriser draws less; hats that are not worn have 0."""
Y_DOWN = "turned by 180 degrees about z out of that frame: y points down"

_WRITERS: Mapping[str, Callable[[Path, GaussianCloud], None]] = {
    "ply": write_ply,
    "spz": write_spz,
    "splat": write_splat,
    "glb": write_glb,
}
_READERS: Mapping[str, Callable[[Path], GaussianCloud]] = {
    "ply": read_ply,
    "spz": read_spz,
    "splat": read_splat,
    "glb": read_glb,
}
FORMATS: tuple[str, ...] = tuple(_WRITERS)
TURNABLE = ("ply", "splat")
"""Formats that name no axes. SPZ and glTF say y up."""


def export_cloud(cloud: GaussianCloud, path: Path, format: str | None = None, *, y_down: bool = False) -> int:
    """Write the visible Gaussians of a cloud in the world frame; returns how many they are.

    Args:
        cloud: in the world frame, for example from `posed_cloud`.
        path: its suffix decides when `format` is None.
        format: one of FORMATS.
        y_down: turn by 180 degrees about z, for programs that turn PLY and .splat back when they open them.

    Raises:
        UnknownName: no such format.
        InvalidValue: `y_down` for SPZ or GLB, or no Gaussian is visible there.
    """
    format = format_of(path, format)
    if y_down and format not in TURNABLE:
        raise InvalidValue(f"{format.upper()} files have y up.", hint=f"y down is for {', '.join(TURNABLE)}.")
    cloud = visible(cloud)
    if y_down:
        cloud = turned_y_down(cloud)
    if format == "ply":
        write_ply(path, cloud, [Y_DOWN] if y_down else [])
    else:
        _WRITERS[format](path, cloud)
    return len(cloud)


def read_cloud(path: Path, format: str | None = None) -> GaussianCloud:
    """Read a cloud in the file's own axes.

    Raises:
        UnknownName: no such format.
        CorruptFile: the file is not what the format promises.
    """
    return _READERS[format_of(path, format)](path)


def format_of(path: Path, format: str | None = None) -> str:
    """The format's name in FORMATS, from the suffix when it is None.

    Raises:
        UnknownName: there is no such format.
    """
    name = path.suffix.removeprefix(".").lower() if format is None else format
    if name not in FORMATS:
        raise UnknownName(f"There is no export format {name!r}.", hint=f"Formats: {', '.join(FORMATS)}.")
    return name


def visible(cloud: GaussianCloud) -> GaussianCloud:
    """Without the Gaussians that nobody draws: what files hold."""
    return cloud.take(cloud.opacities >= VISIBLE_OPACITY)


def turned_y_down(cloud: GaussianCloud) -> GaussianCloud:
    """Turned by 180 degrees about z: x and y change sign. Twice is the cloud itself."""
    w, x, y, z = cloud.quats.T
    return replace(
        cloud,
        means=cloud.means * np.array([-1, -1, 1], np.float32),
        # (0, 0, 0, 1) times the quaternion.
        quats=np.stack([-z, -y, x, w], 1),
    )
