"""Held-out frames against the dataset's own pictures, and how much of the face's fine detail is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.evaluation.avatar.distance import Distance
from perse_engine.evaluation.pictures import psnr_db, ssim
from perse_engine.evaluation.subject.measures import detail_variance
from perse_engine.rendering.render import Renderer
from perse_engine.synthesis.dataset import Clip, Dataset
from perse_engine.synthesis.storage import read_images
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

FACE = tuple(REGION_LABELS[n] for n in ("skin", "nose", "lips", "eyebrows", "sclera", "iris", "beard"))
ERODE_PX = 3
"""Detail is measured off the silhouette, whose edge is no detail of the face."""


@dataclass(frozen=True)
class FrameScore:
    """One held-out frame of one clip, over the union of both alphas; `lpips` is None without a network."""

    clip: str
    frame: int
    psnr_db: float
    ssim: float
    detail: float
    lpips: float | None


@dataclass(frozen=True)
class ClipScore:
    """Means over a clip's held-out frames."""

    clip: str
    kind: str
    psnr_db: float
    ssim: float
    detail: float
    lpips: float | None


@dataclass(frozen=True)
class Reconstruction:
    """Means over the source and every variant; `worst` is the variant of the lowest PSNR.

    detail: variance of what a Gaussian blur (sigma 2 px) removes from the face's luma, over the dataset's.
    between_psnr_db, mix_psnr_db: over the clips of that kind, 0 without any.
    """

    psnr_db: float
    ssim: float
    detail: float
    lpips: float | None
    worst: ClipScore
    between_psnr_db: float
    mix_psnr_db: float
    clips: tuple[ClipScore, ...]
    frames: tuple[FrameScore, ...]


def reconstruction(renderer: Renderer, dataset: Dataset, lpips: Distance | None = None) -> Reconstruction:
    """Render every held-out frame of every clip."""
    held = {f.index: f for f in dataset.frames if f.split == "heldout"}
    scores: list[FrameScore] = []
    clips: list[ClipScore] = []
    for clip in dataset.clips:
        own = [_frame(renderer, dataset, clip, held[i], lpips) for i in clip.frames if i in held]
        if own:
            clips.append(ClipScore(clip.path, clip.kind, *_means(own)))
            scores += own
    main = [c for c in clips if c.kind in ("source", "variant")]
    worst = min((c for c in clips if c.kind == "variant"), key=lambda c: c.psnr_db, default=main[0])
    psnr, similarity, detail, perceptual = _means(main)
    return Reconstruction(
        psnr, similarity, detail, perceptual, worst, _kind(clips, "between"), _kind(clips, "mix"),
        tuple(clips), tuple(sorted(scores, key=lambda s: s.psnr_db)),
    )  # fmt: skip


def _frame(renderer: Renderer, dataset: Dataset, clip: Clip, frame: Any, lpips: Distance | None) -> FrameScore:
    truth = read_images(dataset, clip, frame.index)
    picture = truth.image.astype(np.float32) / 255
    output = renderer.render(clip.look, frame.pose, frame.expression, frame.camera)
    mask = (truth.alpha > 0) | (output.alpha > 0.01)
    face = face_region(truth.region)
    detail = detail_variance(output.rgb, face) / max(detail_variance(picture, face), 1e-12)
    return FrameScore(
        clip.path, frame.index, float(psnr_db(output.rgb, picture, mask)), ssim(output.rgb, picture, mask), detail,
        None if lpips is None else lpips(output.rgb, picture),
    )  # fmt: skip


def face_region(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Where a region map shows the face, off its outline, [H, W]."""
    face = np.isin(labels, FACE).astype(np.uint8)
    return cv2.erode(face, np.ones((2 * ERODE_PX + 1, 2 * ERODE_PX + 1), np.uint8)) > 0


def _means(scores: list[FrameScore] | list[ClipScore]) -> tuple[float, float, float, float | None]:
    values = np.mean([(s.psnr_db, s.ssim, s.detail) for s in scores], 0)
    perceptual = [s.lpips for s in scores if s.lpips is not None]
    return float(values[0]), float(values[1]), float(values[2]), float(np.mean(perceptual)) if perceptual else None


def _kind(clips: list[ClipScore], kind: str) -> float:
    values = [c.psnr_db for c in clips if c.kind == kind]
    return float(np.mean(values)) if values else 0.0
