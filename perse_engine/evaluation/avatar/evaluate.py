"""An avatar's folder to a study: `perse evaluate avatar`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from perse_engine.avatar.storage import load_avatar
from perse_engine.evaluation.avatar.distance import OctaveDistance, open_distance
from perse_engine.evaluation.avatar.exact import ExactPictures
from perse_engine.evaluation.avatar.html_report import html_report
from perse_engine.evaluation.avatar.measures import AvatarMeasures, Judges
from perse_engine.evaluation.avatar.realism import open_features
from perse_engine.evaluation.avatar.reconstruction import FrameScore
from perse_engine.evaluation.avatar.sheets import Sheets
from perse_engine.evaluation.avatar.study import Contender, study
from perse_engine.evaluation.avatar.tables import tables, text, to_json
from perse_engine.evaluation.evaluate import evaluate, provenance, table
from perse_engine.evaluation.subject.identity import OnnxEmbedder
from perse_engine.head.storage import load_subject
from perse_engine.progress import Progress
from perse_engine.recipe import Recipe
from perse_engine.rendering.render import Renderer
from perse_engine.synthesis.learned.prepare import editor_of
from perse_engine.synthesis.storage import open_dataset

WORST_FRAMES = 8
WAYS = 4
"""How many in-betweens the report shows: those of the lowest PSNR."""


@dataclass(frozen=True)
class Wanted:
    """What `perse evaluate avatar` was asked for; `lpips` and `features` are .safetensors or ONNX files,
    `face_embedder` is an ONNX file."""

    baselines: bool = False
    ablations: bool = False
    disturbed: bool = False
    lpips: Path | None = None
    face_embedder: Path | None = None
    features: Path | None = None
    rasterizer: str = "auto"


@dataclass(frozen=True)
class Evaluation:
    """metrics as in metrics.json, the contenders of the study, the name of its distance, and its sheets by name."""

    metrics: Mapping[str, object]
    contenders: tuple[Contender, ...]
    distance: str
    sheets: Mapping[str, npt.NDArray[np.uint8]]

    def text(self) -> str:
        """Tables for the terminal."""
        return f"{text(tables(self.contenders, self.distance))}\n{table(self.metrics)}"

    def to_json(self) -> dict[str, object]:
        """Every number."""
        return {"metrics": dict(self.metrics), **to_json(self.contenders, self.distance)}

    def html(self) -> str:
        """The report, in one file."""
        shown = tables(self.contenders, self.distance)
        return html_report("An avatar, measured", shown, self.contenders, self.sheets, provenance())


def evaluate_folder(
    folder: Path, wanted: Wanted, progress: Progress, on_measured: Callable[[str], None] | None = None
) -> Evaluation:
    """Measure the avatar in `folder`, which `perse create` made; `on_measured` hears each contender's name.

    Raises:
        CorruptFile: a file is missing or damaged.
        InvalidValue: the dataset is not what the editor makes now, or a file is no such network.
        BackendMissing: a rasteriser or onnxruntime that was asked for is not there.
    """
    lpips = open_distance(wanted.lpips) if wanted.lpips else None
    embedder = OnnxEmbedder(wanted.face_embedder) if wanted.face_embedder else None
    features = open_features(wanted.features) if wanted.features else None
    avatar, work = load_avatar(folder), folder / "work"
    subject, dataset = load_subject(work / "subject"), open_dataset(work / "dataset")
    recipe = Recipe.from_json(dict(dataset.recipe) | {"rasterizer": wanted.rasterizer})
    exact = ExactPictures(subject, editor_of(subject, dataset))
    exact.check(dataset)
    judges = Judges(dataset, exact, lpips or OctaveDistance(), lpips, embedder, features)
    sheets = Sheets(dataset, exact)

    def show(contender: Contender, renderer: Renderer) -> None:
        if contender.spent is None:
            _choose(sheets, contender.measures)
        sheets.add(contender.name, renderer)
        if on_measured:
            on_measured(contender.name)

    contenders = study(
        avatar, subject, recipe, judges, progress,
        baselines=wanted.baselines, ablations=wanted.ablations, disturbed=wanted.disturbed, on_contender=show,
    )  # fmt: skip
    oval: Any = np.asarray(Image.open(work / "subject" / "face_oval.png")) > 127
    metrics = evaluate(Renderer(avatar, wanted.rasterizer), subject, dataset, oval, progress)
    pictures = {
        f"Held-out frames: the worst of each of the {WORST_FRAMES} worst clips": sheets.heldout(),
        "In-betweens, the worst first": sheets.betweens(),
    }
    return Evaluation(metrics, contenders, judges.distance.name, pictures)


def _choose(sheets: Sheets, measures: AvatarMeasures) -> None:
    paths = sorted(measures.betweens, key=lambda p: p.psnr_db)[:WAYS]
    worst: dict[str, FrameScore] = {}
    for frame in measures.reconstruction.frames:
        worst.setdefault(frame.clip, frame)
    sheets.choose(list(worst.values())[:WORST_FRAMES], [(p.category, p.start, p.end) for p in paths])
