"""The CPU rasteriser without autograd: arrays in, arrays out, buffers kept from call to call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np

from perse_engine.compiled import PARALLEL_WORK
from perse_engine.errors import InvalidValue
from perse_engine.scene import Camera, FloatArray
from perse_engine.splatting.backends import RasterMode, check_raster_mode
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
from perse_engine.splatting.cpu.project import project, put_colours
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

    def __init__(self, raster_mode: RasterMode = "classic") -> None:
        self._antialiased = check_raster_mode(raster_mode) == "antialiased"
        lane = np.arange(LANES_PER_BLOCK)
        self._lane_x = (lane % BLOCK).astype(F)
        self._lane_y = (lane // BLOCK).astype(F)
        self._buffers: dict[str, Array] = {}
        self._drawn: _Drawn | None = None

    def forward(
        self,
        gaussians: GaussianBuffers,
        camera: Camera,
        background: FloatArray,
        out_colours: FloatArray,
        out_alpha: FloatArray,
    ) -> None:
        """Fill out_colours [H, W, 3] and out_alpha [H, W]; background [3].

        Neither `gaussians` nor what was filled may change before `backward`, which reads them again.

        Raises:
            InvalidValue: a Gaussian or the camera is not finite, the Gaussians cover too many tiles together, or an
                array is not writable C-contiguous float32 of its shape.
        """
        check_array("out_colours", out_colours, (int(camera.height_px), int(camera.width_px), 3))
        check_array("out_alpha", out_alpha, (int(camera.height_px), int(camera.width_px)))
        self.forward_views(gaussians, (camera,), background, out_colours[None], out_alpha[None])

    def forward_views(
        self,
        gaussians: GaussianBuffers,
        cameras: Sequence[Camera],
        background: FloatArray,
        out_colours: FloatArray,
        out_alpha: FloatArray,
        *,
        own_gaussians: bool = False,
    ) -> None:
        """Fill out_colours [V, H, W, 3] and out_alpha [V, H, W]: V cameras of one size, side by side on all cores.

        Many small views cost less than one after the other. With `own_gaussians` the rows are V sets of equal length,
        one for every camera (other poses or looks); else all cameras see all rows.

        Raises:
            InvalidValue: as `forward`; cameras of different sizes; rows that do not fall into V sets.
        """
        views = len(cameras)
        width, height = _common_size(cameras)
        gaussians.check()
        sets = views if own_gaussians else 1
        if len(gaussians) % sets:
            raise InvalidValue(f"{len(gaussians)} Gaussians are not {sets} sets of equal length.")
        check_array("out_colours", out_colours, (views, height, width, 3))
        check_array("out_alpha", out_alpha, (views, height, width))
        n = len(gaussians) // sets
        rows = -(-n // LANES_PER_BLOCK) * LANES_PER_BLOCK
        records = self._buffer("records", (views * rows, RECORD), F)
        boxes = self._buffer("boxes", (views * rows, 4), np.int32)
        depths = self._buffer("depths", (views * rows,), F)
        tile_counts = self._buffer("tile_counts", (views * rows,), np.int32)
        camera_rows = np.array([_camera_row(camera) for camera in cameras], F)
        with PARALLEL_WORK:
            not_finite = project(
                *_flat(gaussians),
                gaussians.opacities,
                gaussians.colours.reshape(-1),
                sets,
                camera_rows,
                width,
                height,
                self._antialiased,
                records.reshape(-1),
                boxes.reshape(-1),
                depths,
                tile_counts,
            )
        if not_finite:
            raise InvalidValue(f"{not_finite} of {len(gaussians)} Gaussians hold a number that is not finite.")
        pairs = number_pairs(tile_counts, self._buffer("first_slot", (views * rows,), np.int64))
        if pairs > _MAX_PAIRS:
            raise InvalidValue(
                f"{n} Gaussians cover {pairs} tiles together; at most {_MAX_PAIRS} fit into memory.",
                hint="The Gaussians are far too large, or the image is.",
            )
        self._drawn = _Drawn(gaussians, camera_rows, sets, rows, width, height, pairs, out_colours, out_alpha)
        self._bin(boxes, tile_counts, depths)
        self._blend(background)

    def recolour(self, colours: FloatArray, background: FloatArray, out_colours: FloatArray) -> None:
        """Draw the last forward again with other colours: projection and sorting are kept.

        colours [N, 3] for all views, or [V N, 3], own ones for every view; out_colours as the last forward's. A
        `backward` after this belongs to this drawing, and its colour gradients have the shape of the last forward's.

        Raises:
            InvalidValue: there was no forward, or an array has the wrong shape.
        """
        drawn = self._last()
        n, views = len(drawn.gaussians) // drawn.sets, len(drawn.cameras)
        sets = views if len(colours) == views * n else 1
        check_array("colours", colours, (sets * n, 3))
        check_array("out_colours", out_colours, (*drawn.alpha.shape, 3))
        with PARALLEL_WORK:
            put_colours(colours.reshape(-1), sets, self._buffers["records"].reshape(-1), views, drawn.rows)
        self._drawn = replace(drawn, colours=out_colours)
        self._blend(background)

    def backward(self, grad_colours: FloatArray, grad_alpha: FloatArray, out_gradients: GaussianBuffers) -> None:
        """Fill the gradients by the Gaussians of the last forward, from those by what it filled, of the same shapes."""
        drawn, kept = self._last(), self._buffers
        shape = drawn.alpha.shape[1:] if grad_alpha.ndim == 2 and len(drawn.cameras) == 1 else drawn.alpha.shape
        check_array("grad_colours", grad_colours, (*shape, 3))
        check_array("grad_alpha", grad_alpha, shape)
        out_gradients.check()
        n = len(drawn.gaussians)
        if len(out_gradients) != n:
            raise InvalidValue(f"The gradients are those of {len(out_gradients)} Gaussians, not of {n}.")
        total = len(drawn.cameras) * drawn.rows
        # 16 lanes are loaded from a slot of 12.
        slots = self._buffer("slots", ((drawn.pairs + 1) * SLOT,), F)
        with PARALLEL_WORK:
            blend_backward(
                kept["records"][:total],
                kept["boxes"][:total],
                kept["first_slot"][:total],
                kept["tile_start"][: drawn.tiles + 1],
                kept["tile_items"][: drawn.pairs],
                kept["block_masks"][: drawn.pairs],
                kept["tile_seen"],
                drawn.width,
                drawn.height,
                drawn.colours.reshape(-1),
                drawn.alpha.reshape(-1),
                grad_colours.reshape(-1),
                grad_alpha.reshape(-1),
                self._lane_x,
                self._lane_y,
                slots,
            )
            project_backward(
                *_flat(drawn.gaussians),
                drawn.sets,
                drawn.cameras,
                drawn.width,
                drawn.height,
                self._antialiased,
                kept["records"].reshape(-1),
                kept["tile_counts"],
                kept["first_slot"],
                slots,
                out_gradients.means.reshape(-1),
                out_gradients.quats.reshape(-1),
                out_gradients.scales.reshape(-1),
                out_gradients.opacities,
                out_gradients.colours.reshape(-1),
            )

    def _bin(self, boxes: Array, tile_counts: Array, depths: Array) -> None:
        """Sort by depth and list the Gaussians of every tile."""
        drawn = self._last()
        views, rows = len(drawn.cameras), drawn.rows
        order = self._buffer("order", (views * (rows + 1),), np.int32).reshape(views, -1)
        spare = self._buffer("spare", (views * (rows + 1),), np.int32).reshape(views, -1)
        counts = np.zeros(views, np.int64)
        tile_start = self._buffer("tile_start", (drawn.tiles + 1,), np.int64)
        tile_items = self._buffer("tile_items", (drawn.pairs,), np.int32)
        parts = 1 if views > 1 else min(numba.get_num_threads(), _MAX_PARTS)
        tiles = drawn.tiles // views + LANES_PER_BLOCK
        cursors = self._buffer("cursors", (views * parts * tiles,), np.int32).reshape(views, parts, tiles)
        with PARALLEL_WORK:
            sort_by_depth(
                tile_counts.reshape(views, -1), depths.view(np.uint32).reshape(views, -1), order, spare, counts
            )
            fill_tiles(boxes, order, counts, -(-drawn.width // TILE), cursors, tile_start, tile_items)

    def _blend(self, background: FloatArray) -> None:
        if np.shape(background) != (3,):
            raise InvalidValue(f"The background has shape {np.shape(background)}; expected (3,).")
        drawn, kept = self._last(), self._buffers
        total = len(drawn.cameras) * drawn.rows
        with PARALLEL_WORK:
            blend(
                kept["records"][:total],
                kept["boxes"][:total],
                kept["tile_start"][: drawn.tiles + 1],
                kept["tile_items"][: drawn.pairs],
                self._buffer("block_masks", (drawn.pairs,), np.uint16),
                self._buffer("tile_seen", (drawn.tiles,), np.int64),
                drawn.width,
                drawn.height,
                np.array(background, F),
                self._lane_x,
                self._lane_y,
                drawn.colours.reshape(-1),
                drawn.alpha.reshape(-1),
            )

    def _last(self) -> _Drawn:
        if self._drawn is None:
            raise InvalidValue("There is no forward pass to go back from.")
        return self._drawn

    def _buffer(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """The first rows of a buffer that grows when needed and never shrinks."""
        buffer = self._buffers.get(name)
        if buffer is None or len(buffer) < shape[0]:
            # A quarter more, so that a scene that grows slowly does not allocate every time.
            buffer = self._buffers[name] = np.zeros((shape[0] * 5 // 4 + LANES_PER_BLOCK, *shape[1:]), dtype)
        return buffer[: shape[0]]


@dataclass(frozen=True, eq=False)
class _Drawn:
    """The last forward: what backward and recolour read again. rows: Gaussians per view in the buffers."""

    gaussians: GaussianBuffers
    cameras: Array
    sets: int
    rows: int
    width: int
    height: int
    pairs: int
    colours: FloatArray
    alpha: FloatArray

    @property
    def tiles(self) -> int:
        """Of all views."""
        return len(self.cameras) * -(-self.width // TILE) * -(-self.height // TILE)


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


def _camera_row(camera: Camera) -> list[float]:
    """fx, fy, cx, cy and the first three rows of world-to-camera: what `project` reads."""
    return [camera.fx, camera.fy, camera.cx, camera.cy, *camera.world_to_cam[:3].ravel().tolist()]


def _common_size(cameras: Sequence[Camera]) -> tuple[int, int]:
    sizes = {(int(camera.width_px), int(camera.height_px)) for camera in cameras}
    if len(sizes) != 1:
        raise InvalidValue("Views drawn together need cameras of one size." if sizes else "There is no camera.")
    for camera in cameras:
        check_camera(camera)
    return sizes.pop()
