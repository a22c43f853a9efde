"""What rasterize() refuses, and how a backend is chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from perse_engine.errors import BackendMissing, InvalidValue, UnknownName
from perse_engine.splatting import choose_backend, rasterize
from perse_engine.splatting.cpu.rasterizer import CpuRasterizer
from tests.perse_engine.splatting.scenes import NAMES, Splats, cloud

without_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")


def rasterize_all(splats: Splats, backend: str = "cpu") -> None:
    rasterize(
        *(getattr(splats, name) for name in NAMES),
        splats.world_to_cam,
        splats.intrinsics,
        splats.width_px,
        splats.height_px,
        background=splats.background,
        raster_mode=splats.raster_mode,
        backend=backend,
    )


@pytest.mark.parametrize("name", [*NAMES, "world_to_cam", "intrinsics", "background"])
@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_numbers_that_are_not_finite_are_refused(name: str, number: float, backend: str) -> None:
    splats = cloud(20)
    broken = getattr(splats, name).clone()
    broken.view(-1)[0] = number
    with pytest.raises(InvalidValue, match=name):
        rasterize_all(replace(splats, **{name: broken}), backend)


@pytest.mark.parametrize("name", [*NAMES, "world_to_cam", "intrinsics", "background"])
def test_shapes_that_do_not_fit_are_refused(name: str) -> None:
    splats = cloud(20)
    with pytest.raises(InvalidValue):
        rasterize_all(replace(splats, **{name: torch.ones(5, 5, dtype=torch.float64)}))


@pytest.mark.parametrize(("width_px", "height_px"), [(0, 10), (10, -1), (20000, 10)])
def test_impossible_image_sizes_are_refused(width_px: int, height_px: int) -> None:
    with pytest.raises(InvalidValue):
        rasterize_all(replace(cloud(20), width_px=width_px, height_px=height_px))


def test_gradients_by_the_camera_are_refused_by_the_cpu_backend() -> None:
    splats = cloud(20)
    with pytest.raises(InvalidValue, match="camera"):
        rasterize_all(replace(splats, world_to_cam=splats.world_to_cam.clone().requires_grad_()))


@pytest.mark.parametrize("raster_mode", ["sharp", "", None])
def test_an_unknown_raster_mode_is_refused(raster_mode: Any) -> None:
    with pytest.raises(UnknownName, match="raster mode"):
        rasterize_all(replace(cloud(20), raster_mode=raster_mode))
    with pytest.raises(UnknownName, match="raster mode"):
        CpuRasterizer(raster_mode)


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(UnknownName):
        choose_backend("cuda")


@without_cuda
def test_gsplat_without_a_gpu_is_an_error_that_says_what_is_missing() -> None:
    with pytest.raises(BackendMissing, match="CUDA"):
        choose_backend("gsplat")
    with pytest.raises(BackendMissing):
        rasterize_all(cloud(20), "gsplat")


@without_cuda
def test_auto_without_a_gpu_is_cpu_and_says_why() -> None:
    backend, reason = choose_backend("auto")
    assert backend == "cpu"
    assert "CUDA" in reason


@pytest.mark.parametrize("name", ["cpu", "reference"])
def test_a_named_backend_is_taken(name: str) -> None:
    assert choose_backend(name)[0] == name
