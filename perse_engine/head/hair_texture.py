"""Hair that the photo does not show: where it grows, and what it looks like.

Close to the last hair that the photo shows it is that hair mirrored, strand for strand; farther on, streak noise along
the flow in its colours, as uneven as the real hair is. Constants were tuned by eye on three people.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from perse_engine.head.atlas import texel_angles, uv_of_angles
from perse_engine.head.baked import Baked, fill, low_pass, per_azimuth
from perse_engine.head.sampling import sample, smoothstep
from perse_engine.head.scalp import HeadSurface
from perse_engine.head.strands import flow_angles, strand_noise, texel_directions

Array = npt.NDArray[Any]

LEAST_TEXELS = 1800
"""Fewer texels of hair on the photo: bald."""
SPOKES = 360
MIRRORED_DEG = 9.0
"""How far behind the last hair seen its mirror image fades into noise."""


def complete_hair(baked: Baked, surface: HeadSurface, skin: Array) -> tuple[Array, Array, Array | None]:
    """Guessed hair everywhere [A, A, 3], where it grows [A, A], and the median hair colour; None if bald."""
    seen = baked.weight * smoothstep(baked.hair, 0.65, 0.92) * ~baked.is_face
    angle, azimuth = texel_angles()
    if seen.sum() < LEAST_TEXELS:
        return skin, np.zeros_like(angle), None
    rim = per_azimuth(surface.azimuth, surface.rim_angle, azimuth)
    colour = _typical(baked, seen, angle, rim)
    seam, band = _seam(seen, rim, angle, azimuth)
    past = np.degrees(angle - seam)
    near = np.exp(-((np.maximum(past, 0) / 18.0) ** 2))[..., None]
    local = fill(baked.colour, seen**2)
    base = (0.30 + 0.55 * near) * local + (0.70 - 0.55 * near) * colour
    core = (seen > 0.7) & (baked.hair > 0.95)
    detail = np.log((baked.colour.mean(-1) + 0.02) / (low_pass(baked.colour, seen).mean(-1) + 0.02))
    spread = float(np.std(detail[core])) if core.sum() > 100 else 0.1
    streaks = 0.6 * strand_noise(1, 0.8) + 0.55 * strand_noise(2, 3.0, 30.0) + 0.45 * strand_noise(3, 9.0, 50.0)
    cropped = 0.8 * strand_noise(4, 0.8, 2.0) + 0.6 * strand_noise(5, 2.5, 3.0)
    streaks = surface.hair_volume * streaks + (1 - surface.hair_volume) * cropped
    shade = np.clip(0.8 * spread, 0.05, 0.16) * streaks
    mirrored, is_there = _mirrored(np.clip(detail, -0.7, 0.7), seen, seam, band, angle, azimuth)
    share = is_there * np.exp(-((np.maximum(past, 0) / MIRRORED_DEG) ** 2))
    # Lit from above; the nape lies in the shadow of what is over it.
    up = texel_directions()[..., 1]
    light = (
        0.10 * up
        - 0.16 * smoothstep(-up, 0.05, 0.6)
        + 0.07 * np.exp(-(((np.degrees(flow_angles()[0]) - 48) / 16) ** 2))
    )
    away = smoothstep(past, 2, 30)
    hair = base * np.exp(share * mirrored + (1 - share) * shade + away * light)[..., None]
    return hair, _grows(baked, surface, angle, azimuth), colour


def _typical(baked: Baked, seen: Array, angle: Array, rim: Array) -> Array:
    """The colour of the hair on top, where it is dense; temples are thin and show skin."""
    sure = (seen > 0.7) & (baked.hair > 0.95) & (angle > rim + np.radians(8))
    on_top = sure & (texel_directions()[..., 1] > 0.5)
    for mask in (on_top, sure, seen > 0.3):
        if mask.sum() > 400:
            values = baked.colour[mask]
            # The darker half: what lies deep among the strands, not shine nor skin between them.
            lightness = values.mean(1)
            dark = (lightness > np.percentile(lightness, 5)) & (lightness < np.percentile(lightness, 50))
            return np.asarray(values[dark].mean(0))
    return np.asarray(np.median(baked.colour[seen > 0.1], 0))


def _seam(seen: Array, rim: Array, angle: Array, azimuth: Array) -> tuple[Array, Array]:
    """Polar angle where hair on the photo ends, and how wide a band of it lies before, [A, A] radians each."""
    spokes = np.linspace(-np.pi, np.pi, SPOKES, endpoint=False)
    steps = np.radians(np.arange(40.0, 130.0, 0.5))
    values = sample(seen, uv_of_angles(steps[None], spokes[:, None]) - 0.5)
    is_seen = values > 0.5
    last = np.where(is_seen.any(1), steps[len(steps) - 1 - np.argmax(is_seen[:, ::-1], 1)], np.nan)
    first = np.where(is_seen.any(1), steps[np.argmax(is_seen, 1)], np.nan)
    known = np.isfinite(last)
    order = np.arange(SPOKES)
    last = np.interp(order, order[known], last[known], period=SPOKES)
    first = np.interp(order, order[known], first[known], period=SPOKES)
    # Where a spoke shows little hair there is little to mirror.
    width = np.where(known, np.maximum(last - first, 0), 0)
    last, width = gaussian_filter1d(last, 3, mode="wrap"), gaussian_filter1d(width, 3, mode="wrap")
    return per_azimuth(spokes, last, azimuth), per_azimuth(spokes, width, azimuth)


def _mirrored(
    detail: Array, seen: Array, seam: Array, band: Array, angle: Array, azimuth: Array
) -> tuple[Array, Array]:
    """Detail folded back and forth behind the seam, and how much of it is real hair, [A, A] each."""
    period = np.maximum(0.8 * band, np.radians(3))
    past = np.maximum(angle - seam, 0)
    folded = period - np.abs(past % (2 * period) - period)
    where = uv_of_angles(seam - folded - np.radians(0.7), azimuth) - 0.5
    real = smoothstep(sample(seen, where), 0.3, 0.7) * smoothstep(np.degrees(band), 5, 12) * (angle > seam)
    return sample(detail, where), np.asarray(real)


def _grows(baked: Baked, surface: HeadSurface, angle: Array, azimuth: Array) -> Array:
    """Where hair grows, 0..1: as the photo continues, behind the ears, down to the nape."""
    silhouette = per_azimuth(surface.azimuth, surface.silhouette_angle, azimuth)
    ear = per_azimuth(surface.azimuth, surface.earness, azimuth)
    up = np.sin(azimuth)
    near = fill(baked.hair[..., None], baked.weight)[..., 0]
    past = np.degrees(angle - silhouette)
    # Above an ear the hairline runs forward to the temple, behind it there is some skin.
    start = 9.0 * ear * smoothstep(up, 0.02, -0.25) - 9.0 * smoothstep(up, -0.08, 0.12)
    beyond = smoothstep(past - start, 0, 10) * smoothstep(up, -0.62, -0.45)
    on_top = smoothstep(up, -0.04, 0.08) * smoothstep(past, -22, -12)
    return cv2.GaussianBlur(np.maximum(np.maximum(smoothstep(near, 0.35, 0.65), beyond), on_top), (0, 0), 2.0)
