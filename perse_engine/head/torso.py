"""Neck and shoulders: a tube of superellipses whose outline is the photo's, that stays when the head turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from perse_engine.head.head_frame import CAMERA_DISTANCE_MM, HeadFrame
from perse_engine.head.mesh_raster import depth_map
from perse_engine.head.part import Part
from perse_engine.head.rig import BONES
from perse_engine.head.sampling import grid_faces, push_pull, smoothstep
from perse_engine.head.scalp import HeadSurface
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

ROW_STEP_PX = 6
AROUND_DEG = 180.0
COLUMNS = 129
NECK_DEPTH_MM = 62.0
MAX_DEPTH_MM = 115.0
NAPE = 0.5
"""How much less deep the neck's back half is where it reaches the skull, by eye."""
MAX_NECK_MM = 58.0
"""Half a broad adult neck (circumference about 38 cm)."""

SLIVER_MM = 3.5
ISLAND_MM2 = 400.0
BARE_MM = 40.0
"""Below the thinnest row a neck is bare for less than this; lower there are ties and brooches."""
SEAM_MM = 4.0
"""Over this way the photo's skin goes over into the guessed one."""
EDGE_PX = 2.0
COLLAR_PX = 5.0
NECK_BLEND_MM = 30.0
SAME_HUE = 11.0
"""Distance in CIE a, b."""

BRIGHTER, COOLER = 8.0, 10.0
"""CIE L above the lower face's brightest; CIE b below its median."""


@dataclass(frozen=True)
class _Outline:
    """Left and right edge of the body in every row of the work image, px; the row where the neck is thinnest."""

    left: Array
    right: Array
    neck_row: int
    neck_left: float
    neck_right: float


def build_torso(analysis: PortraitAnalysis, frame: HeadFrame, surface: HeadSurface, lit_rgb: Array) -> Part:
    """The torso part in the head frame, as photographed (before it is set upright).

    lit_rgb [S, S, 3] uint8: the work image in the photo's light, which tells what is lit from behind.
    """
    size = frame.size_px
    marks = frame.project(frame.landmarks)
    outline = _outline(analysis, frame, marks)
    first = max(0, int(0.6 * marks[168, 1] + 0.4 * marks[2, 1]))
    rows = np.arange(first, size + ROW_STEP_PX, ROW_STEP_PX).astype(float)
    theta = np.radians(np.linspace(-AROUND_DEG, AROUND_DEG, COLUMNS))
    at = np.clip(rows.astype(int), 0, size - 1)
    middle, half = (outline.left[at] + outline.right[at]) / 2, (outline.right[at] - outline.left[at]) / 2
    half_mm = half / frame.px_per_mm
    depth = np.minimum(np.where(half_mm < NECK_DEPTH_MM, half_mm, NECK_DEPTH_MM + 0.30 * (half_mm - 62)), MAX_DEPTH_MM)
    mm_below_neck = (rows - outline.neck_row) / frame.px_per_mm
    shoulder = smoothstep(mm_below_neck, 0, 90)
    axis = frame.centre[2] + 20 + shoulder * 38
    exponent = (2 / (2.1 + 0.7 * shoulder))[:, None]
    sine, cosine = np.sin(theta)[None], np.cos(theta)[None]
    side = np.sign(sine) * np.abs(sine) ** exponent
    front = np.sign(cosine) * np.abs(cosine) ** exponent
    # Upwards the nape leans in under the skull.
    leans = 1 - NAPE * smoothstep(-mm_below_neck, 5, 75)[:, None] * (front < 0)
    z = gaussian_filter1d(axis[:, None] - depth[:, None] * front * leans, 2.0, axis=0)
    scale = 1 / frame.px_per_mm / CAMERA_DISTANCE_MM
    x = (middle[:, None] + half[:, None] * side - size / 2) * scale * axis[:, None]
    y = (rows[:, None] - size / 2) * scale * z
    grid = (np.stack([x, y, z], -1) - frame.centre) @ frame.axes.T
    uv = frame.project(grid)[..., :2]
    # Beyond the outline the photo shows background: the sides repeat what is just inside.
    beyond = np.abs(theta)[None] - np.radians(70)
    inward = np.clip(0.955 - 0.25 * beyond, 0.5, 0.955)
    uv[..., 0] = np.where(beyond > 0, middle[:, None] + half[:, None] * np.sign(side) * inward, uv[..., 0])
    texture, labels = _texture(analysis, frame, surface, marks, outline, lit_rgb.astype(np.float32) / 255)
    points = grid.reshape(-1, 3)
    return Part(
        name="torso",
        vertices=points,
        faces=grid_faces(len(rows), COLUMNS),
        uv=np.clip(uv, 1, size - 2).reshape(-1, 2) + 0.5,
        texture=texture,
        labels=labels,
        weights=_weights(points, frame),
    )


def _weights(points: Array, frame: HeadFrame) -> Array:
    """The head's share falls from the jaw to 85 mm below it."""
    jaw = frame.landmarks[172, 1]
    share = smoothstep(points[:, 1], jaw - 85, jaw + 5)
    weights = np.zeros((len(points), len(BONES)), np.float32)
    weights[:, BONES.index("head")] = share
    weights[:, BONES.index("torso")] = 1 - share
    return weights


def _outline(analysis: PortraitAnalysis, frame: HeadFrame, marks: Array) -> _Outline:
    size = frame.size_px
    height = float(np.linalg.norm(marks[10, :2] - marks[152, :2]))
    body = analysis.regions.person > 0.5
    any_body = body.any(1)
    left = np.where(any_body, body.argmax(1), 0).astype(float)
    right = np.where(any_body, size - 1 - body[:, ::-1].argmax(1), 0).astype(float)
    chin = marks[152, 1]
    top, bottom = int(min(size - 2, chin - 0.05 * height)), int(min(size - 1, chin + 0.30 * height))
    width = (right - left)[top:bottom]
    neck = top + int(np.argmin(width)) if len(width) else top
    neck_left, neck_right = left[neck], right[neck]
    face_width = float(np.linalg.norm(frame.landmarks[454] - frame.landmarks[234]))
    widest = min(MAX_NECK_MM, 0.42 * face_width) * 2 * frame.px_per_mm
    centre = 0.65 * 0.5 * (marks[172, 0] + marks[397, 0]) + 0.35 * frame.project(np.zeros((1, 3)))[0, 0]
    if neck_right - neck_left > widest:
        neck_left, neck_right = max(neck_left, centre - widest / 2), min(neck_right, centre + widest / 2)
    if neck_right - neck_left < 0.6 * widest:
        neck_left, neck_right = centre - widest / 2, centre + widest / 2
    # Behind the head the neck goes up as a column.
    left[:neck], right[:neck] = neck_left, neck_right
    return _Outline(
        gaussian_filter1d(left, 12), gaussian_filter1d(right, 12), neck, float(neck_left), float(neck_right)
    )


def _texture(
    analysis: PortraitAnalysis, frame: HeadFrame, surface: HeadSurface, marks: Array, outline: _Outline, lit: Array
) -> tuple[Array, npt.NDArray[np.uint8]]:
    """The photo with the head removed, [S, S, 4], and labels."""
    size = frame.size_px
    regions = analysis.regions
    photo = analysis.work_rgb.astype(np.float32) / 255
    row = np.arange(size)[:, None] * np.ones((1, size))
    head_depth = depth_map(frame.project(surface.vertices), surface.faces, size, size)
    under_head = cv2.dilate(np.isfinite(head_depth).astype(np.uint8), np.ones((9, 9))) > 0
    lower_face = (regions.skin > 0.8) & (regions.face_oval > 0.9) & (row > marks[14, 1])
    known = (regions.person > 0.9) & ~under_head
    known &= ~_foreign(lit, lower_face, (regions.skin > regions.cloth) & (row > marks[14, 1]))
    shows_skin = regions.skin > regions.cloth
    column = np.arange(size)[None]
    out = np.maximum(outline.neck_left - column, column - outline.neck_right) / frame.px_per_mm
    bare = (regions.skin > 0.7) & (out < 0) & (row < outline.neck_row + BARE_MM * frame.px_per_mm)
    known = cv2.erode(known.astype(np.uint8), np.ones((3, 3))) > 0
    known = whole(known, bare, frame.px_per_mm).astype(np.float32)
    jaw_row = int((marks[172, 1] + marks[397, 1]) / 2)
    neck_skin = known * (regions.skin > 0.5) * (row > jaw_row)
    # Rims and shadows of the head lie on the first pixels beside it; the body farther down is more like the hidden one.
    fill = push_pull(photo, cv2.erode(known, np.ones((9, 9))) + 0.02 * known)
    is_skin = np.zeros((size, size), np.float32)
    jaw_colour = np.median(photo[lower_face], 0) if lower_face.sum() > 50 else np.array([0.6, 0.45, 0.4])
    beside = np.zeros((size, size))
    if neck_skin.sum() > 150:
        # Beside the neck that the photo shows it goes on as it is there, farther up it takes the jaw's colour.
        sure = cv2.erode((neck_skin * _like(photo, jaw_colour)).astype(np.float32), np.ones((5, 5)))
        if sure.any():
            away = cv2.distanceTransform((sure < 0.5).astype(np.uint8), cv2.DIST_L2, 5) / frame.px_per_mm
            beside = np.exp(-((away / NECK_BLEND_MM) ** 2))
        share = (0.35 + 0.55 * beside)[..., None]
        neck_fill = share * push_pull(photo, sure + 1e-3 * neck_skin) + (1 - share) * jaw_colour * 0.92
        collar = float(np.where(neck_skin.any(1))[0].max())
        # Only the neck: shoulders can rise above the lowest skin of an open collar.
        is_skin = (smoothstep(row, collar + 6, collar - 10) * smoothstep(out, 9, 3)).astype(np.float32)
        is_skin = np.maximum(is_skin, smoothstep(row, outline.neck_row + 4.0, outline.neck_row - 4.0))
        fill = neck_fill * is_skin[..., None] + fill * (1 - is_skin[..., None])
    height = float(np.linalg.norm(marks[10, :2] - marks[152, :2]))
    # Under the jaw it is darker, and round at the sides.
    across = np.abs(np.arange(size)[None] - 0.5 * (outline.neck_left + outline.neck_right))
    turned = smoothstep(across / max(0.5 * (outline.neck_right - outline.neck_left), 1), 0.45, 1.05)
    shadow = 1 - 0.10 * smoothstep(row, marks[152, 1] + 0.04 * height, marks[152, 1] - 0.12 * height)
    shadow = 1 - (1 - shadow * (1 - 0.16 * turned)) * (1 - 0.8 * beside)
    inner = cv2.distanceTransform(known.astype(np.uint8), cv2.DIST_L2, 5)
    shown = np.where(bare, smoothstep(inner, 0, SEAM_MM * frame.px_per_mm), smoothstep(inner, 0.5, EDGE_PX))[..., None]
    rgb = photo * shown + fill * shadow[..., None] * (1 - shown)
    inside = (column >= outline.left[:, None] - 1) & (column <= outline.right[:, None] + 1)
    alpha = np.where(row < outline.neck_row, inside, np.maximum(regions.person, under_head * inside))
    alpha = cv2.GaussianBlur(alpha.astype(np.float32), (0, 0), 1.0)
    skin = np.where(known > 0, shows_skin, is_skin > 0.5)
    labels = np.where(skin, REGION_LABELS["skin"], REGION_LABELS["cloth"]).astype(np.uint8)
    return np.dstack([np.clip(rgb, 0, 1), alpha]).astype(np.float32), labels


def whole(known: Array, skin: Array, px_per_mm: float) -> Array:
    """Without slivers of skin and islands: rims of the jaw, lobes and curls would be shards on the neck."""
    width = 2 * round(SLIVER_MM * px_per_mm / 2) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    broad = cv2.morphologyEx((known & skin).astype(np.uint8), cv2.MORPH_OPEN, disc) > 0
    kept = known & (broad | ~skin)
    _, island, stats, _ = cv2.connectedComponentsWithStats(kept.astype(np.uint8))
    area = np.where(np.arange(len(stats)) > 0, stats[:, cv2.CC_STAT_AREA], 0)
    # The largest is the body, however little of it the photo shows.
    large = (area > ISLAND_MM2 * px_per_mm**2) | (area == area.max())
    return np.asarray(kept & large[island])


def _like(photo: Array, colour: Array) -> Array:
    """Where the photo has nearly the hue of `colour` [3]: a collar's blurred edge is not skin."""
    lab, wanted = (cv2.cvtColor(np.float32(v), cv2.COLOR_RGB2LAB) for v in (photo, colour[None, None]))
    return np.asarray(np.linalg.norm((lab - wanted)[..., 1:], axis=-1) < SAME_HUE)


def _foreign(photo: Array, face: Array, skin: Array) -> Array:
    """Skin in a light that the lower face does not have: turned, it would be a stripe on the neck."""
    if face.sum() < 500:
        return np.zeros_like(skin)
    lab = cv2.cvtColor(cv2.GaussianBlur(photo, (0, 0), 1.5), cv2.COLOR_RGB2LAB)
    middle, bright = np.median(lab[face], 0), np.percentile(lab[face, 0], 95)
    is_cool = middle[2] - lab[..., 2] > COOLER
    # Darker is the jaw's shadow, which is real.
    off = (lab[..., 0] > bright + BRIGHTER) | (is_cool & (lab[..., 0] > middle[0]))
    # A thin line along the cloth is where skin meets a white collar.
    wide = cv2.morphologyEx((off & skin).astype(np.uint8), cv2.MORPH_OPEN, np.ones((7, 7)))
    inner = cv2.distanceTransform(skin.astype(np.uint8), cv2.DIST_L2, 5) > COLLAR_PX
    return np.asarray(cv2.dilate(np.maximum(wide, off & inner), np.ones((13, 13))) > 0) & skin
