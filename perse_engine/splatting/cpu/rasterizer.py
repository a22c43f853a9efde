"""The CPU rasteriser without autograd: arrays in, arrays out, buffers kept from call to call."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from perse_engine.errors import InvalidValue
from perse_engine.scene import Camera, FloatArray
from perse_engine.splatting.compiled import PARALLEL_WORK
from perse_engine.splatting.cpu.bins import fill_tiles, number_pairs, sort_by_depth
from perse_engine.splatting.cpu.blend import blend
from perse_engine.splatting.cpu.blend_backward import blend_backward
from perse_engine.splatting.cpu.layout import (
    BLOCK,
    LANES_PER_BLOCK,
    RECORD,
    SLOT,
    TILE,
    Array,
    F,
    GaussianBuffers,
    check_array,
)
from perse_engine.splatting.cpu.project import project
from perse_engine.splatting.cpu.project_backward import project_backward

# 2^27 pairs are 6 GiB of gradient slots: N Gaussians that each cover the whole image.
_MAX_PAIRS = 1 << 27
_MAX_SIDE_PX = 16384
# More parts cost more to add up than they save.
_MAX_PARTS = 8


class CpuRasterizer:
    """Rasterises Gaussians, and carries gradients of the last forward back to them.

    One object belongs to one thread. The bits of every result do not depend on the number of threads.
    """

    def __init__(self) -> None:
        lane = np.arange(LANES_PER_BLOCK)
        self._lane_x = (lane % BLOCK).astype(F)
        self._lane_y = (lane // BLOCK).astype(F)
        self._buffers: dict[str, Array] = {}
        self._gaussians: GaussianBuffers | None = None
        self._camera: Camera | None = None

    def forward(
        self,
        gaussians: GaussianBuffers,
        camera: Camera,
        background: FloatArray,
        out_colours: FloatArray,
        out_alpha: FloatArray,
    ) -> None:
        """Fill out_colours [H, W, 3] and out_alpha [H, W]; background [3].

        `gaussians` must not change before `backward`, which reads them again.

        Raises:
            InvalidValue: a Gaussian or the camera is not finite, the Gaussians cover too many tiles together, or an
                array is not writable C-contiguous float32 of its shape.
        """
        check_camera(camera)
        gaussians.check()
        n, width, height = len(gaussians), int(camera.width_px), int(camera.height_px)
        check_array("out_colours", out_colours, (height, width, 3))
        check_array("out_alpha", out_alpha, (height, width))
        if np.shape(background) != (3,):
            raise InvalidValue(f"The background has shape {np.shape(background)}; expected (3,).")
        columns = -(-width // TILE)
        tiles = columns * -(-height // TILE)
        records, boxes = self._buffer("records", (n, RECORD), F), self._buffer("boxes", (n, 4), np.int32)
        depths, tile_counts = self._buffer("depths", (n,), F), self._buffer("tile_counts", (n,), np.int32)
        world_to_cam, intrinsics = _view(camera)
        with PARALLEL_WORK:
            not_finite = project(
                *_flat(gaussians),
                gaussians.opacities,
                gaussians.colours.reshape(-1),
                world_to_cam,
                intrinsics,
                width,
                height,
                records.reshape(-1),
                boxes.reshape(-1),
                depths,
                tile_counts,
            )
        if not_finite:
            raise InvalidValue(f"{not_finite} of {n} Gaussians hold a number that is not finite.")
        pairs = number_pairs(tile_counts, self._buffer("first_slot", (n,), np.int64))
        if pairs > _MAX_PAIRS:
            raise InvalidValue(
                f"{n} Gaussians cover {pairs} tiles together; at most {_MAX_PAIRS} fit into memory.",
                hint="The Gaussians are far too large, or the image is.",
            )
        order, spare = self._buffer("order", (n + 1,), np.int32), self._buffer("spare", (n + 1,), np.int32)
        drawn = sort_by_depth(tile_counts, depths.view(np.uint32), order, spare)
        tile_start = self._buffer("tile_start", (tiles + 1,), np.int64)
        tile_items = self._buffer("tile_items", (pairs,), np.int32)
        parts = min(numba.get_num_threads(), _MAX_PARTS)
        cursors = self._buffer("cursors", (parts * (tiles + LANES_PER_BLOCK),), np.int32).reshape(parts, -1)
        with PARALLEL_WORK:
            fill_tiles(boxes, order, drawn, columns, cursors, tile_start, tile_items)
        with PARALLEL_WORK:
            blend(
                records,
                boxes,
                tile_start,
                tile_items,
                self._buffer("block_masks", (pairs,), np.uint16),
                width,
                height,
                np.array(background, F),
                self._lane_x,
                self._lane_y,
                out_colours,
                out_alpha,
                self._buffer("tile_transmittance", (tiles, 256), F),
                self._buffer("tile_colours", (tiles, 768), F),
            )
        self._gaussians, self._camera, self._pairs = gaussians, camera, pairs

    def backward(self, grad_colours: FloatArray, grad_alpha: FloatArray, out_gradients: GaussianBuffers) -> None:
        """Fill the gradients by the Gaussians of the last forward, from those by its colours and alpha [H, W(, 3)]."""
        if self._gaussians is None or self._camera is None:
            raise InvalidValue("There is no forward pass to go back from.")
        gaussians, camera, kept = self._gaussians, self._camera, self._buffers
        n = len(gaussians)
        check_array("grad_colours", grad_colours, (camera.height_px, camera.width_px, 3))
        check_array("grad_alpha", grad_alpha, (camera.height_px, camera.width_px))
        out_gradients.check()
        if len(out_gradients) != n:
            raise InvalidValue(f"The gradients are those of {len(out_gradients)} Gaussians, not of {n}.")
        tiles = -(-camera.width_px // TILE) * -(-camera.height_px // TILE)
        records, boxes, first_slot = kept["records"][:n], kept["boxes"][:n], kept["first_slot"][:n]
        # 16 lanes are loaded from a slot of 12.
        slots = self._buffer("slots", ((self._pairs + 1) * SLOT,), F)
        with PARALLEL_WORK:
            blend_backward(
                records,
                boxes,
                first_slot,
                kept["tile_start"][: tiles + 1],
                kept["tile_items"][: self._pairs],
                kept["block_masks"][: self._pairs],
                int(camera.width_px),
                int(camera.height_px),
                grad_colours,
                grad_alpha,
                self._lane_x,
                self._lane_y,
                kept["tile_transmittance"][:tiles],
                kept["tile_colours"][:tiles],
                slots,
            )
            project_backward(
                *_flat(gaussians),
                *_view(camera),
                int(camera.width_px),
                int(camera.height_px),
                records.reshape(-1),
                kept["tile_counts"][:n],
                first_slot,
                slots,
                out_gradients.means.reshape(-1),
                out_gradients.quats.reshape(-1),
                out_gradients.scales.reshape(-1),
                out_gradients.opacities,
                out_gradients.colours.reshape(-1),
            )

    def _buffer(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """The first rows of a buffer that grows when needed and never shrinks."""
        buffer = self._buffers.get(name)
        if buffer is None or len(buffer) < shape[0]:
            # A quarter more, so that a scene that grows slowly does not allocate every time.
            buffer = self._buffers[name] = np.zeros((shape[0] * 5 // 4 + LANES_PER_BLOCK, *shape[1:]), dtype)
        return buffer[: shape[0]]


def check_camera(camera: Camera) -> None:
    """Refuse cameras that no picture can be taken with.

    Raises:
        InvalidValue: image size outside 1..16384 px, focal length not positive, or a number not finite.
    """
    if not (1 <= camera.width_px <= _MAX_SIDE_PX and 1 <= camera.height_px <= _MAX_SIDE_PX):
        raise InvalidValue(
            f"An image of {camera.width_px} x {camera.height_px} px cannot be drawn; sides are 1..{_MAX_SIDE_PX} px."
        )
    numbers = np.array([camera.fx, camera.fy, camera.cx, camera.cy])
    if not (np.isfinite(numbers).all() and np.isfinite(camera.world_to_cam).all()):
        raise InvalidValue("The camera holds a number that is not finite.")
    if camera.fx <= 0 or camera.fy <= 0:
        raise InvalidValue("Focal lengths must be positive.")


def _flat(gaussians: GaussianBuffers) -> tuple[Array, Array, Array]:
    return gaussians.means.reshape(-1), gaussians.quats.reshape(-1), gaussians.scales.reshape(-1)


def _view(camera: Camera) -> tuple[Array, Array]:
    """Copies: a read-only array would be another type, and compile every kernel anew."""
    intrinsics = np.array([camera.fx, camera.fy, camera.cx, camera.cy], F)
    return np.array(camera.world_to_cam, F, order="C"), intrinsics
