"""The photo's light, found on the skin of the face, and the photo without it.

What is known: albedo is about the same on both halves of a face, so differences between mirrored points are the
light's; and about the same all over its skin, which tells less, for the rest. Brows, lips, shine and beards are
outliers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from perse_engine.head.light import POWER, basis, even_light, floored, gains, posed_normals, rest_normals
from perse_engine.head.mesh_raster import bake
from perse_engine.head.sampling import push_pull, sample, smoothstep
from perse_engine.head.subject import Subject
from perse_engine.portrait.portrait import Regions
from perse_engine.portrait.topology import load_topology
from perse_engine.scene import FloatArray

Array = npt.NDArray[Any]

LUMA = np.array([0.2126, 0.7152, 0.0722])
BLUR_PX = 3.0
PAIR_SIGMA, SKIN_SIGMA = 0.06, 0.35
"""How unlike the logarithm of linear skin is in mirrored points, and over a face."""
FACING = (0.1, 0.35)
INDEPENDENT = 60.0
"""Points of a face that tell something new; its landmarks are more, and their neighbours like them."""
SPREAD = np.array([0.3, 0.35, 0.3, 0.7, 0.2, 0.15, 0.15, 0.3, 0.15])
"""Standard deviations of the coefficients over portraits: how large a light is believed."""
TINT = 0.3
"""How far a channel's coefficients may be from the luminance's, of SPREAD."""
SURE, LEAST_SAMPLES = 0.3, 60
TONE_STEPS = 8
UNEVEN = (0.04, 0.12)
"""Standard deviation of log irradiance over the face, from where on it is taken off, and entirely."""


@dataclass(frozen=True)
class SkinSamples:
    """Skin at face landmarks: log of linear colour [M, 3], normals [M, 3], weights [M]; `other` [M] indexes mirrors."""

    colour: Array
    normals: Array
    weights: Array
    other: npt.NDArray[np.int64]


def photo_light(subject: Subject, regions: Regions) -> FloatArray:
    """Irradiance [9, 3] float32 of the photo that a subject was built from; even light where it is nearly even."""
    skin = skin_samples(subject, regions)
    if (skin.weights > SURE).sum() < LEAST_SAMPLES:
        return even_light()
    white = _fit(skin, np.log(np.exp(skin.colour) @ LUMA), even_light()[:, 0], SPREAD)
    light = np.stack([_fit(skin, channel, white, TINT * SPREAD) for channel in skin.colour.T], 1)
    strength = float(smoothstep(_unevenness(skin, white), *UNEVEN))
    return np.asarray(_tone_kept(skin, even_light() + strength * (light - even_light())), np.float32)


def skin_samples(subject: Subject, regions: Regions) -> SkinSamples:
    """Look at the photo in the face's landmarks."""
    look, camera = subject.look, subject.source_camera
    index = subject.landmark_vertices[:468]
    vertices = look.rig.posed(subject.source_pose, subject.source_expression)
    normals = posed_normals(look.rig, rest_normals(look), subject.source_pose)[index]
    points = vertices[index]
    eye = -camera.world_to_cam[:3, :3].T @ camera.world_to_cam[:3, 3]
    to_eye = (eye - points) / np.linalg.norm(eye - points, axis=1, keepdims=True)
    place = camera.project(points)[:, :2] - 0.5
    photo = (subject.work_rgb.astype(np.float32) / 255) ** POWER
    others = np.clip(regions.lips + regions.eyebrows + regions.eyes + regions.hair + regions.mouth_interior, 0, 1)
    skin = np.clip(regions.skin * regions.person * regions.valid - cv2.dilate(others, np.ones((9, 9))), 0, 1)
    soft = cv2.GaussianBlur(skin, (0, 0), BLUR_PX)
    colour = cv2.GaussianBlur(photo * skin[..., None], (0, 0), BLUR_PX) / (soft[..., None] + 1e-3)
    weights = smoothstep(sample(soft, place), 0.5, 0.9) * smoothstep((normals * to_eye).sum(1), *FACING)
    weights = weights * _areas(points)
    return SkinSamples(np.log(sample(colour, place) + 2e-3), normals, weights, load_topology().mirror.astype(np.int64))


def _areas(points: Array) -> Array:
    """How much of the face each landmark stands for, relative to their mean, [468]."""
    faces = load_topology().faces
    corners = points[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    total = np.bincount(faces.ravel(), np.repeat(area, 3), len(points))
    return np.asarray(np.clip(total / total.mean(), 0, 4))


def _fit(s: SkinSamples, shade: Array, expected: Array, spread: Array) -> Array:
    """Coefficients [9] of one channel's light from the logarithms of its linear values [M]."""
    polynomials = basis(s.normals)
    first = np.arange(len(shade)) < s.other
    pairs = np.minimum(s.weights, s.weights[s.other])[first]
    typical = _weighted_median(shade, s.weights)
    share = INDEPENDENT / s.weights.sum()

    def misfit(light: Array) -> Array:
        albedo = shade - typical - np.log(floored(polynomials @ light))
        differences = robust((albedo - albedo[s.other])[first] / (2**0.5 * PAIR_SIGMA))
        levels = robust(albedo / SKIN_SIGMA)
        weighted = np.sqrt(2 * share * pairs) * differences, np.sqrt(share * s.weights) * levels
        return np.concatenate([*weighted, (light - expected) / spread])

    return np.asarray(least_squares(misfit, expected).x)


def robust(residual: Array) -> Array:
    """Large residuals count less: its square is Geman and McClure's, scaled to 2.5 standard deviations."""
    return np.asarray(residual / np.sqrt(1 + (residual / 2.5) ** 2))


def _weighted_median(values: Array, weights: Array) -> float:
    order = np.argsort(values)
    share = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(share, share[-1] / 2)])


def _unevenness(s: SkinSamples, light: Array) -> float:
    shade = np.log(floored(basis(s.normals) @ light))
    mean = np.average(shade, weights=s.weights)
    return float(np.sqrt(np.average((shade - mean) ** 2, weights=s.weights)))


def _tone_kept(s: SkinSamples, light: Array) -> Array:
    """The light scaled until the face without it has the photo's mean colour, in stored values."""
    stored = np.exp(s.colour / POWER)
    wanted = np.average(stored, weights=s.weights, axis=0)
    for _ in range(TONE_STEPS):
        without = np.average(stored / gains(light, s.normals), weights=s.weights, axis=0)
        light = light * (without / wanted) ** POWER
    return light


def in_even_light(subject: Subject, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A picture [S, S, 3] in the photo's view and light, such as the photo, without that light."""
    if (subject.source_light == even_light()).all():
        return picture
    return np.asarray(np.clip(picture / photo_gains(subject) + 0.5, 0, 255), np.uint8)


def photo_gains(subject: Subject) -> FloatArray:
    """What the light does to every pixel of the photo's view, [S, S, 3]; it goes on beyond the outline."""
    look, camera = subject.look, subject.source_camera
    vertices = look.rig.posed(subject.source_pose, subject.source_expression)
    normals = posed_normals(look.rig, rest_normals(look), subject.source_pose)
    points = camera.project(vertices)
    # The nearest is drawn last.
    order = np.argsort(-points[look.faces, 2].mean(1), kind="stable")
    size = (camera.width_px, camera.height_px)
    factor, covered = bake(points[:, :2], look.faces[order], gains(subject.source_light, normals), size)
    known = cv2.erode(covered.astype(np.uint8), np.ones((3, 3))).astype(np.float32)
    return np.where(known[..., None] > 0, factor, push_pull(factor, known))
