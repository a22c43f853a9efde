"""How progress is reckoned: shares of a build's time, by recipe."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perse_engine.recipe import Learned, Recipe
from perse_engine.stages import STAGE_SHARES, OverallProgress, part_shares, parts_span, stage_shares
from perse_engine.vocabulary import ANIMATORS, EDITORS, INTERPOLATORS

MODELS = [
    Recipe.of("draft", editor=editor, animator=animator, learned=Learned(interpolator=interpolator))
    for editor, animator, interpolator in itertools.product(EDITORS, ANIMATORS, INTERPOLATORS)
    if (editor, animator) != ("procedural", "rig")
]


@pytest.mark.parametrize("recipe", [Recipe.of("draft"), *MODELS])
def test_shares_sum_to_one_and_keep_the_order_of_the_stages(recipe: Recipe) -> None:
    shares = stage_shares(recipe)
    assert sum(shares.values()) == pytest.approx(1) and min(shares.values()) > 0
    assert [s for s in shares if s in STAGE_SHARES] == list(STAGE_SHARES)


def test_without_models_nothing_is_changed() -> None:
    assert stage_shares(Recipe.of("standard")) == STAGE_SHARES
    assert list(stage_shares(Recipe.of("draft"))) == list(STAGE_SHARES)
    assert part_shares(Recipe.of("draft")) == {"synthesis": 1.0}


def test_what_models_do_is_most_of_the_time() -> None:
    shares = stage_shares(Recipe.of("standard", editor="diffusion", animator="wan-animate"))
    assert shares["videos"] > 0.9
    assert list(shares)[2:7] == ["edits", "videos", "judging", "betweens", "synthesis"]
    assert stage_shares(Recipe.of("standard", editor="diffusion"))["edits"] > 0.3


@pytest.mark.parametrize("recipe", [Recipe.of("draft"), *MODELS])
def test_parts_do_one_stretch_of_the_whole(recipe: Recipe) -> None:
    shares, own = stage_shares(recipe), part_shares(recipe)
    assert sum(own.values()) == pytest.approx(1)
    start, end = parts_span(recipe)
    before = list(itertools.takewhile(lambda s: s not in own, shares))
    assert start == pytest.approx(sum(shares[s] for s in before))
    assert end == pytest.approx(start + sum(shares[s] for s in own))
    # Nothing of the job that joins lies between.
    assert list(shares)[len(before) : len(before) + len(own)] == list(own)


def test_a_part_that_films_is_judged_by_the_job_that_joins() -> None:
    recipe = Recipe.of("draft", editor="diffusion", animator="wan-vace")
    assert list(part_shares(recipe)) == ["edits", "videos"]
    assert list(part_shares(replace(recipe, animator="rig"))) == ["edits", "synthesis"]


@given(st.lists(st.tuples(st.sampled_from([*STAGE_SHARES, "elsewhere"]), st.integers(0, 9), st.integers(0, 9))))
def test_progress_never_falls(reports: list[tuple[str, int, int]]) -> None:
    overall = OverallProgress()
    fractions = [overall.update(stage, min(a, b), max(a, b))[0] for stage, a, b in reports]
    assert all(0 <= f <= 1 for f in fractions) and fractions == sorted(fractions)


def test_what_others_did_is_not_counted_as_done_since(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    overall = OverallProgress({"first": 0.8, "second": 0.2}, reached=0.8)
    assert overall.update("second", 0, 2) == (0.8, None)
    now[0] = 130.0
    fraction, left_s = overall.update("second", 1, 2)
    assert fraction == pytest.approx(0.9) and left_s == pytest.approx(30)
