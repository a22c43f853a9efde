"""bundle.glb: the same avatar when it is read back, whole by glTF's rules, and safe against hostile bytes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perse_engine.avatar.added import RANK, Adapter, AddedVariant
from perse_engine.avatar.avatar import Avatar, Binding
from perse_engine.errors import CorruptFile
from perse_engine.export.bundle import EXTENSION, read_bundle, write_bundle
from perse_engine.export.gltf import GltfBuilder, parse_glb
from perse_engine.look import Look
from perse_engine.rendering.render import Renderer
from perse_engine.scene import Camera, Expression, Gaze, Pose

CLOSE_DB = 45.0


@pytest.fixture
def bundle(tiny_avatar: Avatar, tmp_path: Path) -> Path:
    write_bundle(tmp_path / "bundle.glb", tiny_avatar)
    return tmp_path / "bundle.glb"


def psnr_db(one: Avatar, other: Avatar, look: Look, pose: Pose, expression: Expression) -> float:
    camera = Camera.orbit(width_px=128, height_px=128)
    a, b = (Renderer(x, "cpu").render(look, pose, expression, camera, (0.8, 0.8, 0.8)).rgb for x in (one, other))
    return float(-10 * np.log10(np.mean((a - b) ** 2) + 1e-12))


@pytest.mark.parametrize(
    ("pose", "weights"),
    [
        (Pose(), {}),
        (Pose(gaze=Gaze(15, -10)), {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 0.5}),
        (Pose(25, 10, -8), {"jawOpen": 0.7, "mouthSmileLeft": 0.6}),
    ],
)
def test_what_is_read_back_looks_the_same(
    tiny_avatar: Avatar, bundle: Path, pose: Pose, weights: dict[str, float]
) -> None:
    again = read_bundle(bundle)
    half = {category: {ids[0]: 0.5} for category, ids in tiny_avatar.variants().items()}
    for look in (Look(), Look(half)):
        assert psnr_db(tiny_avatar, again, look, pose, Expression(weights)) > CLOSE_DB


def test_names_and_codes_are_exactly_the_avatars(tiny_avatar: Avatar, bundle: Path) -> None:
    again = read_bundle(bundle)
    assert again.variants() == tiny_avatar.variants()
    assert again.raster_mode == tiny_avatar.raster_mode
    assert again.expression.drivers == tiny_avatar.expression.drivers
    for category, model in tiny_avatar.categories.items():
        for id, code in model.codes.items():
            assert np.array_equal(again.categories[category].codes[id], code)


def test_what_is_revealed_and_tones_come_along(tiny_avatar: Avatar, tmp_path: Path) -> None:
    name, model = next(iter(tiny_avatar.categories.items()))
    reveals = np.linspace(0, 1, len(model.rows), dtype=np.float32)[None]
    tones = np.linspace(-1, 1, 12, dtype=np.float32).reshape(1, 3, 4)
    told = replace(model, reveals=reveals, tones=tones)
    write_bundle(tmp_path / "b.glb", replace(tiny_avatar, categories={**tiny_avatar.categories, name: told}))
    back = read_bundle(tmp_path / "b.glb").categories
    assert back[name].reveals is not None and np.allclose(back[name].reveals, reveals, atol=0.5 / 255)
    assert np.array_equal(np.asarray(back[name].tones), tones)
    assert all(other.reveals is None and other.tones is None for c, other in back.items() if c != name)


def test_added_variants_come_along(tiny_avatar: Avatar, tmp_path: Path) -> None:
    category, ids = next(iter(tiny_avatar.variants().items()))
    rows = tiny_avatar.categories[category].rows[:200]
    basis = np.zeros((RANK, len(rows), 14), np.float32)
    basis[0, :, 11] = 0.4
    adapter = Adapter(rows, np.ones(len(rows), np.float32), np.full(len(rows), 0.5, np.float32), basis)
    added = AddedVariant(category, ids[0], "redder", "adapter", 0, 0, adapter)
    grown = replace(tiny_avatar, added=(added,))
    write_bundle(tmp_path / "grown.glb", grown)
    again = read_bundle(tmp_path / "grown.glb")
    assert (again.added[0].variant, again.added[0].prompt) == (ids[0], "redder")
    assert psnr_db(grown, again, Look({category: {ids[0]: 0.7}}), Pose(), Expression()) > CLOSE_DB


def test_base_and_expressions_of_30000_gaussians_take_at_most_8_mb(tiny_avatar: Avatar, tmp_path: Path) -> None:
    """As bad as it can be: each hangs on a triangle of its own, and every vertex of the rig is used."""
    count, random, old = 30_000, np.random.default_rng(0), tiny_avatar.binding
    times = -(-count // len(tiny_avatar))
    corners = np.resize(random.permutation(len(old.rig.vertices)), (count, 3)).astype(np.int32)
    binding = Binding(
        old.rig, corners, np.tile(old.bary, (times, 1))[:count], np.tile(old.rest_area, times)[:count]
    )  # fmt: skip
    learned = tiny_avatar.expression
    rows = np.arange(count * len(learned.rows) // len(tiny_avatar), dtype=np.int32)
    expression = replace(learned, rows=rows, basis=np.tile(learned.basis, (1, times, 1))[:, : len(rows)])
    base = np.tile(tiny_avatar.base, (times, 1))[:count]
    write_bundle(
        tmp_path / "large.glb", replace(tiny_avatar, binding=binding, base=base, expression=expression, categories={})
    )
    assert 2e6 < (tmp_path / "large.glb").stat().st_size <= 8e6


def test_the_base_comes_first_and_each_category_in_one_piece(bundle: Path) -> None:
    document, binary = parse_glb(bundle.read_bytes())
    extension = document["extensions"][EXTENSION]
    views = [document["bufferViews"][e["bufferView"]] for e in (extension["base"], *extension["categories"])]
    ends = [0] + [v["byteOffset"] + v["byteLength"] for v in views]
    assert all(0 <= v["byteOffset"] - end < 4 for v, end in zip(views, ends, strict=False))
    assert 0 <= len(binary) - ends[-1] < 4
    assert document["extensionsUsed"] == [EXTENSION] and "extensionsRequired" not in document


def rewritten(target: Path, source: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The bundle with another JSON."""
    document, binary = parse_glb(source.read_bytes())
    document = copy.deepcopy(document)
    change(document["extensions"][EXTENSION])
    builder = GltfBuilder("test", {})
    builder.view(binary)
    views = document["bufferViews"]
    builder.document |= {k: v for k, v in document.items() if k not in ("buffers", "asset")}
    builder.document["bufferViews"] = views
    target.write_bytes(builder.to_bytes())
    return target


def set_shape(array: str, shape: list[int]) -> Callable[[dict[str, Any]], None]:
    def change(x: dict[str, Any]) -> None:
        x["base"]["arrays"][array]["shape"] = shape

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.update(version=99),
        lambda x: x.update(raster_mode="sharp"),
        lambda x: x["base"].update(bufferView=99),
        lambda x: x["base"].update(bone_pivots=[[0, 0, 0]]),
        lambda x: x["base"]["arrays"].pop("quat"),
        lambda x: x["base"]["arrays"]["offset"].update(scale=[1.0]),
        lambda x: x["base"]["arrays"]["offset"].update(scale=[1e38, 1e38, 1e38]),
        lambda x: x["base"]["arrays"]["offset"].update(at=-4),
        lambda x: x["base"]["arrays"]["offset"].update(type="f64"),
        lambda x: x["base"]["shapes"][0].update(rows=10**8),
        lambda x: x["base"]["shapes"].extend({"name": str(i), "rows": 0} for i in range(10**4)),
        set_shape("vertices", [3, 3]),
        set_shape("triangle", [0]),
        set_shape("bary", [1 << 28, 1 << 28]),
        lambda x: x["categories"][0].update(name="wings"),
        lambda x: x["categories"][0].update(variants=[]),
        lambda x: x["categories"].append(x["categories"][0]),
        lambda x: x.update(added=[{"category": "hair"}]),
    ],
)
def test_wrong_descriptions_are_refused(bundle: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    with pytest.raises(CorruptFile):
        read_bundle(rewritten(tmp_path / "wrong.glb", bundle, change))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_hostile_bytes_are_refused_or_harmless(bundle: Path, tmp_path: Path, data: st.DataObject) -> None:
    good = bundle.read_bytes()
    json_end = 20 + int.from_bytes(good[12:16], "little")
    bad = bytearray(good)
    for _ in range(data.draw(st.integers(1, 8))):
        bad[data.draw(st.integers(0, json_end + 4000))] = data.draw(st.integers(0, 255))
    target = tmp_path / "bad.glb"
    target.write_bytes(bytes(bad[: data.draw(st.integers(0, len(bad)))]) if data.draw(st.booleans()) else bytes(bad))
    with suppress(CorruptFile):
        read_bundle(target)


def test_the_json_is_small(bundle: Path) -> None:
    document, _ = parse_glb(bundle.read_bytes())
    assert len(json.dumps(document)) < 65536
