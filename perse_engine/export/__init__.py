"""Export: an avatar's Gaussians as files that other programs read."""

from perse_engine.export.ply import read_ply, write_ply

__all__ = ["read_ply", "write_ply"]
