"""Who makes an avatar's pictures: what a server offers, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.jobs.store import JobStore
from app.settings import Settings
from perse_engine.recipe import Acceptance, FrameLimits
from tests.app.contract import CheckedClient
from tests.app.test_routes import assert_problem, create
from worker.job_child import recipe_of


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path, editors="procedural, diffusion", animators="rig,wan-vace", model_memory="48GB",
        rigs="landmarks,flame",
        choosable_models="flux2-klein-4b,wan-vace-14b,lpips-alex",
    )  # fmt: skip


@pytest.fixture
def made(client: CheckedClient, jobs: JobStore) -> Iterator[Any]:
    """Create an avatar and see what the worker is told to build."""

    def build(**body: Any) -> tuple[dict[str, Any], Any]:
        response = create(client, **body)
        assert response.status_code == 202, response.text
        claim = jobs.claim("test", ["train"], 30)
        assert claim is not None
        return response.json()["avatar"]["recipe"], recipe_of(claim.input["recipe"])

    yield build


def test_the_vocabulary_says_what_is_offered(client: CheckedClient) -> None:
    assert client.get("/v1/vocabulary").json()["backends"] == {
        "editors": ["procedural", "diffusion"],
        "animators": ["rig", "wan-vace"],
        "rigs": ["landmarks", "flame"],
        "interpolators": ["rig", "warp", "diffusion"],
        "models": ["flux2-klein-4b", "wan-vace-14b", "lpips-alex"],
    }


def test_without_a_word_nothing_takes_models(made: Any) -> None:
    told, recipe = made()
    assert (told["editor"], told["animator"], told["learned"]) == ("procedural", "rig", None)
    assert (recipe.editor, recipe.animator, recipe.models()) == ("procedural", "rig", {})


def test_the_rig_is_chosen_beside_them(made: Any) -> None:
    told, recipe = made(rig="flame")
    assert told["rig"] == recipe.rig == "flame"


def test_without_a_word_the_head_is_built_on_landmarks(made: Any) -> None:
    told, recipe = made()
    assert told["rig"] == recipe.rig == "landmarks"


def test_the_first_choices_need_no_name(made: Any) -> None:
    told, recipe = made(editor="diffusion", animator="wan-vace")
    assert told["learned"]["memory"] == "48GB" == recipe.learned.memory
    assert recipe.models() == {"image-editor": "flux2-klein-4b", "portrait-animator": "wan-vace-1.3b"}


def test_what_is_named_is_built_with(made: Any) -> None:
    wish = {"animator_model": "wan-vace-14b", "interpolator": "warp", "attempts": 5}
    told, recipe = made(editor="diffusion", animator="wan-vace", learned=wish)
    assert told["learned"] | wish == told["learned"]
    assert recipe.models()["portrait-animator"] == "wan-vace-14b"
    assert (recipe.learned.interpolator, recipe.learned.acceptance.attempts) == ("warp", 5)


def test_limits_are_the_recipe_s_own_until_a_request_says_otherwise(made: Any) -> None:
    _, recipe = made(editor="diffusion", animator="wan-vace")
    assert (recipe.learned.acceptance, recipe.learned.frames) == (Acceptance(), FrameLimits())
    limits = {"acceptance": {"max_drift": 0.2, "min_identity": None}, "frames": {"max_turn_deg": None, "min_share": 0}}
    told, recipe = made(editor="diffusion", animator="wan-vace", learned=limits)
    assert recipe.learned.acceptance == Acceptance(max_drift=0.2, min_identity=None)
    assert recipe.learned.frames == FrameLimits(max_turn_deg=None, min_share=0)
    assert told["learned"]["acceptance"]["min_identity"] is None and told["learned"]["frames"]["max_drift"] == 0.3


def test_what_spaces_in_betweens_is_a_model_like_the_others(made: Any) -> None:
    wish = {"interpolator": "diffusion", "spacing_model": "lpips-alex"}
    told, recipe = made(editor="diffusion", learned=wish)
    assert told["learned"]["spacing_model"] == recipe.learned.spacing_model == "lpips-alex"
    assert recipe.models()["perceptual-distance"] == "lpips-alex"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"animator": "wan-animate"}, "not_offered"),
        ({"editor": "crayon"}, "not_offered"),
        ({"rig": "wire"}, "not_offered"),
        ({"editor": "diffusion", "learned": {"editor_model": "sdxl-inpaint"}}, "not_offered"),
        ({"editor": "diffusion", "learned": {"interpolator": "magic"}}, "unknown_name"),
        ({"learned": {"attempts": 2}}, "invalid_value"),
        ({"editor": "diffusion", "learned": {"attempts": 0}}, "invalid_request"),
        ({"editor": "diffusion", "learned": {"memory": "80GB"}}, "invalid_request"),
        ({"editor": "diffusion", "learned": {"spacing_model": "lpips-vgg"}}, "not_offered"),
        ({"editor": "diffusion", "learned": {"acceptance": {"max_drift": -1}}}, "invalid_request"),
        ({"editor": "diffusion", "learned": {"acceptance": {"attempts": 9}}}, "invalid_request"),
        ({"editor": "diffusion", "learned": {"frames": {"min_share": None}}}, "invalid_request"),
    ],
)
def test_what_is_not_offered_is_refused(client: CheckedClient, body: dict[str, Any], code: str) -> None:
    assert_problem(create(client, **body), 422, code)


def test_a_server_cannot_offer_what_the_engine_has_not_got(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="expected some of rig, wan-animate, wan-vace"):
        Settings(data_dir=tmp_path, animators="rig,puppets")
