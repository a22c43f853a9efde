"""The editor that needs no weights: paint, identity shapes and simple geometry."""

from perse_engine.synthesis.procedural.procedural_editor import ProceduralEditor

__all__ = ["ProceduralEditor"]
