"""Who can make the head, and what a dataset shows of it."""

from __future__ import annotations

EDITORS = ("procedural", "diffusion")
"""Of variants: our own shapes and textures, or pictures by a pretrained model."""
ANIMATORS = ("rig", "wan-animate", "wan-vace")
"""Of clips: our own renderer; a video model that animates a picture of each look; one that repaints where a look
differs from the source clip."""
INTERPOLATORS = ("rig", "warp", "diffusion")
"""Of in-betweens, with editor 'diffusion'."""
RIGS = ("landmarks", "flame")
"""Of the head's depth and motions: our own of the face landmarks, or the user's FLAME file."""
