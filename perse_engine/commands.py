"""The engine's commands: `perse create`, `render`, `export`, `evaluate`, `dataset`, `synthesize` and `vocabulary`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from perse_engine.errors import InvalidValue
from perse_engine.progress import Progress

if TYPE_CHECKING:
    from perse_engine.look import Look
    from perse_engine.scene import Expression, Pose


class TerminalProgress:
    """A line on stderr: stage, bar, per cent, seconds left."""

    WIDTH = 28
    EVERY_S = 0.2

    def __init__(self, shares: Mapping[str, float] | None = None) -> None:
        from perse_engine.stages import STAGE_SHARES, OverallProgress

        self._overall = OverallProgress(STAGE_SHARES if shares is None else shares)
        self._last = 0.0
        self._stage = ""

    def report(self, stage: str, step: int, total_steps: int) -> None:
        """See `Progress`."""
        fraction, eta_s = self._overall.update(stage, step, total_steps)
        now = time.monotonic()
        is_new = stage != self._stage
        if not is_new and (now - self._last < self.EVERY_S or not sys.stderr.isatty()):
            return
        self._last, self._stage = now, stage
        bar = "#" * round(self.WIDTH * fraction)
        left = f"{eta_s:4.0f} s left" if eta_s is not None else ""
        end = "\r" if sys.stderr.isatty() else "\n"
        sys.stderr.write(f"  [{bar:<{self.WIDTH}}] {100 * fraction:5.1f} %  {stage:<11} {left:<11}{end}")
        sys.stderr.flush()


class StageProgress:
    """For work whose stages come again: a line on stderr per stage, with its per cent on a terminal."""

    def __init__(self) -> None:
        self._stage = ""

    def report(self, stage: str, step: int, total_steps: int) -> None:
        """See `Progress`."""
        if sys.stderr.isatty():
            sys.stderr.write(f"\r  {stage:<11} {100 * step / max(total_steps, 1):5.1f} %")
        elif stage != self._stage:
            sys.stderr.write(f"  {stage}\n")
        self._stage = stage
        sys.stderr.flush()


def create(arguments: argparse.Namespace) -> int:
    """`perse create photo.jpg -o out/`."""
    from perse_engine.model_commands import flame_of, identity_of, learned_of, perceptual_of
    from perse_engine.pipeline import create_avatar
    from perse_engine.recipe import Recipe
    from perse_engine.stages import stage_shares

    categories = tuple(arguments.categories.split(",")) if arguments.categories else None
    recipe = Recipe.of(
        arguments.preset, categories=categories, editor=arguments.editor, animator=arguments.animator,
        rasterizer=arguments.rasterizer, seed=arguments.seed, learned=learned_of(arguments), rig=arguments.rig,
        perceptual=perceptual_of(arguments), refinement=arguments.refinement,
    )  # fmt: skip
    progress: Progress = TerminalProgress(stage_shares(recipe))
    identity = identity_of(arguments)
    photo, flame = arguments.photo.read_bytes(), flame_of(arguments)
    made = create_avatar(photo, recipe, arguments.output, progress, identity=identity, flame=flame)
    sys.stderr.write("\n")
    for stage in (made.avatar.details.get(name) for name in ("edits", "videos")):
        for sentence in stage["rejected"] if isinstance(stage, dict) else ():
            print(sentence, file=sys.stderr)
    print(f"{len(made.avatar)} Gaussians; look at {made.folder / 'preview.png'}")
    return 0


def render(arguments: argparse.Namespace) -> int:
    """`perse render out/ --yaw 20 -o r.png`."""
    from perse_engine.avatar.sampling import with_samples
    from perse_engine.avatar.storage import load_avatar
    from perse_engine.look import Look
    from perse_engine.rendering.image import encode_image
    from perse_engine.rendering.render import Renderer
    from perse_engine.scene import Camera

    renderer = Renderer(load_avatar(arguments.folder), arguments.rasterizer)
    camera = Camera.orbit(
        arguments.camera_yaw, arguments.camera_pitch, width_px=arguments.width, height_px=arguments.height
    )
    background = None if arguments.transparent else (0.82, 0.84, 0.86)
    pose, expression = _pose(arguments), _expression(arguments.expression)
    look = with_samples(renderer.avatar, Look.parse(arguments.look), _seeds(arguments.sample))
    output = renderer.render(look, pose, expression, camera, background, arguments.light)
    suffix = arguments.output.suffix.lower()
    format = {".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}.get(suffix, "png")
    data = encode_image(output.rgb, output.alpha if arguments.transparent else None, format=format)  # type: ignore[arg-type]
    arguments.output.write_bytes(data)
    print(arguments.output)
    return 0


def export(arguments: argparse.Namespace) -> int:
    """`perse export out/ -o head.ply`: a look, pose and expression as a file of another program's format."""
    from perse_engine.avatar.storage import load_avatar
    from perse_engine.export.avatar_files import ExportWish, export_avatar
    from perse_engine.export.cloud_files import format_of
    from perse_engine.head.storage import load_subject

    folder, output = arguments.folder, arguments.output
    wish = ExportWish(
        arguments.format or format_of(output), _look(arguments.look), _pose(arguments),
        _expression(arguments.expression), arguments.content, arguments.y_down, arguments.spz_version,
    )  # fmt: skip
    subject = folder / "work" / "subject"
    if wish.needs_rig and not subject.exists():
        raise InvalidValue("This avatar has no work/subject, where its mesh is.", hint="Export its Gaussians.")
    export_avatar(output, load_avatar(folder), wish, load_subject(subject).look if wish.needs_rig else None)
    print(f"{output}, {output.stat().st_size / 1e6:.2f} MB")
    return 0


def _pose(arguments: argparse.Namespace) -> Pose:
    from perse_engine.scene import Gaze, Pose

    return Pose(arguments.yaw, arguments.pitch, arguments.roll, Gaze(arguments.gaze_yaw, arguments.gaze_pitch))


def _expression(words: Sequence[str]) -> Expression:
    """`name=0.4` words; the weight is 1 when absent."""
    from perse_engine.scene import Expression

    weights = {}
    for word in words:
        name, equals, weight = word.partition("=")
        try:
            weights[name] = float(weight) if equals else 1.0
        except ValueError:
            raise InvalidValue(f"Cannot read expression {word!r}.", hint="Write name=0.4.") from None
    return Expression(weights)


def _seeds(words: Sequence[str]) -> dict[str, int]:
    """`category:7` words; the seed is 0 when absent."""
    seeds = {}
    for word in words:
        category, _, seed = word.partition(":")
        if seed and not seed.isdecimal():
            raise InvalidValue(f"Cannot read sample {word!r}.", hint="Write category:7, with a whole number as seed.")
        seeds[category] = int(seed or 0)
    return seeds


def _look(words: Sequence[str]) -> Look:
    """`category=variant:0.7` words, or one JSON text in the API's form, or one .json file with it."""
    from perse_engine.look import Look

    if len(words) != 1 or not (words[0].lstrip().startswith("{") or words[0].endswith(".json")):
        return Look.parse(words)
    text = words[0] if words[0].lstrip().startswith("{") else Path(words[0]).read_text()
    try:
        return Look.from_json(json.loads(text))
    except (ValueError, TypeError, AttributeError):
        hint = 'Write {"hair": {"long-wavy-blonde": 0.7}}.'
        raise InvalidValue("The look is not JSON of categories and variants.", hint=hint) from None


def evaluate_avatar(arguments: argparse.Namespace) -> int:
    """`perse evaluate avatar out/`: PERSE's protocol, from the avatar's own work folder."""
    from perse_engine.evaluation.avatar.evaluate import Wanted, evaluate_folder
    from perse_engine.model_commands import network_file

    wanted = Wanted(
        baselines=arguments.baselines, ablations=arguments.ablations, disturbed=arguments.disturbed,
        lpips=network_file(arguments.lpips, "perceptual-distance"), face_embedder=arguments.face_embedder,
        features=network_file(arguments.features, "picture-features"), rasterizer=arguments.rasterizer,
    )  # fmt: skip
    found = evaluate_folder(
        arguments.folder, wanted, StageProgress(), on_measured=lambda name: print(f"measured: {name}", file=sys.stderr)
    )
    if arguments.report:
        arguments.report.write_text(found.html(), encoding="utf-8")
    print(json.dumps(found.to_json(), indent=1, allow_nan=False) if arguments.json else found.text())
    return 0


def evaluate_subject(arguments: argparse.Namespace) -> int:
    """`perse evaluate subject folder/`: build and measure the head of every portrait."""
    from PIL import Image

    from perse_engine.evaluation.avatar.distance import open_distance
    from perse_engine.evaluation.subject.evaluate import evaluate_portrait, portrait_files
    from perse_engine.evaluation.subject.identity import OnnxEmbedder
    from perse_engine.evaluation.subject.protocol import Brought, Row
    from perse_engine.evaluation.subject.report import table, to_json
    from perse_engine.evaluation.subject.sheet import contact_sheet
    from perse_engine.head.subject import Subject
    from perse_engine.model_commands import flame_of, network_file
    from perse_engine.portrait.portrait import PortraitAnalysis

    lpips = network_file(arguments.lpips, "perceptual-distance")
    brought = Brought(
        embedder=OnnxEmbedder(arguments.face_embedder) if arguments.face_embedder else None,
        lpips=open_distance(lpips) if lpips else None,
        flame=flame_of(arguments),
    )
    sheets: Path | None = arguments.sheets

    def write_sheet(row: Row, subject: Subject, analysis: PortraitAnalysis) -> None:
        if sheets:
            sheets.mkdir(parents=True, exist_ok=True)
            name = " ".join((Path(row.portrait).stem, row.variation)).strip().replace(" ", "-")
            Image.fromarray(contact_sheet(subject, analysis.regions)).save(sheets / f"{name}.png")

    rows: list[Row] = []
    for file in portrait_files(arguments.portraits):
        found = evaluate_portrait(
            file.name, file.read_bytes(),
            variations=arguments.variations, brought=brought, on_subject=write_sheet,
        )  # fmt: skip
        for row in found:
            rows.append(row)
            print(f"{row.portrait} {row.variation}".strip(), file=sys.stderr)
    print(json.dumps(to_json(rows), indent=1, allow_nan=False) if arguments.json else table(rows))
    return 0


def check(arguments: argparse.Namespace) -> int:
    """`perse dataset check folder`: exit code 1 and a line per problem."""
    from perse_engine.synthesis.check import check_dataset

    problems = check_dataset(arguments.folder)
    for problem in problems:
        print(problem)
    if not problems:
        print("The dataset is sound.")
    return 1 if problems else 0


def synthesize_dataset(arguments: argparse.Namespace) -> int:
    """`perse synthesize photo.jpg -o dataset/`: only the dataset, with its contact sheet."""
    from PIL import Image

    from perse_engine.head.build import build_subject
    from perse_engine.model_commands import flame_of, identity_of, learned_of
    from perse_engine.portrait.analyse import analyse_portrait
    from perse_engine.portrait.decode import decode_portrait
    from perse_engine.recipe import Recipe
    from perse_engine.synthesis.sheet import dataset_sheet
    from perse_engine.synthesis.synthesize import synthesize

    recipe = Recipe.of(
        arguments.preset, editor=arguments.editor, animator=arguments.animator, seed=arguments.seed,
        learned=learned_of(arguments), rig=arguments.rig,
    )  # fmt: skip
    subject = build_subject(analyse_portrait(decode_portrait(arguments.photo.read_bytes())), flame_of(arguments))
    dataset = synthesize(subject, recipe, arguments.output, TerminalProgress(), identity=identity_of(arguments))
    sys.stderr.write("\n")
    sheet = arguments.output / "sheet.png"
    Image.fromarray(dataset_sheet(dataset)).save(sheet)
    print(f"{len(dataset.clips)} clips; look at {sheet}")
    return 0


def vocabulary(arguments: argparse.Namespace) -> int:
    """`perse vocabulary`: categories, variants, expressions, presets."""
    from dataclasses import asdict

    from perse_engine.vocabulary import ARKIT_NAMES, CATALOGUE, CATEGORIES, PRESETS, parse_wishes

    if arguments.wish is not None:
        for wish in parse_wishes(arguments.wish):
            variant = wish.to_variant()
            print(f"{variant.category}={variant.id}\n  {variant.prompt}")
            if wish.not_understood:
                print(f"  not understood: {' '.join(wish.not_understood)}")
        return 0
    if arguments.json:
        variants = [asdict(v) for v in CATALOGUE]
        presets = {n: asdict(p) for n, p in PRESETS.items()}
        print(
            json.dumps({"variants": variants, "expressions": ARKIT_NAMES, "presets": presets}, indent=1, default=dict)
        )
        return 0
    for category in CATEGORIES:
        ids = [v.id for v in CATALOGUE if v.category == category]
        print(f"{category:<11} {', '.join(ids) or '(no variants yet)'}")
    print(f"\nexpressions {', '.join(ARKIT_NAMES)}\n\npresets     {', '.join(PRESETS)}")
    return 0
