"""Who can make what a dataset shows."""

from __future__ import annotations

EDITORS = ("procedural", "diffusion")
"""Of variants: our own shapes and textures, or pictures by a pretrained model."""
ANIMATORS = ("rig", "wan-animate", "wan-vace")
"""Of clips: our own renderer; a video model that animates a picture of each look; one that repaints where a look
differs from the source clip."""
INTERPOLATORS = ("rig", "warp", "diffusion")
"""Of in-betweens, with editor 'diffusion'."""
