"""Export: an avatar's Gaussians and its rig as files that other programs read. Formats: docs/reference/exports.md."""

from perse_engine.export.bands import HigherBandsIgnored
from perse_engine.export.bundle import read_bundle, write_bundle
from perse_engine.export.cloud_files import FORMATS, export_cloud, read_cloud, turned_y_down, visible
from perse_engine.export.glb import read_glb, write_glb, write_mesh_glb
from perse_engine.export.ply import read_ply, write_ply
from perse_engine.export.splat_file import read_splat, write_splat
from perse_engine.export.spz import read_spz, write_spz

__all__ = [
    "FORMATS",
    "HigherBandsIgnored",
    "export_cloud",
    "read_bundle",
    "read_cloud",
    "read_glb",
    "read_ply",
    "read_splat",
    "read_spz",
    "turned_y_down",
    "visible",
    "write_bundle",
    "write_glb",
    "write_mesh_glb",
    "write_ply",
    "write_splat",
    "write_spz",
]
