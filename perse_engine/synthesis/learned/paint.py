"""A picture of the subject at the source view, laid onto the textures of an outfit.

Shape, pose and expression stay the outfit's own, so they are known exactly; the picture gives what its texels show.
Where the photo's camera does not see a texel, it takes the mean shift of what it sees of the same edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.mesh_raster import bake, depth_map
from perse_engine.head.photo_light import in_even_light
from perse_engine.head.sampling import for_bilinear, push_pull, sample, smoothstep
from perse_engine.head.scalp import vertex_normals
from perse_engine.head.subject import Subject, TextureBlend, TexturedRig
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.vocabulary import REGION_LABELS

Rgb = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

FACING = (0.08, 0.35)
"""Cosine to the camera between which a texel goes from unseen to seen: grazing views smear."""
SLACK_M = 0.004
"""Depth by which a texel may lie behind the nearest surface and still count as seen: soft edges lie in layers."""
CHANGED = 2 / 255
COARSE = 4
"""What is guessed has no detail, so it is guessed from every fourth texel."""
WORN = ("hat", "earrings", "headphones", "eyeglasses")
"""Of what stands off the head, only its own parts are painted: a rim that the model drew a little beside ours would
stay on the skin when the head turns."""


@dataclass(frozen=True)
class Surface:
    """Triangles with a texture of their own.

    vertices [V, 3] posed, world metres; faces [F, 3] of them; uv [V, 2] texels; rgb [H, W, 3] 0..1; own [H, W] 0..1,
    what belongs to the edit where the photo's camera does not see it; open [H, W] 0..1, what may be painted at all.
    """

    vertices: Array
    faces: npt.NDArray[np.int32]
    uv: Array
    rgb: Array
    own: Array
    open: Array


@dataclass(frozen=True)
class Paint:
    """What a picture adds to the textures of an outfit, [H, W, 3] float16 each: the subject's, charts', parts'.

    `covered` [H, W] float16 0..1 says where on the subject's texture the picture was seen.
    """

    base: Array
    covered: Array
    charts: Mapping[str, Array]
    parts: tuple[Array, ...]


def paint_from(subject: Subject, outfit: Outfit, category: str, picture: Rgb, mask: Array) -> Paint:
    """What `picture` [S, S, 3] shows inside `mask` [S, S], as a difference to an outfit of this category alone.

    The picture is in the photo's light, textures are in even light.
    """
    dressed = outfit.finish()
    posed = dressed.rig.posed(subject.source_pose, subject.source_expression)
    unlit = in_even_light(replace(subject, look=dressed), picture)
    view = _View.of(subject, dressed, posed, unlit, mask)
    charted = np.zeros(len(subject.look.rig.vertices), bool)
    charts = {}
    for name, chart in outfit.charts.items():
        charted[chart.indices] = True
        uv = np.zeros((len(posed), 2), np.float32)
        uv[chart.indices] = chart.uv
        inside = charted[subject.look.faces].all(1)
        own = np.ones(chart.labels.shape, np.float32)
        rgb = chart.texture[..., :3]
        charts[name] = view.difference(Surface(posed, subject.look.faces[inside], uv, rgb, own, own))[0]
    faces = subject.look.faces[~charted[subject.look.faces].all(1)]
    own = _belongs(subject, outfit, category)
    rgb = outfit.texture[..., :3]
    nothing = np.zeros(rgb.shape, np.float16), np.zeros(own.shape, np.float16)
    is_worn = category in WORN
    surface = Surface(posed, faces, subject.look.uv, rgb, own, _paintable(subject, outfit, category))
    base, covered = nothing if is_worn else view.difference(surface)
    parts, start = [], len(subject.look.rig.vertices)
    for part in outfit.parts:
        vertices = posed[start : start + len(part.vertices)]
        start += len(part.vertices)
        own = np.ones(part.texture.shape[:2], np.float32)
        parts.append(view.difference(Surface(vertices, part.faces, part.uv, part.texture[..., :3], own, own))[0])
    return Paint(base, covered, charts, tuple(parts))


def apply_paint(outfit: Outfit, paint: Paint, amount: float, first_part: int) -> None:
    """Add a share 0..1 of a paint to an outfit whose parts from `first_part` on are those of its category."""
    added = np.float32(amount) * paint.base.astype(np.float32)
    outfit.texture[..., :3] = np.clip(outfit.texture[..., :3] + added, 0, 1)
    if paint.covered.any():
        outfit.blends[:] = [_shifted(blend, added, paint.covered.astype(np.float32)) for blend in outfit.blends]
    for name, difference in paint.charts.items():
        if name in outfit.charts:
            chart = outfit.charts[name]
            chart.texture = _added(chart.texture, difference, amount)
    # A variant on its way may have fewer or coarser parts; those that it has are painted.
    for index, difference in zip(range(first_part, len(outfit.parts)), paint.parts, strict=False):
        part = outfit.parts[index]
        outfit.parts[index] = replace(part, texture=_added(part.texture, difference, amount))


def mixed(first: Paint, second: Paint, t: float) -> Paint:
    """The paint between two of one variant, `t` in 0..1; parts that only one has are that one's."""

    def mix(a: Array, b: Array) -> Array:
        a32, b32 = a.astype(np.float32), _fitting(b.astype(np.float32), a.shape[:2])
        return (a32 + np.float32(t) * (b32 - a32)).astype(np.float16)

    charts = {n: mix(d, second.charts[n]) if n in second.charts else d for n, d in first.charts.items()}
    parts = [mix(a, b) for a, b in zip(first.parts, second.parts, strict=False)]
    parts += [*first.parts[len(parts) :], *second.parts[len(parts) :]]
    base, covered = mix(first.base, second.base), mix(first.covered, second.covered)
    return Paint(base, covered, {**second.charts, **charts}, tuple(parts))


def _spread(change: Array, shown: Array) -> Array:
    """`change` [H, W, 3] where it is shown [H, W], and around it a smooth continuation."""
    height, width = shown.shape
    size = (max(1, width // COARSE), max(1, height // COARSE))
    weight = cv2.resize(shown.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    known = cv2.resize((change * shown[..., None]).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    smooth = push_pull(known / np.maximum(weight, 1e-6)[..., None], weight)
    return np.asarray(cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR))


def _fitting(difference: Array, shape: Sequence[int]) -> Array:
    if difference.shape[:2] == tuple(shape[:2]):
        return difference
    return np.asarray(cv2.resize(difference, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR))


def _added(texture: Array, difference: Array, amount: float) -> Array:
    out = texture.copy()
    difference = _fitting(difference.astype(np.float32), texture.shape[:2])
    out[..., :3] = np.clip(out[..., :3] + np.float32(amount) * difference, 0, 1)
    return out


def _shifted(blend: TextureBlend, added: Array, covered: Array) -> TextureBlend:
    """An expression's patch with the mean shift of what it lies on: lids close in the new shade of the skin."""
    h, w = blend.mask.shape
    window = (slice(blend.y, blend.y + h), slice(blend.x, blend.x + w))
    share = covered[window]
    if share.shape != blend.mask.shape or not share.any():
        return blend
    shift = (added[window] * share[..., None]).sum((0, 1)) / share.sum()
    rgba = blend.rgba.copy()
    rgba[..., :3] = np.clip(rgba[..., :3] + shift * cv2.GaussianBlur(share, (0, 0), 2)[..., None], 0, 1)
    return replace(blend, rgba=rgba)


def _belongs(subject: Subject, outfit: Outfit, category: str) -> Array:
    """Texels of the subject's texture that the variant changed or that are of its category, [H, W] 0..1."""
    height, width = subject.look.labels.shape
    changed = np.abs(outfit.texture[:height, :width, :3] - subject.look.texture[..., :3]).max(-1) > CHANGED
    label = REGION_LABELS.get("lips" if category == "mouth" else category, -1)
    inside = changed | (outfit.labels[:height, :width] == label)
    return np.asarray(cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 2))


def _paintable(subject: Subject, outfit: Outfit, category: str) -> Array:
    """Texels of the subject's texture that a category may paint, [H, W] 0 or 1: hair that hangs over the clothes must
    not be painted on them, where it would stay when the head turns."""
    height, width = subject.look.labels.shape
    is_cloth = outfit.labels[:height, :width] == REGION_LABELS["cloth"]
    return np.ones((height, width), np.float32) if category == "cloth" else (~is_cloth).astype(np.float32)


@dataclass(frozen=True)
class _View:
    """The source view: what is nearest in each pixel, the picture and its mask."""

    subject: Subject
    nearest: Array
    picture: Array
    mask: Array

    @staticmethod
    def of(subject: Subject, dressed: TexturedRig, posed: Array, picture: Rgb, mask: Array) -> _View:
        camera = subject.source_camera
        depth = depth_map(camera.project(posed), dressed.faces, camera.width_px, camera.height_px)
        nearest = np.where(np.isfinite(depth), depth, 1e3).astype(np.float32)
        # Sampled bilinearly again when it is drawn.
        return _View(subject, nearest, for_bilinear(picture.astype(np.float32) / 255), mask)

    def difference(self, surface: Surface) -> tuple[Array, Array]:
        """What the picture adds to a surface's texture [H, W, 3], and where it was seen [H, W], float16."""
        height, width = surface.rgb.shape[:2]
        geometry, covered = bake(surface.uv, surface.faces, self._vertices(surface), (width, height))
        place, seen = self._seen(geometry)
        seen = seen * covered
        shown = seen * sample(self.mask, place) * surface.open
        if not (shown > 0.05).any():
            return self._shift(surface), np.zeros((height, width), np.float16)
        change = sample(self.picture, place) - surface.rgb
        hidden = surface.own * surface.open * (1 - seen)
        guess = _spread(change, shown)
        out = shown[..., None] * change + (hidden * (1 - shown))[..., None] * guess
        return out.astype(np.float16), shown.astype(np.float16)

    def _vertices(self, surface: Surface) -> Array:
        """x px, y px, depth m and cosine to the camera of every vertex, [V, 4]."""
        camera = self.subject.source_camera
        eye = -camera.world_to_cam[:3, :3].T @ camera.world_to_cam[:3, 3]
        to_eye = eye - surface.vertices
        to_eye /= np.linalg.norm(to_eye, axis=1, keepdims=True)
        facing = np.abs((vertex_normals(surface.vertices, surface.faces) * to_eye).sum(1))
        return np.c_[camera.project(surface.vertices), facing]

    def _seen(self, geometry: Array) -> tuple[Array, Array]:
        """Where on the picture points of `_vertices` [..., 4] lie, and how well the camera sees them, 0..1."""
        place, depth, facing = geometry[..., :2] - 0.5, geometry[..., 2], geometry[..., 3]
        last = np.array([self.nearest.shape[1] - 1, self.nearest.shape[0] - 1])
        inside = ((place >= 0) & (place <= last)).all(-1)
        place = np.clip(place, 0, last)
        return place, smoothstep(facing, *FACING) * inside * (depth < sample(self.nearest, place) + SLACK_M)

    def _shift(self, surface: Surface) -> Array:
        """One shift for a whole texture [H, W, 3]: of a surface whose triangles share a few texels, such as a wire."""
        place, seen = self._seen(self._vertices(surface))
        weight = seen * sample(self.mask, place)
        change = sample(self.picture, place) - sample(surface.rgb, surface.uv - 0.5)
        shift = (change * weight[:, None]).sum(0) / max(float(weight.sum()), 1e-6)
        return np.broadcast_to(shift, surface.rgb.shape).astype(np.float16)
