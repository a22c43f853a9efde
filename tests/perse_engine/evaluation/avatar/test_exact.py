"""Pictures drawn again are the dataset's own; others are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perse_engine.errors import InvalidValue
from perse_engine.evaluation.avatar.exact import ExactPictures, moment
from perse_engine.look import Look
from perse_engine.scene import Expression, Pose
from perse_engine.synthesis.dataset import Dataset
from perse_engine.synthesis.storage import read_images


def test_a_held_out_frame_is_drawn_again_to_the_bit(exact: ExactPictures, tiny_dataset: Dataset) -> None:
    clip = next(c for c in tiny_dataset.clips if c.kind == "between")
    frame = next(f for f in tiny_dataset.frames if f.index == clip.frames[-1])
    again, before = exact.of(clip.look, [frame])[0], read_images(tiny_dataset, clip, frame.index)
    assert np.array_equal(np.rint(255 * again.rgb), before.image)
    assert np.array_equal(again.labels, before.region)


def test_the_editors_own_dataset_passes(exact: ExactPictures, tiny_dataset: Dataset) -> None:
    exact.check(tiny_dataset)


def test_a_dataset_of_something_else_is_refused(exact: ExactPictures, tiny_dataset: Dataset) -> None:
    # The same pictures under another look: as if the editor had changed.
    clips = tuple(
        replace(c, look=Look({"skin": {"tanned": 1.0}})) if c.kind == "variant" else c for c in tiny_dataset.clips
    )
    with pytest.raises(InvalidValue, match="drawn again"):
        exact.check(replace(tiny_dataset, clips=clips))


def test_moments_that_differ_are_different_pictures(exact: ExactPictures) -> None:
    states = ((Pose(), Expression()), (Pose(9), Expression()), (Pose(), Expression({"eyeBlinkLeft": 1.0})))
    first, turned, blinking = exact.of(Look(), [moment(*state, 64) for state in states])
    assert not np.array_equal(first.rgb, turned.rgb)
    assert not np.array_equal(first.rgb, blinking.rgb)
