"""A dataset made in parts, each by a process or machine of its own, and put together again.

    part_variants(recipe) -> synthesize_part() for each -> take_part() for each -> synthesize()

`synthesize` finds what the parts made and makes the rest: the source clip, mixes, surfaces, and in-betweens of variants
that lie in different parts. With the procedural editor the dataset is, byte for byte, the one made in one go; with a
learned one it is where the models are as reproducible.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from perse_engine.errors import EditsRejected
from perse_engine.head.subject import Subject
from perse_engine.progress import Progress
from perse_engine.recipe import Recipe
from perse_engine.synthesis.animator import RigAnimator
from perse_engine.synthesis.dataset import Clip
from perse_engine.synthesis.editor import AttributeEditor
from perse_engine.synthesis.learned.acceptance import FaceIdentity
from perse_engine.synthesis.learned.prepare import EDITS, learned_editor, loader_of
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.summary import SUMMARY
from perse_engine.synthesis.synthesize import make_clips, planned
from perse_engine.synthesis.video.film import VIDEOS, film_variants

Variants = tuple[tuple[str, str], ...]

MADE = (EDITS, VIDEOS, "clips", "heads")
"""Folders of a dataset that a part fills, with a folder or file <category>/<name> for each thing it made."""


def part_variants(recipe: Recipe, most: int) -> tuple[Variants, ...]:
    """The recipe's variants in runs of at most `most` of one category, in order: neighbours share an in-between."""
    runs: list[Variants] = []
    for category in dict.fromkeys(c for c, _ in recipe.variants):
        own = tuple(v for v in recipe.variants if v[0] == category)
        runs += [own[i : i + most] for i in range(0, len(own), most)]
    return tuple(runs)


def synthesize_part(
    subject: Subject, recipe: Recipe, variants: Variants, folder: Path, progress: Progress,
    identity: FaceIdentity | None = None,
) -> None:  # fmt: skip
    """Make (or finish) in `folder` what the dataset of `recipe` has of these variants alone, and nothing else.

    Pictures that a learned editor makes are decided here; variants whose pictures are all rejected have no clip.

    Raises:
        Cancelled: from `progress`; what is complete stays for the next call.
        BackendMissing, UnsupportedWish: with editor 'diffusion', see `learned_editor`.
    """
    editor: AttributeEditor = ProceduralEditor()
    made = variants
    if recipe.editor == "diffusion":
        try:
            editor, kept = learned_editor(subject, replace(recipe, variants=variants), folder, progress, identity)
            made = kept.variants
        except EditsRejected:
            # Another part's may have been accepted; if none was, `synthesize` says so.
            made = ()
    frames, clips = planned(subject, recipe)
    own = [c for c in clips if _is_of(c, made, recipe)]
    if own and recipe.learned is not None and recipe.animator != "rig":
        # Only filmed: frames are judged against the source clip, which is not a part's.
        film_variants(subject, recipe, editor, own, frames, folder, progress, loader_of(recipe.learned))
    elif own:
        make_clips(folder, subject, editor, RigAnimator(), frames, own, progress)
    (folder / EDITS / SUMMARY).unlink(missing_ok=True)
    shutil.rmtree(folder / EDITS / "unfinished", ignore_errors=True)


def take_part(part: Path, dataset: Path) -> None:
    """Move what a part made into a dataset's folder; what is there already stays, so this may be interrupted."""
    for thing in sorted(t for kind in MADE for t in (part / kind).glob("*/*") if t.suffix != ".part"):
        target = dataset / thing.relative_to(part)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            thing.rename(target)


def _is_of(clip: Clip, variants: Variants, recipe: Recipe) -> bool:
    """Whether a clip shows these variants alone and is the same whatever becomes of the others."""
    shown = {(c, v) for c, weights in clip.look.variants.items() for v in weights}
    # Which frames an in-between has is drawn for all accepted variants together, and those are not known yet.
    kinds = ("variant", "between") if recipe.learned is None else ("variant",)
    return clip.kind in kinds and shown <= set(variants)
