"""Where person, skin, hair and clothes are on the work image.

Colour mixtures seeded at places that landmarks make sure of, times soft priors on position, smoothed along edges.
Constants were chosen by eye on three people; lengths are in face heights (`fh`, landmark 10 to 152).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.portrait.landmarks import face_models, square_crop
from perse_engine.portrait.matting import ColourMixture, Mask, guided_filter, polygon, sigmoid
from perse_engine.portrait.points import (
    LEFT_EYE,
    LEFT_EYEBROW,
    LIPS_INNER,
    LIPS_OUTER,
    OVAL,
    RIGHT_EYE,
    RIGHT_EYEBROW,
    SKIN_SEEDS,
)
from perse_engine.portrait.portrait import Regions

Array = npt.NDArray[Any]

PERSON_CROPS = ((1.0, 0.0, False), (1.0, 0.0, True), (1.35, 0.1, False), (0.8, -0.05, False))
"""(scale, downward shift in crop sides, mirrored): the segmenter errs differently on each."""


HOLE = 0.75
"""Less hair than this may be a hole in the hair."""


@dataclass(frozen=True)
class _Place:
    """Pixel coordinates in the face's own frame: up 0 at the chin, 1 at the oval's top; side to the image's right."""

    up: Array
    side: Array
    inside_oval: Array
    outside_oval: Array
    face_height_px: float


def person_mask(
    rgb: npt.NDArray[np.uint8],
    work_from_portrait: npt.NDArray[np.float64],
    centre: npt.NDArray[np.float64],
    side: float,
    size: int,
) -> Mask:
    """The segmenter's mean opinion over several crops, on the work image, [S, S]."""
    total, weight = np.zeros((size, size), np.float32), np.zeros((size, size), np.float32)
    full = np.vstack([work_from_portrait, [0, 0, 1]])
    for scale, shift, mirrored in PERSON_CROPS:
        crop, matrix = square_crop(rgb, centre + np.array([0, shift * side]), side * scale, 512)
        mask = face_models().person(np.ascontiguousarray(crop[:, ::-1]) if mirrored else crop)
        mask = np.ascontiguousarray(mask[:, ::-1]) if mirrored else mask
        to_work = (full @ np.vstack([cv2.invertAffineTransform(matrix), [0, 0, 1]]))[:2]
        warped = cv2.warpAffine(mask, to_work, (size, size), borderMode=cv2.BORDER_CONSTANT, borderValue=(-1.0,))
        seen = warped >= 0
        total += np.where(seen, warped, 0)
        weight += seen
    return total / np.maximum(weight, 1)


def matte(work: npt.NDArray[np.uint8], person: Mask, landmarks: Array, valid: Mask) -> Mask:
    """Sharpen the person mask by GrabCut and a guided filter, [S, S] 0..1."""
    size = work.shape[0]
    half = size // 2
    small = cv2.resize(work, (half, half), interpolation=cv2.INTER_AREA)
    p = cv2.resize(person, (half, half))
    trimap = np.where(p > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    box = np.ones((9, 9), np.uint8)
    trimap[cv2.erode((p > 0.9).astype(np.uint8), box) > 0] = cv2.GC_FGD
    trimap[cv2.dilate((p > 0.15).astype(np.uint8), box) == 0] = cv2.GC_BGD
    # The oval's ear-side landmarks overshoot the silhouette: only a shrunk one is surely face.
    oval = landmarks[list(OVAL), :2]
    middle = oval.mean(0)
    trimap[polygon((half, half), (middle + (oval - middle) * 0.86) / 2) > 0.5] = cv2.GC_FGD
    hard = _grab_cut(small, trimap, p)
    soft = 0.6 * cv2.resize(hard, (size, size)) + 0.4 * person
    alpha = guided_filter(work.astype(np.float32) / 255, np.asarray(soft, np.float32), 9, 1e-3)
    return np.asarray(np.clip((alpha - 0.25) / 0.5, 0, 1) * valid, np.float32)


def _grab_cut(small: npt.NDArray[np.uint8], trimap: npt.NDArray[np.uint8], p: Mask) -> Mask:
    present = np.unique(trimap)
    if not (np.isin([0, 2], present).any() and np.isin([1, 3], present).any()):
        return (p > 0.5).astype(np.float32)
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(cv2.cvtColor(small, cv2.COLOR_RGB2BGR), trimap, None, *models, 3, cv2.GC_INIT_WITH_MASK)
    mask = ((trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD)).astype(np.uint8)
    kernel = np.ones((5, 5), np.uint8)
    mask = cv2.morphologyEx(cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel), cv2.MORPH_CLOSE, kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return (p > 0.5).astype(np.float32)
    return (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.float32)


def find_regions(work: npt.NDArray[np.uint8], landmarks: Array, alpha: Mask, valid: Mask) -> tuple[Regions, bool]:
    """Region masks of the work image, and whether the person is bald (no hair colour was found).

    Colours are judged at half resolution; the result is smoothed along the full image's edges.
    """
    size = work.shape[0]
    half = size // 2
    points = landmarks[:, :2].astype(np.float64)
    small = cv2.resize(work, (half, half), interpolation=cv2.INTER_AREA)
    small_alpha = cv2.resize(alpha, (half, half), interpolation=cv2.INTER_AREA)
    classes, familiarity, is_bald = _classify(small, points / 2, small_alpha)
    skin, hair, cloth = (cv2.resize(c, (size, size), interpolation=cv2.INTER_LINEAR) for c in classes)
    shape = (size, size)

    def region(*groups: tuple[int, ...]) -> Mask:
        return np.maximum.reduce([polygon(shape, points[list(g)]) for g in groups])

    mouth = region(LIPS_INNER)
    regions = Regions(
        person=alpha,
        skin=np.asarray(skin * alpha, np.float32),
        hair=np.asarray(hair * alpha, np.float32),
        cloth=np.asarray(cloth * alpha, np.float32),
        face_oval=region(OVAL),
        eyes=region(RIGHT_EYE, LEFT_EYE),
        eyebrows=region(RIGHT_EYEBROW, LEFT_EYEBROW),
        lips=np.clip(region(LIPS_OUTER) - mouth, 0, 1),
        mouth_interior=mouth,
        familiarity=np.asarray(cv2.resize(familiarity, shape, interpolation=cv2.INTER_LINEAR), np.float32),
        valid=valid,
    )
    return regions, is_bald


def _place(points: npt.NDArray[np.float64], size: int) -> tuple[_Place, Mask]:
    height = float(np.linalg.norm(points[10] - points[152]))
    up = (points[10] - points[152]) / height
    right = np.array([-up[1], up[0]])
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    relative = np.stack([x - points[152, 0], y - points[152, 1]], -1)
    oval = polygon((size, size), points[list(OVAL)])
    inside = cv2.distanceTransform((oval > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / height
    outside = cv2.distanceTransform((oval < 0.5).astype(np.uint8), cv2.DIST_L2, 5) / height
    place = _Place(
        np.asarray(relative @ up / height, np.float32),
        np.asarray(relative @ right / height, np.float32),
        inside,
        outside,
        height,
    )
    return place, oval


def _classify(
    work: npt.NDArray[np.uint8], points: npt.NDArray[np.float64], alpha: Mask
) -> tuple[list[Mask], Mask, bool]:
    size = work.shape[0]
    place, oval = _place(points, size)
    fh = place.face_height_px
    lab = cv2.GaussianBlur(cv2.cvtColor(work, cv2.COLOR_RGB2LAB).astype(np.float32), (0, 0), 0.8)
    cv2.setRNGSeed(0)
    seeds = _skin_seeds(points, size, fh)
    skin_model = ColourMixture(lab[seeds], 3)
    # Highlights and shadows stay skin: lightness is clamped to the seeds' range, the excess costs a little. White
    # hair still separates, by chroma.
    low, high = np.percentile(lab[seeds][:, 0], [2, 98])
    clamped = lab.copy()
    clamped[..., 0] = np.clip(clamped[..., 0], low, high)
    excess = 0.0012 * (lab[..., 0] - clamped[..., 0]) ** 2
    skin_ll = skin_model.log_likelihood(clamped) - excess
    usual = np.percentile(skin_ll[seeds], 5)

    body = alpha > 0.6
    edge = cv2.distanceTransform((alpha > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / fh
    hair_seeds = body & (oval < 0.5) & (place.up > 0.80) & (edge > 0.02) & (edge < 0.10) & (skin_ll < usual - 1)
    hair_seeds = cv2.erode(hair_seeds.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    is_bald = bool(hair_seeds.sum() < 0.012 * fh * fh)
    hair_ll = np.full((size, size), -60.0, np.float32)
    if not is_bald:
        # One round of expectation maximisation: forehead highlights join skin, inner hair joins hair.
        first = ColourMixture(lab[hair_seeds], 3).log_likelihood(lab)
        candidates = body & (place.up > 0.6) & (np.abs(place.side) < 0.6)
        more_skin = candidates & (skin_ll - first > 1.0) & (skin_ll > usual - 12)
        if more_skin.sum() > 60:
            skin_model = ColourMixture(np.vstack([lab[seeds], lab[more_skin][::3]]), 4)
            skin_ll = skin_model.log_likelihood(clamped) - excess
        hair_seeds |= candidates & (first - skin_ll > 2.5) & (oval < 0.5)
        hair_ll = ColourMixture(lab[hair_seeds], 3).log_likelihood(lab)
    cloth_seeds = body & (place.up < -0.38) & (skin_ll < usual - 1)
    cloth_ll = np.full((size, size), -30.0, np.float32)
    if cloth_seeds.sum() > 120:
        cloth_ll = ColourMixture(lab[cloth_seeds], 4).log_likelihood(lab)

    priors = _priors(place, oval)
    scores = 0.6 * (np.stack([skin_ll, hair_ll, cloth_ll]) + 1.5 * priors)
    posterior = np.exp(scores - scores.max(0))
    posterior /= posterior.sum(0)
    guide = work.astype(np.float32) / 255
    smooth = np.clip(np.stack([guided_filter(guide, p, 5, 2e-3) for p in posterior]), 1e-4, None)
    smooth /= smooth.sum(0)
    _tidy(smooth, place, oval, alpha)
    _fill_hair(smooth, oval, alpha)
    familiarity = sigmoid((skin_ll - (np.percentile(skin_ll[seeds], 1) - 6)) / 3)
    if not is_bald:
        usual_hair = np.percentile(hair_ll[hair_seeds], 3)
        familiarity = np.maximum(familiarity, sigmoid((hair_ll - (usual_hair - 5)) / 3))
    return list(smooth), cv2.blur(familiarity, (3, 3)), is_bald


def _skin_seeds(points: npt.NDArray[np.float64], size: int, fh: float) -> npt.NDArray[np.bool_]:
    discs = np.zeros((size, size), np.uint8)
    for i in SKIN_SEEDS:
        cv2.circle(discs, (round(points[i, 0]), round(points[i, 1])), max(2, int(0.03 * fh)), (255,), -1)
    shape = (size, size)
    other = [polygon(shape, points[list(g)]) for g in (RIGHT_EYE, LEFT_EYE, RIGHT_EYEBROW, LEFT_EYEBROW, LIPS_OUTER)]
    return np.asarray((discs > 0) & (np.maximum.reduce(other) < 0.1))


def _priors(place: _Place, oval: Mask) -> Array:
    """Log prior of skin, hair and cloth at every pixel, [3, S, S]."""
    up, side, inside, outside = place.up, np.abs(place.side), place.inside_oval, place.outside_oval
    ears = 0.35 * sigmoid((0.18 - outside) / 0.03) * sigmoid((0.78 - up) / 0.05)
    neck = 0.3 * sigmoid((up + 0.42) / 0.05) * sigmoid((0.05 - up) / 0.05) * sigmoid((0.42 - side) / 0.05)
    # The landmarks end below many hairlines.
    forehead = 0.12 * sigmoid((0.2 - outside) / 0.03) * sigmoid((up - 0.8) / 0.05) * sigmoid((0.42 - side) / 0.05)
    skin = np.where(oval > 0.5, np.log(0.6 + 4 * inside), np.log(1e-3 + ears + neck + forehead))
    fringe = 0.45 * sigmoid((0.16 - inside) / 0.03) * sigmoid((up - 0.55) / 0.06)
    temples = 0.25 * sigmoid((0.06 - inside) / 0.015) * sigmoid((up - 0.35) / 0.05)
    around = 0.8 * sigmoid((up + 0.25) / 0.08) * sigmoid((0.7 - side) / 0.05)
    hair = np.log(1e-4 + np.where(oval > 0.5, fringe + temples, around))
    cloth = np.log(1e-4 + 0.9 * sigmoid((-0.18 - up) / 0.05) + 0.1 * sigmoid((-0.02 - up) / 0.03))
    return np.asarray(np.stack([skin, hair, cloth]), np.float32)


def _tidy(posterior: Array, place: _Place, oval: Mask, alpha: Mask) -> None:
    """Give hair that hangs together with no hair above the brows, and cloth on the face, to what it must be."""
    fh = place.face_height_px
    hair = (posterior[1] * alpha > 0.5).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(cv2.erode(hair, np.ones((3, 3), np.uint8)))
    keep = np.zeros_like(hair)
    for i in range(1, count):
        if stats[i, cv2.CC_STAT_AREA] > 0.002 * fh * fh and place.up[labels == i].max() > 0.62:
            keep |= (labels == i).astype(np.uint8)
    soft = cv2.GaussianBlur(cv2.dilate(keep, np.ones((7, 7), np.uint8)).astype(np.float32), (0, 0), 1.5)
    moved = posterior[1] * (1 - soft)
    posterior[1] -= moved
    to_skin = np.where(oval > 0.5, 1.0, sigmoid((place.up + 0.12) / 0.04))
    posterior[0] += moved * to_skin
    posterior[2] += moved * (1 - to_skin)
    on_face = posterior[2] * cv2.dilate(oval, np.ones((5, 5), np.uint8))
    posterior[2] -= on_face
    posterior[0] += on_face


def _fill_hair(posterior: Array, oval: Mask, alpha: Mask) -> None:
    """Strands in the colour of skin are hair where hair is all around: they reach neither the face nor the outside."""
    not_hair = ((posterior[1] < HOLE) & (alpha > 0.5)).astype(np.uint8)
    count, labels = cv2.connectedComponents(not_hair)
    outside = cv2.dilate((alpha <= 0.5).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    is_open = np.zeros(count, bool)
    is_open[np.unique(labels[(oval > 0.5) | outside | (posterior[2] > 0.5)])] = True
    holes = cv2.dilate((~is_open[labels] & (not_hair > 0)).astype(np.uint8), np.ones((5, 5), np.uint8))
    soft = cv2.GaussianBlur(holes.astype(np.float32), (0, 0), 1.0)
    moved = posterior[0] * soft
    posterior[0] -= moved
    posterior[1] += moved
