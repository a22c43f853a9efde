from __future__ import annotations

import pytest
import torch

from perse_engine.errors import InvalidValue
from perse_engine.perception.inception import NETWORKS, Inception
from tests.perse_engine.perception.random_weights import inception_weights


@pytest.fixture(scope="module")
def inception() -> Inception:
    return Inception(inception_weights())


def test_it_has_as_many_parameters_as_inception_without_its_classifier() -> None:
    shapes = NETWORKS["inception-fid"]
    learned = sum(torch.Size(s).numel() for n, s in shapes.items() if "running" not in n)

    # 23,834,568 of torchvision's without its second classifier, less the 2048 x 1000 + 1000 of the first.
    assert learned == 23_834_568 - 2_049_000
    assert len([n for n in shapes if n.endswith("conv.weight")]) == 94


def test_pictures_give_2048_numbers_one_by_one_as_together(inception: Inception) -> None:
    pictures = torch.rand(2, 3, 70, 90, generator=torch.Generator().manual_seed(1))

    together = inception.features(pictures)

    assert together.shape == (2, 2048)
    assert torch.isfinite(together).all()
    torch.testing.assert_close(inception.features(pictures[1:])[0], together[1], rtol=1e-4, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 1e-3


def test_a_picture_is_brought_to_299_px_without_smoothing(inception: Inception) -> None:
    picture = torch.rand(1, 3, 598, 598, generator=torch.Generator().manual_seed(2))
    # Halved bilinearly with pixel centres at .5, each pixel is the mean of the four under it.
    halved = picture.reshape(1, 3, 299, 2, 299, 2).mean((3, 5))

    torch.testing.assert_close(inception.features(picture), inception.features(halved), rtol=1e-3, atol=1e-4)


def test_average_pools_count_no_padding_and_the_last_pools_by_maximum() -> None:
    """Of a constant picture, every average that counts only what is there is that constant, up to the border."""
    weights = inception_weights()
    for name, tensor in weights.items():
        # Each convolution becomes the mean of its input's channels at the kernel's middle; norms do nothing.
        if name.endswith("conv.weight"):
            tensor.zero_()
            tensor[:, :, tensor.shape[2] // 2, tensor.shape[3] // 2] = 1 / tensor.shape[1]
        elif name.endswith("running_var"):
            tensor.fill_(1 - 1e-3)
        else:
            tensor.fill_(1.0 if name.endswith("bn.weight") else 0.0)

    found = Inception(weights).features(torch.full((1, 3, 299, 299), 0.75))

    torch.testing.assert_close(found, torch.full((1, 2048), 0.5), rtol=1e-4, atol=1e-4)


def test_another_shape_is_refused(inception: Inception) -> None:
    with pytest.raises(InvalidValue, match="expected"):
        inception.features(torch.rand(3, 70, 90))
