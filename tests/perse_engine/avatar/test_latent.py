"""The latent space: the source is 0, gradients are right, shares never exceed the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from perse_engine.avatar.latent import (
    CODE_SIZE,
    CODE_SPREAD,
    WHOLE_FROM,
    CodeNetwork,
    active_bases,
    column_weights,
    network_of,
    sharing,
)
from perse_engine.avatar.properties import SHARED
from perse_engine.errors import CorruptFile
from perse_engine.vocabulary import CATEGORIES, LAYERS

SEEDS = st.integers(0, 2**31)
CHANGES = arrays(np.float32, 6, elements=st.floats(0, 1, width=32))


def twin(arrays: dict[str, np.ndarray], code: np.ndarray) -> np.ndarray:
    """h(z) - h(0) in float64."""

    def silu(x: np.ndarray) -> np.ndarray:
        return x / (1 + np.exp(-x))

    a = {n: v.astype(np.float64) for n, v in arrays.items()}
    before = a["hidden_weight"] @ code + a["hidden_bias"]
    return np.asarray(a["linear"] @ code + a["output"] @ (silu(before) - silu(a["hidden_bias"])))


def portions_of(network: CodeNetwork, code: np.ndarray) -> np.ndarray:
    """Each variant's portion of a mix, then each one's bow, in float64."""
    weights = np.maximum(network.linear[: network.shared].astype(np.float64) @ code, 0)
    portions = weights / max(weights.sum(), WHOLE_FROM)
    return np.concatenate([portions, *(portions * bow for bow in bows_of(weights.sum()))])


def bows_of(worn: float) -> list[float]:
    return [max(0.0, 1 - abs(4 * worn - k)) for k in (1, 2, 3)]


def started(
    seed: int, variants: int = 2, *, is_shared: bool = False
) -> tuple[CodeNetwork, np.ndarray, np.random.Generator]:
    random = np.random.default_rng(seed)
    network = CodeNetwork.start(random, drawn_codes(random, variants), is_shared=is_shared)
    return network, random.standard_normal(CODE_SIZE).astype(np.float32), random


def drawn_codes(random: np.random.Generator, variants: int) -> np.ndarray:
    return (CODE_SPREAD * random.standard_normal((variants, CODE_SIZE))).astype(np.float32)


@given(SEEDS)
def test_the_sources_code_gives_exactly_0(seed: int) -> None:
    network, code, _ = started(seed)
    assert not network(np.zeros_like(code)).any()


@given(SEEDS)
def test_coefficients_agree_with_the_formula(seed: int) -> None:
    network, code, _ = started(seed)
    assert np.allclose(network(code), twin(network.arrays(), code.astype(np.float64)), atol=1e-4)


@pytest.mark.parametrize(("variants", "coefficients"), [(1, 4), (2, 4), (3, 6), (10, 20), (11, 11)])
def test_a_variant_has_its_weight_and_bumps_while_there_are_units(variants: int, coefficients: int) -> None:
    network, code, _ = started(0, variants)
    assert len(network(code)) == coefficients


@given(SEEDS, st.integers(1, 10), st.floats(0, 1.5))
def test_a_coefficient_starts_as_the_weight_of_its_variant(seed: int, variants: int, weight: float) -> None:
    random = np.random.default_rng(seed)
    codes = drawn_codes(random, variants)
    network = CodeNetwork.start(random, codes)
    for i, code in enumerate(codes):
        expected = np.where(np.arange(variants) == i, weight, 0)
        assert network(np.float32(weight) * code)[:variants] == pytest.approx(expected, abs=1e-3)


@given(SEEDS, st.integers(2, 10))
def test_a_bump_starts_half_way_of_its_variant_and_is_0_at_its_ends(seed: int, variants: int) -> None:
    random = np.random.default_rng(seed)
    codes = drawn_codes(random, variants)
    network = CodeNetwork.start(random, codes)
    for i, code in enumerate(codes):
        half = network(np.float32(0.5) * code)[variants:]
        assert half[i] == pytest.approx(0.93, abs=0.01)
        assert np.abs(np.delete(half, i)).max(initial=0) < 0.01
        assert np.abs(network(code)[variants:]).max() < 0.01
        assert np.abs(network(np.float32(1.5) * code)[variants:]).max() < 0.1


@given(SEEDS, st.integers(2, 10))
def test_at_a_variant_only_its_own_basis_is_on(seed: int, variants: int) -> None:
    random = np.random.default_rng(seed)
    codes = drawn_codes(random, variants)
    network = CodeNetwork.start(random, codes)
    assert not len(active_bases(network(np.zeros(CODE_SIZE, np.float32))))
    for i, code in enumerate(codes):
        assert active_bases(network(code)).tolist() == [i]
        assert active_bases(network(np.float32(0.5) * code)).tolist() == [i, variants + i]


@given(SEEDS, st.lists(st.floats(0, 1), min_size=2, max_size=5))
def test_portions_are_of_a_mix_of_any_size_and_bows_end_with_the_whole(seed: int, weights: list[float]) -> None:
    random = np.random.default_rng(seed)
    codes = drawn_codes(random, len(weights))
    network = CodeNetwork.start(random, codes, is_shared=True)
    found = network((np.array(weights, np.float32)[:, None] * codes).sum(0))[len(network.linear) :]
    assert len(network) == len(network.linear) + 4 * len(weights)
    portions = np.array(weights) / max(sum(weights), WHOLE_FROM)
    bows = [portions * bow for bow in bows_of(sum(weights))]
    assert found == pytest.approx(np.concatenate([portions, *bows]), abs=0.02)


def test_ways_of_older_files_bend_in_the_middle_only() -> None:
    random = np.random.default_rng(0)
    codes = drawn_codes(random, 2)
    arrays = CodeNetwork.start(random, codes, is_shared=True).arrays()
    older = network_of(arrays, len(arrays["linear"]) + 4, 1)
    bows = [older(np.float32(w) * codes[1])[-2:] for w in (0.25, 0.5, 1.0)]
    assert np.allclose(bows, [[0, 0.5], [0, 1], [0, 0]], atol=1e-3)


@pytest.mark.parametrize("bends", [-1, 0, 16])
def test_a_way_of_no_or_countless_bends_is_refused(bends: int) -> None:
    arrays = started(0)[0].arrays()
    with pytest.raises(CorruptFile, match="bends"):
        network_of(arrays, 20, bends)


@pytest.mark.parametrize("is_shared", [False, True])
@given(seed=SEEDS)
def test_the_codes_gradient_agrees_with_finite_differences(is_shared: bool, seed: int) -> None:
    network, code, random = started(seed, is_shared=is_shared)
    grad = random.standard_normal(len(network)).astype(np.float32)
    z, step = code.astype(np.float64), 1e-5
    weights = network.linear[: network.shared] @ z
    # Not where a weight is about to turn its sign, the sum of them to become whole, or a way bends.
    bends = [WHOLE_FROM, 0.25, 0.5, 0.75, 1]
    assume((np.abs(weights) > 1e-3).all() and (np.abs(np.maximum(weights, 0).sum() - bends) > 1e-3).all())
    found = network.back(code, grad)

    def loss(at: np.ndarray) -> float:
        return float(grad @ np.concatenate([twin(network.arrays(), at), portions_of(network, at)]))

    for k in range(0, CODE_SIZE, 5):
        shift = np.zeros(CODE_SIZE)
        shift[k] = step
        slope = (loss(z + shift) - loss(z - shift)) / (2 * step)
        assert found[k] == pytest.approx(slope, rel=1e-3, abs=2e-4)


@given(
    st.dictionaries(st.sampled_from(["hair", "beard", "skin", "hat"]), st.tuples(st.floats(0, 3), CHANGES), min_size=1)
)
def test_the_topmost_category_has_all_and_others_what_it_leaves(active: dict[str, tuple[float, np.ndarray]]) -> None:
    shares = sharing({c: s for c, (s, _) in active.items()}, {c: cover for c, (_, cover) in active.items()})
    left = np.ones(6)
    for category in ("hat", "hair", "beard", "skin"):
        if category in active:
            assert shares[category] == pytest.approx(left, abs=1e-5)
            strength, cover = active[category]
            left = left * (1 - min(1.0, strength) * cover.astype(np.float64))


def test_a_category_at_the_source_covers_nothing() -> None:
    cover = {c: np.ones(3, np.float32) for c in ("beard", "skin")}
    assert (sharing({"beard": 0.0, "skin": 1.0}, cover)["skin"] == 1).all()


def test_a_mix_hides_as_much_as_the_mean_of_its_variants() -> None:
    random = np.random.default_rng(0)
    codes = (random.standard_normal((3, CODE_SIZE)) * CODE_SPREAD).astype(np.float32)
    network, covers = CodeNetwork.start(random, codes), random.random((3, 5)).astype(np.float32)
    assert np.allclose(network.mixed(codes[1], covers), covers[1], atol=1e-4)
    assert np.allclose(network.mixed(0.5 * codes[1], covers), covers[1], atol=1e-4)
    assert np.allclose(
        network.mixed(0.25 * codes[0] + 0.75 * codes[2], covers), 0.25 * covers[0] + 0.75 * covers[2], atol=1e-4
    )


def test_a_code_of_no_variant_hides_as_much_as_any() -> None:
    random = np.random.default_rng(0)
    codes = (random.standard_normal((2, CODE_SIZE)) * CODE_SPREAD).astype(np.float32)
    network, covers = CodeNetwork.start(random, codes), random.random((2, 5)).astype(np.float32)
    assert np.allclose(network.mixed(-codes[0], covers), covers.max(0), atol=1e-4)


def test_every_category_has_its_layer() -> None:
    assert sorted(LAYERS) == sorted(CATEGORIES)


def test_all_but_the_offset_is_shared() -> None:
    weights = column_weights(np.array([0.5], np.float32), np.array([0.1], np.float32))
    assert np.allclose(weights[0, ~SHARED], 0.5)
    assert np.allclose(weights[0, SHARED], 0.05)
    assert np.flatnonzero(SHARED).tolist() == list(range(3, 14))
