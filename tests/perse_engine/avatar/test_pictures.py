"""Targets of training: their values, halved, and read ahead."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from perse_engine.avatar.pictures import Pictures
from perse_engine.errors import CorruptFile
from perse_engine.synthesis.dataset import Dataset
from perse_engine.synthesis.storage import read_images


def test_a_target_is_the_stored_picture(tiny_dataset: Dataset) -> None:
    clip = tiny_dataset.clip("hair/long-wavy-blonde")
    stored = read_images(tiny_dataset, clip, 2)
    colours, alpha = Pictures(tiny_dataset).target(clip, 2)
    assert np.allclose(colours * 255, stored.image, atol=1e-3)
    assert np.allclose(alpha * 255, stored.alpha, atol=1e-3)


def test_a_halved_target_is_the_mean_of_four_pixels(tiny_dataset: Dataset) -> None:
    pictures, clip = Pictures(tiny_dataset), tiny_dataset.clip("source")
    whole, half = pictures.target(clip, 1), pictures.target(clip, 1, shrink=2)
    for large, small in zip(whole, half, strict=True):
        mean = (large[::2, ::2] + large[1::2, ::2] + large[::2, 1::2] + large[1::2, 1::2]) / 4
        assert np.allclose(small, mean, atol=1e-6)


def test_targets_that_are_read_ahead_come_in_order(tiny_dataset: Dataset) -> None:
    source, hair = tiny_dataset.clip("source"), tiny_dataset.clip("hair/long-wavy-blonde")
    plan = [(source, 0, 2), (hair, 3, 1), (source, 1, 1), (hair, 0, 2), (hair, 1, 1), (source, 0, 1)]
    pictures = Pictures(tiny_dataset)
    targets = list(pictures.in_order(plan))
    assert len(targets) == len(plan)
    for (clip, frame, shrink), target in zip(plan, targets, strict=True):
        for a, b in zip(target, pictures.target(clip, frame, shrink), strict=True):
            assert np.array_equal(a, b)


def test_reading_ahead_ends_when_nobody_wants_more(tiny_dataset: Dataset) -> None:
    asked = []

    def endless():  # type: ignore[no-untyped-def]
        for k in itertools.count():
            asked.append(k)
            yield tiny_dataset.clip("source"), 0, 1

    targets = Pictures(tiny_dataset).in_order(endless())
    next(targets)
    targets.close()
    assert len(asked) < 10


def test_a_missing_picture_is_told_when_its_turn_comes(tiny_dataset: Dataset) -> None:
    source = tiny_dataset.clip("source")
    targets = Pictures(tiny_dataset).in_order([(source, 0, 1), (source, 999, 1)])
    next(targets)
    with pytest.raises(CorruptFile, match="0999"):
        next(targets)
