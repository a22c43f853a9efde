"""Added variants on disk: they read back the same, and a file that could crash a kernel or leak is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.growth.grow import Grown, remove_variant
from perse_engine.avatar.storage import load_avatar, save_avatar
from perse_engine.errors import CorruptFile
from perse_engine.look import Look
from tests.perse_engine.avatar.growth.test_grow import BERET, CURLY

Tensors = dict[str, np.ndarray[Any, Any]]
LOOK = Look({"hair": {CURLY: 0.6}, "hat": {BERET: 1.0}, "eyeglasses": {"round-black": 1.0}})
NAMES = [f"added.{k}.{name}" for k in (0, 1) for name in ("rows", "mask", "cover", "basis")]


@pytest.fixture
def folder(both: Grown, tmp_path: Path) -> Path:
    """A saved avatar that may be damaged."""
    save_avatar(both.avatar, tmp_path)
    return tmp_path


def damage(folder: Path, change: Callable[[Tensors], None]) -> None:
    tensors = load_file(folder / "avatar.safetensors")
    change(tensors)
    save_file(tensors, folder / "avatar.safetensors")


def describe(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    description = json.loads((folder / "avatar.json").read_text())
    change(description)
    (folder / "avatar.json").write_text(json.dumps(description))


def test_they_load_as_they_were_saved(both: Grown, folder: Path) -> None:
    loaded = load_avatar(folder)
    assert np.array_equal(loaded.bake(LOOK).properties, both.avatar.bake(LOOK).properties)
    assert [(one.variant, one.prompt, one.measured) for one in loaded.added] == [
        (one.variant, one.prompt, one.measured) for one in both.avatar.added
    ]
    assert json.loads((folder / "latents.json").read_text())["categories"]["hat"]["variants"][BERET]


def test_without_them_it_is_what_it_was_before(tiny_avatar: Avatar, both: Grown, folder: Path, tmp_path: Path) -> None:
    left = remove_variant(remove_variant(load_avatar(folder), "hair", CURLY), "hat", BERET)
    save_avatar(left, tmp_path / "left")
    save_avatar(tiny_avatar, tmp_path / "before")
    for name in ("avatar.safetensors", "avatar.json", "latents.json"):
        assert (tmp_path / "left" / name).read_bytes() == (tmp_path / "before" / name).read_bytes(), name


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["missing", "shape", "type"])
def test_a_damaged_tensor_is_refused(name: str, how: str, folder: Path) -> None:
    def change(tensors: Tensors) -> None:
        old = tensors.pop(name)
        if how == "shape":
            tensors[name] = np.ascontiguousarray(old[..., :-1])
        elif how == "type":
            tensors[name] = old.astype(np.float64)

    damage(folder, change)
    with pytest.raises(CorruptFile):
        load_avatar(folder)


@pytest.mark.parametrize("name", ["mask", "cover", "basis"])
def test_a_number_that_is_not_finite_is_refused(name: str, folder: Path) -> None:
    def change(tensors: Tensors) -> None:
        tensors[f"added.0.{name}"].flat[0] = np.nan

    damage(folder, change)
    with pytest.raises(CorruptFile, match="finite"):
        load_avatar(folder)


@pytest.mark.parametrize("row", [-1, 10**8, "twice", "another's"])
def test_rows_that_are_not_its_own_are_refused(row: object, folder: Path, both: Grown) -> None:
    def change(tensors: Tensors) -> None:
        rows = tensors["added.0.rows"]
        last = len(both.avatar) - 1
        rows[0] = {"twice": rows[1], "another's": last}.get(str(row), row)

    damage(folder, change)
    with pytest.raises(CorruptFile, match="its own"):
        load_avatar(folder)


def test_an_appended_gaussian_that_shows_without_its_variant_is_refused(folder: Path) -> None:
    def change(tensors: Tensors) -> None:
        tensors["base"][-1, 10] = 0.5

    damage(folder, change)
    with pytest.raises(CorruptFile, match="transparent"):
        load_avatar(folder)


def test_an_older_category_that_reaches_appended_gaussians_is_refused(folder: Path, both: Grown) -> None:
    def change(tensors: Tensors) -> None:
        tensors["eyeglasses.rows"][0] = len(both.avatar) - 1

    damage(folder, change)
    with pytest.raises(CorruptFile, match="category"):
        load_avatar(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["added"][0].update(gaussians=-1),
        lambda d: d["added"][0].update(gaussians=10**9),
        lambda d: d["added"][0].update(gaussians=1.5),
        lambda d: d["added"][0].update(vertices="3"),
        lambda d: d["added"][0].update(vertices=10**9),
        lambda d: d["added"][0].update(category="crown"),
        lambda d: d["added"][0].update(variant="crown"),
        lambda d: d["added"][0].update(prompt=None),
        lambda d: d["added"][0].update(measured=[1]),
        lambda d: d["added"][0].update(measured={"x": float("inf")}),
        lambda d: d["added"][0].pop("method"),
        lambda d: d["added"].append(dict(d["added"][0])),
        lambda d: d.update(added=7),
        lambda d: d.update(added=[None]),
    ],
)
def test_a_damaged_description_is_refused(change: Callable[[dict[str, Any]], object], folder: Path) -> None:
    describe(folder, change)
    with pytest.raises(CorruptFile):
        load_avatar(folder)
