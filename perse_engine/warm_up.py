"""Compile every kernel before it is needed: half a minute on a new machine, nothing where they are cached."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from perse_engine.avatar.avatar import ALL_COLUMNS, EXPRESSION_COLUMNS, Binding
from perse_engine.avatar.drawing import View
from perse_engine.avatar.kernels import add_basis, project_on_basis, take_rows
from perse_engine.avatar.latent import column_weights
from perse_engine.avatar.properties import PROPERTIES
from perse_engine.compiled import PARALLEL_WORK
from perse_engine.head.mesh_changes import Changes, Original
from perse_engine.head.mesh_raster import bake, depth_map, draw
from perse_engine.head.rig import BONES, Rig
from perse_engine.head.subject import PARTS, TexturedRig
from perse_engine.progress import Progress
from perse_engine.scene import Camera, Expression, Pose
from perse_engine.splatting.cpu.rasterizer import CpuRasterizer
from perse_engine.splatting.warm_up import warm_up as warm_up_splatting
from perse_engine.synthesis.animator import changed_mask
from perse_engine.synthesis.procedural.hiding import share_hidden
from perse_engine.synthesis.procedural.outfit import blend_changed

SIDE_PX = 16


def warm_up(progress: Progress) -> None:
    """Run each kernel once on one triangle."""
    look = _triangle()
    camera = Camera.orbit(width_px=SIDE_PX, height_px=SIDE_PX)
    vertices = look.rig.posed(Pose(), Expression())
    picture = draw(look, vertices, camera)
    Changes(Original(look), replace(look, texture=look.texture / 2)).stale(vertices, vertices, camera)
    changed_mask(picture, picture)
    depth_map(camera.project(vertices), look.faces, SIDE_PX, SIDE_PX)
    bake(look.uv, look.faces, np.ones((3, 2), np.float32), (SIDE_PX, SIDE_PX))
    texture, mask = np.zeros((4, 4, 4), np.float32), np.ones((4, 4), np.float32)
    blend_changed(texture[..., :3], mask, np.positive)
    # The window of a mask.
    blend_changed(texture[:, :2, :3], mask[:, :2], np.positive)
    share_hidden(texture, mask, texture, texture, mask.copy())
    warm_up_splatting(progress)
    bary = np.full((1, 3), 1 / 3, np.float32)
    view = View(Binding(look.rig, look.faces, bary, np.ones(1, np.float32)), CpuRasterizer(), (SIDE_PX, SIDE_PX))
    x = np.zeros((1, PROPERTIES), np.float32)
    x[:, 3] = 1
    view.draw(x, vertices, camera)
    grad_x = view.back(np.ones_like(view.colours), np.ones_like(view.alpha))
    rows = np.zeros(1, np.int32)
    column_weights(np.ones(1, np.float32), np.ones(1, np.float32))
    for columns in (ALL_COLUMNS, EXPRESSION_COLUMNS):
        ones = np.ones((1, len(columns)), np.float32)
        with PARALLEL_WORK:
            add_basis(x, rows, ones, columns, ones[None].copy(), np.zeros(1, np.int64), np.ones(1, np.float32))
            project_on_basis(ones[None].copy(), ones, np.zeros((1, 1)))
            take_rows(grad_x, rows, ones, columns, ones.copy())


def _triangle() -> TexturedRig:
    corners = np.array([[0, 0, -0.08], [0.05, 0, -0.08], [0, 0.05, -0.08]], np.float32)
    weights = np.zeros((3, len(BONES)), np.float32)
    weights[:, 0] = 1
    rig = Rig(corners, (), np.zeros((0, 3, 3), np.float32), np.zeros((len(BONES), 3), np.float32), weights)
    uv = np.array([[1, 1], [3, 1], [1, 3]], np.float32)
    return TexturedRig(
        rig,
        np.array([[0, 1, 2]], np.int32),
        np.array([PARTS.index("added")], np.uint8),
        uv,
        np.ones((4, 4, 4), np.float32),
        np.ones((4, 4), np.uint8),
    )
