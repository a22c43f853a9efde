"""What to say when a file holds view-dependent colour: Perse's Gaussians have one colour from every side."""

from __future__ import annotations

import warnings


class HigherBandsIgnored(UserWarning):
    """The file's spherical harmonics of degree 1 and more were left out; only the constant colour was read."""


def warn_higher_bands(format: str) -> None:
    """Warn the caller of a reader of `format`."""
    text = f"The {format} file holds view-dependent colour, which Perse does not draw; its constant part was read."
    warnings.warn(text, HigherBandsIgnored, stacklevel=3)
