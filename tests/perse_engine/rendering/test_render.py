"""The renderer: backgrounds, looks, and names that the avatar does not have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perse_engine.avatar.avatar import Avatar
from perse_engine.errors import BackendMissing, UnknownName
from perse_engine.look import Look
from perse_engine.rendering.render import BAKED_LOOKS, Renderer
from perse_engine.rendering.sheet import (
    COLUMNS,
    between_cells,
    contact_sheet,
    expression_cells,
    mix_cells,
    pose_cells,
    variant_cells,
)
from perse_engine.scene import Camera, Expression, Pose
from perse_engine.splatting import RasterMode

CAMERA = Camera.orbit(width_px=64, height_px=48)
HAIR = Look({"hair": {"long-wavy-blonde": 1.0}})


@pytest.fixture(scope="module")
def renderer(tiny_avatar: Avatar) -> Renderer:
    return Renderer(tiny_avatar, "cpu")


def test_a_picture_has_the_cameras_size_and_lies_in_0_to_1(renderer: Renderer) -> None:
    output = renderer.render(Look(), Pose(), Expression(), CAMERA)
    assert output.rgb.shape == (48, 64, 3)
    assert output.alpha.shape == (48, 64)
    for values in (output.rgb, output.alpha):
        assert values.min() >= 0
        assert values.max() <= 1 + 1e-5


def test_the_head_is_in_the_middle_and_the_corner_is_empty(renderer: Renderer) -> None:
    alpha = renderer.render(Look(), Pose(), Expression(), CAMERA).alpha
    assert alpha[24, 32] > 0.9
    assert alpha[0, 0] == 0


def test_the_background_shows_where_there_is_no_head(renderer: Renderer) -> None:
    output = renderer.render(Look(), Pose(), Expression(), CAMERA, (0.2, 0.4, 0.6))
    assert np.allclose(output.rgb[0, 0], (0.2, 0.4, 0.6), atol=1e-5)


def test_a_background_is_added_behind_the_transparent_picture(renderer: Renderer) -> None:
    clear = renderer.render(Look(), Pose(), Expression(), CAMERA, None)
    over = renderer.render(Look(), Pose(), Expression(), CAMERA, (1.0, 1.0, 1.0))
    expected = np.clip(clear.rgb + (1 - clear.alpha)[..., None], 0, 1)
    # Colours are not clamped before they are mixed, so pixels at the ends of the range say nothing.
    inner = (clear.rgb > 0) & (clear.rgb < 1) & (over.rgb < 1)
    assert inner.sum() > 1000
    assert np.abs(over.rgb - expected)[inner].max() < 1e-4
    assert np.array_equal(over.alpha, clear.alpha)


def test_no_background_is_premultiplied_over_black(renderer: Renderer) -> None:
    clear, black = (renderer.render(Look(), Pose(), Expression(), CAMERA, b) for b in (None, (0.0, 0.0, 0.0)))
    assert np.array_equal(clear.rgb, black.rgb)
    assert not clear.rgb[clear.alpha == 0].any()


def test_rendering_twice_gives_the_same(renderer: Renderer) -> None:
    first, second = (renderer.render(HAIR, Pose(10), Expression({"jawOpen": 0.5}), CAMERA) for _ in range(2))
    assert np.array_equal(first.rgb, second.rgb)


@pytest.mark.parametrize(
    ("look", "pose", "expression"),
    [(HAIR, Pose(), Expression()), (Look(), Pose(25), Expression()), (Look(), Pose(), Expression({"jawOpen": 1.0}))],
)
def test_look_pose_and_expression_each_change_the_picture(
    look: Look, pose: Pose, expression: Expression, renderer: Renderer
) -> None:
    neutral = renderer.render(Look(), Pose(), Expression(), CAMERA).rgb
    assert np.abs(renderer.render(look, pose, expression, CAMERA).rgb - neutral).max() > 0.1


def test_a_weight_of_0_is_the_source_look(renderer: Renderer) -> None:
    nothing = renderer.render(Look({"hair": {"long-wavy-blonde": 0.0}}), Pose(), Expression(), CAMERA).rgb
    assert np.array_equal(nothing, renderer.render(Look(), Pose(), Expression(), CAMERA).rgb)


def test_an_unknown_variant_is_refused(renderer: Renderer) -> None:
    with pytest.raises(UnknownName, match="mohawk"):
        renderer.render(Look({"hair": {"mohawk": 1.0}}), Pose(), Expression(), CAMERA)


def test_a_category_that_was_not_trained_is_refused(renderer: Renderer) -> None:
    with pytest.raises(UnknownName, match="cannot change"):
        renderer.render(Look({"hat": {"beanie-grey": 1.0}}), Pose(), Expression(), CAMERA)


def test_an_unknown_backend_is_refused(tiny_avatar: Avatar) -> None:
    with pytest.raises((BackendMissing, UnknownName)):
        Renderer(tiny_avatar, "magic")


def test_the_reference_backend_draws_nearly_the_same(tiny_avatar: Avatar, renderer: Renderer) -> None:
    camera = Camera.orbit(width_px=24, height_px=24)
    reference = Renderer(tiny_avatar, "reference").render(Look(), Pose(), Expression(), camera)
    fast = renderer.render(Look(), Pose(), Expression(), camera)
    assert np.abs(reference.rgb - fast.rgb).mean() < 0.01


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_an_avatar_is_drawn_in_its_own_raster_mode(tiny_avatar: Avatar, backend: str) -> None:
    # So small that discs are thinner than a pixel.
    camera = Camera.orbit(width_px=24, height_px=24)
    modes: tuple[RasterMode, ...] = ("classic", "antialiased")
    classic, antialiased = (
        Renderer(replace(tiny_avatar, raster_mode=mode), backend).render(Look(), Pose(), Expression(), camera).alpha
        for mode in modes
    )
    assert antialiased.sum() < classic.sum()


def test_looks_beyond_the_kept_ones_still_render_right(tiny_avatar: Avatar) -> None:
    renderer = Renderer(tiny_avatar, "cpu")
    small = Camera.orbit(width_px=16, height_px=16)
    first = renderer.render(Look(), Pose(), Expression(), small).rgb
    for i in range(BAKED_LOOKS + 2):
        renderer.render(Look({"hair": {"long-wavy-blonde": i / 100}}), Pose(), Expression(), small)
    assert np.array_equal(renderer.render(Look(), Pose(), Expression(), small).rgb, first)


def test_the_contact_sheet_holds_every_cell(renderer: Renderer, tiny_avatar: Avatar) -> None:
    variants = tiny_avatar.variants()
    made = (list(variant_cells(variants)), between_cells(variants), mix_cells(variants))
    blocks = [pose_cells(), expression_cells(), *made]
    rows = sum(-(-len(block) // COLUMNS) for block in blocks)
    assert contact_sheet(renderer, variants, cell_px=16).shape == (16 * rows, 16 * COLUMNS, 3)


def test_every_variant_is_on_the_sheet_half_way_and_whole() -> None:
    looks = [c.look.variants for c in variant_cells({"hair": ["a"], "hat": ["b"]})]
    assert looks == [{"hair": {"a": 0.5}}, {"hair": {"a": 1.0}}, {"hat": {"b": 0.5}}, {"hat": {"b": 1.0}}]


def test_what_is_between_neighbours_is_on_the_sheet() -> None:
    looks = [c.look.variants for c in between_cells({"hair": ["a", "b", "c"], "hat": ["d"]})]
    assert looks == [{"hair": {"a": 0.5, "b": 0.5}}, {"hair": {"b": 0.5, "c": 0.5}}]
