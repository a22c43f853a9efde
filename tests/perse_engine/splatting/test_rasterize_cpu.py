"""The CPU kernels draw what the reference draws, and give its gradients."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from perse_engine.splatting.backends import RasterMode
from perse_engine.splatting.rasterize import RasterImage, rasterize
from tests.perse_engine.splatting.scenes import (
    GRADIENT_TOLERANCE,
    Splats,
    assert_gradients_agree,
    assert_images_agree,
    cloud,
    draw,
    relative_error,
)

SCENES = {
    "a cloud": cloud(),
    "many layers": cloud(1500, 64, 64, seed=1, size_m=0.05),
    "small Gaussians": cloud(2000, 96, 80, seed=2, size_m=0.003),
    "a size below one tile": cloud(100, 7, 5, seed=3),
    "one pixel": cloud(50, 1, 1, seed=4),
    "a tile and one pixel": cloud(200, 17, 33, seed=5),
    "partly beside the image": cloud(300, 48, 48, seed=6, offset=(0.15, 0.1, 0.0)),
    "partly behind the camera": cloud(400, 40, 40, seed=7, offset=(0.37, 0.0, -0.875)),
}
MODES: tuple[RasterMode, ...] = ("classic", "antialiased")
in_both_modes = pytest.mark.parametrize("raster_mode", MODES)


@pytest.mark.parametrize("name", SCENES)
@in_both_modes
def test_images_and_gradients_agree_with_the_reference(name: str, raster_mode: RasterMode) -> None:
    scene = replace(SCENES[name], raster_mode=raster_mode)
    truth, ours = draw(scene, "reference"), draw(scene, "cpu")
    assert float(truth.image.alpha.max()) > 0.02
    assert_images_agree(ours.image, truth.image)
    assert_gradients_agree(ours, truth)


@pytest.mark.parametrize("channels", [1, 2, 4, 7])
@in_both_modes
def test_any_number_of_channels_agrees_with_the_reference(channels: int, raster_mode: RasterMode) -> None:
    splats = replace(cloud(channels=channels, seed=channels), raster_mode=raster_mode)
    truth, ours = draw(splats, "reference"), draw(splats, "cpu")
    assert ours.image.colours.shape == (splats.height_px, splats.width_px, channels)
    assert_images_agree(ours.image, truth.image)
    assert_gradients_agree(ours, truth)


# Looks along the z axis, one metre before the origin.
IN_FRONT = torch.eye(4, dtype=torch.float64)
IN_FRONT[2, 3] = 1.0


def one(**changes: list[float]) -> Splats:
    """One Gaussian in the middle of a 40 x 40 image."""
    single = cloud(1, 40, 40)
    values = {
        "means": [0.0, 0.0, 0.0],
        "quats": [0.9, 0.1, 0.3, -0.2],
        "scales": [0.02, 0.03, 0.01],
        "opacities": 0.8,
        "colours": [0.2, 0.5, 0.9],
        **changes,
    }
    tensors = {name: torch.tensor(value, dtype=torch.float64)[None] for name, value in values.items()}
    return replace(single, **tensors)


SINGLES = {
    "one Gaussian": one(),
    "opacity 1": one(opacities=1.0),
    "a long quaternion": one(quats=[900.0, 100.0, 300.0, -200.0]),
    "covering the whole image": one(scales=[3.0, 2.0, 1.0]),
    "far larger than the image": one(scales=[300.0, 200.0, 100.0]),
    "flat": one(scales=[0.05, 0.05, 0.0]),
    "a point": one(scales=[0.0, 0.0, 0.0]),
    "right at the near plane": one(means=[0.0, 0.0, -1.065], scales=[1e-4, 1e-4, 1e-4]),
    "far below a pixel": one(scales=[1e-3, 1.5e-3, 1.2e-3]),
    "a hair across many pixels": one(scales=[0.03, 2e-4, 2e-4]),
}


@pytest.mark.parametrize("name", SINGLES)
@in_both_modes
def test_a_single_gaussian_agrees_with_the_reference(name: str, raster_mode: RasterMode) -> None:
    single = replace(SINGLES[name], raster_mode=raster_mode)
    truth, ours = draw(single, "reference"), draw(single, "cpu")
    assert_images_agree(ours.image, truth.image)
    assert_gradients_agree(ours, truth)


@in_both_modes
def test_needles_agree_with_the_reference(raster_mode: RasterMode) -> None:
    # 1 m long, 0.1 mm thin: the exponent's terms cancel to a millionth of their size, and float32 has seven digits.
    # The gradient by the thin axis suffers most (0.03-0.05 with AVX-512, up to 0.1 with AVX2).
    splats = replace(cloud(60, 64, 64), scales=torch.tensor([[1.0, 1e-4, 1e-4]], dtype=torch.float64).expand(60, 3))
    splats = replace(splats, raster_mode=raster_mode)
    truth, ours = draw(splats, "reference"), draw(splats, "cpu")
    assert_images_agree(ours.image, truth.image, tolerance=1e-3)
    assert_gradients_agree(ours, truth, tolerance=0.15)


INVISIBLE = {
    "no Gaussian": cloud(0, 20, 20),
    "opacity 0": one(opacities=0.0),
    "opacity below 1/255": one(opacities=0.0039),
    "behind the camera": one(means=[0.0, 0.0, -2.0]),
    "in the camera": one(means=[0.0, 0.0, -1.0857]),
    "beside the image": one(means=[3.0, 0.0, 0.0]),
    "a point, antialiased": replace(one(scales=[0.0, 0.0, 0.0]), raster_mode="antialiased"),
    "a line, antialiased": replace(one(scales=[0.1, 0.0, 0.0]), raster_mode="antialiased"),
    "a disc seen from its edge, antialiased": replace(
        one(quats=[1.0, 0.0, 0.0, 0.0], scales=[0.0, 0.05, 0.05]), world_to_cam=IN_FRONT, raster_mode="antialiased"
    ),
    "too small for its opacity, antialiased": replace(one(scales=[3e-4, 3e-4, 3e-4]), raster_mode="antialiased"),
}


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("name", INVISIBLE)
def test_what_cannot_be_seen_leaves_the_background_and_exact_zeros(name: str, backend: str) -> None:
    splats = INVISIBLE[name]
    drawn = draw(splats, backend)
    assert float(drawn.image.alpha.abs().max()) == 0
    assert torch.equal(drawn.image.colours, splats.background.to(drawn.image.colours).expand_as(drawn.image.colours))
    assert all(float(gradient.abs().sum()) == 0 for gradient in drawn.gradients.values())


def test_several_cameras_are_drawn_as_one_by_one() -> None:
    splats = cloud()
    cameras = splats.world_to_cam.repeat(2, 1, 1).float()
    cameras[1, 0, 3] = 0.05
    calibrations = splats.intrinsics.repeat(2, 1, 1).float()
    leaves = [leaf.detach() for leaf in splats.leaves(torch.float32)]
    size = (splats.width_px, splats.height_px)
    batch = rasterize(*leaves, cameras, calibrations, *size, backend="cpu")
    for k in range(2):
        alone = rasterize(*leaves, cameras[k], calibrations[k], *size, backend="cpu")
        assert torch.equal(batch.colours[k], alone.colours)
        assert torch.equal(batch.alpha[k], alone.alpha)
    assert not torch.equal(batch.colours[0], batch.colours[1])


def test_gradients_of_two_images_add_up() -> None:
    splats = cloud()
    leaves = splats.leaves(torch.float32)
    arguments = (splats.world_to_cam.float(), splats.intrinsics.float(), splats.width_px, splats.height_px)
    single = rasterize(*leaves, *arguments, backend="cpu").colours.sum()
    (once,) = torch.autograd.grad(single, leaves[:1])
    first, second = (rasterize(*leaves, *arguments, backend="cpu").colours.sum() for _ in range(2))
    (twice,) = torch.autograd.grad(first + second, leaves[:1])
    torch.testing.assert_close(twice, 2 * once)


def test_the_background_gets_its_gradient() -> None:
    splats = cloud()
    background = torch.zeros(3, requires_grad=True)
    image = rasterize(
        *splats.leaves(torch.float32),
        splats.world_to_cam.float(),
        splats.intrinsics.float(),
        splats.width_px,
        splats.height_px,
        background=background,
        backend="cpu",
    )
    image.colours.sum().backward()
    assert background.grad is not None
    expected = (1 - image.alpha.detach().double()).sum().expand(3)
    torch.testing.assert_close(background.grad.double(), expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("channels", [2, 3])
def test_depth_is_the_blended_camera_z_with_its_gradient(channels: int) -> None:
    splats = cloud(channels=channels)

    def drawn(backend: str, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        leaves = splats.leaves(dtype)
        means, quats, scales, opacities, colours = leaves
        image = rasterize(
            means, quats, scales, opacities, colours,
            splats.world_to_cam.to(dtype), splats.intrinsics.to(dtype), splats.width_px, splats.height_px,
            background=splats.background.to(dtype), with_depth=True, backend=backend,
        )  # fmt: skip
        assert image.depth is not None
        assert image.colours.shape[-1] == channels
        weights = torch.linspace(-1, 1, image.depth.numel(), dtype=dtype).reshape(image.depth.shape)
        (gradient,) = torch.autograd.grad((weights * image.depth).sum() + image.colours.sum(), means)
        return image.depth.detach(), image.alpha.detach(), gradient

    truth, ours = drawn("reference", torch.float64), drawn("cpu", torch.float32)
    near = truth[1] > 0.9
    expected = truth[0][near] / truth[1][near]
    assert 0.8 < float(expected.min()) < float(expected.max()) < 1.2
    assert_images_agree(RasterImage(ours[0][..., None], ours[1]), RasterImage(truth[0][..., None], truth[1]))
    assert relative_error(ours[2], truth[2]) <= GRADIENT_TOLERANCE


def test_an_image_may_be_changed_before_its_backward() -> None:
    splats = cloud()
    gradients = []
    for change in (False, True):
        leaves = splats.leaves(torch.float32)
        means, quats, scales, opacities, colours = leaves
        image = rasterize(
            means, quats, scales, opacities, colours,
            splats.world_to_cam.float(), splats.intrinsics.float(), splats.width_px, splats.height_px, backend="cpu",
        )  # fmt: skip
        loss = image.colours.sum()
        if change:
            image.colours.data.zero_()
        loss.backward()  # type: ignore[no-untyped-call]
        assert means.grad is not None
        gradients.append(means.grad)
    assert torch.equal(*gradients)
