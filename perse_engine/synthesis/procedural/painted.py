"""Categories that are painted on the head's atlas or move its vertices: beard, eyebrows, nose, mouth, skin."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.sampling import smoothstep
from perse_engine.head.strands import strand_noise
from perse_engine.synthesis.procedural.colours import HAIR, LIPS, colour
from perse_engine.synthesis.procedural.outfit import Outfit, lab_of, to_lab
from perse_engine.vocabulary import REGION_LABELS, VariantSpec

Array = npt.NDArray[Any]


def beard(outfit: Outfit, spec: VariantSpec, weight: float) -> None:
    """Streaks over a shaded ground; more weight lets more strands pass, not a fainter copy of all."""
    maps = outfit.subject.texel_maps
    style = spec.slots["style"]
    grows = {
        "full": maps["beard"],
        "stubble": maps["beard"],
        "goatee": np.maximum(maps["goatee"], maps["moustache"]),
    }[style]
    reach = 0.45 if style == "stubble" else 1.0
    tone = np.array(colour(HAIR, spec.slots["colour"], "beard"), np.float32)
    strands = strand_noise(5, 0.16, 5.0) + 0.5 * _patches(8)
    threshold = 1.9 - 3.1 * weight * reach
    dense = smoothstep(strands, threshold - 0.5, threshold + 0.9) * grows * min(1.0, 3 * weight)
    ground = grows * (0.18 if style == "stubble" else 0.5) * weight
    amount = np.clip(np.maximum(dense * (0.5 + 0.42 * weight * reach), ground), 0, 0.95)[..., None]
    head = outfit.head
    lightness = head.mean(-1, keepdims=True)
    typical = max(float(np.median(lightness[grows > 0.5])), 0.05) if (grows > 0.5).any() else 0.5
    shade = np.clip(lightness / typical, 0.55, 1.4) * (1 + 0.28 * strand_noise(5, 0.16, 5.0)[..., None])
    head += (np.clip(tone * shade, 0, 1) - head) * amount
    outfit.head_labels[(amount[..., 0] > 0.4) & (grows > 0.4)] = REGION_LABELS["beard"]


def eyebrows(outfit: Outfit, spec: VariantSpec, weight: float) -> None:
    """Colour and density of the brows, and their shape by moving the skin under them."""
    maps = outfit.subject.texel_maps
    region = maps["eyebrows"]
    thickness = spec.slots.get("thickness")
    if thickness == "thick":
        wide = smoothstep(cv2.GaussianBlur(region, (0, 0), 4.0 * weight + 0.1), 0.28, 0.62)
        region = np.maximum(region, wide * weight)
        amount = np.clip(region * (0.62 + 0.3 * strand_noise(9, 0.3, 3.0)), 0, 0.9) * weight
        tone = np.array(colour(HAIR, spec.slots.get("colour", "brown"), "eyebrows"), np.float32)
        outfit.head[...] += (tone - outfit.head) * (amount * (1 - 0.8 * maps["eyes"]))[..., None]
        outfit.head_labels[amount > 0.4] = REGION_LABELS["eyebrows"]
    elif thickness == "thin":
        _thin_brows(outfit, region, weight)
    elif "colour" in spec.slots:
        target = lab_of(colour(HAIR, spec.slots["colour"], "eyebrows"))
        dark = _darker_than_skin(outfit, region)

        def tint(lab: Array) -> Array:
            return np.stack([0.45 * lab[..., 0] + 0.5 * target[0], *(target[c] + 0 * lab[..., 0] for c in (1, 2))], -1)

        outfit.recolour(region * dark * weight * 0.9, tint)
    if spec.slots.get("shape") == "arched":
        outfit.move("browArch", weight)
    elif spec.slots.get("shape") == "straight":
        outfit.move("browArch", -0.8 * weight)


def nose(outfit: Outfit, spec: VariantSpec, weight: float) -> None:
    """Identity shapes only: whatever is bound to the nose follows."""
    table: dict[tuple[str, str], tuple[tuple[str, float], ...]] = {
        ("width", "wide"): (("noseWidth", 1.2),),
        ("width", "slim"): (("noseWidth", -1.0),),
        ("length", "long"): (("noseLength", 1.2),),
        ("length", "short"): (("noseLength", -0.9),),
        ("tip", "upturned"): (("noseTip", 1.1),),
        ("bridge", "aquiline"): (("noseBridge", 1.2), ("noseLength", 0.4)),
    }
    for slot in spec.slots.items():
        for shape, amount in table[slot]:
            outfit.move(shape, amount * weight)


def mouth(outfit: Outfit, spec: VariantSpec, weight: float) -> None:
    """Lip fullness and width by identity shapes, lip colour by paint that keeps the highlights."""
    table: dict[tuple[str, str], tuple[str, float]] = {
        ("fullness", "full"): ("lipFullness", 1.3),
        ("fullness", "thin"): ("lipFullness", -0.8),
        ("width", "wide"): ("mouthWidth", 0.9),
        ("width", "narrow"): ("mouthWidth", -0.8),
    }
    for slot in spec.slots.items():
        if slot in table:
            shape, amount = table[slot]
            outfit.move(shape, amount * weight)
    if "colour" not in spec.slots:
        return
    target = lab_of(colour(LIPS, spec.slots["colour"], "mouth"))
    lips = outfit.subject.texel_maps["lips"]
    own = to_lab(outfit.head)[lips > 0.6]
    reference = np.median(own, 0) if len(own) else np.array([55.0, 20, 12])

    def paint(lab: Array) -> Array:
        return target + (lab - reference) * np.array([0.85, 0.4, 0.4])

    outfit.recolour(np.clip(lips * 1.15, 0, 1) * 0.92 * weight, paint)


def skin(outfit: Outfit, spec: VariantSpec, weight: float) -> None:
    """Tone (lightness and warmth), freckles, rosy cheeks; head, lids and neck change together."""
    maps = outfit.subject.texel_maps
    region = maps["skin"] * (1 - 0.6 * maps["eyes"])
    tone = spec.slots.get("tone")
    shift = {
        "tanned": (0.86, 3.0, 9.0), "deep": (0.52, 4.0, 7.0), "pale": (1.08, -3.0, -5.0), "rosy": (1.0, 0.0, 0.0),
    }.get(tone or "rosy", (1.0, 0.0, 0.0))  # fmt: skip

    def change(lab: Array) -> Array:
        lightness = np.clip(lab[..., 0] * shift[0], 0, 98)
        return np.stack([lightness, lab[..., 1] + shift[1], lab[..., 2] + shift[2]], -1)

    outfit.recolour(region * weight, change)
    _neck(outfit, weight, change)
    if tone == "rosy":
        cheeks = _cheeks(outfit)
        outfit.recolour(cheeks * weight, lambda lab: lab + np.array([-3.0, 17.0, 5.0]))
    if spec.slots.get("marks") == "freckled":
        spots = smoothstep(_patches(21, 1.3), 1.25, 2.0) * maps["face"] * region
        outfit.recolour(spots * 0.6 * weight, lambda lab: lab + np.array([-17.0, 7.0, 11.0]))


def _neck(outfit: Outfit, weight: float, change: Any) -> None:
    """Skin of the torso's texture, which lies right of the head's atlas."""
    neck = outfit.labels[:, ATLAS_PX:] == REGION_LABELS["skin"]
    neck[:, :] &= outfit.texture[:, ATLAS_PX:, 3] > 0
    mask = cv2.GaussianBlur(neck.astype(np.float32), (0, 0), 2.0) * weight
    patch = outfit.texture[:, ATLAS_PX:, :3]
    patch += (np.clip(cv2.cvtColor(change(to_lab(patch)).astype(np.float32), cv2.COLOR_LAB2RGB), 0, 1) - patch) * mask[
        ..., None
    ]


def _cheeks(outfit: Outfit) -> Array:
    out = np.zeros((ATLAS_PX, ATLAS_PX), np.float32)
    uv = outfit.subject.look.uv[outfit.subject.landmark_vertices]
    for index in (50, 280, 205, 425):
        cv2.circle(out, (int(uv[index, 0]), int(uv[index, 1])), int(0.022 * ATLAS_PX), (0.8,), -1)
    return cv2.GaussianBlur(out, (0, 0), 0.013 * ATLAS_PX)


def _thin_brows(outfit: Outfit, region: Array, weight: float) -> None:
    """Grow forehead skin over the upper and lower edge of the brows."""
    soft = cv2.GaussianBlur(region, (0, 0), 3.0)
    edge = np.clip(region - smoothstep(soft, 0.62, 0.85), 0, 1)
    around = 1 - smoothstep(cv2.GaussianBlur(region, (0, 0), 1.5), 0.02, 0.2)
    weights = cv2.GaussianBlur(around.astype(np.float32), (0, 0), 9)
    clean = cv2.GaussianBlur(outfit.head * around[..., None], (0, 0), 9) / np.maximum(weights, 1e-3)[..., None]
    outfit.head[...] += (clean - outfit.head) * (edge * 0.9 * weight)[..., None]


def _darker_than_skin(outfit: Outfit, region: Array) -> Array:
    lightness = to_lab(outfit.head)[..., 0]
    ring = cv2.dilate(region, np.ones((15, 15))) * (1 - region)
    typical = float(np.median(lightness[ring > 0.5])) if (ring > 0.5).any() else 60.0
    return smoothstep(typical - lightness, 3, 18)


@cache
def _patches(seed: int, sigma: float = 14.0) -> Array:
    """Blotchy noise, [A, A], mean 0, deviation 1."""
    noise = np.random.default_rng(seed).standard_normal((ATLAS_PX, ATLAS_PX)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), sigma)
    return np.asarray((smooth - smooth.mean()) / smooth.std())
