"""Dataset: all clips with images, masks, cameras, poses and expressions; on disk as in docs/reference/dataset.md.

dataset.json     schema version, size, fps, label table, recipe, clips, surfaces
frames.jsonl     one line per frame of the shared trajectory: pose, expression, camera, split, valid, confidence
clips/<path>/{image,alpha,region,changed}/%04d.png
surfaces/<category>.safetensors      points of surface that an additive category brings (optional)
heads/<path>.safetensors             the head's own surface at a clip's look (optional)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.subject import TexturedRig
from perse_engine.look import Look
from perse_engine.scene import Camera, Expression, FloatArray, Pose
from perse_engine.vocabulary import REGION_LABELS

SCHEMA_VERSION = 1
Split = Literal["train", "heldout"]
ClipKind = Literal["source", "variant", "between", "mix"]


@dataclass(frozen=True)
class Frame:
    """One moment of the shared trajectory. `confidence` 0..1 is how well pose and expression are known."""

    index: int
    pose: Pose
    expression: Expression
    camera: Camera
    split: Split
    valid: bool = True
    confidence: float = 1.0


@dataclass(frozen=True)
class Clip:
    """One look animated along (part of) the trajectory.

    Attributes:
        path: below clips/, such as 'source', 'hair/long-wavy-blonde', 'hair/source--long-wavy-blonde@0.50', 'mix/00'.
        look: what it shows; a between clip has one category with a weight below 1.
        frames: frame indices that exist as files, ascending.
        split: 'heldout' clips are never trained, in no frame.
    """

    path: str
    kind: ClipKind
    look: Look
    frames: tuple[int, ...]
    split: Split = "train"


@dataclass(frozen=True)
class AddedSurface:
    """Points on surface that a category brings, at rest in the world frame.

    Attributes:
        points, normals, colours: [P, 3] m, unit vectors, sRGB 0..1.
        spacing_m: [P] mean distance to the next point.
        bone_weights: [P, 4] (BONES).
        travel: [P, 3] m, how far the point comes from weight 0 to weight 1 of its variant.
        bows: [P, 3, 3] m, how far it is off that straight way at weights 1/4, 1/2 and 3/4.
        axis: [P, 3] unit vector along which the surface grows most on that way.
        growth: [P, 2] natural logarithms of how much, from weight 0 to weight 1, along the axis and across it.
        swells: [P, 3, 2] how far that is off an even way at weights 1/4, 1/2 and 3/4.
        appears: [P] the weight from which it shows, 0 of what is there as soon as it is worn.
        dye: [P, V, 3] how its colour changes per weight of each variant, also of others that are worn beside its own.
        variant: [P] uint16 index into `variants`.
        place: [P] uint32; points of one place are the same spot of an object whose shape several variants share, each
            with its own position and colour.
        visible: [P] bool, the variant shows it, and not only has it lie there while it shows in others.
        pushed: [P, U, 3] m, how far each of `pushers` moves it: other categories' variants, as "hat/beanie-grey".
    """

    points: FloatArray
    normals: FloatArray
    colours: FloatArray
    spacing_m: FloatArray
    bone_weights: FloatArray
    travel: FloatArray
    bows: FloatArray
    axis: FloatArray
    growth: FloatArray
    swells: FloatArray
    appears: FloatArray
    dye: FloatArray
    variant: npt.NDArray[np.uint16]
    place: npt.NDArray[np.uint32]
    visible: npt.NDArray[np.bool_]
    pushed: FloatArray
    variants: tuple[str, ...]
    pushers: tuple[str, ...] = ()

    def take(self, index: npt.NDArray[Any]) -> AddedSurface:
        """Keep some of the points."""
        return replace(self, **{name: getattr(self, name)[index] for name in self.arrays()})

    @staticmethod
    def arrays() -> list[str]:
        """The names of what has an entry per point."""
        return [f.name for f in fields(AddedSurface) if f.name not in ("variants", "pushers")]

    def one_each(self) -> AddedSurface:
        """The first point of every place, in the order of places."""
        return self.take(np.unique(self.place, return_index=True)[1])


@dataclass(frozen=True)
class HeadSurface:
    """The subject's own surface at a look, without what is added to it.

    Attributes:
        vertices: [V, 3] m at rest, those of the subject's rig.
        uv: [V, 2] texels of the texture, whose centres are at .5.
        texture: [H, W, 4] uint8, straight alpha.
        bare: [H, W] uint8, where it is skin; None in older datasets.
        hides: [H, W] uint8, how much of another edit below it the look hides; None of the source look.
    """

    vertices: FloatArray
    uv: FloatArray
    texture: npt.NDArray[np.uint8]
    bare: npt.NDArray[np.uint8] | None = None
    hides: npt.NDArray[np.uint8] | None = None

    @staticmethod
    def of(look: TexturedRig, vertices: int, hides: FloatArray | None = None) -> HeadSurface:
        """The first so many vertices of a look, at half its texture's size: Gaussians are larger than texels."""
        height, width = look.texture.shape[:2]
        scale = np.array([width // 2 / width, height // 2 / height], np.float32)
        bare = _half((look.labels == REGION_LABELS["skin"]).astype(np.float32))
        own = None if hides is None else _half(hides)
        return HeadSurface(look.rig.vertices[:vertices], look.uv[:vertices] * scale, _half(look.texture), bare, own)


@dataclass(frozen=True)
class Images:
    """One frame of one clip: image [H, W, 3] uint8 over black (premultiplied), alpha [H, W] uint8,
    region [H, W] uint8 REGION_LABELS, changed [H, W] uint8 (255 = differs from the source clip)."""

    image: npt.NDArray[np.uint8]
    alpha: npt.NDArray[np.uint8]
    region: npt.NDArray[np.uint8]
    changed: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Dataset:
    """A dataset folder, opened. Images are read on demand with `synthesis.storage.read_images`."""

    folder: Path
    size_px: int
    fps: float
    frames: tuple[Frame, ...]
    clips: tuple[Clip, ...]
    recipe: Mapping[str, object]

    def clip(self, path: str) -> Clip:
        """The clip at this path."""
        return next(c for c in self.clips if c.path == path)


def _half(image: FloatArray) -> npt.NDArray[np.uint8]:
    height, width = image.shape[:2]
    half = cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return np.rint(np.clip(half, 0, 1) * 255).astype(np.uint8)
