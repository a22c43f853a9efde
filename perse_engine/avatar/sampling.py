"""Random looks of a category, and the way between two of them.

A Gaussian is fitted to the source and the variants, in the space of variant weights;
a sample is pulled back onto the hull of what was seen, so that it is a mixture and never noise: of the 32 dimensions
of a code only as many as there are variants were ever trained.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from perse_engine.avatar.avatar import Avatar
from perse_engine.errors import InvalidValue, UnknownName
from perse_engine.look import Look
from perse_engine.scene import FloatArray

PARALLEL = 1e-4
"""Below this angle (radians) a great circle is a straight line to float32."""


def sample_code(codes: Mapping[str, FloatArray], random: np.random.Generator, *, reach: float = 1.0) -> FloatArray:
    """A code [32] of a category, from a Gaussian fitted to the source (0) and the variants' codes.

    Args:
        codes: variant id -> [32], at least one.
        reach: 1 keeps samples on the hull of the source and the variants, where weights are 0 and more and sum to at
            most 1; 1.2 lets them go a fifth beyond it from its middle.

    Raises:
        InvalidValue: no codes, or a reach that is not positive.
    """
    if not codes or reach <= 0:
        raise InvalidValue(f"Sampling needs a variant and a reach above 0; got {len(codes)} and {reach}.")
    every = np.stack(list(codes.values()))
    count = len(every)
    # Weights of the source and each variant: corners of a simplex, whose mean and covariance are known.
    mean = np.full(count + 1, 1 / (count + 1))
    centred = np.eye(count + 1) - mean
    drawn = mean + random.standard_normal(count + 1) @ centred / np.sqrt(count + 1)
    weights = mean + reach * (project_on_simplex(mean + (drawn - mean) / reach) - mean)
    return np.asarray(weights[1:] @ every, np.float32)


def with_samples(avatar: Avatar, look: Look, seeds: Mapping[str, int]) -> Look:
    """A look in which every category of `seeds` (category -> seed) shows a sample, whatever it showed before.

    Raises:
        UnknownName: a category that the avatar cannot change.
        InvalidValue: a seed below 0.
    """
    codes = dict(look.codes)
    for category, seed in seeds.items():
        model = avatar.categories.get(category)
        if model is None:
            known = ", ".join(avatar.variants())
            raise UnknownName(f"This avatar cannot change {category}.", hint=f"It can change: {known}.")
        if seed < 0:
            raise InvalidValue(f"The seed of {category} is {seed}; it must be 0 or more.")
        codes[category] = tuple(float(v) for v in sample_code(model.codes, np.random.default_rng(seed)))
    return Look({c: v for c, v in look.variants.items() if c not in seeds}, codes)


def project_on_simplex(weights: FloatArray) -> FloatArray:
    """The nearest point whose weights are 0 and more and sum to 1 (Duchi et al. 2008), [n]."""
    falling = np.sort(weights)[::-1]
    excess = (np.cumsum(falling) - 1) / np.arange(1, len(weights) + 1)
    last = np.flatnonzero(falling > excess)[-1]
    return np.asarray(np.maximum(weights - excess[last], 0))


def spherical(a: FloatArray, b: FloatArray, t: float) -> FloatArray:
    """The code [32] a share t in 0..1 of the way from `a` to `b`: the direction turns evenly, the length goes straight.

    For samples; between variants the straight line is what in-between clips train. Where there is no direction to turn
    (the source's code 0) or no single way (opposite codes), it is the straight line.
    """
    long_a, long_b = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    straight = np.asarray((1 - t) * a + t * b, np.float32)
    if min(long_a, long_b) < PARALLEL:
        return straight
    along, towards = a / long_a, b / long_b
    angle = float(np.arccos(np.clip(along @ towards, -1, 1)))
    if not PARALLEL < angle < np.pi - PARALLEL:
        return straight
    direction = (np.sin((1 - t) * angle) * along + np.sin(t * angle) * towards) / np.sin(angle)
    return np.asarray(direction * ((1 - t) * long_a + t * long_b), np.float32)
