"""Lesson: the small clip set from which a trained avatar learns one more variant; kept in memory.

The variant at 1, in-betweens, the variant with others, and the source in the frames that are compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from perse_engine.head.mesh_raster import MeshImage
from perse_engine.head.subject import Subject, TexturedRig
from perse_engine.look import Look
from perse_engine.progress import Progress
from perse_engine.scene import FloatArray
from perse_engine.synthesis.animator import PortraitAnimator, RigAnimator, changed_mask
from perse_engine.synthesis.dataset import Clip, Frame
from perse_engine.synthesis.editor import AttributeEditor
from perse_engine.synthesis.plan import BETWEEN_STEPS
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.trajectory import make_trajectory
from perse_engine.vocabulary import REGION_LABELS, VariantSpec, find_variant

STAGE = "synthesis"
FRAMES, BETWEEN_FRAMES, MIX_FRAMES = 40, 8, 8
MIXES = 2
EARLY = 0.1
"""An in-between near the source in addition: the adapter's gates swing most there."""
COMPARED = 7
"""Trained frames in which the variant is compared with the source."""
THREADS = 2
PART = 8
"""Frames that a thread renders between two looks at whether to stop."""


@dataclass(frozen=True)
class Lesson:
    """Clips and their pictures.

    Attributes:
        category, variant: what it teaches.
        dressed: the variant at 1, at rest; its first vertices are the subject's.
        frames: the trajectory; those of split 'heldout' are only measured.
        clips: the first is the variant at 1.
        pictures: (clip path, frame) -> [H, W, 4] uint8 RGBA, premultiplied.
        compared: frame -> [H, W] uint8 change mask of the first clip: some trained frames and every held-out one.
        shown: frame -> [H, W] bool, where the first clip shows the category itself, of the same frames.
    """

    category: str
    variant: str
    dressed: TexturedRig
    hides: FloatArray
    size_px: int
    frames: tuple[Frame, ...]
    clips: tuple[Clip, ...]
    pictures: Mapping[tuple[str, int], npt.NDArray[np.uint8]]
    compared: Mapping[int, npt.NDArray[np.uint8]]
    shown: Mapping[int, npt.NDArray[np.bool_]]

    def target(self, clip: Clip, frame: int) -> tuple[FloatArray, FloatArray]:
        """Premultiplied colours [H, W, 3] and alpha [H, W], float32 0..1."""
        rgba = self.pictures[clip.path, frame].astype(np.float32) * np.float32(1 / 255)
        return np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3])

    def changed(self, clip: Clip, frame: int) -> FloatArray:
        """Where the variant differs from the source, [H, W] float32 0..1."""
        return self.compared[frame].astype(np.float32) * np.float32(1 / 255)

    def showing(self, clip: Clip, frame: int) -> FloatArray:
        """Where the variant's picture shows its category, [H, W] float32 0 or 1."""
        return self.shown[frame].astype(np.float32)

    def split(self, clip: Clip, split: str) -> list[Frame]:
        """A clip's frames of one split."""
        return [self.frames[i] for i in clip.frames if self.frames[i].split == split]


def make_lesson(
    subject: Subject, spec: VariantSpec, others: Sequence[tuple[str, str]], size_px: int, seed: int,
    progress: Progress, *, editor: AttributeEditor | None = None, animator: PortraitAnimator | None = None,
) -> Lesson:  # fmt: skip
    """Render a lesson; `others` are variants (category, id) that the avatar already has.

    Raises:
        UnsupportedWish: the editor cannot make this variant.
        Cancelled: from `progress`.
    """
    editor, animator = editor or ProceduralEditor(), animator or RigAnimator()
    frames = make_trajectory(FRAMES, size_px, seed, (subject.source_pose, subject.source_expression))
    clips = _clips(spec, others, frames, seed)
    train = [f.index for f in frames if f.split == "train"]
    compared = {*train[:: max(1, len(train) // COMPARED)], *(f.index for f in frames if f.split == "heldout")}
    work = [("", Look(), [frames[i] for i in sorted(compared)])]
    work += [(c.path, c.look, [frames[i] for i in c.frames]) for c in clips]
    images: dict[tuple[str, int], MeshImage] = {}
    total, done = sum(len(chosen) for _, _, chosen in work), 0
    progress.report(STAGE, 0, total)
    with ThreadPoolExecutor(THREADS) as pool:
        futures: list[tuple[str, list[Frame], Future[list[MeshImage]]]] = []
        try:
            for path, look, chosen in work:
                dressed = editor.dress(subject, look)
                if path == clips[0].path:
                    dressed_first, hides = dressed, editor.hides(subject, look, dressed)
                for i in range(0, len(chosen), PART):
                    part = chosen[i : i + PART]
                    futures.append((path, part, pool.submit(_render, animator, dressed, part)))
            for path, part, future in futures:
                images |= {(path, f.index): image for f, image in zip(part, future.result(), strict=True)}
                done += len(part)
                progress.report(STAGE, done, total)
        except BaseException:
            for _, _, future in futures:
                future.cancel()
            raise
    first = clips[0].path
    masks = {i: changed_mask(images[first, i], images["", i]) for i in compared}
    pictures = {key: image.rgba for key, image in images.items() if key[0]}
    shown = {i: images[first, i].labels == REGION_LABELS.get(spec.category) for i in compared}
    return Lesson(spec.category, spec.id, dressed_first, hides, size_px, frames, clips, pictures, masks, shown)


def _clips(
    spec: VariantSpec, others: Sequence[tuple[str, str]], frames: Sequence[Frame], seed: int
) -> tuple[Clip, ...]:
    random = np.random.default_rng([seed, 5])
    category, id = spec.category, spec.id
    train = [f.index for f in frames if f.split == "train"]
    heldout = [f.index for f in frames if f.split == "heldout"]

    def some(count: int, held: int) -> tuple[int, ...]:
        chosen = random.choice(train, min(count, len(train)), replace=False).tolist()
        return tuple(sorted({0, *chosen, *heldout[:held]}))

    clips = [Clip(f"{category}/{id}", "variant", Look({category: {id: 1.0}}), tuple(f.index for f in frames))]
    for t in (EARLY, *BETWEEN_STEPS):
        clips.append(
            Clip(f"{category}/source--{id}@{t:.2f}", "between", Look({category: {id: t}}), some(BETWEEN_FRAMES, 2))
        )
    usable = [(c, v) for c, v in others if c != category and find_variant(c, v) is not None]
    for k in random.permutation(len(usable))[:MIXES]:
        other, variant = usable[int(k)]
        look = Look({category: {id: 1.0}, other: {variant: 1.0}})
        clips.append(Clip(f"mix/{other}-{variant}", "mix", look, some(MIX_FRAMES, 2)))
    return tuple(clips)


def _render(animator: PortraitAnimator, dressed: TexturedRig, frames: list[Frame]) -> list[MeshImage]:
    return list(animator.animate(dressed, tuple(frames)))
