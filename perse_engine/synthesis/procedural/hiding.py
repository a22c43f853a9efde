"""How much of what lies below it an edit hides, measured: the same edit on a tinted head tells what shows through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.compiled import kernel
from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.subject import Subject, TexturedRig
from perse_engine.look import Look
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.synthesis.procedural.skin import beside_hair

Array = npt.NDArray[Any]

TINT = 0.15
"""Of the colours that lie below is taken away: about what another tone of skin takes."""
LEAST_TINT = 0.003
"""Of texels that can tell."""


def hidden(subject: Subject, look: Look, dressed: TexturedRig, dress: Callable[[Outfit], TexturedRig]) -> Array:
    """The share of a change of the colours below that a look hides, of each texel of `dressed`, [H, W] float32 0..1.

    Opaque paint hides all of it; a shade that leaves 0.7 of the light hides 0.3. `dress` makes the look of an outfit;
    `dressed` is what it makes of the subject.
    """
    own = subject.look.texture
    tint = np.full(own.shape[:2], TINT, np.float32)
    if look.categories() == ("hair",):
        # Dyes go by the hair's own mean, which nothing that lies below hair changes.
        tint[:ATLAS_PX, :ATLAS_PX] *= beside_hair(subject)
    outfit = Outfit.of(subject)
    outfit.texture[..., :3] *= 1 - tint[..., None]
    out = np.empty(dressed.texture.shape[:2], np.float32)
    share_hidden(own, tint, dressed.texture, dress(outfit).texture, out)
    return out


@kernel()
def share_hidden(own: Array, tint: Array, plain: Array, tinted: Array, out: Array) -> None:
    """1 less the part of a `tint` [h, w] of the `own` texture [h, w, 4] that tells the edited ones apart, [H, W, 4]."""
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            is_own = y < tint.shape[0] and x < tint.shape[1]
            shown = whole = np.float32(0)
            for c in range(3):
                # What an edit copied from the head into a texture of its own has changed in proportion.
                below = tint[y, x] * own[y, x, c] if is_own else np.float32(TINT) * plain[y, x, c]
                shown += (plain[y, x, c] - tinted[y, x, c]) * below
                whole += below * below
            share = shown / max(whole, np.float32(LEAST_TINT * LEAST_TINT))
            out[y, x] = 1 - min(max(share, np.float32(0)), np.float32(1))
