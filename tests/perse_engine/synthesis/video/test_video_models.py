"""The released pipelines' own classes, tiny, loaded from the store as users load them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.models.loading import ModelLoader
from perse_engine.models.memory import MemoryPreset
from perse_engine.models.store import ModelStore
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.trajectory import make_trajectory
from perse_engine.synthesis.video.chunks import Chunk, plan_chunks
from perse_engine.synthesis.video.path import video_path
from perse_engine.synthesis.video.video_model import Shot, VideoModel, open_video_model
from perse_engine.synthesis.video.wan_vace import WanVace

SIDE = 64
PROMPT = "a photo of a person with round black eyeglasses"


@pytest.fixture(scope="module", params=["wan-animate-14b", "wan-vace-1.3b"])
def model(request: pytest.FixtureRequest, tiny_store: ModelStore) -> Iterator[VideoModel]:
    from tests.perse_engine.models.fixtures import CPU_TINY

    with open_video_model(ModelLoader(tiny_store, CPU_TINY), request.param, [PROMPT]) as opened:
        yield opened


@pytest.fixture
def shot(astronaut_subject: Subject) -> Shot:
    dressed = ProceduralEditor().dress(astronaut_subject, Look({"eyeglasses": {"round-black": 1.0}}))
    path = video_path(make_trajectory(4, SIDE, 0)[:3], SIDE)
    reference = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    return Shot(astronaut_subject, dressed, path, reference, PROMPT, 0)


def test_chunks_have_the_frames_that_they_add_and_go_on_from_those_before(model: VideoModel, shot: Shot) -> None:
    first, second, *_ = plan_chunks(len(shot.path.frames), 5, 1)
    made = model.film(shot, first, [])
    assert len(made) == 5 and all(f.shape == (SIDE, SIDE, 3) and f.dtype == np.uint8 for f in made)
    assert np.array_equal(made, model.film(shot, first, []))
    after = model.film(shot, second, made[-1:])
    assert len(after) == 4
    others = model.film(shot, second, [np.zeros_like(made[0])])
    assert not np.array_equal(after, others)
    # What was known then is forgotten.
    assert np.array_equal(made, model.film(shot, first, []))


def test_the_look_and_the_seed_matter(model: VideoModel, shot: Shot) -> None:
    (chunk,) = plan_chunks(5, 9, 1)
    made = model.film(shot, chunk, [])
    assert not np.array_equal(made, model.film(replace(shot, seed=1), chunk, []))
    other = model.film(replace(shot, reference=255 - shot.reference), chunk, [])
    # With weights this small, VACE's look is far below a level of 255 away from its noise.
    assert isinstance(model, WanVace) or not np.array_equal(made, other)


def test_the_motion_matters(model: VideoModel, shot: Shot) -> None:
    (chunk,) = plan_chunks(5, 9, 1)
    other = replace(shot, path=video_path(make_trajectory(4, SIDE, 7)[1:3], SIDE))
    assert not np.array_equal(model.film(shot, chunk, []), model.film(other, chunk, []))


@pytest.mark.parametrize("name", ["wan-animate-14b", "wan-vace-1.3b"])
def test_offloading_changes_no_frame_and_gpu_types_run(
    name: str, tiny_store: ModelStore, cpu_tiny: MemoryPreset, shot: Shot
) -> None:
    made = []
    for way in ({}, {"offload": "group"}, {"dtype": "bfloat16"}):
        with open_video_model(ModelLoader(tiny_store, replace(cpu_tiny, **way)), name, [PROMPT]) as opened:
            first = opened.film(shot, Chunk(0, 5, 0), [])
            made.append([*first, *opened.film(shot, Chunk(4, 9, 1), first[-1:])])
    assert np.array_equal(made[0], made[1])
    assert np.std(made[2]) > 1


def test_one_model_at_a_time(tiny_store: ModelStore, cpu_tiny: MemoryPreset) -> None:
    from perse_engine.errors import InvalidValue

    loader = ModelLoader(tiny_store, cpu_tiny)
    with (
        open_video_model(loader, "wan-vace-1.3b", [PROMPT]),
        pytest.raises(InvalidValue, match="still loaded"),
        open_video_model(loader, "wan-animate-14b", [PROMPT]),
    ):
        pass


def test_an_editor_s_model_films_nothing(tiny_store: ModelStore, cpu_tiny: MemoryPreset) -> None:
    from perse_engine.errors import UnknownName

    with (
        pytest.raises(UnknownName, match="no portrait-animator model"),
        open_video_model(ModelLoader(tiny_store, cpu_tiny), "flux2-klein-4b", [PROMPT]),
    ):
        pass
