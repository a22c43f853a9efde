from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from perse_engine.errors import CorruptFile
from perse_engine.head.flame.embedding import (
    LOWER_LIP,
    UPPER_LIP,
    closest_shares,
    embed_landmarks,
    read_landmark_file,
)
from perse_engine.head.flame.features import find_features
from perse_engine.head.flame.flame_head import Flame
from perse_engine.head.flame.model import FlameModel, flame_of
from tests.perse_engine.head.flame.synthetic import Array, synthetic_flame

COORDINATES = st.floats(-50, 50, allow_nan=False)


def off_mm(model: FlameModel, found: Array) -> Array:
    """Distance of landmarks from where they are on the synthetic mesh: landmark i is its vertex i."""
    return 1000 * np.linalg.norm(found - model.template[:468], axis=1)


def test_corners_of_eyes_and_mouth_are_found(flame_model: FlameModel) -> None:
    found = find_features(flame_model)

    # The mouth's are those of the inner lips; the tip of a nose may be anywhere on its round end.
    off = {i: 1000 * np.linalg.norm(p - flame_model.template[i]) for i, p in found.items() if i != 4}
    assert {33, 133, 263, 362, 78, 308, 13} <= off.keys()
    assert max(off.values()) < 3.5
    assert max(off[i] for i in (33, 263, 78, 308, 13, 14)) < 2.0


def test_landmarks_are_found_on_another_face(flame: Flame) -> None:
    off = off_mm(flame.model, flame.embedding.of(flame.model.template))

    assert np.median(off) < 1.5
    assert off.max() < 6
    assert off[list(UPPER_LIP + LOWER_LIP)].max() < 3


def test_lips_are_put_on_their_own_side_of_the_mouth(flame: Flame) -> None:
    jaw = flame.embedding.of(flame.model.weights)[:, 2]

    assert jaw[list(UPPER_LIP)].max() < 0.5 < jaw[list(LOWER_LIP)].min()


def test_landmarks_keep_their_place_when_the_file_has_its_vertices_in_another_order() -> None:
    arrays_ = synthetic_flame()
    order = np.random.default_rng(8).permutation(len(arrays_["v_template"]))
    place = np.argsort(order)
    shuffled = {n: a[order] for n, a in arrays_.items() if n in ("v_template", "shapedirs", "posedirs", "weights")}
    shuffled |= {
        "J_regressor": arrays_["J_regressor"][:, order], "f": place[arrays_["f"]],
        "kintree_table": arrays_["kintree_table"],
    }  # fmt: skip
    model = flame_of(shuffled, "")

    found = embed_landmarks(model).of(model.template)

    assert np.median(1000 * np.linalg.norm(found - arrays_["v_template"][:468], axis=1)) < 1.5


def test_a_mesh_without_a_mouth_is_refused(flame_arrays: dict[str, Array]) -> None:
    weights = flame_arrays["weights"].copy()
    weights[:, 1] += weights[:, 2]
    weights[:, 2] = 0

    with pytest.raises(CorruptFile, match="mouth"):
        find_features(flame_of({**flame_arrays, "weights": weights}, ""))


def landmark_file(path: Path, model: FlameModel, landmarks: Array) -> Path:
    """FLAME's own format, exact for the synthetic mesh."""
    faces = np.array([np.flatnonzero((model.faces == i).any(1))[0] for i in landmarks])
    shares = (model.faces[faces] == landmarks[:, None]).astype(float)
    np.savez(path, landmark_indices=landmarks, lmk_face_idx=faces, lmk_b_coords=shares)
    return path


def test_flames_own_landmark_file_holds_the_landmarks_where_it_says(tmp_path: Path, flame_model: FlameModel) -> None:
    named = np.array([33, 133, 263, 362, 78, 308, 13, 14, 4, 70, 300, 105, 334, 61, 291, 152])
    known = read_landmark_file(landmark_file(tmp_path / "embedding.npz", flame_model, named), flame_model)

    off = off_mm(flame_model, embed_landmarks(flame_model, known).of(flame_model.template))

    assert off[named].max() < 0.8
    assert np.median(off) < 1.5


def test_a_landmark_file_of_another_mesh_is_refused(tmp_path: Path, flame_model: FlameModel) -> None:
    file = tmp_path / "embedding.npz"
    np.savez(file, landmark_indices=np.arange(5), lmk_face_idx=np.full(5, 10**6), lmk_b_coords=np.eye(3)[[0] * 5])

    with pytest.raises(CorruptFile, match="outside"):
        read_landmark_file(file, flame_model)


def test_a_landmark_file_that_is_none_is_refused(tmp_path: Path, flame_model: FlameModel) -> None:
    file = tmp_path / "embedding.npz"
    file.write_bytes(b"nothing")

    with pytest.raises(CorruptFile, match="landmark_indices"):
        read_landmark_file(file, flame_model)


@settings(max_examples=100, deadline=None)
@given(arrays(float, 3, elements=COORDINATES), arrays(float, (3, 3), elements=COORDINATES))
def test_no_point_of_a_triangle_is_nearer_than_the_nearest(point: Array, corners: Array) -> None:
    shares = closest_shares(point, corners)
    grid = np.array([(i, j, 12 - i - j) for i in range(13) for j in range(13 - i)]) / 12

    nearest = np.linalg.norm(shares @ corners - point)

    assert shares.min() >= -1e-9
    assert shares.sum() == pytest.approx(1)
    assert nearest <= np.linalg.norm(grid @ corners - point, axis=1).min() + 1e-6
