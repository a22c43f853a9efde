"""Gaussians in glTF: a primitive of points with KHR_gaussian_splatting, as its Release Candidate of July 2026 says.

Scales are linear, quaternions xyzw, opacities 0..1, colours the constant spherical harmonic of display-referred sRGB.
Programs without the extension show the points, coloured by COLOR_0. glTF's axes are ours: y up, the face along +z.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from perse_engine.errors import CorruptFile, InvalidValue
from perse_engine.export.bands import warn_higher_bands
from perse_engine.export.gltf import GltfBuilder, read_accessor
from perse_engine.export.limits import MAX_GAUSSIANS, cloud_from_file
from perse_engine.export.ply import SH_0
from perse_engine.scene import FloatArray
from perse_engine.splatting.cloud import GaussianCloud

EXTENSION = "KHR_gaussian_splatting"
ROTATION, SCALE, OPACITY = (f"{EXTENSION}:{name}" for name in ("ROTATION", "SCALE", "OPACITY"))
COLOUR = f"{EXTENSION}:SH_DEGREE_0_COEF_0"
_HIGHER = f"{EXTENSION}:SH_DEGREE_1_COEF_0"


def add_gaussians(builder: GltfBuilder, cloud: GaussianCloud) -> None:
    """A node `gaussians` at the root of the scene.

    Raises:
        InvalidValue: no Gaussian; glTF has no empty accessors.
    """
    if not len(cloud):
        raise InvalidValue("A glTF file holds at least one Gaussian.")
    attributes = {
        "POSITION": builder.accessor(cloud.means, bounds=True),
        "COLOR_0": builder.accessor(_fallback_colours(cloud), normalised=True),
        ROTATION: builder.accessor(cloud.normalised_quats()[:, [1, 2, 3, 0]]),
        SCALE: builder.accessor(cloud.scales),
        OPACITY: builder.accessor(cloud.opacities),
        COLOUR: builder.accessor(((cloud.colours - 0.5) / SH_0).astype(np.float32)),
    }
    extension = {
        "kernel": "ellipse",
        "colorSpace": "srgb_rec709_display",
        "projection": "perspective",
        "sortingMethod": "cameraDistance",
    }
    builder.use_extension(EXTENSION)
    primitive = {"attributes": attributes, "mode": 0, "extensions": {EXTENSION: extension}}
    mesh = builder.add("meshes", {"name": "gaussians", "primitives": [primitive]})
    builder.add_root(builder.add("nodes", {"name": "gaussians", "mesh": mesh}))


def read_gaussians(document: dict[str, Any], binary: bytes) -> GaussianCloud:
    """The first primitive of Gaussians; a node's transform is not applied, ours have none.

    Raises:
        CorruptFile: there is none, or its attributes do not fit.
    """
    try:
        primitives = [p for mesh in document.get("meshes", []) for p in mesh["primitives"]]
        attributes = next((p["attributes"] for p in primitives if EXTENSION in p.get("extensions", {})), None)
        if attributes is None:
            raise CorruptFile("The glTF file holds no Gaussians.", hint=f"They need the extension {EXTENSION}.")
        means, quats, scales, opacities, harmonics = (
            _floats(document, binary, attributes[name]) for name in ("POSITION", ROTATION, SCALE, OPACITY, COLOUR)
        )
        higher = _HIGHER in attributes
        quats = quats[:, [3, 0, 1, 2]]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise CorruptFile("The glTF file's Gaussians are not readable.") from error
    if higher:
        warn_higher_bands("glTF")
    with np.errstate(over="ignore", invalid="ignore"):
        colours = 0.5 + np.float32(SH_0) * harmonics
    return cloud_from_file("glTF", means=means, quats=quats, scales=scales, opacities=opacities, colours=colours)


def _floats(document: dict[str, Any], binary: bytes, index: int) -> FloatArray:
    array = read_accessor(document, binary, index)
    if array.dtype != np.float32 or len(array) > MAX_GAUSSIANS:
        raise CorruptFile(f"Gaussians are read as float32, at most {MAX_GAUSSIANS}; the glTF file has {array.dtype}.")
    return array


def _fallback_colours(cloud: GaussianCloud) -> np.ndarray:
    """[N, 4] uint16: linear light and opacity, as glTF's own colours are."""
    srgb = np.clip(cloud.colours, 0, 1)
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return np.rint(np.column_stack([linear, cloud.opacities]) * 65535).astype(np.uint16)
