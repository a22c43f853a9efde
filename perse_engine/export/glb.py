"""GLB files (binary glTF 2.0): Gaussians, the rig that engines animate, or both beside each other."""

from __future__ import annotations

from pathlib import Path

from perse_engine.errors import CorruptFile, InvalidValue
from perse_engine.export.glb_gaussians import add_gaussians, read_gaussians
from perse_engine.export.glb_rig import add_animated_rig, add_still_rig
from perse_engine.export.gltf import MAX_BYTES, GltfBuilder, parse_glb
from perse_engine.head.subject import TexturedRig
from perse_engine.scene import Expression, Pose
from perse_engine.splatting.cloud import GaussianCloud

NOTE = "AI-generated: a synthetic avatar made from one photo"


def write_glb(target: Path, cloud: GaussianCloud | None = None, rig: TexturedRig | None = None) -> None:
    """Write Gaussians, the animatable rig at rest, or both.

    The Gaussians stand still while the rig is animated: the extension says nothing of skins and morph targets.

    Raises:
        InvalidValue: neither, or a cloud of no Gaussians.
    """
    if cloud is None and rig is None:
        raise InvalidValue("A GLB needs Gaussians, a rig, or both.")
    builder = _builder()
    if rig is not None:
        add_animated_rig(builder, rig)
    if cloud is not None:
        add_gaussians(builder, cloud)
    target.write_bytes(builder.to_bytes())


def write_mesh_glb(target: Path, look: TexturedRig, pose: Pose, expression: Expression) -> None:
    """Write only the textured mesh as posed, without bones and morph targets: what any glTF reader shows."""
    builder = _builder()
    add_still_rig(builder, look, pose, expression)
    target.write_bytes(builder.to_bytes())


def read_glb(source: Path) -> GaussianCloud:
    """The Gaussians of a GLB; warns with HigherBandsIgnored when there is view-dependent colour.

    Raises:
        CorruptFile: no whole GLB, or none with Gaussians in float32.
    """
    if source.stat().st_size > MAX_BYTES:
        raise CorruptFile("The glTF file is too large.")
    return read_gaussians(*parse_glb(source.read_bytes()))


def _builder() -> GltfBuilder:
    return GltfBuilder("Perse", {"note": NOTE, "units": "metre"})
