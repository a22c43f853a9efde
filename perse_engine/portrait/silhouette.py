"""Pull the face oval's landmarks back to where the face really ends on the photo."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import scipy.sparse.linalg as spl
from scipy.ndimage import gaussian_filter1d

from perse_engine.portrait.points import OVAL
from perse_engine.portrait.portrait import Regions
from perse_engine.portrait.topology import load_topology

MIDDLE = (6, 197, 195, 5, 4, 164, 0, 17)
FIXED_RADIUS_FACE_HEIGHTS = 0.26
MARGIN_PX = 3.0


def snap_to_silhouette(landmarks: npt.NDArray[np.float64], regions: Regions) -> npt.NDArray[np.float64]:
    """Move oval landmarks below the forehead inwards to the last pixel of the person, and the cheeks along.

    The landmark model overshoots beside the ears, and would bake a patch of background onto the cheek.
    """
    person = (regions.person > 0.55) & ((regions.familiarity > 0.3) | (regions.hair > 0.5))
    inside = cv2.GaussianBlur(person.astype(np.float32), (0, 0), 1.5)
    height = float(np.linalg.norm(landmarks[10, :2] - landmarks[152, :2]))
    centre = landmarks[list(MIDDLE), :2].mean(0)
    oval = np.array(OVAL)
    spokes = landmarks[oval, :2] - centre
    radius = np.linalg.norm(spokes, axis=1)
    steps = np.linspace(0.7, 1.02, 60)
    path = centre + spokes[:, None] * steps[None, :, None]
    seen = cv2.remap(inside, path.astype(np.float32), None, cv2.INTER_LINEAR)
    run = np.cumprod(seen > 0.5, 1).astype(bool)
    last = np.where(run.any(1), steps[np.maximum(run.sum(1) - 1, 0)], 0.86)
    factor = np.clip(np.minimum(1.0, last - MARGIN_PX / radius), 0.86, 1.0)
    # Hair may cover the forehead: its landmarks lie under it and stay.
    factor[spokes[:, 1] < -0.25 * height] = 1.0
    factor = np.minimum(factor, gaussian_filter1d(factor, 1.0, mode="wrap"))
    out = landmarks.copy()
    if factor.min() > 0.998:
        return out
    near = np.flatnonzero(np.linalg.norm(landmarks[:468, :2] - centre, axis=1) < FIXED_RADIUS_FACE_HEIGHTS * height)
    out[:468, :2] += _spread(oval, spokes * (factor - 1)[:, None], near)
    return out


def _spread(
    moved: npt.NDArray[np.int_], displacement: npt.NDArray[np.float64], fixed: npt.NDArray[np.int_]
) -> npt.NDArray[np.float64]:
    """Harmonic interpolation of displacements over the face mesh's edges, [468, 2]."""
    faces = load_topology().faces
    edges = np.unique(np.sort(np.vstack([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1), axis=0)
    rows, columns = np.r_[edges[:, 0], edges[:, 1]], np.r_[edges[:, 1], edges[:, 0]]
    adjacency = sp.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(468, 468))
    laplacian = sp.diags(np.asarray(adjacency.sum(1)).ravel()) - adjacency
    weight = np.full(468, 1e-9)
    right = np.zeros((468, 2))
    weight[fixed] = 1e4
    weight[moved] = 1e4
    right[moved] = 1e4 * displacement
    return np.asarray(spl.spsolve((laplacian + sp.diags(weight)).tocsc(), right))
