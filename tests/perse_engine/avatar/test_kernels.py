"""Binding to the rig against a plain numpy twin, its gradients against finite differences of that twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from perse_engine.avatar.kernels import KEPT, add_basis, bind, bind_back, project_on_basis, take_rows
from perse_engine.avatar.properties import COLOUR, LOG_SCALE, MAX_LOG_SCALE, OFFSET, OPACITY, PROPERTIES, QUAT

Array = np.ndarray[Any, Any]
COUNT = 24
OUTPUTS = ("means", "quats", "scales", "opacities", "colours")


class Scene:
    """Random triangles with a Gaussian each, all values inside their ranges."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.vertices = random.normal(size=(3 * COUNT, 3)).astype(np.float32) * np.float32(0.05)
        self.triangles = np.arange(3 * COUNT, dtype=np.int32).reshape(COUNT, 3)
        self.bary = random.dirichlet(np.ones(3), COUNT).astype(np.float32)
        edges = self.vertices[self.triangles].astype(np.float64)
        area = np.linalg.norm(np.cross(edges[:, 1] - edges[:, 0], edges[:, 2] - edges[:, 0]), axis=1)
        self.rest_area = (area * random.uniform(0.3, 3.0, COUNT)).astype(np.float32)
        self.x = random.normal(size=(COUNT, PROPERTIES)).astype(np.float32)
        self.x[:, OFFSET] *= 0.01
        self.x[:, LOG_SCALE] = random.uniform(-7, -4, (COUNT, 3))
        self.x[:, OPACITY] = random.uniform(0.1, 0.9, COUNT)

    def bound(self) -> tuple[dict[str, Array], Array]:
        """The kernel's outputs by name, and what it keeps."""
        shapes = {"means": 3, "quats": 4, "scales": 3, "colours": 3}
        out = {n: np.zeros((COUNT, shapes[n]) if n in shapes else COUNT, np.float32) for n in OUTPUTS}
        kept = np.zeros((COUNT, KEPT), np.float32)
        bind(np.arange(COUNT), self.vertices, self.triangles, self.bary, self.rest_area, self.x, *out.values(), kept)
        return out, kept

    def back(self, gradients: dict[str, Array]) -> Array:
        """The kernel's gradients by x."""
        out, kept = self.bound()
        grad = np.zeros((COUNT, PROPERTIES), np.float32)
        bind_back(np.arange(COUNT), kept, self.x, out["scales"], *(gradients[n] for n in OUTPUTS), grad)
        return grad

    def twin(self, x: Array) -> dict[str, Array]:
        """What `bind` means, in float64; quaternions up to their sign."""
        p = self.vertices[self.triangles].astype(np.float64)
        u, v = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
        normal = np.cross(u, v)
        area = np.linalg.norm(normal, axis=1)
        u, normal = u / np.linalg.norm(u, axis=1)[:, None], normal / area[:, None]
        frame = np.stack([u, np.cross(normal, u), normal], -1)
        growth = np.clip(np.sqrt(area / self.rest_area), 0.5, 2)
        origin = (p * self.bary[..., None].astype(np.float64)).sum(1)
        left = Rotation.from_matrix(frame).as_quat()[:, [3, 0, 1, 2]]
        w, i, j, k = left.T
        product = np.stack([[w, -i, -j, -k], [i, w, -k, j], [j, k, w, -i], [k, -j, i, w]]).transpose(2, 0, 1)
        return {
            "means": origin + growth[:, None] * np.einsum("nij,nj->ni", frame, x[:, OFFSET]),
            "quats": np.einsum("nij,nj->ni", product, x[:, QUAT]),
            "scales": np.exp(np.minimum(x[:, LOG_SCALE], MAX_LOG_SCALE)) * growth[:, None],
            "opacities": np.clip(x[:, OPACITY], 0, 1),
            "colours": x[:, COLOUR],
        }


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_bind_agrees_with_its_twin(seed: int) -> None:
    scene = Scene(seed)
    out, _ = scene.bound()
    twin = scene.twin(scene.x.astype(np.float64))
    sign = np.sign((out["quats"] * twin["quats"]).sum(1))[:, None]
    twin["quats"] = twin["quats"] * sign
    for name in OUTPUTS:
        assert np.allclose(out[name], twin[name], rtol=2e-3, atol=2e-4), name


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_bind_back_agrees_with_finite_differences_of_the_twin(seed: int) -> None:
    scene = Scene(seed)
    random = np.random.default_rng(seed)
    out, _ = scene.bound()
    weights = {n: random.normal(size=out[n].shape) for n in OUTPUTS}
    x = scene.x.astype(np.float64)
    sign = np.sign((out["quats"] * scene.twin(x)["quats"]).sum(1))

    def losses(at: Array) -> Array:
        twin = scene.twin(at)
        twin["quats"] = twin["quats"] * sign[:, None]
        return sum((weights[n] * twin[n]).reshape(COUNT, -1).sum(1) for n in OUTPUTS)

    step = 1e-6
    expected = np.zeros((COUNT, PROPERTIES))
    for k in range(PROPERTIES):
        shift = np.zeros(PROPERTIES)
        shift[k] = step
        expected[:, k] = (losses(x + shift) - losses(x - shift)) / (2 * step)
    found = scene.back({n: w.astype(np.float32) for n, w in weights.items()})
    assert np.allclose(found, expected, rtol=3e-3, atol=1e-3)


def test_a_triangle_that_grows_by_four_in_area_doubles_its_gaussian() -> None:
    scene = Scene(0)
    scene.x[:, OFFSET] = 0
    scene.rest_area[:] = 1
    corners = scene.vertices[scene.triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    scene.rest_area = area.astype(np.float32)
    before, _ = scene.bound()
    scene.vertices = scene.vertices * np.float32(1.9)
    after, _ = scene.bound()
    assert np.allclose(after["scales"], 1.9 * before["scales"], rtol=1e-3)
    assert np.allclose(after["means"], 1.9 * before["means"], atol=1e-5)


def test_growth_stops_at_twice() -> None:
    scene = Scene(1)
    scene.rest_area[:] = 1e-9
    out, _ = scene.bound()
    assert np.allclose(out["scales"], 2 * np.exp(np.minimum(scene.x[:, LOG_SCALE], MAX_LOG_SCALE)), rtol=1e-3)


def test_a_collapsed_triangle_gives_finite_numbers() -> None:
    scene = Scene(2)
    scene.vertices[:] = 0
    out, _ = scene.bound()
    assert all(np.isfinite(values).all() for values in out.values())


@pytest.mark.parametrize(
    ("opacity", "pull", "kept"), [(1.1, -1, False), (1.1, 1, True), (1.5, 1, False), (-0.5, 1, False), (-0.5, -1, True)]
)
def test_a_clamped_opacity_feels_what_pulls_it_back_unless_far_beyond(opacity: float, pull: float, kept: bool) -> None:
    scene = Scene(3)
    scene.x[:, OPACITY] = opacity
    out, _ = scene.bound()
    gradients = {n: np.zeros_like(v) for n, v in out.items()} | {"opacities": np.full(COUNT, pull, np.float32)}
    assert (scene.back(gradients)[:, OPACITY] == (pull if kept else 0)).all()


def test_a_clamped_scale_has_no_gradient() -> None:
    scene = Scene(4)
    scene.x[:, LOG_SCALE] = 0
    out, _ = scene.bound()
    gradients = {n: np.ones_like(v) for n, v in out.items()}
    assert not scene.back(gradients)[:, LOG_SCALE].any()


def test_taking_rows_is_the_transpose_of_adding_a_basis() -> None:
    random = np.random.default_rng(0)
    rows, columns = np.array([4, 1, 7], np.int32), np.array([0, 3, 13], np.int64)
    weights = random.random((3, 3)).astype(np.float32)
    basis, coefficients = random.normal(size=(5, 3, 3)).astype(np.float32), random.normal(size=2).astype(np.float32)
    active = np.array([3, 1])
    grad = random.random((9, PROPERTIES)).astype(np.float32)
    x = np.zeros((9, PROPERTIES), np.float32)
    add_basis(x, rows, weights, columns, basis, active, coefficients)
    expected = weights * np.tensordot(coefficients, basis[active], 1)
    np.testing.assert_allclose(x[rows][:, columns], expected, rtol=1e-5, atol=1e-6)
    assert np.count_nonzero(x) == 9
    taken = np.zeros((3, 3), np.float32)
    take_rows(grad, rows, weights, columns, taken)
    assert (x * grad).sum() == pytest.approx((taken * expected / weights).sum(), rel=1e-4)
    parts = np.zeros((2, 5))
    project_on_basis(basis, taken, parts)
    np.testing.assert_allclose(parts.sum(0), np.tensordot(basis, taken, 2), rtol=1e-5, atol=1e-6)
