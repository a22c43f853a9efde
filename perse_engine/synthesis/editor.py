"""What an attribute editor promises."""

from __future__ import annotations

from typing import Protocol

from perse_engine.head.subject import Subject, TexturedRig
from perse_engine.look import Look
from perse_engine.scene import FloatArray
from perse_engine.synthesis.dataset import AddedSurface
from perse_engine.vocabulary import VariantSpec


class AttributeEditor(Protocol):
    """Dresses a subject in a look, at any weight of any variant."""

    def dress(self, subject: Subject, look: Look) -> TexturedRig:
        """The subject at a look. Weights between 0 and 1 interpolate shape and colour; nothing is cross-faded.

        Raises:
            UnknownName: a variant that this editor does not know.
            UnsupportedWish: a variant that it knows but cannot make of this subject.
        """
        ...

    def hides(self, subject: Subject, look: Look, dressed: TexturedRig) -> FloatArray:
        """How much of another edit below it a look hides, of each texel of its texture, [H, W] in 0..1; `dressed` is
        what `dress` made of it."""
        ...

    def added_surface(
        self, subject: Subject, category: str, variants: tuple[VariantSpec, ...], beside: tuple[VariantSpec, ...] = ()
    ) -> AddedSurface | None:
        """Points on the surface that these variants of a category add, or None if they add none; `beside` are those of
        other categories, which may push it."""
        ...
