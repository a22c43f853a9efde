"""Time of the CPU rasteriser beside its peers, as a share of what the processor could do, and within a training step.

    python -m benchmarks.splatting [--quick] [--json] [--repeats 15] [--reference]

The scene is a seeded shell of a head. Implementations take turns within one run, figures are medians. "others" is the
load of other processes meanwhile, in cores: above 0.1 the figures are not quiet.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numba
import numpy as np
import torch

from benchmarks import gsplat_torch
from perse_engine.progress import SilentProgress
from perse_engine.scene import Camera, FloatArray
from perse_engine.splatting import RasterImage, rasterize
from perse_engine.splatting.adam import Adam
from perse_engine.splatting.cpu.layout import GaussianBuffers
from perse_engine.splatting.cpu.rasterizer import CpuRasterizer
from perse_engine.splatting.losses import ImageLoss, LossWeights
from perse_engine.splatting.warm_up import warm_up

OURS, VECTORISED, SHIPPED, REFERENCE = (
    "perse cpu",
    "gsplat torch (vectorised)",
    "gsplat torch (as shipped)",
    "reference",
)

ALL_CASES = [(n, px) for n in (10_000, 30_000, 100_000) for px in (256, 512)]
QUICK_CASES = [(10_000, 256), (30_000, 512)]
STEP_CASE = (30_000, 512)
# Every slow peer runs once in a round, ours several times.
ROUNDS = 3
# Above, a repetition takes seconds: one is enough for a ratio of hundreds.
REPEAT_SHIPPED_UP_TO = 10_000
# Above, its pixel x Gaussian tables take more memory than a laptop has.
REFERENCE_UP_TO = 30_000

# Arithmetic per blended pair, a fused multiply-add as 2 and exp2 as a polynomial of degree 5.
PAIR_FLOPS = 31 + 56
# Vector instructions per 4 x 4 px block with at least one blended pair, as counted in the prototype of these kernels.
BLOCK_INSTRUCTIONS = 27 + 49
LANES = 16
BLOCK_PX = 4

EPILOG = """\
what to look at:
  times ours     how many times as long as `perse cpu` the peer takes, forward + backward, in this same run
  flop bound     the arithmetic of the blended (Gaussian, pixel) pairs at the measured rate of a matrix product
  issue bound    an estimate: whole 4 x 4 px blocks, as vectors of 16 pixels have it, each vector instruction taking as
                 long as a multiply-add of the matrix product
  others         above 0.1 cores something else was running: repeat when it is quiet

examples:
  OMP_WAIT_POLICY=PASSIVE python -m benchmarks.splatting --quick     half a minute, once the kernels are compiled
  python -m benchmarks.splatting --json > figures.json               everything: minutes, mostly waiting for the peers
  OMP_NUM_THREADS=1 python -m benchmarks.splatting --quick           every implementation on one thread
"""


@dataclass(frozen=True)
class Row:
    """Medians of one implementation on one scene."""

    impl: str
    n: int
    px: int
    forward_ms: float
    forward_backward_ms: float
    times_ours: float
    runs: int


@dataclass(frozen=True)
class Limit:
    """What one scene must cost, and how near `perse cpu` comes: shares of forward + backward."""

    n: int
    px: int
    pairs: int
    blocks: int
    flop_bound_ms: float
    flop_share: float
    issue_bound_ms: float
    issue_share: float
    others_cores: float


@dataclass(frozen=True)
class Step:
    """Medians of the parts of a training step, in the order in which they run, and of the whole."""

    n: int
    px: int
    forward_ms: float
    loss_ms: float
    backward_ms: float
    adam_ms: float
    sum_ms: float
    step_ms: float
    runs: int
    others_cores: float


@dataclass(frozen=True)
class Machine:
    cpu: str
    numba_threads: int
    torch_threads: int
    peak_gflops: float
    peak_measured_by: str
    commit: str


@dataclass(frozen=True)
class Report:
    machine: Machine
    rows: list[Row]
    limits: list[Limit]
    training_step: Step


@dataclass(frozen=True, eq=False)
class Scene:
    """What every implementation draws, and the gradients by its image that it carries back."""

    gaussians: GaussianBuffers
    camera: Camera
    grad_colours: FloatArray
    grad_alpha: FloatArray

    def leaves(self) -> list[torch.Tensor]:
        g = self.gaussians
        return [torch.from_numpy(a).requires_grad_() for a in (g.means, g.quats, g.scales, g.opacities, g.colours)]


def head_scene(n: int, px: int) -> Scene:
    """Flat discs on an ellipsoid of a head's size; sigma about 1.5 px at 512 px, opacity 0.1-0.95."""
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(n, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    means = normals * (0.075, 0.105, 0.095) * (1 + 0.03 * rng.normal(size=(n, 1)))
    # The shortest turn from the z axis, a disc's thin side, to the normal.
    quats = np.column_stack([1 + normals[:, 2], -normals[:, 1], normals[:, 0], np.zeros(n)]) + 1e-6
    scales = 0.00077 * np.exp(0.45 * rng.normal(size=(n, 3))) * (1, 1, 0.3)
    arrays = (means, quats, scales, rng.uniform(0.1, 0.95, n), rng.uniform(0, 1, (n, 3)))
    camera = Camera.orbit(yaw_deg=20, distance_m=0.75, fov_deg=20, target=(0, 0, 0), width_px=px, height_px=px)
    return Scene(
        GaussianBuffers(*(np.ascontiguousarray(a, np.float32) for a in arrays)),
        camera,
        rng.random((px, px, 3), dtype=np.float32),
        rng.random((px, px), dtype=np.float32),
    )


Run = Callable[[], tuple[float, float]]
"""Once forward and backward; seconds of the forward, and of both."""


def cpu_run(scene: Scene) -> Run:
    px = scene.camera.width_px
    rasterizer, gradients = CpuRasterizer(), GaussianBuffers.allocate(len(scene.gaussians))
    colours, alpha = np.zeros((px, px, 3), np.float32), np.zeros((px, px), np.float32)
    background = np.zeros(3, np.float32)

    def run() -> tuple[float, float]:
        start = time.perf_counter()
        rasterizer.forward(scene.gaussians, scene.camera, background, colours, alpha)
        middle = time.perf_counter()
        rasterizer.backward(scene.grad_colours, scene.grad_alpha, gradients)
        return middle - start, time.perf_counter() - start

    return run


def torch_run(render: Callable[..., RasterImage], scene: Scene) -> Run:
    """A run of a rasteriser that autograd differentiates; its forward builds the graph."""
    leaves, camera = scene.leaves(), scene.camera
    view = (torch.from_numpy(camera.world_to_cam), torch.from_numpy(camera.intrinsics()))
    weights = [torch.from_numpy(scene.grad_colours), torch.from_numpy(scene.grad_alpha)]

    def run() -> tuple[float, float]:
        start = time.perf_counter()
        image = render(*leaves, *view, camera.width_px, camera.height_px)
        middle = time.perf_counter()
        torch.autograd.grad([image.colours, image.alpha], leaves, weights)
        return middle - start, time.perf_counter() - start

    return run


def measure(n: int, px: int, repeats: int, peak_gflops: float, peers: list[str]) -> tuple[list[Row], Limit]:
    """All implementations on one scene, taking turns."""
    scene = head_scene(n, px)
    renderers: dict[str, Callable[..., RasterImage]] = {
        VECTORISED: gsplat_torch.rasterize,
        SHIPPED: partial(gsplat_torch.rasterize, intersect="shipped"),
        REFERENCE: partial(rasterize, backend="reference"),
    }
    runs = {OURS: cpu_run(scene)} | {name: torch_run(renderers[name], scene) for name in peers}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    load = OtherLoad()
    for turn in range(ROUNDS):
        for name, run in runs.items():
            if name == OURS:
                # Untimed: the caches are cold after a peer, as they are not in training.
                run()
            once = name == REFERENCE or (name == SHIPPED and n > REPEAT_SHIPPED_UP_TO)
            repetitions = -(-repeats // ROUNDS) if name == OURS else int(turn == 0 or not once)
            times[name] += [run() for _ in range(repetitions)]
    others = load.cores()
    medians = {name: [1e3 * statistics.median(kind) for kind in zip(*t, strict=True)] for name, t in times.items()}
    ours_ms = medians[OURS][1]
    rows = [
        Row(name, n, px, forward_ms, both_ms, both_ms / ours_ms, len(times[name]))
        for name, (forward_ms, both_ms) in medians.items()
    ]
    pairs, blocks = count_work(scene)
    flop_ms = pairs * PAIR_FLOPS / peak_gflops * 1e-6
    issue_ms = blocks * BLOCK_INSTRUCTIONS * LANES * 2 / peak_gflops * 1e-6
    limit = Limit(n, px, pairs, blocks, flop_ms, flop_ms / ours_ms, issue_ms, issue_ms / ours_ms, others)
    return rows, limit


@torch.no_grad()
def count_work(scene: Scene) -> tuple[int, int]:
    """How many (Gaussian, pixel) pairs the image blends, and in how many (Gaussian, 4 x 4 px block) pairs they lie."""
    means, quats, scales, opacities, _ = scene.leaves()
    camera, px = scene.camera, scene.camera.width_px
    view = (torch.from_numpy(camera.world_to_cam), torch.from_numpy(camera.intrinsics()))
    pairs = gsplat_torch.blended_pairs(gsplat_torch.project(means, quats, scales, *view, px, px), opacities, px, px)
    across = -(-px // BLOCK_PX)
    block = pairs.pixels // px // BLOCK_PX * across + pairs.pixels % px // BLOCK_PX
    return len(pairs.pixels), len(torch.unique(pairs.gaussians * across**2 + block))


def measure_step(n: int, px: int, repeats: int) -> Step:
    """Training without autograd: rasterise, L1 + SSIM + alpha loss, back, Adam on 14 numbers per Gaussian."""
    scene = head_scene(n, px)
    rng = np.random.default_rng(1)
    target, target_alpha = rng.random((px, px, 3), dtype=np.float32), rng.random((px, px), dtype=np.float32)
    colours, grad_colours = np.zeros_like(target), np.zeros_like(target)
    alpha, grad_alpha = np.zeros_like(target_alpha), np.zeros_like(target_alpha)
    background, gradients = np.zeros(3, np.float32), GaussianBuffers.allocate(n)
    rasterizer, loss = CpuRasterizer(), ImageLoss(LossWeights())
    # Its parameters are others than the scene's, which thus stays the same from step to step.
    adam = Adam(np.zeros((n, 14), np.float32), np.full(14, 1e-3, np.float32))
    row_gradient = rng.random((n, 14), dtype=np.float32)
    parts: list[Callable[[], object]] = [
        lambda: rasterizer.forward(scene.gaussians, scene.camera, background, colours, alpha),
        lambda: loss(colours, alpha, target, target_alpha, grad_colours, grad_alpha),
        lambda: rasterizer.backward(grad_colours, grad_alpha, gradients),
        lambda: adam.step(row_gradient),
    ]

    def step() -> list[float]:
        ends = [time.perf_counter()]
        for part in parts:
            part()
            ends.append(time.perf_counter())
        return [1e3 * float(passed) for passed in (*np.diff(ends), ends[-1] - ends[0])]

    for _ in range(2):
        step()
    load = OtherLoad()
    medians = [statistics.median(kind) for kind in zip(*(step() for _ in range(repeats)), strict=True)]
    forward, loss_ms, backward, adam_ms, whole = medians
    return Step(n, px, forward, loss_ms, backward, adam_ms, sum(medians[:-1]), whole, repeats, load.cores())


class OtherLoad:
    """CPU time that other processes use from now on (Linux)."""

    def __init__(self) -> None:
        self._start = self._seconds()

    def cores(self) -> float:
        machine, own, passed = (now - then for now, then in zip(self._seconds(), self._start, strict=True))
        return max(0.0, (machine - own) / passed)

    @staticmethod
    def _seconds() -> tuple[float, float, float]:
        """CPU time of the machine and of this process, and the clock."""
        user, nice, system = (int(word) for word in Path("/proc/stat").read_text().split(maxsplit=4)[1:4])
        own = os.times()
        return (user + nice + system) / os.sysconf("SC_CLK_TCK"), own.user + own.system, time.perf_counter()


def this_machine() -> Machine:
    """Where the figures come from. The peak is that of a matrix product: what a library reaches, not the data sheet."""
    side, best = 2048, float("inf")
    a, b, out = (torch.rand(side, side) for _ in range(3))
    for _ in range(10):
        start = time.perf_counter()
        torch.mm(a, b, out=out)
        best = min(best, time.perf_counter() - start)
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return Machine(
        cpu=names[0] if names else platform.machine(),
        numba_threads=numba.get_num_threads(),
        torch_threads=torch.get_num_threads(),
        peak_gflops=2 * side**3 / best * 1e-9,
        peak_measured_by=f"torch float32 matrix product {side} x {side}, best of 10, torch's threads",
        commit=commit(),
    )


def commit() -> str:
    """The commit of the code that runs, and whether files differ from it."""

    def git(*arguments: str) -> str:
        folder = Path(__file__).parent
        return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout

    try:
        changed = git("status", "--porcelain", "--untracked-files=no").strip()
        return git("rev-parse", "--short", "HEAD").strip() + (" with changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def table(head: str, rows: list[list[str]]) -> str:
    """Markdown."""
    titles = [title.strip() for title in head.split("|")]
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def markdown(report: Report) -> str:
    """The report for people."""
    m, s = report.machine, report.training_step
    peers = [
        [f"{r.n // 1000}k", str(r.px), r.impl, f"{r.forward_ms:.2f}", f"{r.forward_backward_ms:.2f}"]
        + [f"{r.times_ours:.1f}", str(r.runs)]
        for r in report.rows
    ]
    limits = [
        [f"{b.n // 1000}k", str(b.px), f"{b.pairs / 1e6:.2f} M", f"{b.flop_bound_ms:.2f} ms", f"{b.flop_share:.0%}"]
        + [f"{b.blocks / 1e3:.0f} k", f"{b.issue_bound_ms:.2f} ms", f"{b.issue_share:.0%}", f"{b.others_cores:.2f}"]
        for b in report.limits
    ]
    step = (s.forward_ms, s.loss_ms, s.backward_ms, s.adam_ms, s.sum_ms, s.step_ms)
    return "\n".join(
        [
            f"{m.cpu}; threads: numba {m.numba_threads}, torch {m.torch_threads}; commit {m.commit}",
            "",
            table(
                "Gaussians | px | implementation | forward, ms | forward + backward, ms | times ours | runs",
                peers,
            ),
            "",
            "## Limits of forward + backward, and the share of them that perse cpu reaches",
            "",
            f"Peak {m.peak_gflops:.0f} GFLOP/s ({m.peak_measured_by}); {PAIR_FLOPS} flops per pair,"
            f" {BLOCK_INSTRUCTIONS} vector instructions per 4 x 4 px block.",
            "",
            table(
                "Gaussians | px | blended pairs | flop bound | share | blocks | issue bound | share | others, cores",
                limits,
            ),
            "",
            f"## Training step, {s.n // 1000}k Gaussians, {s.px} px, ms ({s.runs} runs)",
            "",
            table(
                "forward | L1 + SSIM + alpha | backward | Adam (N x 14) | sum | whole step | others, cores",
                [[*(f"{value:.2f}" for value in step), f"{s.others_cores:.2f}"]],
            ),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.splatting",
        description="Time the CPU rasteriser beside gsplat's PyTorch math, against the processor's limits and within a "
        "training step. Every figure is a median.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="10k Gaussians at 256 px and 30k at 512 px only, without the peer that loops in Python",
    )
    parser.add_argument("--json", action="store_true", help="print JSON for programs, not tables for people")
    parser.add_argument(
        "--repeats",
        type=int,
        default=15,
        metavar="N",
        help="runs of perse cpu per scene, and of the training step (default 15); peers run 1 to 3 times",
    )
    parser.add_argument(
        "--reference",
        action="store_true",
        help=f"also our plain torch reference, once, up to {REFERENCE_UP_TO} Gaussians: seconds and gigabytes each",
    )
    arguments = parser.parse_args()
    if arguments.repeats < 1:
        parser.error("--repeats must be at least 1")
    warm_up(SilentProgress())
    machine = this_machine()
    rows: list[Row] = []
    limits: list[Limit] = []
    for n, px in QUICK_CASES if arguments.quick else ALL_CASES:
        peers = [VECTORISED] if arguments.quick else [VECTORISED, SHIPPED]
        if arguments.reference and n <= REFERENCE_UP_TO:
            peers.append(REFERENCE)
        found, limit = measure(n, px, arguments.repeats, machine.peak_gflops, peers)
        rows += found
        limits.append(limit)
    report = Report(machine, rows, limits, measure_step(*STEP_CASE, arguments.repeats))
    print(json.dumps(asdict(report), indent=2) if arguments.json else markdown(report))


if __name__ == "__main__":
    main()
