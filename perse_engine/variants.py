"""Variants of a finished avatar's folder: add one, list them, remove one; its files follow.

folder, VariantSpec -> Subject, Avatar -> avatar.growth -> avatar.*, latents.json, canonical.ply, preview.png
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from PIL import Image

from perse_engine.avatar.added import AddedVariant
from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.growth.grow import METHODS, add_reference, add_variant, remove_variant
from perse_engine.avatar.posing import posed_cloud
from perse_engine.avatar.storage import load_avatar, save_avatar
from perse_engine.errors import InvalidValue
from perse_engine.export import write_bundle, write_ply
from perse_engine.head.build import build_subject
from perse_engine.head.flame.flame_head import flame_of_avatar
from perse_engine.head.storage import load_subject
from perse_engine.head.subject import Subject
from perse_engine.identity import identity_of_this_machine
from perse_engine.look import Look
from perse_engine.portrait.analyse import analyse_portrait
from perse_engine.portrait.decode import decode_portrait
from perse_engine.progress import Progress
from perse_engine.recipe import Recipe
from perse_engine.rendering.render import Renderer
from perse_engine.rendering.sheet import contact_sheet
from perse_engine.scene import Expression, Pose
from perse_engine.synthesis.learned.prepare import check_learned, editor_with
from perse_engine.vocabulary import VariantSpec

STAGE_SHARES: Mapping[str, float] = {
    "subject": 0.22,
    "synthesis": 0.22,
    "inversion": 0.08,
    "training": 0.36,
    "artifacts": 0.12,
}
"""About how much of the whole each stage takes on 2 cores."""
FILES = ("avatar.safetensors", "latents.json", "canonical.ply", "bundle.glb", "preview.png", "avatar.json")
"""What changes, in the order in which it is put in place."""
SUBJECT = Path("work") / "subject"
DATASET = Path("work") / "dataset"

__all__ = ["FILES", "METHODS", "STAGE_SHARES", "add_reference_to_folder", "add_to_folder", "remove_from_folder"]


def add_to_folder(
    folder: Path, spec: VariantSpec, progress: Progress, *, method: str = "adapter", portrait: bytes | None = None
) -> tuple[Avatar, AddedVariant]:
    """Teach the avatar in `folder` a variant; its files are replaced when all of them are ready.

    The avatar's own editor makes the pictures: where that is 'diffusion', the models of its recipe are needed here.

    Args:
        folder: a finished avatar.
        spec: from the catalogue or from a wish.
        method: see `avatar.growth.grow.METHODS`.
        portrait: the photo that the avatar was made from; needed where the folder has no work/subject.
        progress: told of the stages of STAGE_SHARES.

    Raises:
        InvalidValue: the head cannot be had, or is not the avatar's; the avatar has the variant already.
        UnsupportedWish, UnknownName, CorruptFile, Cancelled: see `add_variant` and `load_avatar`.
        BackendMissing, EditsRejected: see `editor_with`; what is missing is said before any work.
    """
    avatar = load_avatar(folder)
    recipe = Recipe.from_json(dict(avatar.details["recipe"]))  # type: ignore[call-overload]
    takes_models = recipe.editor == "diffusion" and method != "zero_shot"
    if takes_models:
        # A lesson is always animated by the rig.
        check_learned(replace(recipe, animator="rig"))
    identity = identity_of_this_machine() if takes_models else None
    progress.report("subject", 0, 1)
    subject = None if method == "zero_shot" else _subject(folder, avatar, portrait)
    progress.report("subject", 1, 1)
    editor, beside = None, None
    if takes_models and subject is not None:
        editor, beside = editor_with(
            subject, replace(recipe, animator="rig"), spec, folder / DATASET, progress, identity
        )
    grown = add_variant(avatar, subject, spec, progress, method=method, editor=editor, beside=beside)
    _write(grown.avatar, folder, progress)
    return grown.avatar, grown.added


def add_reference_to_folder(
    folder: Path, category: str, photo: bytes, progress: Progress, variant: str | None = None
) -> tuple[Avatar, AddedVariant]:
    """Find the code of a category on another photo of the same person, or an edited one, and add it as a variant.

    Its id is `reference-` and the start of the photo's SHA-256 when `variant` is None.

    Raises:
        PortraitError: the photo cannot be used.
        InvalidValue, UnknownName, CorruptFile, Cancelled: see `add_reference` and `load_avatar`.
    """
    avatar = load_avatar(folder)
    variant = variant or f"reference-{hashlib.sha256(photo).hexdigest()[:12]}"
    progress.report("subject", 0, 1)
    reference = _head(avatar, photo)
    progress.report("subject", 1, 1)
    grown = add_reference(avatar, category, variant, reference, progress)
    _write(grown.avatar, folder, progress)
    return grown.avatar, grown.added


def remove_from_folder(folder: Path, category: str, variant: str, progress: Progress) -> Avatar:
    """Take an added variant out of the avatar in `folder`.

    Raises:
        UnknownName: it was not added.
        CorruptFile, Cancelled: see `load_avatar`.
    """
    avatar = remove_variant(load_avatar(folder), category, variant)
    _write(avatar, folder, progress)
    return avatar


def _head(avatar: Avatar, photo: bytes) -> Subject:
    analysis = analyse_portrait(decode_portrait(photo))
    return build_subject(analysis, flame_of_avatar(avatar.details), keeps_light=avatar.light is None)


def _subject(folder: Path, avatar: Avatar, portrait: bytes | None) -> Subject:
    if portrait is not None:
        return _head(avatar, portrait)
    if not (folder / SUBJECT / "subject.json").exists():
        raise InvalidValue(
            "The avatar's folder has no work/subject, from which new pictures are made.",
            hint="Give the portrait that it was made from.",
        )
    return load_subject(folder / SUBJECT)


def _write(avatar: Avatar, folder: Path, progress: Progress) -> None:
    """Everything beside the old files first; then each takes its place."""
    progress.report("artifacts", 0, 2)
    new = folder / "next"
    shutil.rmtree(new, ignore_errors=True)
    save_avatar(avatar, new)
    # Read back: what is drawn from here on is what was stored.
    avatar = load_avatar(new)
    write_ply(
        new / "canonical.ply",
        posed_cloud(avatar, avatar.bake(Look()), Pose(), Expression()),
        ["source look, neutral expression"],
    )
    write_bundle(new / "bundle.glb", avatar)
    progress.report("artifacts", 1, 2)
    Image.fromarray(contact_sheet(Renderer(avatar), avatar.variants(), cell_px=256)).save(new / "preview.png")
    progress.report("artifacts", 2, 2)
    for name in FILES:
        (new / name).replace(folder / name)
    new.rmdir()
