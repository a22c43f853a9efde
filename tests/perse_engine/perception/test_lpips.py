"""LPIPS with random weights: what it must be whatever the weights, and its formula written out once more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from perse_engine.errors import InvalidValue
from perse_engine.perception.lpips import BACKBONES, Lpips
from tests.perse_engine.perception.random_weights import lpips_weights

NAMES = sorted(BACKBONES)


def picture(seed: int, height: int = 64, width: int = 80) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module", params=NAMES)
def lpips(request: pytest.FixtureRequest) -> Lpips:
    return Lpips(request.param, lpips_weights(request.param))


def test_a_picture_is_at_no_distance_from_itself(lpips: Lpips) -> None:
    assert lpips(picture(1), picture(1)).item() == 0


def test_the_distance_is_the_same_in_both_directions_and_above_zero(lpips: Lpips) -> None:
    there, back = lpips(picture(1), picture(2)).item(), lpips(picture(2), picture(1)).item()

    assert there == pytest.approx(back, rel=1e-6)
    assert there > 0.01


def test_more_noise_is_further(lpips: Lpips) -> None:
    clean, noise = picture(1), picture(2) - 0.5

    little, much = (lpips(clean, (clean + k * noise).clamp(0, 1)).item() for k in (0.05, 0.5))

    assert little < much


def test_a_batch_is_its_pictures_one_by_one(lpips: Lpips) -> None:
    first, second = torch.cat([picture(1), picture(2)]), torch.cat([picture(3), picture(4)])

    together = lpips(first, second)

    one_by_one = [lpips(first[i : i + 1], second[i : i + 1]).item() for i in range(2)]
    np.testing.assert_allclose(together.numpy(), one_by_one, rtol=1e-5)


ALEX_LAYERS = [
    nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(64, 192, 5, 1, 2), nn.ReLU(),
    nn.MaxPool2d(3, 2), nn.Conv2d(192, 384, 3, 1, 1), nn.ReLU(), nn.Conv2d(384, 256, 3, 1, 1), nn.ReLU(),
    nn.Conv2d(256, 256, 3, 1, 1), nn.ReLU(),
]  # fmt: skip
"""AlexNet's features as PyTorch's model zoo numbers them; LPIPS looks after each ReLU."""


def vgg_layers() -> list[nn.Module]:
    """VGG-16's, with 'M' for pooling, as the paper's table D has them."""
    layers: list[nn.Module] = []
    before = 3
    for channels in (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512):
        if isinstance(channels, str):
            layers.append(nn.MaxPool2d(2, 2))
        else:
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU()]
            before = channels
    return layers


@pytest.mark.parametrize(
    ("name", "layers", "looks"),
    [("lpips-alex", ALEX_LAYERS, (1, 4, 7, 9, 11)), ("lpips-vgg", vgg_layers(), (3, 8, 15, 22, 29))],
    ids=NAMES,
)
def test_it_is_its_formula(name: str, layers: list[nn.Module], looks: tuple[int, ...]) -> None:
    weights = lpips_weights(name)
    net = nn.Sequential(*layers)
    net.load_state_dict({k.removeprefix("features."): t for k, t in weights.items() if k.startswith("features")})

    def seen(x: Tensor) -> list[np.ndarray]:
        mean, spread = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
        x = torch.from_numpy(((x.numpy() - mean[:, None, None]) / spread[:, None, None]).astype(np.float32))
        found = []
        for index, layer in enumerate(net):
            x = layer(x)
            if index in looks:
                maps = x.detach().numpy()[0].astype(np.float64)
                found.append(maps / (np.linalg.norm(maps, axis=0) + 1e-10))
        return found

    expected = 0.0
    for layer, (a, b) in enumerate(zip(seen(picture(1)), seen(picture(2)), strict=True)):
        head = weights[f"lin{layer}.model.1.weight"].numpy().ravel()
        expected += float((head[:, None, None] * (a - b) ** 2).sum(0).mean())

    # ImageNet's mean and spread, rounded as the authors rounded them for pictures in -1..1.
    assert Lpips(name, weights)(picture(1), picture(2)).item() == pytest.approx(expected, rel=1e-4)


def test_its_gradient_points_where_the_distance_grows() -> None:
    lpips, target = Lpips("lpips-alex", lpips_weights("lpips-alex")), picture(2)
    x = picture(1).requires_grad_()
    (gradient,) = torch.autograd.grad(lpips(x, target)[0], x)
    direction = gradient / gradient.norm()

    with torch.no_grad():
        ahead, behind = (lpips(x + s * direction, target).item() for s in (0.02, -0.02))

    assert (ahead - behind) / 0.04 == pytest.approx(gradient.norm().item(), rel=0.1)


def test_black_pictures_have_a_finite_gradient() -> None:
    weights = {k: t.clone().zero_() if k.endswith("bias") else t for k, t in lpips_weights("lpips-alex").items()}
    x = torch.full((1, 3, 64, 64), 0.485).requires_grad_()

    (gradient,) = torch.autograd.grad(Lpips("lpips-alex", weights)(x, picture(1, 64, 64))[0], x)

    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize(
    "pair",
    [(picture(1, 32, 32), picture(1, 32, 32)), (picture(1), picture(1, 80, 64)), (picture(1)[0], picture(1)[0])],
    ids=["too small", "two sizes", "no batch"],
)
def test_pictures_that_do_not_fit_are_refused(pair: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(InvalidValue, match="expected"):
        Lpips("lpips-alex", lpips_weights("lpips-alex"))(*pair)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_says_itself_which_backbone_it_is(name: str, tmp_path: Path) -> None:
    weights = lpips_weights(name)
    save_file(weights, tmp_path / "model.safetensors")

    loaded = Lpips.load(tmp_path / "model.safetensors")

    assert loaded.name == name
    assert loaded(picture(1), picture(2)).item() == Lpips(name, weights)(picture(1), picture(2)).item()
