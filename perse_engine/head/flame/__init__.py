"""FLAME: a head model that the user brings as a file, behind the landmark rig's interface (docs/reference/flame.md)."""
