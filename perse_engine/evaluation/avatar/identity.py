"""Is it still the same person in another look: asked of a face recogniser that the caller brings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perse_engine.evaluation.avatar.exact import moment
from perse_engine.evaluation.subject.identity import FaceEmbedder, cosine_distance, face_crop
from perse_engine.evaluation.subject.judge import BACKGROUND, JUDGE_PX
from perse_engine.look import Look
from perse_engine.rendering.image import to_uint8
from perse_engine.rendering.render import Renderer
from perse_engine.scene import Expression, Pose
from perse_engine.synthesis.dataset import Dataset


@dataclass(frozen=True)
class Identity:
    """Cosine similarity between the frontal source look and every variant: mean, lowest and whose; `lost` variants in
    which no face was found count in neither."""

    cosine: float
    worst: float
    worst_clip: str
    lost: int


def identity(renderer: Renderer, dataset: Dataset, embedder: FaceEmbedder) -> Identity | None:
    """None if no face is found in the source look, or in no variant."""
    own = _embedded(renderer, Look(), embedder)
    clips = [c for c in dataset.clips if c.kind == "variant"]
    if own is None or not clips:
        return None
    found = {c.path: v for c in clips if (v := _embedded(renderer, c.look, embedder)) is not None}
    if not found:
        return None
    cosine = {path: 1 - cosine_distance(own, v) for path, v in found.items()}
    worst = min(cosine, key=lambda path: cosine[path])
    return Identity(float(np.mean(list(cosine.values()))), cosine[worst], worst, len(clips) - len(found))


def _embedded(renderer: Renderer, look: Look, embedder: FaceEmbedder) -> np.ndarray | None:
    at = moment(Pose(), Expression(), JUDGE_PX)
    crop = face_crop(to_uint8(renderer.render(look, at.pose, at.expression, at.camera, BACKGROUND).rgb))
    return None if crop is None else embedder.embed(crop)
