"""A dataset made in parts is the one made in one go."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from perse_engine.errors import Cancelled
from perse_engine.head.storage import load_subject, save_subject
from perse_engine.head.subject import Subject
from perse_engine.progress import SilentProgress
from perse_engine.recipe import Recipe
from perse_engine.synthesis.parts import part_variants, synthesize_part, take_part
from perse_engine.synthesis.synthesize import synthesize
from perse_engine.vocabulary import Preset
from perse_engine.vocabulary.presets import PRESETS
from tests.perse_engine.synthesis.tiny import CancelAt, files_of


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """Two hats, two glasses, and mixes: what lies in one part, between two, and in none."""
    monkeypatch.setitem(PRESETS, "least", Preset("least", 64, 1500, ("hat", "eyeglasses"), 2, 5, 5, 2, 2, 20))
    return Recipe.of("least", rasterizer="cpu", seed=7)


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of each file: what differs is told by its name."""
    return {name: hashlib.sha256(data).hexdigest() for name, (_, data) in files_of(folder).items()}


def test_parts_are_runs_of_neighbours(recipe: Recipe) -> None:
    hats, glasses = recipe.variants[:2], recipe.variants[2:]
    assert part_variants(recipe, 2) == (hats, glasses)
    assert part_variants(recipe, 1) == tuple((v,) for v in recipe.variants)
    assert part_variants(recipe, 9) == (hats, glasses)


def test_a_dataset_of_parts_is_byte_for_byte_the_one_made_in_one_go(
    astronaut_subject: Subject, recipe: Recipe, tmp_path: Path
) -> None:
    at_once, joined = tmp_path / "at-once", tmp_path / "joined"
    synthesize(astronaut_subject, recipe, at_once, SilentProgress())
    # As on another machine: the subject comes from files.
    save_subject(astronaut_subject, tmp_path / "subject")
    for number, variants in enumerate(part_variants(recipe, 1)):
        folder = tmp_path / f"part-{number}"
        synthesize_part(load_subject(tmp_path / "subject"), recipe, variants, folder, SilentProgress())
        things = {name.split("/")[2].removesuffix(".safetensors") for name in contents(folder)}
        assert {thing.split("@")[0].split("--")[-1] for thing in things} == {variants[0][1]}
        take_part(folder, joined)
    made = set(contents(joined))
    synthesize(astronaut_subject, recipe, joined, SilentProgress())
    assert contents(joined) == contents(at_once)
    rest = {name.split("/")[1] for name in set(contents(joined)) - made if name.startswith("clips/")}
    assert rest == {"source", "mix", "hat", "eyeglasses"}


def test_a_part_that_was_stopped_goes_on(astronaut_subject: Subject, recipe: Recipe, tmp_path: Path) -> None:
    variants = part_variants(recipe, 2)[1]
    with pytest.raises(Cancelled):
        synthesize_part(astronaut_subject, recipe, variants, tmp_path / "a", CancelAt("synthesis", 5))
    synthesize_part(astronaut_subject, recipe, variants, tmp_path / "a", SilentProgress())
    synthesize_part(astronaut_subject, recipe, variants, tmp_path / "b", SilentProgress())
    assert contents(tmp_path / "a") == contents(tmp_path / "b") != {}


def test_a_part_may_be_taken_again(astronaut_subject: Subject, recipe: Recipe, tmp_path: Path) -> None:
    variants = part_variants(recipe, 2)[1]
    for name in ("a", "b"):
        synthesize_part(astronaut_subject, recipe, variants, tmp_path / name, SilentProgress())
    expected = contents(tmp_path / "a")
    take_part(tmp_path / "a", tmp_path / "joined")
    take_part(tmp_path / "b", tmp_path / "joined")
    assert contents(tmp_path / "joined") == expected
