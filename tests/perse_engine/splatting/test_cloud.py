"""A cloud refuses values that no renderer could draw."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from perse_engine.errors import InvalidValue
from perse_engine.splatting.cloud import GaussianCloud


def parts(n: int = 4) -> dict[str, np.ndarray]:
    return {
        "means": np.zeros((n, 3), np.float32),
        "quats": np.tile(np.array([-2, 0, 0, 0], np.float32), (n, 1)),
        "scales": np.full((n, 3), 0.1, np.float32),
        "opacities": np.full(n, 0.5, np.float32),
        "colours": np.full((n, 3), 0.5, np.float32),
    }


@pytest.mark.parametrize("n", [0, 1, 4])
def test_a_cloud_of_any_length_is_accepted(n: int) -> None:
    assert len(GaussianCloud(**parts(n))) == n


def test_values_become_contiguous_float32() -> None:
    given = {name: np.asfortranarray(array, np.float64) for name, array in parts().items()}
    cloud = GaussianCloud(**given)
    for field in fields(cloud):
        array = getattr(cloud, field.name)
        assert array.dtype == np.float32
        assert array.flags.c_contiguous


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("quats", np.ones((4, 3))),
        ("scales", np.ones((3, 3))),
        ("opacities", np.ones((4, 1))),
        ("means", np.full((4, 3), np.nan)),
        ("colours", np.full((4, 3), np.inf)),
        ("scales", np.full((4, 3), -0.1)),
        ("opacities", np.full(4, 1.5)),
        ("quats", np.zeros((4, 4))),
    ],
)
def test_wrong_values_are_refused(name: str, array: np.ndarray) -> None:
    with pytest.raises(InvalidValue):
        GaussianCloud(**{**parts(), name: array})


def test_taking_keeps_the_chosen_gaussians() -> None:
    given = parts()
    given["means"][:, 0] = [1, 2, 3, 4]
    assert GaussianCloud(**given).take(np.array([3, 1])).means[:, 0].tolist() == [4, 2]


def test_normalised_quaternions_have_length_one_and_positive_w() -> None:
    assert GaussianCloud(**parts()).normalised_quats().tolist() == [[1, 0, 0, 0]] * 4
