"""The mesh renderer against pictures that were worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perse_engine.errors import InvalidValue
from perse_engine.head.mesh_raster import Backdrop, MeshImage, bake, depth_map, draw
from perse_engine.head.rig import Rig
from perse_engine.head.subject import PARTS, TexturedRig
from perse_engine.scene import Camera

SIZE = 8
CAMERA = Camera(
    SIZE, SIZE, 0.0, 0.0, SIZE, SIZE, np.array([[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]], np.float32)
)
"""Looks along -z from the origin; at depth 1, world (x, y) is pixel (8 x, -8 y)."""


def triangle(part: str = "face", alpha: float = 1.0, depth: float = 1.0, red: float = 1.0) -> TexturedRig:
    """The upper left half of the picture: pixels (0, 0), (0, 8), (8, 0), counter-clockwise from the camera."""
    vertices = np.array([[0, 0, -1], [0, -1, -1], [1, 0, -1]], np.float32) * depth
    rig = Rig(
        vertices, (), np.zeros((0, 3, 3), np.float32), np.zeros((4, 3), np.float32),
        np.tile(np.array([[1, 0, 0, 0]], np.float32), (3, 1)),
    )  # fmt: skip
    texture = np.tile(np.array([red, 0.5, 0.25, alpha], np.float32), (4, 4, 1))
    return TexturedRig(
        rig, np.array([[0, 1, 2]], np.int32), np.array([PARTS.index(part)], np.uint8),
        np.array([[1, 1], [1, 3], [3, 1]], np.float32), texture, np.full((4, 4), 7, np.uint8),
    )  # fmt: skip


def square(red: np.ndarray, labels: np.ndarray) -> TexturedRig:
    """The whole picture, a texel to each of two samples per pixel: values and labels of the columns, [2 SIZE] each."""
    vertices = np.array([[0, 0, -1], [0, -1, -1], [1, -1, -1], [1, 0, -1]], np.float32)
    rig = Rig(
        vertices, (), np.zeros((0, 4, 3), np.float32), np.zeros((4, 3), np.float32),
        np.tile(np.array([[1, 0, 0, 0]], np.float32), (4, 1)),
    )  # fmt: skip
    texture = np.ones((2 * SIZE, 2 * SIZE, 4), np.float32)
    texture[..., 0] = red
    uv = np.array([[0, 0], [0, 1], [1, 1], [1, 0]], np.float32) * 2 * SIZE
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    return TexturedRig(
        rig, faces, np.full(2, PARTS.index("face"), np.uint8), uv, texture, np.tile(labels, (2 * SIZE, 1))
    )


def both(first: TexturedRig, second: TexturedRig) -> tuple[TexturedRig, np.ndarray]:
    """Two triangles with one texture: the first's texels on the left, the second's on the right."""
    vertices = np.vstack([first.rig.vertices, second.rig.vertices])
    rig = Rig(
        vertices, (), np.zeros((0, 6, 3), np.float32), first.rig.bone_pivots,
        np.vstack([first.rig.bone_weights, second.rig.bone_weights]),
    )  # fmt: skip
    look = TexturedRig(
        rig, np.array([[0, 1, 2], [3, 4, 5]], np.int32), np.concatenate([first.face_part, second.face_part]),
        np.vstack([first.uv, second.uv + (4, 0)]).astype(np.float32), np.hstack([first.texture, second.texture]),
        np.hstack([first.labels, second.labels + 1]),
    )  # fmt: skip
    return look, vertices


def test_a_triangle_covers_exactly_the_pixels_whose_centres_it_holds() -> None:
    look = triangle()
    image = draw(look, look.rig.vertices, CAMERA, supersample=1)
    y, x = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    inside = x + y <= SIZE
    assert np.array_equal(image.rgba[..., 3] == 255, inside)
    assert np.array_equal(image.labels == 7, inside)
    assert (image.rgba[inside] == (255, 128, 64, 255)).all()
    assert not image.rgba[~inside].any()


def test_supersampling_shows_the_diagonal_as_partly_covered() -> None:
    look = triangle()
    image = draw(look, look.rig.vertices, CAMERA, supersample=2)
    # Two of the four samples lie on this side of the diagonal.
    assert image.rgba[3, 4, 3] == 128


@pytest.mark.parametrize("supersample", [2, 3, 4])
def test_an_upright_edge_passes_the_samples_of_a_pixel_one_by_one(supersample: int) -> None:
    look = square(np.ones(2 * SIZE), np.full(2 * SIZE, 7, np.uint8))
    vertices = look.rig.vertices
    width = vertices[:, 0].max() - vertices[:, 0].min()
    samples = supersample**2

    def covered(share: float) -> int:
        moved = vertices + np.array([share / SIZE * width, 0, 0], np.float32)
        return int(draw(look, moved.astype(np.float32), CAMERA, supersample=supersample).rgba[SIZE // 2, 0, 3])

    steps = [covered(k / samples) for k in range(samples)]
    assert steps == [int(255 * (samples - k) / samples + 0.5) for k in range(samples)]


def test_a_pixel_counts_as_what_its_middle_shows_and_as_background_only_when_empty() -> None:
    labels = np.where(np.arange(2 * SIZE) < SIZE, 7, 8).astype(np.uint8)
    look = square(np.ones(2 * SIZE), labels)
    # A sixth of a pixel to the right: the left column of samples of the first pixel is empty.
    moved = look.rig.vertices + np.array([1 / 6 / SIZE, 0, 0], np.float32)
    image = draw(look, moved.astype(np.float32), CAMERA, supersample=3)
    assert image.labels[3].tolist() == [7] * (SIZE // 2) + [8] * (SIZE // 2)


def test_a_wave_of_four_pixels_keeps_nine_tenths_of_its_height() -> None:
    # Texel t is the sample at (t + 0.5) / 2 px; crests lie on the middles of pixels 0, 4, 8.
    wave = 0.5 + 0.4 * np.cos(np.pi / 2 * ((np.arange(2 * SIZE) + 0.5) / 2 - 0.5))
    look = square(wave, np.full(2 * SIZE, 7, np.uint8))
    row = draw(look, look.rig.vertices, CAMERA).rgba[SIZE // 2, :, 0]
    assert np.abs(row[1:-1] - 255 * (0.5 + 0.4 * np.array([0, -1, 0, 1, 0, -1]))).max() < 0.1 * 0.4 * 255


def test_two_regions_meet_without_a_halo() -> None:
    is_right = np.arange(2 * SIZE) >= SIZE
    look = square(np.where(is_right, 0.75, 0.25), np.where(is_right, 8, 7).astype(np.uint8))
    row = draw(look, look.rig.vertices, CAMERA).rgba[SIZE // 2, :, 0]
    assert row.min() == 64 and row.max() == 191 and (np.diff(row.astype(int)) >= 0).all()


def test_the_back_of_a_closed_surface_is_hidden() -> None:
    look = triangle()
    turned = replace(look, faces=look.faces[:, ::-1].copy())
    assert not draw(turned, look.rig.vertices, CAMERA).rgba.any()


def test_a_sheet_is_seen_from_behind() -> None:
    look = triangle("added")
    turned = replace(look, faces=look.faces[:, ::-1].copy())
    front, back = (draw(t, look.rig.vertices, CAMERA).rgba for t in (look, turned))
    assert np.array_equal(front, back)


def test_what_is_behind_the_camera_is_not_drawn() -> None:
    look = triangle()
    assert not draw(look, -look.rig.vertices, CAMERA).rgba.any()


def test_the_nearer_triangle_wins_whichever_comes_first() -> None:
    near, far = triangle(depth=1.0, red=1.0), triangle(depth=2.0, red=0.0)
    for first, second in ((near, far), (far, near)):
        look, vertices = both(first, second)
        assert draw(look, vertices, CAMERA).rgba[1, 1, 0] == 255


def test_half_opacity_mixes_with_what_was_drawn_before() -> None:
    look, vertices = both(triangle(depth=2.0, red=0.0), triangle("added", alpha=0.25, depth=1.0, red=1.0))
    image = draw(look, vertices, CAMERA)
    assert image.rgba[1, 1, 0] == pytest.approx(0.25 * 255, abs=1)
    assert image.rgba[1, 1, 3] == 255
    # Below half opacity the pixel still counts as what lies behind.
    assert image.labels[1, 1] == 7


def test_a_lone_half_clear_triangle_is_premultiplied() -> None:
    look = triangle("added", alpha=0.5)
    assert np.abs(draw(look, look.rig.vertices, CAMERA).rgba[1, 1].astype(int) - (128, 64, 32, 128)).max() <= 1


def test_texture_coordinates_are_perspective_correct() -> None:
    look = triangle()
    ramp = np.tile(np.linspace(0, 1, 101, dtype=np.float32)[None, :, None], (2, 1, 4))
    ramp[..., 3] = 1
    # A sheet that recedes from depth 1 at pixel 0 to depth 3 at pixel 8.
    vertices = np.array([[0, 0, -1], [0, -1, -1], [3, 0, -3]], np.float32)
    look = replace(
        look,
        texture=ramp,
        labels=np.ones((2, 101), np.uint8),
        uv=np.array([[0.5, 1], [0.5, 1], [100.5, 1]], np.float32),
    )
    picture = draw(look, vertices, CAMERA, supersample=1).rgba
    screen = 4.5 / SIZE
    expected = (screen / 3) / ((1 - screen) + screen / 3)
    assert picture[0, 4, 0] / 255 == pytest.approx(expected, abs=0.01)


def test_the_depth_map_is_infinite_where_nothing_is() -> None:
    depth = depth_map(np.array([[0, 0, 2], [0, 8, 2], [8, 0, 2]], np.float32), np.array([[0, 1, 2]], np.int32), 8, 8)
    assert depth[1, 1] == pytest.approx(2)
    assert np.isinf(depth[7, 7])


def test_the_depth_map_keeps_the_nearest() -> None:
    points = np.array([[0, 0, 2], [0, 8, 2], [8, 0, 2], [0, 0, 1], [0, 8, 1], [8, 0, 1]], np.float32)
    depth = depth_map(points, np.array([[0, 1, 2], [3, 4, 5]], np.int32), 8, 8)
    assert depth[1, 1] == pytest.approx(1)


def test_baking_interpolates_attributes_linearly() -> None:
    uv = np.array([[0, 0], [0, 8], [8, 0]], np.float32)
    out, covered = bake(uv, np.array([[0, 1, 2]], np.int32), uv, (8, 8))
    y, x = np.nonzero(covered)
    assert len(x) == 36
    assert np.allclose(out[y, x], np.stack([x, y], 1) + 0.5, atol=1e-4)


@pytest.mark.parametrize("far_first", [True, False])
def test_a_soft_sheet_shows_the_sheet_behind_it_in_whichever_order_they_come(far_first: bool) -> None:
    near, far = triangle("added", alpha=0.6, red=1.0), triangle("added", depth=2.0, red=0.0)
    look, vertices = both(*((far, near) if far_first else (near, far)))
    image = draw(look, vertices, CAMERA, supersample=1)
    assert image.rgba[0, 0].tolist()[::3] == [153, 255]


def test_outside_stale_tiles_the_backdrop_stays() -> None:
    camera = replace(CAMERA, width_px=32, height_px=32, fx=32.0, fy=32.0)
    look = triangle()
    blank = MeshImage(np.full((32, 32, 4), 9, np.uint8), np.full((32, 32), 3, np.uint8))
    stale = np.zeros((4, 4), np.bool_)
    stale[1, 0] = True
    image = draw(look, look.rig.vertices, camera, backdrop=Backdrop(blank, stale))
    whole = draw(look, look.rig.vertices, camera)
    assert np.array_equal(image.rgba[8:16, 0:8], whole.rgba[8:16, 0:8])
    image.rgba[8:16, 0:8] = 9
    assert (image.rgba == 9).all()


@pytest.mark.parametrize("supersample", [1, 2, 3, 4])
def test_a_tile_is_drawn_alone_as_with_all_others(supersample: int) -> None:
    look, camera = triangle(alpha=0.7), CAMERA.resized(70, 75)
    whole = draw(look, look.rig.vertices, camera, supersample=supersample)
    blank = MeshImage(np.zeros_like(whole.rgba), np.zeros_like(whole.labels))
    rgba, labels = np.zeros_like(whole.rgba), np.zeros_like(whole.labels)
    for row, column in np.ndindex(10, 9):
        stale = np.zeros((10, 9), bool)
        stale[row, column] = True
        alone = draw(look, look.rig.vertices, camera, supersample=supersample, backdrop=Backdrop(blank, stale))
        tile = (slice(8 * row, 8 * row + 8), slice(8 * column, 8 * column + 8))
        rgba[tile], labels[tile] = alone.rgba[tile], alone.labels[tile]
    assert np.array_equal(rgba, whole.rgba)
    assert np.array_equal(labels, whole.labels)


@pytest.mark.parametrize("supersample", [0, 5])
def test_other_numbers_of_samples_are_refused(supersample: int) -> None:
    look = triangle()
    with pytest.raises(InvalidValue, match="1 to 4"):
        draw(look, look.rig.vertices, CAMERA, supersample=supersample)
