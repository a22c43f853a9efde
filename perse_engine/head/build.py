"""PortraitAnalysis to Subject: the outline of how the head is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import head_uv
from perse_engine.head.ears import Ear, ear_parts, ears_in_photo, shape_ears
from perse_engine.head.eyeglasses import eyeglasses_parts
from perse_engine.head.eyes import IRIS_CELLS, build_eyes
from perse_engine.head.flame.flame_head import Flame, flame_head
from perse_engine.head.folds import smooth_folds
from perse_engine.head.head_frame import NECK_PIVOT_MM, HeadFrame, head_frame
from perse_engine.head.lids import lid_blends
from perse_engine.head.light import even_light
from perse_engine.head.mouth import build_mouth
from perse_engine.head.packing import Packed, pack, world_shapes
from perse_engine.head.part import Part, rigid
from perse_engine.head.photo_light import in_even_light, photo_light
from perse_engine.head.photo_view import PhotoView, photo_view
from perse_engine.head.rig import Rig
from perse_engine.head.scalp import HeadSurface, head_surface
from perse_engine.head.shapes import ShapeFields, shape_fields
from perse_engine.head.subject import PARTS, ExpressionDriver, Subject, TextureBlend, TexturedRig
from perse_engine.head.texel_maps import head_labels, texel_maps
from perse_engine.head.texture import HeadTexture, seen_texture, texture_head
from perse_engine.head.torso import build_torso
from perse_engine.head.tubes import AWAY
from perse_engine.portrait.bare_face import without_frame
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.scene import Expression
from perse_engine.vocabulary import ARKIT_NAMES

Array = npt.NDArray[Any]

SEAL_OPENS_MM = (0.4, 2.2)


def build_subject(analysis: PortraitAnalysis, flame: Flame | None = None, *, keeps_light: bool = False) -> Subject:
    """Build the head of a portrait, about 4 s on 2 cores; with depth and motions of FLAME where it is given.

    Its textures are in even light, unless it `keeps_light` of the photo, as the heads of older avatars do.
    """
    shaped, photo = _shaped(analysis, flame), analysis.work_rgb
    bare = photo if analysis.eyewear is None else without_frame(photo, analysis.eyewear)
    light, even, even_worn = even_light(), bare, photo
    if not keeps_light:
        # What is copied, mirrored and filled in has to be so without the light, so that is found on what is seen alone.
        of_bare = replace(analysis, work_rgb=bare)
        seen = _build(of_bare, shaped, bare, photo, seen_texture(shaped.view, bare))
        light = photo_light(seen, analysis.regions)
        seen = replace(seen, source_light=light)
        even = in_even_light(seen, bare)
        even_worn = even if analysis.eyewear is None else in_even_light(seen, photo)
    texture = texture_head(shaped.surface, shaped.view, even)
    unlit = _build(replace(analysis, work_rgb=even), shaped, bare, even_worn, texture)
    return replace(unlit, source_light=light, work_rgb=photo)


@dataclass(frozen=True)
class _Shaped:
    """What the photo's colours do not change: the frame, the shapes' fields, the head's surface with its places in the
    atlas [V, 2] and the landmarks' [468, 2], the ears, the atlas's view of the photo, and what FLAME adds as extras."""

    frame: HeadFrame
    shapes: ShapeFields
    surface: HeadSurface
    uv: Array
    landmark_uv: Array
    ears: tuple[Ear, Ear]
    view: PhotoView
    extras: Mapping[str, Array]


def _shaped(analysis: PortraitAnalysis, flame: Flame | None) -> _Shaped:
    extras: Mapping[str, Array] = {}
    if flame is None:
        frame = head_frame(analysis)
        shapes = shape_fields(frame.landmarks)
    else:
        fitted = flame_head(analysis, flame)
        frame, shapes, extras = fitted.frame, fitted.shapes, fitted.extras()
    surface = head_surface(frame, analysis.regions)
    uv, landmark_uv = head_uv(surface, frame.landmarks)
    ears = shape_ears(analysis, frame, surface, uv)
    view = photo_view(frame, analysis.regions, surface, uv, ears_in_photo(ears, frame))
    return _Shaped(frame, shapes, surface, uv, landmark_uv, ears, view, extras)


def _build(
    analysis: PortraitAnalysis, shaped: _Shaped, lit_rgb: Array, worn_rgb: Array, texture: HeadTexture
) -> Subject:
    """From an analysis whose picture is without eyeglasses; `worn_rgb` has them on."""
    frame, shapes, surface, uv, ears = shaped.frame, shaped.shapes, shaped.surface, shaped.uv, shaped.ears
    maps = texel_maps(surface, uv, texture, analysis.regions)
    folds = smooth_folds(texture.rgb, maps["skin"], shaped.landmark_uv, shapes.source)
    head = _head_part(surface, uv, texture.rgb, head_labels(maps, surface, uv), shapes)
    torso = build_torso(analysis, frame, surface, lit_rgb)
    torso = _upright(torso, frame)
    mouth = build_mouth(analysis, frame, shapes)
    right_eye, left_eye = build_eyes(analysis, frame, shapes)
    # Drawn in this order: what soft edges let through must be there before.
    inner = (*mouth.parts, *((mouth.seal,) if mouth.seal else ()))
    eyes = (piece for pair in zip(right_eye.parts, left_eye.parts, strict=True) for piece in pair)
    outer_ears = ear_parts(analysis, frame, ears, _cheek(texture, maps))
    own = eyeglasses_parts(analysis, frame, worn_rgb, outer_ears)
    parts = [torso, *inner, head, *outer_ears, *eyes, *own]
    packed = pack(parts)
    edits = (*shapes.edits, AWAY) if own else tuple(shapes.edits)
    blends = (*folds, *lid_blends(texture.rgb, shaped.landmark_uv))
    if mouth.seal is not None:
        blends = (*blends, _seal_blend(mouth.seal, packed.corner[parts.index(mouth.seal)], shapes))
    hair = texture.hair_colour
    return Subject(
        look=_textured_rig(
            packed, frame, surface, right_eye.centre, left_eye.centre, parts.index(head), blends, shapes.source
        ),
        landmark_vertices=_landmark_vertices(packed, parts.index(head), len(parts) - len(own)),
        texel_maps=maps,
        edit_shapes={n: np.asarray(packed.motion[n] / 1000, np.float32) for n in edits},
        measures={
            "confidence": analysis.confidence,
            "smiling": sum(shapes.source.get(n, 0.0) for n in ("mouthSmileLeft", "mouthSmileRight")) / 2,
            "face_width_m": float(np.linalg.norm(frame.landmarks[454] - frame.landmarks[234])) / 1000,
            "mouth_is_open": float(mouth.is_open),
            "is_bald": float(hair is None),
            "head_first_vertex": float(packed.first_vertex[parts.index(head)]),
            "face_vertices": float(surface.face_count),
        },
        source_pose=frame.source_pose(),
        source_expression=Expression(dict(shapes.source)),
        source_camera=frame.source_camera(),
        source_light=even_light(),
        work_rgb=analysis.work_rgb,
        work_person=analysis.regions.person,
        extras={
            "hair_colour": (hair if hair is not None else np.full(3, -1.0)).astype(np.float32),
            "ring_angle": surface.ring_angle.astype(np.float32),
            "azimuth": surface.azimuth.astype(np.float32),
            **shaped.extras,
        },
    )


def _head_part(surface: HeadSurface, uv: Array, rgb: Array, labels: Array, shapes: ShapeFields) -> Part:
    motion = {
        name: np.asarray(surface.displace @ field)
        for name, field in (*shapes.expressions.items(), *shapes.edits.items())
    }
    texture = np.dstack([rgb, np.ones(rgb.shape[:2], np.float32)])
    count = len(surface.vertices)
    return Part("face", surface.vertices, surface.faces, uv, texture, labels, rigid(count, "head"), motion)


def _upright(torso: Part, frame: HeadFrame) -> Part:
    """Set the torso as it is when the head is straight; its head-weighted part turns with the head."""
    straight = frame.upright_torso(torso.vertices)
    share = torso.weights[:, 1:2]
    # The skinned photo pose must give the photographed place: q = share R(v-p)+p + (1-share) v, solved for v.
    rotation = frame.photo_rotation()
    mixed = share[..., None] * rotation + (1 - share[..., None]) * np.eye(3)
    rest = np.linalg.solve(mixed, (straight - NECK_PIVOT_MM)[..., None])[..., 0] + NECK_PIVOT_MM
    return Part(torso.name, rest, torso.faces, torso.uv, torso.texture, torso.labels, torso.weights, torso.motion)


def _cheek(texture: HeadTexture, maps: Mapping[str, Array]) -> Array:
    """The colour of the face's skin that the photo shows, [3]."""
    skin = (maps["face"] > 0.9) & (maps["skin"] > 0.9) & (maps["seen"] > 0.5) & (maps["beard"] < 0.1)
    return np.asarray(np.median(texture.rgb[skin], 0) if skin.sum() > 100 else np.array([0.72, 0.55, 0.47]))


def _seal_blend(seal: Part, corner: tuple[int, int], shapes: ShapeFields) -> TextureBlend:
    """Fade the seal out as the lips part: the driver is the gap between them in mm."""
    opens = {n: float((f[13] - f[14])[1]) for n, f in shapes.expressions.items()}
    driver = ExpressionDriver("lipsPart", {n: mm for n, mm in opens.items() if abs(mm) > 0.2}, *SEAL_OPENS_MM)
    clear = seal.texture.copy()
    clear[..., 3] = 0
    return TextureBlend(driver, corner[0], corner[1], clear, np.ones(clear.shape[:2], np.float32))


def _textured_rig(
    packed: Packed, frame: HeadFrame, surface: HeadSurface, right: Array, left: Array, head: int,
    blends: tuple[TextureBlend, ...], source: Mapping[str, float],
) -> TexturedRig:  # fmt: skip
    # The head's atlas is the largest texture, so it lies at the origin, as the lids' blends and texel maps expect.
    assert packed.corner[head] == (0, 0)
    names = tuple(n for n in ARKIT_NAMES if n in packed.motion)
    pivots = np.stack([np.zeros(3), NECK_PIVOT_MM, right, left])
    face_part = packed.face_part.copy()
    start = int(np.flatnonzero(packed.face_part == PARTS.index("face"))[0])
    face_part[start + surface.face_triangles : start + len(surface.faces)] = PARTS.index("scalp")
    rig = Rig(
        vertices=frame.to_world(_at_rest(packed, source)),
        shape_names=names,
        shapes=world_shapes(packed.motion, names),
        bone_pivots=frame.to_world(pivots),
        bone_weights=packed.weights,
    )
    return TexturedRig(rig, packed.faces, face_part, packed.uv, packed.texture, packed.labels, blends)


def _at_rest(packed: Packed, source: Mapping[str, float]) -> Array:
    """The photographed vertices with the photo's expression taken back."""
    return packed.vertices - np.sum([w * packed.motion[n] for n, w in source.items()], axis=0)


def _landmark_vertices(packed: Packed, head: int, end: int) -> npt.NDArray[np.int32]:
    """Both irises are the last parts before `end`."""
    face = packed.first_vertex[head] + np.arange(468)
    n = IRIS_CELLS
    middle, last = n // 2, n - 1
    disc = np.array([middle * n + middle, middle * n + last, middle, middle * n, last * n + middle])
    right, left = packed.first_vertex[end - 2] + disc, packed.first_vertex[end - 1] + disc
    return np.concatenate([face, right, left]).astype(np.int32)
