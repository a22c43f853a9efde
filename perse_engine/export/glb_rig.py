"""The rig in glTF: its textured mesh with a skin of four bones and ARKit morph targets, or standing still.

Engines turn the nodes `head`, `eyeRight` and `eyeLeft` and set the weights named in `mesh.extras.targetNames`. What
they cannot do is what glTF has no words for: the texture blends that close the lids' colour and part the lips.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from perse_engine.export.gltf import INDICES, GltfBuilder
from perse_engine.head.mesh_raster import TWO_SIDED
from perse_engine.head.rig import BONES
from perse_engine.head.subject import TexturedRig
from perse_engine.scene import Expression, FloatArray, Pose

UNLIT = "KHR_materials_unlit"
STILL_M = 1e-5
"""A vertex that a shape moves less than this is left out of its morph target."""
PARENTS = (None, 0, 1, 1)
"""Of BONES: an eye turns with the head."""


def add_animated_rig(builder: GltfBuilder, look: TexturedRig) -> None:
    """The rig at rest, with its bones and morph targets."""
    rig = look.rig
    targets = [{"POSITION": _morph_target(builder, shape)} for shape in rig.shapes]
    joints, weights = _skinning(rig.bone_weights)
    attributes = _vertex_attributes(builder, look, rig.vertices) | {
        "JOINTS_0": builder.accessor(joints),
        "WEIGHTS_0": builder.accessor(weights),
    }
    mesh = _mesh(builder, look, attributes, look.texture)
    if targets:
        for primitive in mesh["primitives"]:
            primitive["targets"] = targets
        mesh |= {"weights": [0.0] * len(targets), "extras": {"targetNames": list(rig.shape_names)}}
    bones = _add_bones(builder, rig.bone_pivots)
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(BONES), 1, 1))
    # Column-major: the translation is the last four numbers.
    inverse[:, 3, :3] = -rig.bone_pivots
    skin = {
        "joints": bones,
        "skeleton": bones[0],
        "inverseBindMatrices": builder.accessor(inverse.reshape(-1, 16), target=None),
    }
    node = {"name": "rig", "mesh": builder.add("meshes", mesh), "skin": builder.add("skins", skin)}
    builder.add_root(bones[0])
    builder.add_root(builder.add("nodes", node))


def add_still_rig(builder: GltfBuilder, look: TexturedRig, pose: Pose, expression: Expression) -> None:
    """The mesh as posed, with the texture of that expression; nothing moves."""
    attributes = _vertex_attributes(builder, look, look.rig.posed(pose, expression))
    mesh = _mesh(builder, look, attributes, look.texture_for(expression))
    builder.add_root(builder.add("nodes", {"name": "rig", "mesh": builder.add("meshes", mesh)}))


def _vertex_attributes(builder: GltfBuilder, look: TexturedRig, vertices: FloatArray) -> dict[str, int]:
    height, width = look.texture.shape[:2]
    return {
        "POSITION": builder.accessor(vertices.astype(np.float32), bounds=True),
        "NORMAL": builder.accessor(_normals(vertices, look.faces)),
        "TEXCOORD_0": builder.accessor((look.uv / (width, height)).astype(np.float32)),
    }


def _mesh(builder: GltfBuilder, look: TexturedRig, attributes: dict[str, int], texture: FloatArray) -> dict[str, Any]:
    """Two primitives over the same vertices: closed surfaces, and sheets with holes that both sides show."""
    file = io.BytesIO()
    Image.fromarray(np.rint(np.clip(texture, 0, 1) * 255).astype(np.uint8)).save(file, "PNG")
    image = builder.add("images", {"mimeType": "image/png", "bufferView": builder.view(file.getvalue())})
    sampler = builder.add("samplers", {"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071})
    source = builder.add("textures", {"source": image, "sampler": sampler})
    # What is left of light in the texture is meant to be seen: programs that know the extension add none.
    builder.use_extension(UNLIT)
    two_sided = np.array(TWO_SIDED)[look.face_part]
    primitives = []
    for name, faces, mode in (
        ("closed", look.faces[~two_sided], {"alphaMode": "OPAQUE"}),
        ("sheets", look.faces[two_sided], {"alphaMode": "MASK", "alphaCutoff": 0.5, "doubleSided": True}),
    ):
        if len(faces):
            surface = {"baseColorTexture": {"index": source}, "metallicFactor": 0.0, "roughnessFactor": 1.0}
            material = {"name": name, "pbrMetallicRoughness": surface, "extensions": {UNLIT: {}}, **mode}
            indices = builder.accessor(faces.astype(np.uint32).ravel(), INDICES)
            primitives.append(
                {"attributes": attributes, "indices": indices, "material": builder.add("materials", material)}
            )
    return {"name": "rig", "primitives": primitives}


def _morph_target(builder: GltfBuilder, shape: FloatArray) -> int:
    rows = np.flatnonzero(np.linalg.norm(shape, axis=1) > STILL_M)
    kept = np.zeros_like(shape, np.float32)
    kept[rows] = shape[rows]
    return builder.sparse_accessor(kept, rows)


def _add_bones(builder: GltfBuilder, pivots: FloatArray) -> list[int]:
    """A node per bone at its pivot, unrotated, below its parent."""
    nodes: list[dict[str, Any]] = []
    for name, pivot, parent in zip(BONES, pivots, PARENTS, strict=True):
        origin = 0 if parent is None else pivots[parent]
        nodes.append({"name": name, "translation": (pivot - origin).tolist()})
    indices = [builder.add("nodes", node) for node in nodes]
    for index, parent in zip(indices, PARENTS, strict=True):
        if parent is not None:
            nodes[parent].setdefault("children", []).append(index)
    return indices


def _skinning(bone_weights: FloatArray) -> tuple[npt.NDArray[np.uint8], FloatArray]:
    """JOINTS_0 and WEIGHTS_0: weights sum to 1, and unused joints are 0, as glTF demands."""
    weights = np.maximum(bone_weights, 0)
    weights = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    return np.where(weights > 0, np.arange(len(BONES)), 0).astype(np.uint8), weights


def _normals(vertices: FloatArray, faces: npt.NDArray[np.int32]) -> FloatArray:
    """Unit normals [V, 3], smooth across texture seams, where vertices lie on each other."""
    _, place = np.unique(np.rint(vertices * 1e6).astype(np.int64), axis=0, return_inverse=True)
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    face_normals = np.cross(b - a, c - a).astype(np.float64)
    sums = np.zeros((place.max() + 1, 3))
    for k in range(3):
        np.add.at(sums, place[faces[:, k]], face_normals)
    normals = sums[place]
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    # Vertices of no area face forward: any unit vector will do.
    return np.where(lengths > 0, normals / np.maximum(lengths, 1e-30), (0.0, 0.0, 1.0)).astype(np.float32)
