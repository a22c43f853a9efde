"""What every reader refuses before it believes a file of unknown origin."""

from __future__ import annotations

from perse_engine.errors import CorruptFile, InvalidValue
from perse_engine.scene import FloatArray
from perse_engine.splatting.cloud import GaussianCloud

MAX_GAUSSIANS = 10_000_000


def cloud_from_file(format: str, **values: FloatArray) -> GaussianCloud:
    """A cloud of what a file held.

    Raises:
        CorruptFile: numbers that are not finite, or outside their range.
    """
    try:
        return GaussianCloud(**values)
    except InvalidValue as error:
        raise CorruptFile(f"The {format} file holds impossible values: {error.message}") from error
