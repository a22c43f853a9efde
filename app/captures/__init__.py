"""Faces that are followed live, picture by picture."""
