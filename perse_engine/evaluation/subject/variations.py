"""Harder inputs made from a portrait by changing its picture: crops, sizes, light, skin tones, turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.evaluation.subject.judge import Rgb
from perse_engine.evaluation.subject.painted import bald, dressed
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.portrait.portrait import PortraitAnalysis

Array = npt.NDArray[Any]

BELOW_CHIN_FACE_HEIGHTS = 0.12
SMALL_PX = 256
LIGHT = (0.12, 1.1)
"""Linear light on the dark and on the bright side of the face: about three stops."""
LIGHT_WIDTH_FACE_HEIGHTS = 0.25
DARKER_L, LIGHTER_L = -22.0, 14.0


def without_shoulders(analysis: PortraitAnalysis) -> Rgb:
    """Cut off a little below the chin."""
    points = _portrait_points(analysis)
    height = float(np.linalg.norm(points[10] - points[152]))
    bottom = round(float(points[152, 1]) + BELOW_CHIN_FACE_HEIGHTS * height)
    return np.ascontiguousarray(analysis.portrait.rgb[: max(bottom, 1)])


def small(analysis: PortraitAnalysis) -> Rgb:
    """Head and shoulders on a picture whose shorter side has 256 px."""
    side = len(analysis.work_rgb)
    corners = np.array([[0.0, 0.0], [side, side]])
    x0, y0, x1, y1 = _to_portrait(analysis, corners).ravel().round().astype(int)
    crop = analysis.portrait.rgb[max(y0, 0) : y1, max(x0, 0) : x1]
    scale = SMALL_PX / min(crop.shape[:2])
    size = (round(scale * crop.shape[1]), round(scale * crop.shape[0]))
    return np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8)


def one_sided_light(analysis: PortraitAnalysis) -> Rgb:
    """Light from the picture's left: linear light times a smooth ramp across the face."""
    points = _portrait_points(analysis)
    height = float(np.linalg.norm(points[10] - points[152]))
    middle = float(points[[6, 4, 152], 0].mean())
    across = (np.arange(analysis.portrait.width_px) - middle) / (LIGHT_WIDTH_FACE_HEIGHTS * height)
    ramp = LIGHT[0] + (LIGHT[1] - LIGHT[0]) / (1 + np.exp(2 * across))
    # A power of 2.2 stands for sRGB's curve: nobody measures this light.
    linear = (analysis.portrait.rgb.astype(np.float32) / 255) ** 2.2 * ramp[None, :, None]
    return np.asarray((np.clip(linear, 0, 1) ** (1 / 2.2) * 255).round(), np.uint8)


def toned(analysis: PortraitAnalysis, lightness: float) -> Rgb:
    """Shift CIE L of the skin, face and neck; light keeps its shape because dark skin also shows less of it."""
    regions = analysis.regions
    mask = np.clip(np.maximum(regions.skin, regions.lips) * regions.person - 0.9 * regions.eyes, 0, 1)
    size = (analysis.portrait.width_px, analysis.portrait.height_px)
    back = cv2.invertAffineTransform(analysis.work_from_portrait.astype(np.float64))
    mask = cv2.warpAffine(mask.astype(np.float32), back, size, flags=cv2.INTER_AREA)[..., None]
    rgb = analysis.portrait.rgb.astype(np.float32) / 255
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    typical = float(np.median(lab[mask[..., 0] > 0.5, 0])) if (mask > 0.5).any() else 60.0
    lab[..., 0] *= (typical + lightness) / typical
    changed = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
    return np.asarray((np.clip(rgb + (changed - rgb) * mask, 0, 1) * 255).round(), np.uint8)


def turned(analysis: PortraitAnalysis, degrees: float) -> Rgb:
    """Turn the picture in its plane about its middle, counter-clockwise; edges are repeated."""
    width, height = analysis.portrait.width_px, analysis.portrait.height_px
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    rgb = analysis.portrait.rgb
    out = cv2.warpAffine(rgb, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.uint8)


VARIATIONS: Mapping[str, Callable[[PortraitAnalysis, Subject], Rgb]] = {
    "no shoulders": lambda a, s: without_shoulders(a),
    "256 px": lambda a, s: small(a),
    "one-sided light": lambda a, s: one_sided_light(a),
    "darker skin": lambda a, s: toned(a, DARKER_L),
    "lighter skin": lambda a, s: toned(a, LIGHTER_L),
    "turned +20": lambda a, s: turned(a, 20),
    "turned -20": lambda a, s: turned(a, -20),
    "beard": lambda a, s: dressed(s, Look({"beard": {"full-brown": 1.0}})),
    "eyeglasses": lambda a, s: dressed(s, Look({"eyeglasses": {"round-black": 1.0}})),
    "bald": lambda a, s: bald(s),
}
"""Name -> picture, from the portrait's analysis and its subject."""


def _portrait_points(analysis: PortraitAnalysis) -> Array:
    return _to_portrait(analysis, analysis.landmarks[:, :2].astype(np.float64))


def _to_portrait(analysis: PortraitAnalysis, work: Array) -> Array:
    back = cv2.invertAffineTransform(analysis.work_from_portrait.astype(np.float64))
    return np.asarray(work @ back[:, :2].T + back[:, 2])
