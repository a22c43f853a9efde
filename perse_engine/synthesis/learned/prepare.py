"""From a recipe with editor 'diffusion' to an editor that needs no model: the outline of this room.

check -> edits -> in-betweens -> DiffusionEditor, and the recipe without the variants that were rejected
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from perse_engine.errors import EditsRejected, InvalidValue, UnknownName
from perse_engine.head.subject import Subject
from perse_engine.models.loading import ModelLoader
from perse_engine.models.memory import find_memory
from perse_engine.models.store import ModelStore
from perse_engine.models.table import MODELS, find_model
from perse_engine.progress import Progress
from perse_engine.recipe import Learned, Recipe
from perse_engine.synthesis.dataset import Dataset
from perse_engine.synthesis.editor import AttributeEditor
from perse_engine.synthesis.learned.acceptance import FaceIdentity
from perse_engine.synthesis.learned.diffusion_editor import DiffusionEditor
from perse_engine.synthesis.learned.edits import EditFolder
from perse_engine.synthesis.learned.make_betweens import make_betweens
from perse_engine.synthesis.learned.make_edits import make_edits
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.summary import read_summary, write_summary
from perse_engine.vocabulary import VariantSpec

EDITS = "edits"


def check_learned(recipe: Recipe) -> None:
    """See that a recipe's models, packages and GPU are there; at once, before any work.

    Raises:
        BackendMissing, UnknownName, CorruptFile: see `ModelLoader.check`; or the model is another animator's.
    """
    if recipe.learned is None:
        return
    models = recipe.models()
    if recipe.animator != "rig":
        filming = find_model(models["portrait-animator"], "portrait-animator")
        if filming.family != recipe.animator:
            suitable = [m.name for m in MODELS if m.family == recipe.animator]
            raise UnknownName(
                f"{filming.name} is a model of the animator {filming.family}, not of {recipe.animator}.",
                hint=f"There are: {', '.join(suitable)}.",
            )
    loader_of(recipe.learned).check(models)


def learned_editor(
    subject: Subject, recipe: Recipe, folder: Path, progress: Progress, identity: FaceIdentity | None = None
) -> tuple[DiffusionEditor, Recipe]:
    """Make (or finish) the edits of a recipe in `folder`/edits.

    Returns:
        The editor that shows them, and the recipe with the variants whose pictures were accepted.

    Raises:
        InvalidValue: the recipe has no learned models.
        EditsRejected: no picture was accepted.
        BackendMissing, UnsupportedWish, Cancelled: see `make_edits`.
    """
    edits = EditFolder(folder / EDITS)
    kept, rejected = _make(subject, recipe, edits, progress, identity)
    assert recipe.learned is not None, "or nothing would have been made"
    summary = {
        "accepted": sorted(f"{c}/{n}" for c, n in kept.variants),
        "rejected": rejected,
        "models": loader_of(recipe.learned).used(recipe.learned.edit_models().values()),
    }
    write_summary(edits.folder, summary)
    return DiffusionEditor(subject, edits), kept


def editor_with(
    subject: Subject,
    recipe: Recipe,
    spec: VariantSpec,
    folder: Path,
    progress: Progress,
    identity: FaceIdentity | None = None,
) -> tuple[DiffusionEditor, list[tuple[str, str]]]:
    """Make the edit of one more variant in `folder`/edits, as `recipe` makes its own.

    Returns:
        The editor that shows it, and the other variants whose pictures lie there.

    Raises:
        As `learned_editor`.
    """
    edits = EditFolder(folder / EDITS)
    _make(subject, replace(recipe, variants=((spec.category, spec.id),)), edits, progress, identity)
    others = [v for v in recipe.variants if edits.picture_path(*v).exists()]
    return DiffusionEditor(subject, edits), others


def _make(
    subject: Subject, recipe: Recipe, edits: EditFolder, progress: Progress, identity: FaceIdentity | None
) -> tuple[Recipe, list[str]]:
    """The recipe with the variants that were accepted, and a sentence for each other one."""
    if recipe.learned is None:
        raise InvalidValue("The recipe names no learned models.", hint="Recipe.of(..., editor='diffusion')")
    loader = loader_of(recipe.learned)
    outcomes = make_edits(subject, recipe.specs(), recipe.learned, recipe.seed, loader, edits, progress, identity)
    accepted = {(o.category, o.name) for o in outcomes if o.is_accepted}
    rejected = [o.sentence() for o in outcomes if not o.is_accepted]
    if not accepted:
        raise EditsRejected(
            f"None of {len(rejected)} edits was accepted: {' | '.join(rejected)}.",
            hint="The pictures lie in edits/ of the dataset. Other limits: Acceptance of the recipe; another seed.",
        )
    kept = replace(recipe, variants=tuple(v for v in recipe.variants if v in accepted))
    if recipe.animator == "rig":
        # Those of videos are made between their frames.
        make_betweens(subject, kept.specs(), recipe.learned, loader, edits, progress)
    return kept, rejected


def editor_of(subject: Subject, dataset: Dataset) -> AttributeEditor:
    """The editor that draws a dataset's looks again; it needs no model.

    Raises:
        InvalidValue: a video model made the clips, and nobody draws them again.
    """
    recipe = Recipe.from_json(dataset.recipe)
    if recipe.animator != "rig":
        raise InvalidValue(
            f"The clips were made by {recipe.animator}: their looks cannot be drawn again at other moments.",
            hint="metrics.json has what can be measured; avatars of the animator 'rig' have exact pictures.",
        )
    if recipe.editor == "diffusion":
        return DiffusionEditor(subject, EditFolder(dataset.folder / EDITS))
    return ProceduralEditor()


def edits_summary(folder: Path) -> dict[str, object] | None:
    """Accepted and rejected variants and the models that made a dataset's pictures; None if none did.

    Raises:
        CorruptFile: the summary is damaged.
    """
    return read_summary(folder / EDITS)


def loader_of(learned: Learned) -> ModelLoader:
    """Loads the models of this machine under the recipe's memory preset."""
    return ModelLoader(ModelStore.of_this_machine(), find_memory(learned.memory))
