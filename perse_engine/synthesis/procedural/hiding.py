"""How much of what lies below it an edit hides, measured: the same edit on a tinted head tells what shows through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.subject import Subject, TexturedRig
from perse_engine.look import Look
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.synthesis.procedural.skin import beside_hair

Array = npt.NDArray[Any]

TINT = np.float32(0.85)
"""Of the colours that lie below: about what another tone of skin makes of them."""
LEAST_TINT = 0.003
"""Of texels that can tell."""


def hidden(subject: Subject, look: Look, dressed: TexturedRig, dress: Callable[[Outfit], TexturedRig]) -> Array:
    """The share of a change of the colours below that a look hides, of each texel of `dressed`, [H, W] float32 0..1.

    Opaque paint hides all of it; a shade that leaves 0.7 of the light hides 0.3. `dress` makes the look of an outfit;
    `dressed` is what it makes of the subject.
    """
    outfit = Outfit.of(subject)
    outfit.texture[..., :3] *= TINT
    if look.categories() == ("hair",):
        # Dyes go by the hair's own mean, which nothing that lies below hair changes.
        head, own = outfit.texture[:ATLAS_PX, :ATLAS_PX, :3], subject.look.texture[:ATLAS_PX, :ATLAS_PX, :3]
        head += (own - head) * (1 - beside_hair(subject))[..., None]
    tint = outfit.texture[..., :3] - subject.look.texture[..., :3]
    shown = dress(outfit).texture[..., :3] - dressed.texture[..., :3]
    # What an edit copied from the head into a texture of its own has changed in proportion.
    whole = (TINT - 1) * dressed.texture[..., :3]
    height, width = subject.look.texture.shape[:2]
    whole[:height, :width] = tint
    share = (shown * whole).sum(-1) / np.maximum((whole * whole).sum(-1), LEAST_TINT**2)
    return np.asarray(1 - np.clip(share, 0, 1), np.float32)
