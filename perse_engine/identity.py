"""Who a picture of an editor shows: judged by a face recogniser that the user brings as a file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from perse_engine.evaluation.subject.identity import CROP_PX, FaceEmbedder, OnnxEmbedder, face_crop
from perse_engine.synthesis.learned.acceptance import Array, FaceIdentity, Rgb

VARIABLE = "PERSE_FACE_EMBEDDER"


def identity_by(embedder: FaceEmbedder) -> FaceIdentity:
    """Judges whole pictures by the face on them."""
    nobody = 0 * embedder.embed(np.zeros((CROP_PX, CROP_PX, 3), np.uint8))

    def identity(picture: Rgb) -> Array:
        crop = face_crop(picture)
        return nobody if crop is None else embedder.embed(crop)

    return identity


def identity_of_this_machine() -> FaceIdentity | None:
    """The recogniser in the ONNX file that PERSE_FACE_EMBEDDER names; None where it names none.

    Raises:
        BackendMissing, InvalidValue: see `OnnxEmbedder`.
    """
    named = os.environ.get(VARIABLE)
    return identity_by(OnnxEmbedder(Path(named))) if named else None
