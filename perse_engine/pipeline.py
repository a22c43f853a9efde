"""The method, as an outline: one portrait in, an avatar's files out.

    bytes -> Portrait -> PortraitAnalysis -> Subject -> Dataset -> Avatar -> metrics, sheet, turntable, PLY

Every stage keeps its result under work/<stage>; a stage that is done is not done again, so a killed job goes on
where it was.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.lighting import source_light
from perse_engine.avatar.perceptual import PerceptualTerm
from perse_engine.avatar.posing import posed_cloud
from perse_engine.avatar.storage import load_avatar, save_avatar
from perse_engine.avatar.training import train
from perse_engine.errors import CorruptFile, InvalidValue
from perse_engine.evaluation.evaluate import evaluate
from perse_engine.export import write_bundle, write_ply
from perse_engine.head.build import build_subject
from perse_engine.head.flame.flame_head import Flame, flame_of_this_machine
from perse_engine.head.storage import load_subject, save_subject
from perse_engine.head.subject import Subject
from perse_engine.identity import identity_of_this_machine
from perse_engine.look import Look
from perse_engine.models.store import ModelStore
from perse_engine.models.table import find_model
from perse_engine.perception.lpips import Lpips
from perse_engine.portrait.analyse import analyse_portrait, report
from perse_engine.portrait.decode import decode_portrait
from perse_engine.progress import Progress
from perse_engine.recipe import Recipe
from perse_engine.rendering.preview import Preview
from perse_engine.rendering.render import Renderer
from perse_engine.rendering.sheet import contact_sheet
from perse_engine.rendering.turntable import write_turntable
from perse_engine.scene import Expression, Pose
from perse_engine.synthesis.dataset import Dataset
from perse_engine.synthesis.learned.acceptance import FaceIdentity
from perse_engine.synthesis.learned.prepare import check_learned, edits_summary
from perse_engine.synthesis.sheet import dataset_sheet
from perse_engine.synthesis.synthesize import synthesize
from perse_engine.synthesis.video.film import videos_summary
from perse_engine.vocabulary import pose_limits_deg
from perse_engine.warm_up import warm_up

FLAME_REPORT = "flame.json"

ARTIFACTS: Mapping[str, str] = {
    "avatar.safetensors": "application/octet-stream",
    "avatar.json": "application/json",
    "latents.json": "application/json",
    "canonical.ply": "application/octet-stream",
    "bundle.glb": "model/gltf-binary",
    "preview.png": "image/png",
    "dataset_sheet.png": "image/png",
    "turntable.mp4": "video/mp4",
    "metrics.json": "application/json",
    "portrait_analysis.json": "application/json",
}
"""Files of a finished avatar and their media types."""


@dataclass(frozen=True)
class AvatarFolder:
    """A finished avatar on disk: every file of ARTIFACTS lies in `folder`."""

    folder: Path
    avatar: Avatar
    metrics: Mapping[str, object]


def create_avatar(
    portrait: bytes, recipe: Recipe, folder: Path, progress: Progress, *,
    identity: FaceIdentity | None = None, flame: Flame | None = None,
) -> AvatarFolder:  # fmt: skip
    """Make (or finish) the avatar of a portrait in `folder`.

    Args:
        identity: judges the pictures of a learned editor; when None, the file that PERSE_FACE_EMBEDDER names, if any.
        flame: what the rig 'flame' is; when None, the file that PERSE_FLAME_MODEL names.

    Raises:
        PortraitError: the photo cannot be used.
        Cancelled: from `progress`; what is done stays for the next call.
        BackendMissing, CorruptFile: see the stages. A model that the recipe names and is not here: before any work.
        EditsRejected: no picture of a learned editor, or no video of an animator, was accepted.
    """
    perceptual = _perceptual_term(recipe)
    if recipe.editor == "diffusion":
        identity = identity or identity_of_this_machine()
    subject, face_oval = begin_avatar(portrait, recipe, folder, progress, flame)
    work = folder / "work"
    seconds = _Stopwatch(work / "seconds.json")
    with seconds("synthesis"):
        dataset = synthesize(subject, recipe, work / "dataset", progress, identity=identity)
    with seconds("training"):
        avatar = _avatar(subject, dataset, recipe, folder, work, progress, perceptual)
    renderer = Renderer(avatar, recipe.rasterizer)
    with seconds("evaluation"):
        metrics = evaluate(renderer, subject, dataset, face_oval, progress)
    with seconds("artifacts"):
        _write_pictures(renderer, dataset, folder, progress)
    metrics["stage_s"] = dict(seconds.values)
    metrics["train_s"] = seconds.values["training"]
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1))
    return AvatarFolder(folder, avatar, metrics)


def begin_avatar(
    portrait: bytes, recipe: Recipe, folder: Path, progress: Progress, flame: Flame | None = None
) -> tuple[Subject, np.ndarray]:
    """The stages before synthesis; `create_avatar` goes on in the same folder.

    Returns:
        The subject, and the face oval of its work image, [S, S] bool.
    """
    check_learned(recipe)
    if recipe.rig == "flame":
        flame = flame or flame_of_this_machine()
    elif flame is not None:
        raise InvalidValue(f"The rig {recipe.rig} takes no FLAME file.", hint="Choose the rig 'flame'.")
    work = folder / "work"
    claim_folder(work, portrait, recipe)
    seconds = _Stopwatch(work / "seconds.json")
    with seconds("compile"):
        warm_up(progress)
    with seconds("subject"):
        return _subject(portrait, folder, work, progress, flame)


def claim_folder(work: Path, portrait: bytes, recipe: Recipe) -> None:
    """Results of another portrait or recipe in the same folder are dropped."""
    key = hashlib.sha256(portrait).hexdigest() + recipe.fingerprint()
    stamp = work / "inputs.txt"
    if not stamp.exists() or stamp.read_text() != key:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        stamp.write_text(key)


def _subject(
    portrait: bytes, folder: Path, work: Path, progress: Progress, flame: Flame | None
) -> tuple[Subject, np.ndarray]:
    """Analyse and build, or load; also the face oval of the work image, [S, S] bool."""
    progress.report("subject", 0, 2)
    oval_file = work / "subject" / "face_oval.png"
    if (work / "subject" / "subject.json").exists() and oval_file.exists():
        if flame is not None and _flame_report(work)["sha256"] != flame.model.sha256:
            raise InvalidValue("This folder was begun with another FLAME file.", hint="Choose another folder.")
        return load_subject(work / "subject"), np.asarray(Image.open(oval_file)) > 127
    analysis = analyse_portrait(decode_portrait(portrait))
    progress.report("subject", 1, 2)
    subject = build_subject(analysis, flame)
    oval = analysis.regions.face_oval > 0.9
    (work / "subject").mkdir(parents=True, exist_ok=True)
    Image.fromarray((oval * 255).astype(np.uint8)).save(oval_file)
    (folder / "portrait_analysis.json").write_text(json.dumps(report(analysis).to_json(), indent=1))
    if flame is not None:
        misfit_px = float(subject.extras["flame.misfit_px"][0])
        text = json.dumps({"sha256": flame.model.sha256, "misfit_px": misfit_px})
        (work / "subject" / FLAME_REPORT).write_text(text)
    save_subject(subject, work / "subject")
    progress.report("subject", 2, 2)
    return subject, oval


def _perceptual_term(recipe: Recipe) -> PerceptualTerm | None:
    """LPIPS of the model store, on the GPU where there is one."""
    if recipe.perceptual is None:
        return None
    spec = find_model(recipe.perceptual.model, "perceptual-distance")
    file = ModelStore.of_this_machine().path(spec.name) / "model.safetensors"
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return PerceptualTerm(Lpips.load(file, device), recipe.perceptual.weight, device)


def _avatar(
    subject: Subject, dataset: Dataset, recipe: Recipe, folder: Path, work: Path, progress: Progress,
    perceptual: PerceptualTerm | None,
) -> Avatar:  # fmt: skip
    if (folder / "avatar.json").exists():
        try:
            return load_avatar(folder)
        except CorruptFile:
            (folder / "avatar.json").unlink()
    preview = Preview(work, recipe.rasterizer)
    avatar, measured = train(subject, dataset, recipe, work / "training", progress, preview, perceptual)
    details = dict(avatar.details) | {
        "preset": recipe.preset,
        "training": measured,
        "pose_limits_deg": pose_limits_deg(),
        "backends": {"editor": recipe.editor, "animator": recipe.animator, "rasterizer": avatar.details["rasterizer"]},
        "source": "AI-generated from one portrait by Perse",
    }
    if recipe.rig == "flame":
        details["flame"] = _flame_report(work)
    if (edits := edits_summary(dataset.folder)) is not None:
        details["edits"] = edits
    if (videos := videos_summary(dataset.folder)) is not None:
        details["videos"] = videos
    save_avatar(replace(avatar, details=details, light=source_light(subject, avatar.binding)), folder)
    # Read back: what is used from here on is what was stored.
    return load_avatar(folder)


def _flame_report(work: Path) -> dict[str, object]:
    """Which FLAME file the subject was built with, and how well it fits."""
    return dict(json.loads((work / "subject" / FLAME_REPORT).read_text()))


def _write_pictures(renderer: Renderer, dataset: Dataset, folder: Path, progress: Progress) -> None:
    avatar = renderer.avatar
    progress.report("artifacts", 0, 3)
    cloud = posed_cloud(avatar, avatar.bake(Look()), Pose(), Expression())
    write_ply(folder / "canonical.ply", cloud, ["source look, neutral expression"])
    write_bundle(folder / "bundle.glb", avatar)
    Image.fromarray(dataset_sheet(dataset, cell_px=96)).save(folder / "dataset_sheet.png")
    progress.report("artifacts", 1, 3)
    Image.fromarray(contact_sheet(renderer, avatar.variants(), cell_px=256)).save(folder / "preview.png")
    progress.report("artifacts", 3, 3)
    write_turntable(folder / "turntable.mp4", renderer, progress)


class _Stopwatch:
    """Seconds per stage, kept on disk so that a resumed job reports what the whole took."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.values: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self.values[stage] = round(self.values.get(stage, 0.0) + time.monotonic() - start, 3)
            self._path.write_text(json.dumps(self.values))
