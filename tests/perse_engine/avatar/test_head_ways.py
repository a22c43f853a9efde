"""The way of the surface to a variant: what the editor did, seen from the Gaussians."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.category import CategoryModel
from perse_engine.avatar.head_ways import start_on_head, surface_way, under, way_mask
from perse_engine.avatar.latent import CODE_SIZE, CodeNetwork
from perse_engine.avatar.posing import posed_cloud
from perse_engine.avatar.properties import COLOUR, OFFSET, OPACITY, PROPERTIES
from perse_engine.head.subject import Subject, TexturedRig
from perse_engine.look import Look
from perse_engine.scene import Expression, FloatArray, Pose
from perse_engine.synthesis.dataset import HeadSurface


def _way(before: TexturedRig, after: TexturedRig, avatar: Avatar) -> FloatArray:
    count = len(before.rig.vertices)
    return surface_way(HeadSurface.of(before, count), HeadSurface.of(after, count), avatar.binding)


def test_nothing_done_is_no_way(tiny_avatar: Avatar, astronaut_subject: Subject) -> None:
    way = _way(astronaut_subject.look, astronaut_subject.look, tiny_avatar)
    assert np.allclose(way, 0, atol=1e-5) and not way_mask(way).any()


def test_a_head_that_is_moved_takes_its_gaussians_along(tiny_avatar: Avatar, astronaut_subject: Subject) -> None:
    look, moved = astronaut_subject.look, np.array([0.004, -0.002, 0.001], np.float32)
    rig = look.rig.with_offset(np.broadcast_to(moved, look.rig.vertices.shape))
    way = _way(look, replace(look, rig=rig), tiny_avatar)
    on = (tiny_avatar.binding.triangles < len(look.rig.vertices)).all(1)
    assert not way[~on].any()
    # Needles of triangles have no frame to speak of.
    on &= tiny_avatar.binding.rest_area > 1e-9
    assert on.mean() > 0.5 and (way_mask(way)[on] == 1).all()
    before = posed_cloud(tiny_avatar, tiny_avatar.bake(Look()), Pose(), Expression())
    after = replace(tiny_avatar, base=tiny_avatar.base + way)
    there = posed_cloud(after, after.bake(Look()), Pose(), Expression())
    assert np.allclose(there.means[on] - before.means[on], moved, atol=1e-5)


def test_paint_and_holes_are_seen(tiny_avatar: Avatar, astronaut_subject: Subject) -> None:
    dark = astronaut_subject.look.texture * np.array([0.4, 1, 1, 1], np.float32)
    look = replace(astronaut_subject.look, texture=dark)
    texture = dark.copy()
    texture[..., 0] += 0.5
    texture[..., 3] *= 0.5
    way = _way(look, replace(look, texture=texture), tiny_avatar)
    on = (tiny_avatar.binding.triangles < len(look.rig.vertices)).all(1)
    assert np.allclose(way[on, COLOUR.start], 0.5, atol=0.005) and not way[:, OFFSET].any()
    assert (way[on, OPACITY] <= 0).all() and way[on, OPACITY].min() < -0.4


def test_a_map_is_read_under_each_gaussian(tiny_avatar: Avatar, astronaut_subject: Subject) -> None:
    look, count = astronaut_subject.look, len(astronaut_subject.look.rig.vertices)
    head = HeadSurface.of(look, count, np.full(look.labels.shape, 0.4, np.float32))
    hidden = under(head, head.hides, tiny_avatar.binding)
    on = (tiny_avatar.binding.triangles < count).all(1)
    assert hidden is not None and np.allclose(hidden[on], 0.4, atol=0.005) and not hidden[~on].any()


def test_a_head_without_a_map_tells_nothing(tiny_avatar: Avatar, astronaut_subject: Subject) -> None:
    head = HeadSurface.of(astronaut_subject.look, len(astronaut_subject.look.rig.vertices))
    assert under(head, head.hides, tiny_avatar.binding) is None


def test_a_head_knows_its_bare_skin(astronaut_subject: Subject) -> None:
    head = HeadSurface.of(astronaut_subject.look, len(astronaut_subject.look.rig.vertices))
    assert head.bare is not None and head.bare.shape == head.texture.shape[:2]
    assert 0.05 < (head.bare > 250).mean() < 0.9


def _started(*, is_shared: bool) -> tuple[CategoryModel, list[dict[float, FloatArray]]]:
    """A category of two variants on three Gaussians, each of which bends its own way at every quarter."""
    random = np.random.default_rng(0)
    codes = {id: random.standard_normal(CODE_SIZE).astype(np.float32) for id in ("a", "b")}
    network = CodeNetwork.start(random, np.stack(list(codes.values())), is_shared=is_shared)
    rows = np.arange(3, dtype=np.int32)
    basis = np.zeros((len(network), 3, PROPERTIES), np.float32)
    model = CategoryModel(network, codes, rows, np.full(3, 0.5, np.float32), np.zeros((2, 3), np.float32), basis)
    ways = [
        {w: random.standard_normal((3, PROPERTIES)).astype(np.float32) for w in (0.25, 0.5, 0.75, 1.0)} for _ in codes
    ]
    for variant, way in enumerate(ways):
        start_on_head(model, variant, way, rows.astype(np.int64), columns=np.full(PROPERTIES, True))
    return model, ways


def _change(model: CategoryModel, **weights: float) -> FloatArray:
    code = np.sum([np.float32(w) * model.codes[id] for id, w in weights.items()], 0)
    return np.asarray(np.tensordot(model.network(code), model.basis, 1) * model.mask[:, None], np.float32)


def test_what_is_worn_as_one_object_is_the_editors_at_every_quarter() -> None:
    model, ways = _started(is_shared=True)
    for weight, way in ways[0].items():
        assert np.allclose(_change(model, a=weight), way, atol=1e-4)


def test_what_is_worn_as_one_object_goes_straight_between_variants() -> None:
    model, ways = _started(is_shared=True)
    assert np.allclose(_change(model, a=0.25, b=0.75), 0.25 * ways[0][1.0] + 0.75 * ways[1][1.0], atol=1e-4)


def test_others_are_the_editors_at_the_end() -> None:
    model, ways = _started(is_shared=False)
    assert np.allclose(_change(model, b=1.0), ways[1][1.0], atol=1e-3)
