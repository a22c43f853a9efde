"""Time of the CPU rasteriser against the plain-torch reference, and of the other parts of a training step.

    python benchmarks/rasterize.py --gaussians 30000 --px 512 [--repeats 15] [--skip-reference] [--json]

The scene is a seeded shell of a head. Runs take turns, figures are medians. "others used" is the load of other
processes meanwhile, in cores: above 0.1 the figures are not quiet.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numba
import numpy as np
import torch

from perse_engine.progress import SilentProgress
from perse_engine.scene import Camera
from perse_engine.splatting import rasterize
from perse_engine.splatting.adam import Adam
from perse_engine.splatting.cpu.layout import GaussianBuffers
from perse_engine.splatting.cpu.rasterizer import CpuRasterizer
from perse_engine.splatting.losses import ImageLoss, LossWeights
from perse_engine.splatting.warm_up import warm_up


@dataclass(frozen=True)
class Timing:
    """Medians in ms; the reference is None when it was skipped."""

    gaussians: int
    px: int
    threads: int
    forward_ms: float
    forward_backward_ms: float
    loss_ms: float
    adam_ms: float
    step_ms: float
    reference_forward_backward_ms: float | None
    other_load_cores: float


def head_scene(n: int, px: int) -> tuple[GaussianBuffers, Camera]:
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
    return GaussianBuffers(*(np.ascontiguousarray(a, np.float32) for a in arrays)), camera


def median_ms(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Medians of calls that take turns."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in times.items()}


def reference_step(gaussians: GaussianBuffers, camera: Camera) -> Callable[[], object]:
    arrays = (gaussians.means, gaussians.quats, gaussians.scales, gaussians.opacities, gaussians.colours)
    leaves = [torch.from_numpy(array).requires_grad_() for array in arrays]
    view = (torch.from_numpy(camera.world_to_cam), torch.from_numpy(camera.intrinsics()))

    def step() -> None:
        m, q, s, o, c = leaves
        image = rasterize(m, q, s, o, c, *view, camera.width_px, camera.height_px, backend="reference")
        torch.autograd.grad(image.colours.sum() + image.alpha.sum(), leaves)

    return step


def cpu_seconds() -> tuple[float, float]:
    """CPU time of the whole machine and of this process, in seconds (Linux)."""
    with open("/proc/stat") as file:  # noqa: PTH123 - one line
        user, nice, system = (int(word) for word in file.readline().split()[1:4])
    own = os.times()
    return (user + nice + system) / os.sysconf("SC_CLK_TCK"), own.user + own.system


def measure(n: int, px: int, repeats: int, *, with_reference: bool) -> Timing:
    gaussians, camera = head_scene(n, px)
    gradients = GaussianBuffers.allocate(n)
    rng = np.random.default_rng(1)
    colours, target, grad = (rng.random((px, px, 3), dtype=np.float32) for _ in range(3))
    alpha, target_alpha, grad_alpha = (rng.random((px, px), dtype=np.float32) for _ in range(3))
    background = np.zeros(3, np.float32)
    rasterizer, loss = CpuRasterizer(), ImageLoss(LossWeights())
    adam = Adam(np.zeros((n, 14), np.float32), np.full(14, 1e-3, np.float32))
    row_gradient = rng.random((n, 14), dtype=np.float32)

    def forward() -> None:
        rasterizer.forward(gaussians, camera, background, colours, alpha)

    def forward_backward() -> None:
        forward()
        rasterizer.backward(grad, grad_alpha, gradients)

    def whole_step() -> None:
        forward()
        loss(colours, alpha, target, target_alpha, grad, grad_alpha)
        rasterizer.backward(grad, grad_alpha, gradients)
        adam.step(row_gradient)

    def only_loss() -> None:
        loss(colours, alpha, target, target_alpha, grad, grad_alpha)

    calls: dict[str, Callable[[], object]] = {
        "forward": forward,
        "both": forward_backward,
        "loss": only_loss,
        "adam": lambda: adam.step(row_gradient),
        "step": whole_step,
    }
    median_ms(calls, 2)
    machine, own, start = *cpu_seconds(), time.perf_counter()
    times = median_ms(calls, repeats)
    passed = time.perf_counter() - start
    machine_after, own_after = cpu_seconds()
    other = max(0.0, (machine_after - machine - (own_after - own)) / passed)
    reference = median_ms({"reference": reference_step(gaussians, camera)}, 1)["reference"] if with_reference else None
    return Timing(
        n,
        px,
        numba.get_num_threads(),
        times["forward"],
        times["both"],
        times["loss"],
        times["adam"],
        times["step"],
        reference,
        round(other, 2),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gaussians", type=int, default=30_000)
    parser.add_argument("--px", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=31)
    parser.add_argument("--skip-reference", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    warm_up(SilentProgress())
    timing = measure(arguments.gaussians, arguments.px, arguments.repeats, with_reference=not arguments.skip_reference)
    if arguments.json:
        print(json.dumps(asdict(timing)))
        return
    print(f"{timing.gaussians} Gaussians, {timing.px} px, {timing.threads} threads", end="; ")
    print(f"others used {timing.other_load_cores} cores")
    print(f"cpu  forward {timing.forward_ms:.2f} ms, forward + backward {timing.forward_backward_ms:.2f} ms")
    print(f"     loss {timing.loss_ms:.2f} ms, Adam {timing.adam_ms:.2f} ms, whole step {timing.step_ms:.2f} ms")
    if timing.reference_forward_backward_ms is not None:
        ratio = timing.reference_forward_backward_ms / timing.forward_backward_ms
        print(f"reference forward + backward {timing.reference_forward_backward_ms:.0f} ms: {ratio:.0f} times as long")


if __name__ == "__main__":
    main()
