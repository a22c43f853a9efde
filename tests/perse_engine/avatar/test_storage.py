"""Avatars on disk: they read back the same, and a file that could crash a kernel is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.latent import CODE_SIZE
from perse_engine.avatar.posing import posed_cloud
from perse_engine.avatar.storage import latents, load_avatar, save_avatar
from perse_engine.avatar.training import RASTER_MODE
from perse_engine.errors import CorruptFile, InvalidValue, UnknownName
from perse_engine.look import Look
from perse_engine.scene import Expression, Gaze, Pose

Tensors = dict[str, np.ndarray[Any, Any]]
GLASSES = Look({"eyeglasses": {"round-black": 1.0}})
BOTH = Look({"eyeglasses": {"round-black": 1.0}, "hair": {"long-wavy-blonde": 0.5}})

FLOATS = (
    "base", "rig.vertices", "rig.shapes", "rig.bone_pivots", "rig.bone_weights", "binding.bary", "binding.rest_area",
    "expression.basis", "hair.mask", "hair.covers", "hair.basis", "hair.codes", "hair.network.linear",
    "hair.network.hidden_weight", "hair.network.hidden_bias", "hair.network.output", "light.coefficients",
    "light.normals",
)  # fmt: skip


@pytest.fixture
def folder(tiny_avatar: Avatar, tmp_path: Path) -> Path:
    """A saved avatar that may be damaged."""
    save_avatar(tiny_avatar, tmp_path)
    return tmp_path


def damage(folder: Path, change: Callable[[Tensors], None]) -> None:
    """Change tensors of a saved avatar."""
    tensors = load_file(folder / "avatar.safetensors")
    change(tensors)
    save_file(tensors, folder / "avatar.safetensors")


def test_an_avatar_loads_as_it_was_saved(tiny_avatar: Avatar, folder: Path) -> None:
    loaded, pose = load_avatar(folder), Pose(12, -4, 3, Gaze(5, 5))
    expression = Expression({"jawOpen": 0.6, "eyeBlinkLeft": 1.0})
    before, after = (posed_cloud(a, a.bake(BOTH), pose, expression) for a in (tiny_avatar, loaded))
    for name in ("means", "quats", "scales", "opacities", "colours"):
        assert np.array_equal(getattr(before, name), getattr(after, name)), name


def test_the_light_survives(tiny_avatar: Avatar, folder: Path) -> None:
    assert tiny_avatar.light is not None and (loaded := load_avatar(folder).light) is not None
    for name in ("coefficients", "normals"):
        assert np.array_equal(getattr(loaded, name), getattr(tiny_avatar.light, name)), name


def test_an_older_avatar_has_its_light_in_its_colours(folder: Path) -> None:
    damage(folder, lambda tensors: [tensors.pop(f"light.{name}") for name in ("coefficients", "normals")] and None)
    assert load_avatar(folder).light is None


def test_variants_and_details_survive(tiny_avatar: Avatar, folder: Path) -> None:
    loaded = load_avatar(folder)
    assert loaded.variants() == tiny_avatar.variants() == {"hair": ["long-wavy-blonde"], "eyeglasses": ["round-black"]}
    assert loaded.details["rasterizer"] == "cpu"


def test_latents_are_plain_json_with_the_source_at_0(tiny_avatar: Avatar, folder: Path) -> None:
    told = json.loads((folder / "latents.json").read_text())
    assert told == json.loads(json.dumps(latents(tiny_avatar)))
    assert told["categories"]["hair"]["source"] == [0.0] * CODE_SIZE
    assert len(told["categories"]["hair"]["variants"]["long-wavy-blonde"]) == CODE_SIZE


def describe(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the description of a saved avatar."""
    description = json.loads((folder / "avatar.json").read_text())
    change(description)
    (folder / "avatar.json").write_text(json.dumps(description))


def test_the_raster_mode_is_stored_and_files_from_before_there_was_one_are_classic(
    tiny_avatar: Avatar, folder: Path
) -> None:
    assert json.loads((folder / "avatar.json").read_text())["raster_mode"] == tiny_avatar.raster_mode == RASTER_MODE
    assert load_avatar(folder).raster_mode == RASTER_MODE
    describe(folder, lambda told: told.pop("raster_mode"))
    assert load_avatar(folder).raster_mode == "classic"


@pytest.mark.parametrize("mode", ["sharp", "", None, 1, ["classic"]])
def test_an_unknown_raster_mode_is_refused(mode: object, folder: Path) -> None:
    describe(folder, lambda told: told.update(raster_mode=mode))
    with pytest.raises(CorruptFile, match="raster mode"):
        load_avatar(folder)


def test_files_of_before_ways_had_several_bends_are_read(tiny_avatar: Avatar, folder: Path) -> None:
    describe(folder, lambda told: (told.pop("bends"), told.update(format_version=1)))
    assert np.array_equal(load_avatar(folder).base, tiny_avatar.base)


def test_files_of_before_variants_had_covers_hide_by_their_change(tiny_avatar: Avatar, folder: Path) -> None:
    change = np.linspace(0, 1, len(tiny_avatar), dtype=np.float32)

    def older(tensors: Tensors) -> None:
        for category in tiny_avatar.categories:
            del tensors[f"{category}.covers"]
            tensors[f"{category}.change"] = change

    damage(folder, older)
    for model in load_avatar(folder).categories.values():
        code = next(iter(model.codes.values()))
        assert np.array_equal(model.cover(code, len(change))[model.rows], change[model.rows] ** 2)


def _revealing(avatar: Avatar) -> Avatar:
    """Its first category also tells what it reveals, and tones."""
    name, model = next(iter(avatar.categories.items()))
    reveals = np.linspace(0, 1, len(model.rows), dtype=np.float32)[None]
    tones = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    return replace(avatar, categories={**avatar.categories, name: replace(model, reveals=reveals, tones=tones)})


def test_what_is_revealed_and_tones_survive(tiny_avatar: Avatar, tmp_path: Path) -> None:
    save_avatar(_revealing(tiny_avatar), tmp_path)
    for category, model in _revealing(tiny_avatar).categories.items():
        loaded = load_avatar(tmp_path).categories[category]
        for name in ("reveals", "tones"):
            before, after = getattr(model, name), getattr(loaded, name)
            assert (after is None) == (before is None) and (before is None or np.array_equal(before, after))


@pytest.mark.parametrize(
    ("name", "shape"), [("reveals", (1, 3)), ("reveals", (99,)), ("tones", (1, 3, 3)), ("tones", (900, 3, 4))]
)
def test_what_is_revealed_must_fit(tiny_avatar: Avatar, tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    save_avatar(_revealing(tiny_avatar), tmp_path)
    category = next(iter(tiny_avatar.categories))
    damage(tmp_path, lambda tensors: tensors.update({f"{category}.{name}": np.zeros(shape, np.float32)}))
    with pytest.raises(CorruptFile):
        load_avatar(tmp_path)


@pytest.mark.parametrize("bends", [0, 99, "many", None])
def test_an_unknown_number_of_bends_is_refused(bends: object, folder: Path) -> None:
    describe(folder, lambda told: told.update(bends=bends))
    with pytest.raises(CorruptFile):
        load_avatar(folder)


@pytest.mark.parametrize("missing", ["avatar.json", "avatar.safetensors"])
def test_a_missing_file_is_corrupt(missing: str, folder: Path) -> None:
    (folder / missing).unlink()
    with pytest.raises(CorruptFile):
        load_avatar(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"format_version": 99}'])
def test_an_unreadable_description_is_corrupt(text: str, folder: Path) -> None:
    (folder / "avatar.json").write_text(text)
    with pytest.raises(CorruptFile):
        load_avatar(folder)


def test_truncated_tensors_are_corrupt(folder: Path) -> None:
    data = (folder / "avatar.safetensors").read_bytes()
    (folder / "avatar.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(CorruptFile):
        load_avatar(folder)


@pytest.mark.parametrize("index", [-1, 10**8])
def test_a_triangle_outside_the_rig_is_refused(index: int, folder: Path) -> None:
    def change(tensors: Tensors) -> None:
        tensors["binding.triangles"][5, 1] = index

    damage(folder, change)
    with pytest.raises(CorruptFile, match="vertex"):
        load_avatar(folder)


@pytest.mark.parametrize("name", ["hair.rows", "expression.rows"])
@pytest.mark.parametrize("index", [-1, 10**8])
def test_rows_outside_the_gaussians_are_refused(name: str, index: int, folder: Path) -> None:
    def change(tensors: Tensors) -> None:
        tensors[name][0] = index

    damage(folder, change)
    with pytest.raises(CorruptFile, match="rows"):
        load_avatar(folder)


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_refused(name: str, number: float, folder: Path) -> None:
    def change(tensors: Tensors) -> None:
        tensors[name].flat[0] = number

    damage(folder, change)
    with pytest.raises(CorruptFile):
        load_avatar(folder)


@pytest.mark.parametrize("name", [*FLOATS, "binding.triangles", "hair.rows", "expression.rows"])
def test_a_tensor_of_another_shape_is_refused(name: str, folder: Path) -> None:
    def change(tensors: Tensors) -> None:
        tensors[name] = np.ascontiguousarray(tensors[name][..., :-1])

    damage(folder, change)
    with pytest.raises(CorruptFile):
        load_avatar(folder)


@pytest.mark.parametrize("name", [*FLOATS, "binding.triangles", "hair.rows", "expression.rows"])
def test_a_tensor_of_another_type_is_refused(name: str, folder: Path) -> None:
    def change(tensors: Tensors) -> None:
        tensors[name] = tensors[name].astype(np.float64)

    damage(folder, change)
    with pytest.raises(CorruptFile):
        load_avatar(folder)


@pytest.mark.parametrize("name", [*FLOATS, "binding.triangles", "hair.rows", "expression.rows"])
def test_a_missing_tensor_is_refused(name: str, folder: Path) -> None:
    def change(tensors: Tensors) -> None:
        del tensors[name]

    damage(folder, change)
    with pytest.raises(CorruptFile):
        load_avatar(folder)


def test_an_unknown_variant_of_an_avatar_is_refused(tiny_avatar: Avatar) -> None:
    with pytest.raises(UnknownName, match="crown"):
        tiny_avatar.bake(Look({"hair": {"crown": 1.0}}))


def test_a_category_that_the_avatar_lacks_is_refused(tiny_avatar: Avatar) -> None:
    with pytest.raises(UnknownName, match="hat"):
        tiny_avatar.bake(Look({"hat": {"beanie-grey": 1.0}}))


def test_a_code_of_another_length_is_refused(tiny_avatar: Avatar) -> None:
    with pytest.raises(InvalidValue, match="32"):
        tiny_avatar.bake(Look({}, {"hair": (0.1, 0.2)}))


def test_a_variants_own_code_is_the_variant(tiny_avatar: Avatar) -> None:
    code = tuple(float(x) for x in tiny_avatar.categories["eyeglasses"].codes["round-black"])
    by_code = tiny_avatar.bake(Look({}, {"eyeglasses": code}))
    assert np.allclose(by_code.properties, tiny_avatar.bake(GLASSES).properties, atol=1e-6)


def test_the_code_0_is_the_source(tiny_avatar: Avatar) -> None:
    baked = tiny_avatar.bake(Look({}, {"hair": (0.0,) * CODE_SIZE}))
    assert np.array_equal(baked.properties, tiny_avatar.base)


def test_a_baked_look_leaves_the_base_alone(tiny_avatar: Avatar) -> None:
    before = tiny_avatar.base.copy()
    tiny_avatar.bake(BOTH).properties[:] = 7
    assert np.array_equal(tiny_avatar.base, before)
