"""Subject and Recipe to Dataset."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numba
import numpy as np

from perse_engine.head.mesh_raster import MeshImage
from perse_engine.head.subject import Subject
from perse_engine.progress import Progress
from perse_engine.recipe import Recipe
from perse_engine.synthesis.animator import PortraitAnimator, RigAnimator, changed_mask
from perse_engine.synthesis.dataset import Clip, Dataset, Frame, HeadSurface, Images
from perse_engine.synthesis.editor import AttributeEditor
from perse_engine.synthesis.learned.acceptance import FaceIdentity
from perse_engine.synthesis.learned.prepare import learned_editor, loader_of
from perse_engine.synthesis.plan import BETWEEN_STEPS, plan_clips
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.storage import (
    KINDS,
    open_dataset,
    write_description,
    write_head,
    write_images,
    write_surface,
)
from perse_engine.synthesis.trajectory import close_ups, make_trajectory
from perse_engine.synthesis.video.film import Filmed, film
from perse_engine.vocabulary import LAYERS, VariantSpec

FPS = 25.0
THREADS = 2
STAGE = "synthesis"


def synthesize(
    subject: Subject,
    recipe: Recipe,
    folder: Path,
    progress: Progress,
    *,
    editor: AttributeEditor | None = None,
    animator: PortraitAnimator | None = None,
    identity: FaceIdentity | None = None,
) -> Dataset:
    """Make (or finish) the dataset in `folder`; clips that are complete are kept.

    With editor 'diffusion' the dataset has the variants whose pictures were accepted, by `identity` too where it is
    given; folder/edits says what became of the others. With an animator other than 'rig' clips have the frames that
    were taken; folder/videos says what became of the others.

    Raises:
        Cancelled: from `progress`; what is complete stays for the next call.
        BackendMissing, EditsRejected, UnsupportedWish: where models make pictures, see `learned_editor` and `film`.
    """
    if (folder / "dataset.json").exists():
        return open_dataset(folder)
    if editor is None and recipe.editor == "diffusion":
        editor, recipe = learned_editor(subject, recipe, folder, progress, identity)
    editor = editor or ProceduralEditor()
    frames, clips = planned(subject, recipe)
    filmed = None
    if animator is None and recipe.learned is not None and recipe.animator != "rig":
        filmed = film(subject, recipe, editor, clips, frames, folder, progress, loader_of(recipe.learned))
        recipe, frames, clips = filmed.recipe, filmed.frames, filmed.clips
    make_clips(folder, subject, editor, filmed or animator or RigAnimator(), frames, clips, progress)
    categories = _write_surfaces(folder, subject, editor, recipe.specs())
    dataset = Dataset(folder, recipe.size().size_px, FPS, frames, clips, recipe.to_json())
    write_description(dataset, categories)
    return dataset


def planned(subject: Subject, recipe: Recipe) -> tuple[tuple[Frame, ...], tuple[Clip, ...]]:
    """The frames and clips of a recipe's dataset."""
    size = recipe.size()
    trajectory = make_trajectory(
        size.frames_per_clip, size.size_px, recipe.seed, (subject.source_pose, subject.source_expression)
    )
    # A video of the source clip would jump to them and back.
    near = () if recipe.animator == "wan-animate" else close_ups(trajectory)
    return trajectory + near, plan_clips(recipe, trajectory, near)


def make_clips(
    folder: Path,
    subject: Subject,
    editor: AttributeEditor,
    animator: PortraitAnimator | Filmed,
    frames: tuple[Frame, ...],
    clips: Sequence[Clip],
    progress: Progress,
) -> None:
    """Write the clips that are not complete yet."""
    total = sum(len(c.frames) for c in clips)
    done = 0
    folder.mkdir(parents=True, exist_ok=True)
    progress.report(STAGE, 0, total)
    shown = tuple(f for f in frames if f.valid)
    source = _source_images(animator.source() if isinstance(animator, Filmed) else animator, subject, shown)
    if isinstance(animator, RigAnimator):
        animator = animator.starting_from(subject.look, shown, source)

    def work(clip: Clip) -> None:
        own = animator.of(clip) if isinstance(animator, Filmed) else animator
        make_clip(folder, subject, editor, own, frames, source, clip)

    with _threads() as pool:
        futures = [pool.submit(work, clip) for clip in clips]
        try:
            for clip, future in zip(clips, futures, strict=True):
                future.result()
                done += len(clip.frames)
                progress.report(STAGE, done, total)
        except BaseException:
            for future in futures:
                future.cancel()
            raise
    shutil.rmtree(folder / "clips" / "unfinished", ignore_errors=True)


def _threads() -> ThreadPoolExecutor:
    """Threads that render a clip each; a kernel that split its work further would only wait for the others."""
    return ThreadPoolExecutor(THREADS, initializer=partial(numba.set_num_threads, 1))


def _source_images(animator: PortraitAnimator, subject: Subject, frames: tuple[Frame, ...]) -> dict[int, MeshImage]:
    """The source clip in memory: every other clip is compared with it."""
    half = len(frames) // THREADS + 1
    parts = [frames[i : i + half] for i in range(0, len(frames), half)]

    def render(part: tuple[Frame, ...]) -> list[MeshImage]:
        return list(animator.animate(subject.look, part))

    with _threads() as pool:
        images = [image for batch in pool.map(render, parts) for image in batch]
    return {f.index: image for f, image in zip(frames, images, strict=True)}


def make_clip(
    folder: Path,
    subject: Subject,
    editor: AttributeEditor,
    animator: PortraitAnimator,
    frames: tuple[Frame, ...],
    source: dict[int, MeshImage],
    clip: Clip,
) -> None:
    target = folder / "clips" / clip.path
    if target.exists():
        return
    # A name that no clip has; renamed when the clip is complete.
    unfinished = Path("unfinished") / clip.path.replace("/", "__")
    shutil.rmtree(folder / "clips" / unfinished, ignore_errors=True)
    for kind in KINDS:
        (folder / "clips" / unfinished / kind).mkdir(parents=True)
    chosen = tuple(frames[i] for i in clip.frames)
    save: Callable[[int, Images], None] = partial(write_images, folder, unfinished.as_posix())
    if clip.kind == "source":
        look, pictures = subject.look, iter([source[f.index] for f in chosen])
    else:
        look = editor.dress(subject, clip.look)
        pictures = iter(animator.animate(look, chosen))
    for frame, image in zip(chosen, pictures, strict=True):
        changed = changed_mask(image, source[frame.index])
        save(frame.index, Images(np.ascontiguousarray(image.rgba[..., :3]), image.rgba[..., 3], image.labels, changed))
    if _tells_head(clip) and isinstance(animator, RigAnimator):
        # Below the lowest layer lies nothing.
        lies_over = clip.kind == "variant" and clip.look.categories()[0] != LAYERS[0]
        hides = editor.hides(subject, clip.look, look) if lies_over else None
        write_head(folder, clip.path, HeadSurface.of(look, len(subject.look.rig.vertices), hides))
    target.parent.mkdir(parents=True, exist_ok=True)
    (folder / "clips" / unfinished).rename(target)


def _tells_head(clip: Clip) -> bool:
    """Whether the dataset keeps the head's surface of a clip: what training starts from."""
    if clip.kind != "between":
        return clip.kind in ("source", "variant")
    (weights,) = clip.look.variants.values()
    return len(weights) == 1 and set(weights.values()) <= set(BETWEEN_STEPS)


def _write_surfaces(
    folder: Path, subject: Subject, editor: AttributeEditor, specs: tuple[VariantSpec, ...]
) -> list[str]:
    """The categories that have one."""

    def write(category: str) -> bool:
        own = tuple(s for s in specs if s.category == category)
        surface = editor.added_surface(subject, category, own, tuple(s for s in specs if s.category != category))
        if surface is not None:
            write_surface(folder, category, surface)
        return surface is not None

    categories = list(dict.fromkeys(s.category for s in specs))
    with _threads() as pool:
        written = list(pool.map(write, categories))
    return [c for c, has in zip(categories, written, strict=True) if has]
