"""GLB files: whole by glTF's own rules, the same in another reader, and safe against hostile bytes."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from perse_engine.errors import CorruptFile, InvalidValue
from perse_engine.export.bands import HigherBandsIgnored
from perse_engine.export.glb import read_glb, write_glb, write_mesh_glb
from perse_engine.export.glb_gaussians import EXTENSION, OPACITY, ROTATION, SCALE
from perse_engine.export.gltf import COMPONENTS, TYPES, parse_glb, read_accessor
from perse_engine.head.rig import BONES, Rig
from perse_engine.head.subject import PARTS, ExpressionDriver, Subject, TextureBlend, TexturedRig
from perse_engine.scene import Expression, Pose
from tests.perse_engine.export.clouds import asymmetric_cloud, drawable_cloud, psnr_db

Parsed = tuple[dict[str, Any], bytes]


@pytest.fixture
def small_rig() -> TexturedRig:
    """Two quads, one of a closed part and one of a sheet, three shapes (the last moves nothing), one texture blend."""
    rng = np.random.default_rng(7)
    vertices = rng.normal(size=(8, 3)).astype(np.float32)
    shapes = np.zeros((3, 8, 3), np.float32)
    shapes[0] = rng.normal(size=(8, 3))
    shapes[1, 2:4] = 0.5
    weights = rng.uniform(size=(8, 4)).astype(np.float32)
    weights[0] = 1, 0, 0, 0
    weights /= weights.sum(1, keepdims=True)
    names = ("jawOpen", "eyeBlinkLeft", "tongueOut")
    rig = Rig(vertices, names, shapes, rng.normal(size=(4, 3)).astype(np.float32), weights)
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]], np.int32)
    parts = np.array([PARTS.index("face")] * 2 + [PARTS.index("eyes")] * 2, np.uint8)
    uv = rng.uniform((0, 0), (20, 10), (8, 2)).astype(np.float32)
    patch = np.ones((2, 3, 4), np.float32)
    blend = TextureBlend(ExpressionDriver("lid", {"eyeBlinkLeft": 1.0}), 4, 5, patch, patch[..., 0])
    texture = rng.uniform(0, 0.9, (10, 20, 4)).astype(np.float32)
    return TexturedRig(rig, faces, parts, uv, texture, np.zeros((10, 20), np.uint8), (blend,))


def parsed(path: Path) -> Parsed:
    return parse_glb(path.read_bytes())


def dense(file: Parsed, index: int) -> np.ndarray:
    """Any accessor's array, sparse ones too."""
    document, binary = file
    accessor = document["accessors"][index]
    if "bufferView" in accessor:
        return read_accessor(document, binary, index)
    width = {v: k for k, v in TYPES.items()}[accessor["type"]]
    array = np.zeros((accessor["count"], width), np.float32)
    if sparse := accessor.get("sparse"):
        rows, values = (
            view_array(file, sparse[key]["bufferView"], dtype) for key, dtype in (("indices", "<u4"), ("values", "<f4"))
        )
        assert len(rows) == sparse["count"] and (np.diff(rows.astype(int)) > 0).all() and rows.max() < len(array)
        array[rows] = values.reshape(-1, width)
    return array


def view_array(file: Parsed, index: int, dtype: str) -> np.ndarray:
    view = file[0]["bufferViews"][index]
    return np.frombuffer(file[1][view["byteOffset"] : view["byteOffset"] + view["byteLength"]], dtype)


def check_structure(path: Path) -> Parsed:
    """The rules of glTF 2.0 that a writer can break."""
    data = path.read_bytes()
    magic, version, length, json_length, json_kind = struct.unpack_from("<4sIII4s", data)
    assert (magic, version, length, json_kind) == (b"glTF", 2, len(data), b"JSON")
    assert json_length % 4 == 0 and len(data) % 4 == 0
    file = parsed(path)
    document, binary = file
    assert document["buffers"] == [{"byteLength": len(binary)}]
    for view in document["bufferViews"]:
        assert view["byteOffset"] % 4 == 0 and view["byteOffset"] + view["byteLength"] <= len(binary)
    for index, accessor in enumerate(document["accessors"]):
        array = dense(file, index)
        assert len(array) == accessor["count"] > 0 and accessor["componentType"] in COMPONENTS.values()
        assert np.isfinite(array).all()
        if "min" in accessor:
            np.testing.assert_array_equal(np.float32(accessor["min"]), array.min(0))
            np.testing.assert_array_equal(np.float32(accessor["max"]), array.max(0))
    for primitive in (p for mesh in document["meshes"] for p in mesh["primitives"]):
        check_primitive(file, primitive)
    for node in document["nodes"]:
        for kind, plural in (("mesh", "meshes"), ("skin", "skins")):
            assert kind not in node or node[kind] < len(document[plural])
    reached = [n for root in document["scenes"][0]["nodes"] for n in below(document, root)]
    assert sorted(reached) == list(range(len(document["nodes"])))
    return file


def below(document: dict[str, Any], node: int) -> Iterator[int]:
    yield node
    for child in document["nodes"][node].get("children", []):
        yield from below(document, child)


def check_primitive(file: Parsed, primitive: dict[str, Any]) -> None:
    document, _ = file
    counts = {document["accessors"][i]["count"] for i in primitive["attributes"].values()}
    assert len(counts) == 1
    assert {"min", "max"} <= set(document["accessors"][primitive["attributes"]["POSITION"]])
    for target in primitive.get("targets", []):
        accessor = document["accessors"][target["POSITION"]]
        assert {accessor["count"]} == counts and {"min", "max"} <= set(accessor)
    if "indices" in primitive:
        indices = dense(file, primitive["indices"])
        assert indices.max() < min(counts) and len(indices) % 3 == 0


def test_gaussians_are_what_the_extension_asks_for(tmp_path: Path) -> None:
    cloud = asymmetric_cloud()
    write_glb(tmp_path / "a.glb", cloud)
    file = check_structure(tmp_path / "a.glb")
    document, _ = file
    assert document["extensionsUsed"] == [EXTENSION] and "extensionsRequired" not in document
    (primitive,) = document["meshes"][0]["primitives"]
    assert primitive["mode"] == 0
    assert primitive["extensions"][EXTENSION]["kernel"] == "ellipse"
    assert primitive["extensions"][EXTENSION]["colorSpace"] == "srgb_rec709_display"
    attributes = {name: dense(file, index) for name, index in primitive["attributes"].items()}
    np.testing.assert_array_equal(attributes["POSITION"], cloud.means)
    np.testing.assert_array_equal(attributes[SCALE], cloud.scales)
    np.testing.assert_array_equal(attributes[OPACITY], cloud.opacities)
    np.testing.assert_allclose(attributes[ROTATION], cloud.normalised_quats()[:, [1, 2, 3, 0]])
    harmonics = attributes["KHR_gaussian_splatting:SH_DEGREE_0_COEF_0"]
    np.testing.assert_allclose(0.5 + 0.2820947917738781 * harmonics, cloud.colours, atol=1e-6)
    assert "AI-generated" in document["asset"]["extras"]["note"]


def test_the_fallback_colour_is_linear_light_with_opacity(tmp_path: Path) -> None:
    cloud = asymmetric_cloud(1)
    cloud.colours[:] = 0.5, 0.02, 1.4
    write_glb(tmp_path / "a.glb", cloud)
    file = parsed(tmp_path / "a.glb")
    primitive = file[0]["meshes"][0]["primitives"][0]
    colour = dense(file, primitive["attributes"]["COLOR_0"])[0] / 65535
    np.testing.assert_allclose(colour, [0.21404, 0.02 / 12.92, 1, cloud.opacities[0]], atol=1e-4)


def test_reading_gives_back_what_was_written(tmp_path: Path) -> None:
    cloud = asymmetric_cloud()
    write_glb(tmp_path / "a.glb", cloud)
    back = read_glb(tmp_path / "a.glb")
    for name in ("means", "scales", "opacities"):
        np.testing.assert_array_equal(getattr(back, name), getattr(cloud, name))
    np.testing.assert_allclose(back.quats, cloud.normalised_quats())
    np.testing.assert_allclose(back.colours, cloud.colours, atol=1e-6)
    write_glb(tmp_path / "b.glb", drawable_cloud())
    assert psnr_db(read_glb(tmp_path / "b.glb"), drawable_cloud()) >= 100


def test_the_animated_rig_moves_in_gltf_as_it_does_here(small_rig: TexturedRig, tmp_path: Path) -> None:
    """glTF's own formula with its own numbers, for a turned head, a turned eye and two shapes."""
    write_glb(tmp_path / "a.glb", rig=small_rig)
    file = check_structure(tmp_path / "a.glb")
    document, _ = file
    mesh, skin = document["meshes"][0], document["skins"][0]
    assert mesh["extras"]["targetNames"] == list(small_rig.rig.shape_names)
    assert mesh["weights"] == [0, 0, 0]
    pose, expression = Pose(20, -10, 5), Expression({"jawOpen": 0.3, "eyeBlinkLeft": 0.8, "eyeLookInRight": 0.5})
    primitive = mesh["primitives"][0]
    positions = dense(file, primitive["attributes"]["POSITION"]).astype(np.float64)
    for target, weight in zip(primitive["targets"], small_rig.rig.weights(pose, expression), strict=True):
        positions += weight * dense(file, target["POSITION"])

    names = [document["nodes"][joint]["name"] for joint in skin["joints"]]
    assert names == list(BONES)
    transforms = small_rig.rig.bone_transforms(pose, expression)[..., :3].astype(np.float64)
    turns = {"torso": np.eye(3), "head": transforms[1]}
    turns |= {name: transforms[1].T @ transforms[k] for k, name in ((2, "eyeRight"), (3, "eyeLeft"))}
    worlds: dict[int, np.ndarray] = {}

    def walk(node: int, above: np.ndarray) -> None:
        local = np.eye(4)
        local[:3, :3] = turns[document["nodes"][node]["name"]]
        local[:3, 3] = document["nodes"][node]["translation"]
        worlds[node] = above @ local
        for child in document["nodes"][node].get("children", []):
            walk(child, worlds[node])

    walk(skin["skeleton"], np.eye(4))
    inverse = dense(file, skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
    joints = np.stack([worlds[j] @ m for j, m in zip(skin["joints"], inverse, strict=True)])
    index, weights = (dense(file, primitive["attributes"][name]) for name in ("JOINTS_0", "WEIGHTS_0"))
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
    assert (index[weights == 0] == 0).all()
    blended = (joints[index] * weights[..., None, None]).sum(1)
    moved = np.einsum("vij,vj->vi", blended, np.column_stack([positions, np.ones(len(positions))]))[:, :3]
    np.testing.assert_allclose(moved, small_rig.rig.posed(pose, expression), atol=1e-5)


def test_a_shape_that_moves_nothing_keeps_its_place_in_the_list(small_rig: TexturedRig, tmp_path: Path) -> None:
    write_glb(tmp_path / "a.glb", rig=small_rig)
    file = parsed(tmp_path / "a.glb")
    targets = file[0]["meshes"][0]["primitives"][0]["targets"]
    assert len(targets) == 3 and not dense(file, targets[2]["POSITION"]).any()


def test_the_texture_is_a_png_with_the_pixels_of_the_rig(small_rig: TexturedRig, tmp_path: Path) -> None:
    expression = Expression({"eyeBlinkLeft": 1.0})
    write_glb(tmp_path / "rig.glb", rig=small_rig)
    write_mesh_glb(tmp_path / "mesh.glb", small_rig, Pose(10), expression)
    for name, texture in (("rig", small_rig.texture), ("mesh", small_rig.texture_for(expression))):
        file = check_structure(tmp_path / f"{name}.glb")
        (image,) = file[0]["images"]
        picture = np.asarray(Image.open(io.BytesIO(view_array(file, image["bufferView"], "u1").tobytes())))
        np.testing.assert_array_equal(picture, np.rint(texture * 255))
        uv = dense(file, file[0]["meshes"][0]["primitives"][0]["attributes"]["TEXCOORD_0"])
        np.testing.assert_allclose(uv * (20, 10), small_rig.uv, atol=1e-5)


def test_closed_parts_and_sheets_differ_in_material(small_rig: TexturedRig, tmp_path: Path) -> None:
    write_glb(tmp_path / "a.glb", rig=small_rig)
    document, _ = parsed(tmp_path / "a.glb")
    closed, sheets = document["materials"]
    assert closed["alphaMode"] == "OPAQUE" and "doubleSided" not in closed
    assert sheets["alphaMode"] == "MASK" and sheets["doubleSided"]


def test_trimesh_reads_the_mesh_of_a_real_head(astronaut_subject: Subject, tmp_path: Path) -> None:
    look, pose, expression = astronaut_subject.look, Pose(15, 5), Expression({"jawOpen": 0.4})
    write_mesh_glb(tmp_path / "a.glb", look, pose, expression)
    check_structure(tmp_path / "a.glb")
    scene = trimesh.load_scene(tmp_path / "a.glb")
    meshes = list(scene.geometry.values())
    assert sum(len(mesh.faces) for mesh in meshes) == len(look.faces)
    for mesh in meshes:
        np.testing.assert_array_equal(mesh.vertices, look.rig.posed(pose, expression))
        assert mesh.visual.material.baseColorTexture.size == look.texture.shape[1::-1]
        # trimesh counts v from below.
        np.testing.assert_allclose(mesh.visual.uv, look.uv / look.texture.shape[1::-1] * (1, -1) + (0, 1), atol=1e-6)
    # The nose is in front and its normals look forward.
    tip = meshes[0].vertices[:, 2].argmax()
    assert meshes[0].vertex_normals[tip, 2] > 0.5


def test_trimesh_reads_gaussians_beside_the_animated_rig(astronaut_subject: Subject, tmp_path: Path) -> None:
    cloud = asymmetric_cloud()
    write_glb(tmp_path / "a.glb", cloud, astronaut_subject.look)
    file = check_structure(tmp_path / "a.glb")
    assert set(file[0]["meshes"][0]["extras"]["targetNames"]) >= {"jawOpen", "eyeBlinkLeft", "mouthSmileRight"}
    scene = trimesh.load_scene(tmp_path / "a.glb")
    np.testing.assert_array_equal(scene.geometry["gaussians"].vertices, cloud.means)
    assert set(BONES) <= set(scene.graph.nodes)
    np.testing.assert_array_equal(read_glb(tmp_path / "a.glb").means, cloud.means)


def test_nothing_to_write_is_refused(small_rig: TexturedRig, tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="needs"):
        write_glb(tmp_path / "a.glb")
    with pytest.raises(InvalidValue, match="at least one"):
        write_glb(tmp_path / "a.glb", asymmetric_cloud(0))
    write_glb(tmp_path / "rig.glb", rig=small_rig)
    with pytest.raises(CorruptFile, match="no Gaussians"):
        read_glb(tmp_path / "rig.glb")


def rewritten(path: Path, change: Any) -> None:
    """The same file with another JSON."""
    document, binary = parsed(path)
    change(document)
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    size = 28 + len(text) + len(binary)
    head = struct.pack("<4sIII4s", b"glTF", 2, size, len(text), b"JSON")
    path.write_bytes(head + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary)


def test_view_dependent_colour_of_other_programs_is_left_out_and_said(tmp_path: Path) -> None:
    def add_band(document: dict[str, Any]) -> None:
        document["meshes"][0]["primitives"][0]["attributes"][f"{EXTENSION}:SH_DEGREE_1_COEF_0"] = 0

    write_glb(tmp_path / "a.glb", asymmetric_cloud())
    rewritten(tmp_path / "a.glb", add_band)
    with pytest.warns(HigherBandsIgnored, match="glTF"):
        assert len(read_glb(tmp_path / "a.glb")) == 50


def damages() -> dict[str, tuple[tuple[str | int, ...], Any]]:
    return {
        "a count beyond the bytes": (("accessors", 0, "count"), 51),
        "an absurd count": (("accessors", 0, "count"), 2**31),
        "a negative count": (("accessors", 0, "count"), -1),
        "a count that is no number": (("accessors", 0, "count"), "50"),
        "another component type": (("accessors", 3, "componentType"), 5125),
        "an unknown component type": (("accessors", 3, "componentType"), 1),
        "another type": (("accessors", 2, "type"), "VEC3"),
        "a list for a type": (("accessors", 2, "type"), ["VEC4"]),
        "a view beyond the bytes": (("bufferViews", 0, "byteOffset"), 1 << 20),
        "a stride of 0": (("bufferViews", 0, "byteStride"), 0),
        "a missing accessor": (("meshes", 0, "primitives", 0, "attributes", SCALE), 99),
        "attributes that are none": (("meshes", 0, "primitives", 0, "attributes"), None),
        "meshes that are none": (("meshes",), 7),
        "no accessors": (("accessors",), {}),
    }


@pytest.mark.parametrize("name", damages())
def test_json_that_does_not_fit_is_refused(name: str, tmp_path: Path) -> None:
    keys, value = damages()[name]

    def change(document: Any) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = value

    write_glb(tmp_path / "a.glb", asymmetric_cloud())
    rewritten(tmp_path / "a.glb", change)
    with pytest.raises(CorruptFile):
        read_glb(tmp_path / "a.glb")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every path in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@same_folder
@given(choice=st.integers(0, 10_000), value=json_values)
def test_any_json_value_anywhere_never_raises_anything_else(choice: int, value: Any, tmp_path: Path) -> None:
    def change(document: Any) -> None:
        paths = list(places(document))
        *keys, last = paths[choice % len(paths)]
        for key in keys:
            document = document[key]
        document[last] = value

    write_glb(tmp_path / "a.glb", asymmetric_cloud(3))
    rewritten(tmp_path / "a.glb", change)
    with suppress(CorruptFile):
        read_glb(tmp_path / "a.glb")


@same_folder
@given(cut=st.integers(0, 10_000), at=st.integers(0, 10_000), value=st.integers(0, 255), random=st.binary(max_size=60))
def test_cut_and_random_bytes_never_raise_anything_else(
    cut: int, at: int, value: int, random: bytes, tmp_path: Path
) -> None:
    write_glb(tmp_path / "a.glb", asymmetric_cloud(3))
    whole = (tmp_path / "a.glb").read_bytes()
    damaged = bytearray(whole)
    damaged[at % len(whole)] = value
    framed = struct.pack("<4sII", b"glTF", 2, 12 + len(random)) + random
    for content in (whole[: cut % len(whole)], bytes(damaged), random, framed):
        (tmp_path / "b.glb").write_bytes(content)
        with suppress(CorruptFile):
            read_glb(tmp_path / "b.glb")
