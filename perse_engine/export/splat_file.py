""".splat files: 32 bytes per Gaussian and nothing else, so that a viewer can show what has arrived so far.

position (3 float32, metres), scale (3 float32, standard deviations in metres), colour and opacity (RGBA, 4 bytes),
rotation (4 bytes wxyz, component * 128 + 128). The largest and most opaque Gaussians come first.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from perse_engine.errors import CorruptFile
from perse_engine.export.limits import MAX_GAUSSIANS, cloud_from_file
from perse_engine.splatting.cloud import GaussianCloud

ROW = np.dtype([("mean", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("quat", "u1", 4)])


def write_splat(target: Path, cloud: GaussianCloud) -> None:
    """Write a cloud in falling order of volume times opacity; colours are cut to 0..1."""
    weight = cloud.scales.astype(np.float64).prod(1) * cloud.opacities
    cloud = cloud.take(np.argsort(-weight, kind="stable"))
    rows = np.empty(len(cloud), ROW)
    rows["mean"] = cloud.means
    rows["scale"] = cloud.scales
    rows["rgba"][:, :3] = np.rint(np.clip(cloud.colours, 0, 1) * 255)
    rows["rgba"][:, 3] = np.rint(cloud.opacities * 255)
    rows["quat"] = np.clip(np.rint(cloud.normalised_quats() * 128 + 128), 0, 255)
    target.write_bytes(rows.tobytes())


def read_splat(source: Path) -> GaussianCloud:
    """Read a cloud, in the file's order.

    The format has no header: any file of the right length with possible numbers is taken.

    Raises:
        CorruptFile: the length is not whole, or a number cannot be.
    """
    size = source.stat().st_size
    if size % ROW.itemsize or size > MAX_GAUSSIANS * ROW.itemsize:
        raise CorruptFile(f"A .splat file has {ROW.itemsize} bytes per Gaussian; {size} bytes are not whole Gaussians.")
    rows = np.frombuffer(source.read_bytes(), ROW)
    return cloud_from_file(
        ".splat",
        means=rows["mean"],
        quats=(rows["quat"] - np.float32(128)) / 128,
        scales=rows["scale"],
        opacities=rows["rgba"][:, 3] / np.float32(255),
        colours=rows["rgba"][:, :3] / np.float32(255),
    )
