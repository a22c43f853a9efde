"""The kernels without autograd: the same bits for any number of threads, and errors before any picture."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numba
import numpy as np
import pytest

from perse_engine.errors import InvalidValue
from perse_engine.scene import Camera
from perse_engine.splatting.backends import RasterMode
from perse_engine.splatting.cloud import GaussianCloud
from perse_engine.splatting.cpu.layout import GaussianBuffers
from perse_engine.splatting.cpu.rasterizer import CpuRasterizer

MODES: tuple[RasterMode, ...] = ("classic", "antialiased")


@dataclass(frozen=True)
class Result:
    """Everything that one forward and backward wrote."""

    colours: np.ndarray
    alpha: np.ndarray
    gradients: GaussianBuffers

    def arrays(self) -> list[np.ndarray]:
        g = self.gradients
        return [self.colours, self.alpha, g.means, g.quats, g.scales, g.opacities, g.colours]


def random_gaussians(n: int, seed: int = 0) -> GaussianBuffers:
    rng = np.random.default_rng(seed)
    arrays = (
        rng.uniform(-0.12, 0.12, (n, 3)),
        rng.normal(size=(n, 4)),
        0.004 * np.exp(0.5 * rng.normal(size=(n, 3))),
        rng.uniform(0.1, 0.95, n),
        rng.uniform(size=(n, 3)),
    )
    return GaussianBuffers(*(a.astype(np.float32) for a in arrays))


def camera(width_px: int = 150, height_px: int = 110) -> Camera:
    return Camera.orbit(yaw_deg=10, target=(0, 0, 0), width_px=width_px, height_px=height_px)


def run(rasterizer: CpuRasterizer, gaussians: GaussianBuffers, view: Camera) -> Result:
    colours = np.zeros((view.height_px, view.width_px, 3), np.float32)
    alpha = np.zeros((view.height_px, view.width_px), np.float32)
    gradients = GaussianBuffers.allocate(len(gaussians))
    rasterizer.forward(gaussians, view, np.array([0.1, 0.2, 0.3], np.float32), colours, alpha)
    rasterizer.backward(np.cos(37 * colours), np.sin(9 * alpha), gradients)
    return Result(colours, alpha, gradients)


def assert_same_bits(one: Result, other: Result) -> None:
    assert all(np.array_equal(a, b) for a, b in zip(one.arrays(), other.arrays(), strict=True))


@pytest.mark.parametrize("n", [1, 15, 16, 17, 5003])
@pytest.mark.parametrize("raster_mode", MODES)
def test_results_have_the_same_bits_for_one_thread_and_two(n: int, raster_mode: RasterMode) -> None:
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("this machine has one core")
    gaussians, view = random_gaussians(n), camera()
    before = numba.get_num_threads()
    results = []
    try:
        for threads in (1, 2):
            numba.set_num_threads(threads)
            results.append(run(CpuRasterizer(raster_mode), gaussians, view))
    finally:
        numba.set_num_threads(before)
    assert float(results[0].alpha.max()) > 0
    assert_same_bits(*results)


def test_an_object_draws_the_same_after_larger_and_smaller_scenes() -> None:
    reused = CpuRasterizer()
    small, large = random_gaussians(100, 1), random_gaussians(3000, 2)
    run(reused, small, camera(33, 20))
    run(reused, large, camera(200, 150))
    assert_same_bits(run(reused, small, camera(33, 20)), run(CpuRasterizer(), small, camera(33, 20)))


def test_threads_with_an_object_each_do_not_disturb_each_other() -> None:
    scenes = [random_gaussians(800, seed) for seed in range(4)]
    expected = [run(CpuRasterizer(), scene, camera()) for scene in scenes]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda scene: run(CpuRasterizer(), scene, camera()), scenes * 3))
    for k, result in enumerate(found):
        assert_same_bits(result, expected[k % 4])


@pytest.mark.parametrize("name", ["means", "quats", "scales", "opacities", "colours"])
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_gaussians_that_are_not_finite_are_counted_and_refused(name: str, number: float) -> None:
    gaussians = random_gaussians(40)
    getattr(gaussians, name).reshape(-1)[[0, -1]] = number
    with pytest.raises(InvalidValue, match="2 of 40"):
        run(CpuRasterizer(), gaussians, camera())


@pytest.mark.parametrize(
    "change",
    [{"fx": np.nan}, {"fy": 0.0}, {"width_px": 0}, {"height_px": 40000}, {"world_to_cam": np.full((4, 4), np.nan)}],
)
def test_impossible_cameras_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        run(CpuRasterizer(), random_gaussians(3), replace(camera(8, 8), **change))


def test_a_backward_without_a_forward_is_refused() -> None:
    gradients = GaussianBuffers.allocate(1)
    with pytest.raises(InvalidValue, match="forward"):
        CpuRasterizer().backward(np.zeros((1, 1, 3), np.float32), np.zeros((1, 1), np.float32), gradients)


@pytest.mark.parametrize(
    "change",
    [
        {"means": np.zeros((4, 3), np.float32)},
        {"quats": np.zeros((5, 4))},
        {"scales": np.zeros((5, 6), np.float32)[:, ::2]},
        {"opacities": np.zeros((5, 1), np.float32)},
    ],
)
def test_buffers_that_kernels_would_read_past_the_end_of_are_refused(change: dict[str, np.ndarray]) -> None:
    with pytest.raises(InvalidValue):
        run(CpuRasterizer(), replace(random_gaussians(5), **change), camera(8, 8))


def test_images_and_gradients_of_another_size_are_refused() -> None:
    gaussians, view, background = random_gaussians(5), camera(8, 8), np.zeros(3, np.float32)
    colours, alpha = np.zeros((8, 8, 3), np.float32), np.zeros((8, 8), np.float32)
    rasterizer = CpuRasterizer()
    with pytest.raises(InvalidValue, match="out_alpha"):
        rasterizer.forward(gaussians, view, background, colours, alpha[:4])
    rasterizer.forward(gaussians, view, background, colours, alpha)
    with pytest.raises(InvalidValue, match="grad_colours"):
        rasterizer.backward(colours[:4], alpha, GaussianBuffers.allocate(5))
    with pytest.raises(InvalidValue, match="4 Gaussians"):
        rasterizer.backward(colours, alpha, GaussianBuffers.allocate(4))


def test_gaussians_too_large_for_a_float_are_not_drawn() -> None:
    gaussians = random_gaussians(4)
    gaussians.scales[:] = 1e25
    result = run(CpuRasterizer(), gaussians, camera(20, 20))
    assert result.alpha.max() == 0
    assert all(np.isfinite(array).all() for array in result.arrays())


def views(n: int) -> list[Camera]:
    return [Camera.orbit(yaw_deg=25 * k, target=(0, 0, 0), width_px=70, height_px=45) for k in range(n)]


def test_views_drawn_together_have_the_bits_of_views_drawn_alone_and_their_gradients_add_up() -> None:
    gaussians, cameras, background = random_gaussians(1003), views(3), np.array([0.1, 0.2, 0.3], np.float32)
    colours, alpha = np.zeros((3, 45, 70, 3), np.float32), np.zeros((3, 45, 70), np.float32)
    gradients = GaussianBuffers.allocate(1003)
    rasterizer = CpuRasterizer()
    rasterizer.forward_views(gaussians, cameras, background, colours, alpha)
    rasterizer.backward(np.cos(37 * colours), np.sin(9 * alpha), gradients)
    alone = [run(CpuRasterizer(), gaussians, view) for view in cameras]
    for k in range(3):
        assert np.array_equal(colours[k], alone[k].colours)
        assert np.array_equal(alpha[k], alone[k].alpha)
    total = sum(one.gradients.means.astype(np.float64) for one in alone)
    np.testing.assert_allclose(gradients.means, total, rtol=1e-4, atol=1e-5 * np.abs(total).max())


def test_views_can_show_gaussians_of_their_own() -> None:
    sets, cameras = [random_gaussians(333, seed) for seed in range(2)], views(2)
    names = ("means", "quats", "scales", "opacities", "colours")
    joined = GaussianBuffers(*(np.concatenate([getattr(g, name) for g in sets]) for name in names))
    colours, alpha = np.zeros((2, 45, 70, 3), np.float32), np.zeros((2, 45, 70), np.float32)
    gradients = GaussianBuffers.allocate(666)
    rasterizer = CpuRasterizer()
    rasterizer.forward_views(joined, cameras, np.array([0.1, 0.2, 0.3], np.float32), colours, alpha, own_gaussians=True)
    rasterizer.backward(np.cos(37 * colours), np.sin(9 * alpha), gradients)
    for k in range(2):
        alone = run(CpuRasterizer(), sets[k], cameras[k])
        assert np.array_equal(colours[k], alone.colours)
        for name in names:
            assert np.array_equal(getattr(gradients, name)[333 * k : 333 * (k + 1)], getattr(alone.gradients, name))


@pytest.mark.parametrize("raster_mode", MODES)
def test_recolouring_draws_what_a_forward_with_those_colours_draws_and_goes_back_from_it(
    raster_mode: RasterMode,
) -> None:
    gaussians, view = random_gaussians(700), camera()
    other = replace(gaussians, colours=random_gaussians(700, 5).colours)
    expected = run(CpuRasterizer(raster_mode), other, view)
    rasterizer = CpuRasterizer(raster_mode)
    run(rasterizer, gaussians, view)
    colours, gradients = np.zeros((1, 110, 150, 3), np.float32), GaussianBuffers.allocate(700)
    rasterizer.recolour(other.colours, np.array([0.1, 0.2, 0.3], np.float32), colours)
    assert np.array_equal(colours[0], expected.colours)
    rasterizer.backward(np.cos(37 * colours), np.sin(9 * expected.alpha)[None], gradients)
    assert np.array_equal(gradients.means, expected.gradients.means)


def test_views_of_different_sizes_and_uneven_sets_are_refused() -> None:
    gaussians, background = random_gaussians(5), np.zeros(3, np.float32)
    colours, alpha = np.zeros((2, 8, 8, 3), np.float32), np.zeros((2, 8, 8), np.float32)
    with pytest.raises(InvalidValue, match="one size"):
        CpuRasterizer().forward_views(gaussians, [camera(8, 8), camera(9, 8)], background, colours, alpha)
    with pytest.raises(InvalidValue, match="2 sets"):
        same = [camera(8, 8)] * 2
        CpuRasterizer().forward_views(gaussians, same, background, colours, alpha, own_gaussians=True)
    with pytest.raises(InvalidValue, match="no camera"):
        CpuRasterizer().forward_views(gaussians, [], background, colours[:0], alpha[:0])


def test_recolouring_before_a_forward_is_refused() -> None:
    with pytest.raises(InvalidValue, match="forward"):
        CpuRasterizer().recolour(
            np.zeros((1, 3), np.float32), np.zeros(3, np.float32), np.zeros((1, 1, 1, 3), np.float32)
        )


def test_what_lies_behind_an_opaque_front_gets_exact_zeros() -> None:
    # More Gaussians in one tile than are looked at together; all but the first few are hidden.
    gaussians = GaussianBuffers.allocate(900)
    gaussians.means[:, 2] = -np.linspace(0, 0.2, 900)
    gaussians.quats[:, 0], gaussians.scales[:], gaussians.opacities[:] = 1, 0.5, 0.99
    gaussians.colours[:] = 0.5
    result = run(CpuRasterizer(), gaussians, camera(20, 20))
    used = np.abs(result.gradients.colours).sum(1) > 0
    assert used.sum() < 10
    assert all(not np.any(array[~used]) for array in (result.gradients.means, result.gradients.opacities))


def test_buffers_of_a_cloud_share_its_memory() -> None:
    g = random_gaussians(3)
    cloud = GaussianCloud(g.means, g.quats, g.scales, g.opacities, g.colours)
    assert GaussianBuffers.of(cloud).means is cloud.means
