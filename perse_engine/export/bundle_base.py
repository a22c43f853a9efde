"""The bundle's base block: everything that shows the source look, animated."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from perse_engine.avatar.avatar import Avatar, Binding, ExpressionModel
from perse_engine.avatar.properties import COLOUR, LOG_SCALE, OFFSET, OPACITY, QUAT
from perse_engine.errors import CorruptFile
from perse_engine.export.bundle_arrays import Array, BlockReader, BlockWriter
from perse_engine.head.rig import Rig
from perse_engine.head.subject import ExpressionDriver
from perse_engine.scene import FloatArray

STILL_M = 1e-5
"""Vertices that a shape moves less are left out of it."""
WEIGHT_STEPS = 65535
MAX_SHAPES = 128
"""ARKit has 52; a file of unknown origin shall not unpack to more memory than it is worth."""


def base_block(avatar: Avatar) -> tuple[BlockWriter, dict[str, Any]]:
    """The block, and what the JSON says of it. Only vertices that Gaussians hang on are written."""
    binding, rig, block = avatar.binding, avatar.binding.rig, BlockWriter()
    used, corners = np.unique(binding.triangles, return_inverse=True)
    triangles, first, triangle = np.unique(
        corners.reshape(-1, 3), axis=0, return_index=True, return_inverse=True
    )  # fmt: skip
    block.put("vertices", rig.vertices[used])
    block.put("bone_weights", np.rint(rig.bone_weights[used] * WEIGHT_STEPS).astype(np.uint16))
    block.put_index("triangles", triangles, len(used))
    block.put("rest_area", binding.rest_area[first])
    counts = _put_shapes(block, rig.shapes[:, used])
    block.put_index("triangle", triangle.ravel(), len(triangles))
    block.put("bary", np.rint(np.clip(binding.bary[:, 1:], 0, 1) * WEIGHT_STEPS).astype(np.uint16))
    x = avatar.base
    block.put_signed("offset", x[:, OFFSET], np.int16)
    block.put_signed("quat", x[:, QUAT] / quat_lengths(x)[:, None], np.int16)
    block.put_signed("log_scale", x[:, LOG_SCALE], np.int16)
    block.put_signed("opacity", x[:, OPACITY : OPACITY + 1], np.int16)
    block.put_signed("colour", x[:, COLOUR], np.int16)
    block.put_index("expression_rows", avatar.expression.rows, len(x))
    block.put_signed("expression", avatar.expression.basis, np.int8)
    about = {
        "gaussians": len(x),
        "bone_pivots": rig.bone_pivots.astype(float).tolist(),
        "shapes": [{"name": n, "rows": c} for n, c in zip(rig.shape_names, counts, strict=True)],
        "drivers": [asdict(d) for d in avatar.expression.drivers],
    }
    return block, about


def _put_shapes(block: BlockWriter, shapes: FloatArray) -> list[int]:
    """Blendshapes, each the vertices that it moves; returns how many those are."""
    moved = [np.flatnonzero(np.abs(shape).max(1) > STILL_M) for shape in shapes]
    scales = np.array([np.abs(s[r]).max(0, initial=0) for s, r in zip(shapes, moved, strict=True)], np.float32)
    scales = np.where(scales > 0, scales / 127, 1).astype(np.float32).reshape(-1, 3)
    steps = [np.rint(s[r] / k).astype(np.int8) for s, r, k in zip(shapes, moved, scales, strict=True)]
    block.put_index("shape_rows", np.concatenate([np.zeros(0, np.int64), *moved]), shapes.shape[1])
    block.put("shapes", np.concatenate([np.zeros((0, 3), np.int8), *steps]), scales)
    return [len(rows) for rows in moved]


def quat_lengths(x: FloatArray) -> FloatArray:
    """Lengths of the base's quaternions, [N]: rotations are written at length 1, and their changes to that scale."""
    return np.maximum(np.linalg.norm(x[:, QUAT], axis=1), 1e-6).astype(np.float32)


def read_base(block: BlockReader, about: dict[str, Any]) -> tuple[Binding, FloatArray, ExpressionModel]:
    """Binding, base [N, 14] and expression model.

    Raises:
        CorruptFile, KeyError, TypeError, ValueError, IndexError: it does not fit together.
    """
    triangle = block.raw("triangle").astype(np.int64)
    triangles, bary = block.raw("triangles").astype(np.int32), block.raw("bary").astype(np.float32) / WEIGHT_STEPS
    if not len(triangle) or triangle.max() >= len(triangles):
        raise CorruptFile("A Gaussian of the bundle hangs on a triangle that is not there.")
    rig = _read_rig(block, about)
    bary = np.column_stack([1 - bary.sum(1), bary]).astype(np.float32)
    binding = Binding(rig, triangles[triangle], bary, block.raw("rest_area")[triangle])
    columns = [block.values(name) for name in ("offset", "quat", "log_scale", "opacity", "colour")]
    drivers = tuple(ExpressionDriver(**d) for d in about["drivers"])
    expression = ExpressionModel(drivers, block.raw("expression_rows").astype(np.int32), block.values("expression"))
    return binding, np.concatenate(columns, 1), expression


def _read_rig(block: BlockReader, about: dict[str, Any]) -> Rig:
    vertices = block.raw("vertices")
    weights = block.raw("bone_weights").astype(np.float32)
    names = tuple(str(s["name"]) for s in about["shapes"])
    rows, steps = block.raw("shape_rows"), block.raw("shapes")
    counts = [s["rows"] for s in about["shapes"]]
    ends = np.cumsum([0, *counts])
    scales = block.scales("shapes").reshape(-1, 3)
    if any(type(c) is not int or c < 0 for c in counts) or ends[-1] != len(rows) or len(rows) != len(steps):
        raise CorruptFile("The bundle's blendshapes have other rows than it says.")
    if not len(scales) == len(names) <= MAX_SHAPES or (len(rows) and rows.max() >= len(vertices)):
        raise CorruptFile("A blendshape of the bundle moves what is not there.")
    shapes: Array = np.zeros((len(names), len(vertices), 3), np.float32)
    for shape, scale, first, end in zip(shapes, scales, ends[:-1], ends[1:], strict=True):
        shape[rows[first:end]] = steps[first:end] * scale
    weights /= np.maximum(weights.sum(1, keepdims=True), 1)
    return Rig(vertices, names, shapes, np.array(about["bone_pivots"], np.float32), weights)
