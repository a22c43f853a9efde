"""Samples stay among what was trained; the way between two of them turns evenly."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.latent import CODE_SIZE
from perse_engine.avatar.sampling import project_on_simplex, sample_code, spherical, with_samples
from perse_engine.errors import InvalidValue, UnknownName
from perse_engine.look import Look
from perse_engine.scene import FloatArray

CODES = {
    id: code.astype(np.float32)
    for id, code in zip("abc", np.random.default_rng(0).standard_normal((3, CODE_SIZE)), strict=True)
}

weights = arrays(np.float64, st.integers(1, 8), elements=st.floats(-5, 5))


def weights_of(code: FloatArray) -> FloatArray:
    """Weights of the variants that make a code."""
    return np.asarray(np.linalg.lstsq(np.stack(list(CODES.values())).T, code, rcond=None)[0])


@pytest.mark.parametrize("seed", range(20))
def test_a_sample_is_a_mixture_of_the_source_and_the_variants(seed: int) -> None:
    code = sample_code(CODES, np.random.default_rng(seed))
    found = weights_of(code)
    assert np.allclose(np.stack(list(CODES.values())).T @ found, code, atol=1e-4)
    assert (found > -1e-4).all()
    assert found.sum() < 1 + 1e-4


def test_a_longer_reach_leaves_the_hull() -> None:
    found = [weights_of(sample_code(CODES, np.random.default_rng(s), reach=1.5)) for s in range(40)]
    assert min(w.min() for w in found) < -0.01
    assert min(w.min() for w in found) > -0.5


def test_samples_differ_and_one_seed_gives_one_sample() -> None:
    first, again, other = (sample_code(CODES, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_samples_reach_every_variant() -> None:
    found = np.array([weights_of(sample_code(CODES, np.random.default_rng(s))) for s in range(200)])
    assert (found.max(0) > 0.6).all()


def test_a_category_without_variants_has_no_samples() -> None:
    with pytest.raises(InvalidValue):
        sample_code({}, np.random.default_rng(0))


@given(weights)
def test_projection_is_on_the_simplex_and_keeps_what_is_there(drawn: FloatArray) -> None:
    found = project_on_simplex(drawn)
    assert found.sum() == pytest.approx(1)
    assert (found >= 0).all()
    assert np.allclose(project_on_simplex(found), found)


@given(weights, st.integers(0, 2**32 - 1))
def test_no_point_of_the_simplex_is_nearer(drawn: FloatArray, seed: int) -> None:
    other = np.random.default_rng(seed).dirichlet(np.ones(len(drawn)))
    found = project_on_simplex(drawn)
    assert np.linalg.norm(drawn - found) <= np.linalg.norm(drawn - other) + 1e-9


@given(st.floats(0, 1))
def test_the_way_keeps_the_length_between_codes_of_one_length(t: float) -> None:
    a, b = (CODES[k] / np.linalg.norm(CODES[k]) for k in "ab")
    assert np.linalg.norm(spherical(a, b, t)) == pytest.approx(1, abs=1e-4)


def test_the_way_turns_evenly() -> None:
    a, b = CODES["a"], 2 * CODES["b"]
    ways = [spherical(a, b, float(t)) for t in np.linspace(0, 1, 6)]
    units = [w / np.linalg.norm(w) for w in ways]
    angles = [np.arccos(np.clip(x @ y, -1, 1)) for x, y in itertools.pairwise(units)]
    assert np.allclose(angles, angles[0], atol=1e-3)
    assert np.allclose(np.diff([np.linalg.norm(w) for w in ways], n=2), 0, atol=1e-4)


@pytest.mark.parametrize("end", [0.0, 3.0, -1.0])
def test_where_there_is_no_great_circle_the_way_is_straight(end: float) -> None:
    a = CODES["a"]
    assert np.allclose(spherical(a, end * a, 0.25), (0.75 + 0.25 * end) * a, atol=1e-5)


def test_a_sampled_look_replaces_one_category_and_keeps_the_others(tiny_avatar: Avatar) -> None:
    worn = Look({"hair": {"long-wavy-blonde": 1.0}, "eyeglasses": {"round-black": 0.5}})
    look = with_samples(tiny_avatar, worn, {"hair": 3})
    assert look.variants == {"eyeglasses": {"round-black": 0.5}}
    assert np.isfinite(tiny_avatar.bake(look).properties).all()
    assert look == with_samples(tiny_avatar, worn, {"hair": 3})


def test_a_category_that_the_avatar_lacks_has_no_samples(tiny_avatar: Avatar) -> None:
    with pytest.raises(UnknownName, match="hat"):
        with_samples(tiny_avatar, Look(), {"hat": 0})
    with pytest.raises(InvalidValue, match="seed"):
        with_samples(tiny_avatar, Look(), {"hair": -1})
