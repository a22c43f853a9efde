"""Time of a frame of an avatar, and of a training step, part by part.

    python -m benchmarks.avatar [--json] [--repeats 45] [--avatar FOLDER]

Everything is made from the sample photo, by the functions that the pipeline uses; the parts are timed inside the real
frame and the real step. Cases take turns within one run, figures are medians. "others" is the load of other processes
meanwhile, in cores: above 0.1 the figures are not quiet.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import skimage.data
from PIL import Image

from benchmarks.part_timer import Owned, PartTimer
from benchmarks.splatting import Machine, OtherLoad, table, this_machine
from perse_engine.avatar import drawing, posing, training
from perse_engine.avatar import start as starting
from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.curriculum import plan_steps
from perse_engine.avatar.drawing import View
from perse_engine.avatar.pictures import Pictures, Sight
from perse_engine.avatar.placing import place_on_subject
from perse_engine.avatar.posing import Poser, visible_look
from perse_engine.avatar.start import start_avatar
from perse_engine.avatar.storage import load_avatar
from perse_engine.avatar.training import Trainer
from perse_engine.errors import EngineError
from perse_engine.head.build import build_subject
from perse_engine.head.rig import Rig
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.portrait.analyse import analyse_portrait
from perse_engine.portrait.decode import decode_portrait
from perse_engine.progress import SilentProgress
from perse_engine.recipe import Recipe
from perse_engine.rendering.render import Renderer
from perse_engine.scene import Camera, Expression, Pose
from perse_engine.splatting.adam import Adam
from perse_engine.splatting.cpu.rasterizer import CpuRasterizer
from perse_engine.splatting.losses import ImageLoss
from perse_engine.synthesis.dataset import Clip, Dataset
from perse_engine.synthesis.synthesize import synthesize
from perse_engine.vocabulary import PRESETS
from perse_engine.warm_up import warm_up

FRAME_PX = 512
BARS_MS = {30_000: 10.0, 100_000: 30.0}
"""What a frame may take, by the number of Gaussians."""
NEAR = 0.05
SEARCHES = 8

STEP_GAUSSIANS = 30_000
STEP_SIZES_PX = (512, 256)
PRESET = "preview"
"""Its clips, which are few, with more Gaussians and pixels."""
STEP_CATEGORIES = ("hair", "skin")
"""Both change many Gaussians: parts that belong to a category have few that are small, and a median that says much."""
QUIET_CORES = 0.1
SETTLING = 240
"""Steps before the first timed one: Gaussians start more opaque than training leaves them, so fewer are blended."""
ROUNDS = 3
# Untimed at the start of a turn: the caches are cold after another case, as they are not in training.
FIRST_OF_TURN = 3

MOVING = {
    "jawOpen": 0.7, "mouthSmileLeft": 0.6, "mouthSmileRight": 0.6, "mouthFunnel": 0.3, "browInnerUp": 0.5,
    "eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0, "eyeSquintLeft": 0.4, "eyeSquintRight": 0.4,
}  # fmt: skip
"""Expressions that go up and down, each up to its weight."""

FRAME_PARTS: tuple[Owned, ...] = (
    ("rig", Rig, "posed"),
    ("expression", Poser, "pose"),
    ("bind", posing, "bind"),
    ("rasterise", CpuRasterizer, "forward_views"),
    ("rest", Renderer, "render"),
)

STEP_PARTS: tuple[Owned, ...] = (
    ("picture", Pictures, "target"),
    ("decoders", training, "sharing"),
    ("decoders", training._CategoryTrainer, "code"),
    ("decoders", training._CategoryTrainer, "add"),
    ("expression", Trainer, "_add_expression"),
    ("bind", drawing, "bind"),
    ("rasterise", CpuRasterizer, "forward"),
    ("loss", ImageLoss, "__call__"),
    ("rasterise_back", CpuRasterizer, "backward"),
    ("bind_back", drawing, "bind_back"),
    ("gather", training._CategoryTrainer, "learn"),
    ("gather", Trainer, "_learn_expression"),
    ("adam", Adam, "step"),
    ("adam", Adam, "step_basis"),
    ("rest", Trainer, "step"),
)

EPILOG = """\
a frame:
  rig         blendshapes and skinning of the mesh that the Gaussians hang on
  expression  the properties of the look copied, and what was learned for the expressions that are on added to them
  bind        triangles and properties to Gaussians in the world
  pose        these three
  rasterise   Gaussians to an image; its time goes with the pixels they cover, so with the avatar and the camera
  frame       pose, rasterise and the rest: the image's memory, clipping

a training step:
  picture     the target's bytes to numbers; it was decoded before
  decoders    codes, bases and what lies over what: what the step's look changes
  expression  the learned residuals of the expressions that are on
  gather      gradients by the rows that a category or expression can change
  Adam        of the base, bases and residuals
  step        all, as the loop runs it; which looks are drawn is as in training: 0 to 2 categories at once

Parts are medians of their own, so they need not add up to the median of the whole.

examples:
  OMP_WAIT_POLICY=PASSIVE python -m benchmarks.avatar          a minute or two, mostly to train a little
  python -m benchmarks.avatar --avatar demo-output/artifacts   also the frames of the avatar that `make demo` trained
  python -m benchmarks.avatar --json > figures.json
"""


@dataclass(frozen=True)
class FrameTimes:
    """Medians of a frame and its parts, ms; `expression` and the other parts as in EPILOG.

    Attributes:
        gaussians: of the avatar.
        shown: those that the look has not made transparent.
        drivers_on: median number of learned expressions that are not 0.
        bar_ms: what `frame_ms` may be, where there is a bar.
    """

    avatar: str
    px: int
    gaussians: int
    shown: int
    drivers_on: int
    parts_ms: dict[str, float]
    pose_ms: float
    frame_ms: float
    bar_ms: float | None
    runs: int
    others_cores: float


@dataclass(frozen=True)
class StepTimes:
    """Medians of a training step and its parts, ms.

    Attributes:
        rows: category -> how many Gaussians it can change.
        categories_on: mean over the steps.
        drivers_on: mean over the steps.
    """

    px: int
    loss: str
    gaussians: int
    rows: dict[str, int]
    categories_on: float
    drivers_on: float
    parts_ms: dict[str, float]
    step_ms: float
    runs: int
    others_cores: float


@dataclass(frozen=True)
class Report:
    machine: Machine
    frames: list[FrameTimes]
    steps: list[StepTimes]


def medians_ms(times: Sequence[dict[str, float]]) -> dict[str, float]:
    """Per part."""
    return {part: 1e3 * statistics.median(t[part] for t in times) for part in times[0]}


def sample_subject() -> Subject:
    """The public-domain portrait in scikit-image."""
    photo: Callable[[], Any] = skimage.data.astronaut
    file = io.BytesIO()
    Image.fromarray(photo()).save(file, "PNG")
    return build_subject(analyse_portrait(decode_portrait(file.getvalue())))


def untrained_avatar(subject: Subject, wanted: int) -> Avatar:
    """About `wanted` Gaussians on the whole surface, without categories; residuals are 0 but there."""
    spacing_m = starting.FIRST_SPACING_M * (20_000 / wanted) ** 0.5
    for _ in range(SEARCHES):
        placed = place_on_subject(subject, spacing_m, 0)
        count = len(placed.base)
        if abs(count / wanted - 1) < NEAR:
            expression = starting._expression(subject, placed)
            return Avatar(placed.binding, placed.base, {}, expression, raster_mode=training.RASTER_MODE)
        # The count goes about with the inverse square of the spacing.
        spacing_m *= (count / wanted) ** 0.5
    raise RuntimeError(f"No spacing gives {wanted} Gaussians: the last one gave {count}.")


def moment(number: int) -> tuple[Pose, Expression]:
    """The `number`-th frame of somebody who talks and looks around."""
    t = number / 25
    pose = Pose(25 * math.sin(1.3 * t), 10 * math.sin(1.9 * t), 6 * math.sin(0.7 * t))
    waves = {n: w * (0.55 + 0.45 * math.sin((2 + 0.6 * (k // 2)) * t)) for k, (n, w) in enumerate(MOVING.items())}
    return pose, Expression(waves)


class FrameCase:
    """One avatar in one look, frame after frame."""

    def __init__(self, name: str, avatar: Avatar, look: Look, bar_ms: float | None) -> None:
        self._name, self._avatar, self._look, self._bar_ms = name, avatar, look, bar_ms
        self._renderer = Renderer(avatar, "cpu")
        self._camera = Camera.orbit(width_px=FRAME_PX, height_px=FRAME_PX)
        self._number = 0
        self._times: list[dict[str, float]] = []
        self._drivers: list[int] = []
        self._frame()

    def turn(self, timer: PartTimer, runs: int) -> None:
        """Take some frames, timed."""
        for _ in range(FIRST_OF_TURN):
            self._frame()
        for _ in range(runs):
            expression = moment(self._number)[1]
            self._drivers.append(int(np.count_nonzero(self._avatar.expression.values(expression))))
            self._times.append(timer.run(FRAME_PARTS, self._frame))

    def _frame(self) -> None:
        pose, expression = moment(self._number)
        self._number += 1
        self._renderer.render(self._look, pose, expression, self._camera)

    def result(self, others_cores: float) -> FrameTimes:
        """Medians of all turns."""
        for t in self._times:
            t["pose"] = t["rig"] + t["expression"] + t["bind"]
        medians = medians_ms(self._times)
        frame_ms, pose_ms = medians.pop("whole"), medians.pop("pose")
        shown = len(visible_look(self._avatar, self._avatar.bake(self._look)).properties)
        return FrameTimes(
            self._name, FRAME_PX, len(self._avatar), shown, int(statistics.median(self._drivers)),
            medians, pose_ms, frame_ms, self._bar_ms, len(self._times), others_cores,
        )  # fmt: skip


def measure_frames(cases: Sequence[FrameCase], repeats: int) -> list[FrameTimes]:
    """All avatars, taking turns."""
    timer = PartTimer()
    load = OtherLoad()
    with timer.on(FRAME_PARTS):
        for runs in turns(repeats):
            for case in cases:
                case.turn(timer, runs)
    others = load.cores()
    return [case.result(others) for case in cases]


class StepCase:
    """A training of one image size that has begun."""

    def __init__(self, subject: Subject, gaussians: int, px: int, folder: Path, steps: int) -> None:
        """Make the data set, or take the one in `folder`, and train a little; the plan has `steps` steps."""
        self.px = px
        preset = replace(PRESETS[PRESET], size_px=px, gaussians=gaussians)
        with patch.dict(PRESETS, {PRESET: preset}):
            recipe = Recipe.of(PRESET, categories=STEP_CATEGORIES, rasterizer="cpu")
            self._dataset: Dataset = synthesize(subject, recipe, folder, SilentProgress())
            self._pictures, rasterizer = Pictures(self._dataset), CpuRasterizer(training.RASTER_MODE)
            start = start_avatar(subject, self._dataset, recipe, self._pictures, rasterizer, SilentProgress())
        self._start = start
        self.trainer = Trainer(start, View(start.placed.binding, rasterizer, (px, px)))
        self._frames = {f.index: f for f in self._dataset.frames}
        # The same draws for every size and loss.
        self._plan = plan_steps(self._dataset, steps, recipe.seed, start.placed.owners)
        for clip, index in self._plan:
            self._pictures.target(clip, index)
        for number in range(SETTLING):
            self._step(*self._plan[number % steps], with_ssim=False)
        self._times: dict[bool, list[dict[str, float]]] = {False: [], True: []}

    def turn(self, timer: PartTimer, first: int, runs: int, *, with_ssim: bool) -> None:
        """Take the steps of the plan from `first` on, timed."""
        drawn = self._plan[first : first + runs]
        for clip, index in drawn[:FIRST_OF_TURN]:
            self._step(clip, index, with_ssim=with_ssim)
        for clip, index in drawn:
            step = partial(self._step, clip, index, with_ssim=with_ssim)
            self._times[with_ssim].append(timer.run(STEP_PARTS, step))

    def _step(self, clip: Clip, index: int, *, with_ssim: bool) -> None:
        target = self._pictures.target(clip, index)
        sight = Sight(self._frames[index], self._start.vertices[index], target)
        self.trainer.step(clip.look, sight, 1.0, with_ssim=with_ssim)

    def result(self, others_cores: float, *, with_ssim: bool) -> StepTimes:
        """Medians of all turns with this loss."""
        times = self._times[with_ssim]
        medians = medians_ms(times)
        step_ms = medians.pop("whole")
        start = self._start
        drivers = [np.count_nonzero(start.expression.values(self._frames[i].expression)) for _, i in self._plan]
        return StepTimes(
            self.px, "L1 + SSIM" if with_ssim else "L1", len(start.placed.base),
            {name: len(model.rows) for name, model in start.categories.items()},
            statistics.mean(len(clip.look.categories()) for clip, _ in self._plan), float(np.mean(drivers)),
            medians, step_ms, len(times), others_cores,
        )  # fmt: skip


def measure_steps(cases: Sequence[StepCase], repeats: int) -> list[StepTimes]:
    """All sizes and losses, taking turns."""
    timer = PartTimer()
    load = OtherLoad()
    with timer.on(STEP_PARTS):
        first = 0
        for runs in turns(repeats):
            for case in cases:
                for with_ssim in (False, True):
                    case.turn(timer, first, runs, with_ssim=with_ssim)
            first += runs
    others = load.cores()
    return [case.result(others, with_ssim=with_ssim) for case in cases for with_ssim in (False, True)]


def turns(repeats: int) -> list[int]:
    """How many runs each turn has; `repeats` in all."""
    return [n for n in (repeats * (k + 1) // ROUNDS - repeats * k // ROUNDS for k in range(ROUNDS)) if n]


def dressed(avatar: Avatar) -> Look:
    """The first variant of the first two categories."""
    return Look({category: {ids[0]: 1.0} for category, ids in list(avatar.variants().items())[:2]})


def bar(frame: FrameTimes) -> str:
    """The bar, and whether it is met; other processes can make a frame slower, not faster."""
    if frame.bar_ms is None:
        return "none"
    if frame.frame_ms <= frame.bar_ms:
        return f"{frame.bar_ms:.0f}: met"
    return f"{frame.bar_ms:.0f}: " + ("missed" if frame.others_cores <= QUIET_CORES else "unsure, not quiet")


def markdown(report: Report) -> str:
    """The report for people."""
    m, first = report.machine, report.steps[0]
    frames = []
    for f in report.frames:
        p = f.parts_ms
        times = (p["rig"], p["expression"], p["bind"], f.pose_ms, p["rasterise"], p["rest"], f.frame_ms)
        frames.append(
            [f.avatar, str(f.gaussians), str(f.shown), *(f"{t:.2f}" for t in times), bar(f), f"{f.others_cores:.2f}"]
        )
    steps = [
        [str(s.px), s.loss, *(f"{t:.2f}" for t in s.parts_ms.values()), f"{s.step_ms:.2f}", f"{s.others_cores:.2f}"]
        for s in report.steps
    ]
    names = (
        "px | loss | picture | decoders | expression | bind | rasterise | loss | rasterise back | bind back | gather"
        " | Adam | rest | step | others, cores"
    )
    rows = ", ".join(f"{category} changes {n}" for category, n in first.rows.items())
    return "\n".join(
        [
            f"{m.cpu}; threads: numba {m.numba_threads}, torch {m.torch_threads}; commit {m.commit}",
            "",
            f"## A frame at {FRAME_PX} px, look baked, pose and expression moving, ms"
            f" ({report.frames[0].runs} runs, {report.frames[0].drivers_on} learned expressions on)",
            "",
            "Untrained avatars are placed on the whole surface and have no categories. Posing does not depend on"
            " training; rasterising does: training leaves out what no picture shows, and makes the rest less opaque, so"
            " that more Gaussians are blended in a pixel.",
            "",
            table(
                "avatar | Gaussians | shown | rig | expression | bind | pose | rasterise | rest | frame | bar"
                " | others, cores",
                frames,
            ),
            "",
            f"## A training step, {first.gaussians} Gaussians, ms ({first.runs} runs)",
            "",
            f"{rows}; a step has {first.categories_on:.1f} categories and {first.drivers_on:.1f} learned expressions on"
            " (means).",
            "",
            table(names, steps),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.avatar",
        description="Time a frame of an avatar (30k and 100k Gaussians) and a training step (30k, 512 and 256 px), "
        "part by part, on the CPU. Every figure is a median.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print JSON for programs, not tables for people")
    parser.add_argument(
        "--repeats",
        type=int,
        default=45,
        metavar="N",
        help=f"timed frames per avatar, and steps per size and loss (default 45), in {ROUNDS} turns",
    )
    parser.add_argument(
        "--avatar",
        type=Path,
        metavar="FOLDER",
        help="also time the frames of this trained avatar, dressed in the first variant of two categories: a folder "
        "with avatar.json and avatar.safetensors",
    )
    arguments = parser.parse_args()
    if arguments.repeats < 1:
        parser.error("--repeats must be at least 1")
    trained = None
    if arguments.avatar:
        try:
            trained = load_avatar(arguments.avatar)
        except (OSError, EngineError) as error:
            parser.error(f"--avatar {arguments.avatar}: {error}")
    warm_up(SilentProgress())
    machine = this_machine()
    subject = sample_subject()
    with tempfile.TemporaryDirectory(prefix="perse-benchmark-") as folder:

        @cache
        def begun(gaussians: int, px: int) -> StepCase:
            return StepCase(subject, gaussians, px, Path(folder) / str(px), arguments.repeats)

        step_cases = [begun(STEP_GAUSSIANS, px) for px in STEP_SIZES_PX]
        steps = measure_steps(step_cases, arguments.repeats)
        cases = []
        for n, bar_ms in BARS_MS.items():
            cases.append(FrameCase("untrained", untrained_avatar(subject, n), Look(), bar_ms))
            trained_briefly = begun(n, FRAME_PX).trainer.avatar({})
            cases.append(FrameCase("trained briefly, dressed", trained_briefly, dressed(trained_briefly), bar_ms))
    if trained:
        cases.append(FrameCase(f"{arguments.avatar.name}, dressed", trained, dressed(trained), None))
    report = Report(machine, measure_frames(cases, arguments.repeats), steps)
    print(json.dumps(asdict(report), indent=2) if arguments.json else markdown(report))


if __name__ == "__main__":
    main()
