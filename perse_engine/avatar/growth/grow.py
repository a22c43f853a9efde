"""Add a variant to a trained avatar, list what was added, remove it again: the outline of this room.

    words -> VariantSpec -> Lesson -> start code -> inversion -> appended Gaussians -> adapter -> Avatar

The avatar's own numbers are never touched: see `avatar.added`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from perse_engine.avatar.added import Adapter, AddedVariant
from perse_engine.avatar.avatar import Avatar, Binding
from perse_engine.avatar.category import CategoryModel
from perse_engine.avatar.drawing import training_rasterizer
from perse_engine.avatar.growth.adapting import fit_adapter, measure_change, start_adapter, with_appended
from perse_engine.avatar.growth.appending import Appended, append
from perse_engine.avatar.growth.guess import guess, nearest_blend
from perse_engine.avatar.growth.inversion import STEPS as INVERSION_STEPS
from perse_engine.avatar.growth.inversion import Inversion, Shot, invert
from perse_engine.avatar.growth.lesson import Lesson, make_lesson
from perse_engine.avatar.growth.measure import measure
from perse_engine.avatar.latent import CODE_SIZE, CODE_SPREAD, MIN_COEFFICIENTS, CodeNetwork
from perse_engine.avatar.properties import PROPERTIES
from perse_engine.errors import InvalidValue, UnknownName
from perse_engine.head.photo_light import in_even_light
from perse_engine.head.rig import Rig
from perse_engine.head.subject import Subject
from perse_engine.progress import Progress
from perse_engine.recipe import Recipe
from perse_engine.scene import FloatArray
from perse_engine.synthesis.editor import AttributeEditor
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.vocabulary import CATEGORIES, VariantSpec

METHODS = ("adapter", "inversion", "zero_shot")
"""Learn it; only find its code; only reckon its code from words."""
MOST_STEPS, STEP_SHARE = 900, 0.35
"""Steps of an adapter: at most so many, and this share of the steps that the avatar was trained with."""
FINER, LARGEST_PX = 2, 512
"""A lesson's pictures have so many times the side of the training's, up to this many: what is appended is finer."""
RIG_TOLERANCE_M = 1e-4
SHOTS = 8
"""Pictures of the lesson that inversion looks at."""


@dataclass(frozen=True)
class Grown:
    """The avatar with the variant, and the variant."""

    avatar: Avatar
    added: AddedVariant


def add_variant(
    avatar: Avatar, subject: Subject | None, spec: VariantSpec, progress: Progress, *,
    method: str = "adapter", size_px: int | None = None, editor: AttributeEditor | None = None,
    beside: Sequence[tuple[str, str]] | None = None,
) -> Grown:  # fmt: skip
    """Teach a trained avatar one more variant.

    Args:
        subject: the head that the avatar was made from; only the method zero_shot needs none.
        method: see METHODS.
        size_px: side of the lesson's pictures; see FINER when None.
        editor: who dresses the head for the lesson; the procedural editor when None.
        beside: variants (category, id) that the lesson may show together with the new one; the avatar's when None.

    Raises:
        UnknownName: no such method.
        InvalidValue: the avatar has this variant already, or the subject is not the one it was made from.
        UnsupportedWish: the editor cannot make it; or, for zero_shot, the avatar knows nothing near it.
        Cancelled: from `progress`.
    """
    if method not in METHODS:
        raise UnknownName(f"There is no method {method!r}.", hint=f"Methods: {', '.join(METHODS)}.")
    if spec.id in avatar.variants().get(spec.category, ()):
        raise InvalidValue(f"The avatar has {spec.category}/{spec.id} already.", hint="Remove it first.")
    began = time.monotonic()
    if method == "zero_shot":
        found = guess(avatar, spec)
        told = {"confidence": found.confidence, "distance": found.distance}
        grown = _with_code(avatar, spec, found.code, method)
        return _measured(grown, told | {"seconds": time.monotonic() - began})
    if subject is None:
        raise InvalidValue(f"The method {method} needs the head that the avatar was made from.")
    _check_subject(avatar, subject)
    recipe = Recipe.from_json(dict(avatar.details["recipe"]))  # type: ignore[call-overload]
    size = recipe.size()
    others = beside if beside is not None else [(c, v) for c, ids in avatar.variants().items() for v in ids]
    editor = editor or ProceduralEditor()
    side = size_px or max(size.size_px, min(FINER * size.size_px, LARGEST_PX))
    lesson = make_lesson(subject, spec, others, side, recipe.seed, progress, editor=editor)
    rasterizer = training_rasterizer(recipe.rasterizer, avatar.raster_mode)[0]
    grown, told = _inverted(avatar, spec, lesson, recipe, size.train_steps, progress)
    if method == "adapter":
        code = grown.categories[spec.category].codes[spec.id]
        surface = editor.added_surface(subject, spec.category, (spec,))
        without = replace(grown, added=avatar.added)
        sight = measure_change(without, lesson, rasterizer)
        appended = append(without, subject, spec.category, code, sight[0], surface)
        grown = start_adapter(without, subject, lesson, sight, appended, spec.prompt)
        steps = min(MOST_STEPS, max(1, round(STEP_SHARE * size.train_steps)))
        del told["needs_adapter"]
        told |= fit_adapter(grown, lesson, steps, rasterizer, progress)
    told |= measure(grown, avatar, lesson, recipe.rasterizer)
    return _measured(grown, told | {"seconds": time.monotonic() - began})


def add_reference(
    avatar: Avatar, category: str, variant: str, reference: Subject, progress: Progress, *, rasterizer: str = "auto"
) -> Grown:
    """Add the code that shows a category as on a photo, from inversion alone.

    `reference` is the head of that photo: the same person, whose category was edited or differs. Its matte, pose,
    expression and camera are its own; how well the avatar can show the photo at all bounds what is measured.

    Raises:
        InvalidValue: the avatar has this variant already.
        UnknownName: the avatar has not got this category.
        Cancelled: from `progress`.
    """
    if variant in avatar.variants().get(category, ()):
        raise InvalidValue(f"The avatar has {category}/{variant} already.", hint="Remove it first.")
    began = time.monotonic()
    alpha = np.ascontiguousarray(reference.work_person, np.float32)
    photo = in_even_light(reference, reference.work_rgb).astype(np.float32) / 255
    colours = np.ascontiguousarray(photo * alpha[..., None])
    shot = Shot(colours, alpha, reference.source_camera, reference.source_pose, reference.source_expression)
    found = invert(avatar, category, [shot], progress, rasterizer=rasterizer)
    spec = VariantSpec(category, variant, {}, f"a person with the {category} of a reference photo")
    return _measured(_with_code(avatar, spec, found.code, "inversion"), _told(found, began))


def remove_variant(avatar: Avatar, category: str, variant: str) -> Avatar:
    """The avatar as if the variant had never been added; later additions keep theirs, behind what is left.

    Raises:
        UnknownName: no such variant was added.
    """
    found = [k for k, one in enumerate(avatar.added) if (one.category, one.variant) == (category, variant)]
    if not found:
        known = ", ".join(f"{one.category}/{one.variant}" for one in avatar.added) or "none"
        raise UnknownName(f"No variant {category}/{variant} was added.", hint=f"Added were: {known}.")
    gone, after = avatar.added[found[0]], avatar.added[found[0] + 1 :]
    first = len(avatar) - sum(one.gaussians for one in (gone, *after))
    rig, b = avatar.binding.rig, avatar.binding
    corner = len(rig.vertices) - sum(one.vertices for one in (gone, *after))
    keep = np.delete(np.arange(len(avatar)), np.s_[first : first + gone.gaussians])
    corners = np.delete(np.arange(len(rig.vertices)), np.s_[corner : corner + gone.vertices])
    triangles = b.triangles[keep]
    triangles = np.where(triangles >= corner + gone.vertices, triangles - gone.vertices, triangles)
    shorter = Rig(rig.vertices[corners], rig.shape_names, np.ascontiguousarray(rig.shapes[:, corners]), rig.bone_pivots,
                  rig.bone_weights[corners])  # fmt: skip
    categories = {}
    for name, model in avatar.categories.items():
        codes = {id: z for id, z in model.codes.items() if (name, id) != (category, variant)}
        if codes:
            categories[name] = replace(model, codes=codes)
    binding = Binding(shorter, triangles.astype(np.int32), b.bary[keep], b.rest_area[keep])
    moved = tuple(_moved(one, first, gone.gaussians) for one in after)
    return replace(
        avatar, binding=binding, base=avatar.base[keep], categories=categories,
        added=(*avatar.added[: found[0]], *moved),
        light=None if avatar.light is None else replace(avatar.light, normals=avatar.light.normals[keep]),
    )  # fmt: skip


def _moved(one: AddedVariant, first: int, gone: int) -> AddedVariant:
    """An addition after Gaussians [first, first + gone) before it are gone."""
    rows = one.adapter.rows
    return replace(one, adapter=replace(one.adapter, rows=np.where(rows >= first, rows - gone, rows).astype(np.int32)))


def _inverted(
    avatar: Avatar, spec: VariantSpec, lesson: Lesson, recipe: Recipe, train_steps: int, progress: Progress
) -> tuple[Avatar, dict[str, float]]:
    """The avatar with the variant's code, found from its pictures; a category that it lacks gets one at random."""
    if spec.category not in avatar.categories:
        random = np.random.default_rng([recipe.seed, 7])
        code = (random.standard_normal(CODE_SIZE) * CODE_SPREAD).astype(np.float32)
        return _with_code(avatar, spec, code, "inversion"), {"needs_adapter": 1.0}
    near = nearest_blend(avatar, spec)
    steps = min(INVERSION_STEPS, max(2, train_steps // 4))
    found = invert(
        avatar, spec.category, _shots(lesson), progress, start=None if near is None else near.code, steps=steps,
        rasterizer=recipe.rasterizer,
    )  # fmt: skip
    return _with_code(avatar, spec, found.code, "inversion"), _told(found)


def _told(found: Inversion, began: float | None = None) -> dict[str, float]:
    told = {
        "inversion_psnr_db": found.psnr_db, "source_psnr_db": found.source_psnr_db,
        "needs_adapter": float(found.needs_adapter),
    }  # fmt: skip
    return told if began is None else told | {"seconds": time.monotonic() - began}


def _shots(lesson: Lesson) -> list[Shot]:
    clip = lesson.clips[0]
    frames = [f for f in lesson.split(clip, "train") if f.index in lesson.compared][:SHOTS]
    return [
        Shot(*lesson.target(clip, f.index), f.camera, f.pose, f.expression, lesson.changed(clip, f.index) > 0)
        for f in frames
    ]


def _with_code(avatar: Avatar, spec: VariantSpec, code: FloatArray, method: str) -> Avatar:
    """The avatar with one more code, and a category for it where it has none."""
    categories = dict(avatar.categories)
    model = categories.get(spec.category) or _empty_category()
    categories[spec.category] = replace(model, codes={**model.codes, spec.id: code})
    ordered = {c: categories[c] for c in CATEGORIES if c in categories}
    added = AddedVariant(spec.category, spec.id, spec.prompt, method, 0, 0, Adapter.none())
    none = np.zeros((0, PROPERTIES), np.float32)
    nothing = Appended(avatar.binding, none, none[:, :3], 0, np.zeros(len(avatar), bool))
    return with_appended(replace(avatar, categories=ordered), nothing, added)


def _empty_category() -> CategoryModel:
    """A category that changes nothing by its codes."""
    random = np.random.default_rng(0)
    network = CodeNetwork.start(random, random.standard_normal((1, CODE_SIZE)).astype(np.float32))
    nothing = np.zeros(0, np.float32)
    basis = np.zeros((MIN_COEFFICIENTS, 0, PROPERTIES), np.float32)
    return CategoryModel(network, {}, np.zeros(0, np.int32), nothing, nothing[None], basis)


def _measured(avatar: Avatar, told: dict[str, float]) -> Grown:
    added = replace(avatar.added[-1], measured={k: round(v, 3) for k, v in told.items()})
    return Grown(replace(avatar, added=(*avatar.added[:-1], added)), added)


def _check_subject(avatar: Avatar, subject: Subject) -> None:
    rig, own = avatar.binding.rig, subject.look.rig
    count = len(own.vertices)
    is_same = (
        len(rig.vertices) >= count
        and rig.shape_names == own.shape_names
        and np.abs(rig.vertices[:count] - own.vertices).max() < RIG_TOLERANCE_M
    )
    if not is_same:
        raise InvalidValue(
            "The avatar was not made from this head: another portrait, or another version of the program.",
            hint="Build the avatar again; variants can be named then.",
        )
