"""Draw the pictures of docs/gallery.md: poses, expressions, variants, sliders and ways between, before training.

python scripts/gallery.py                     the public-domain sample
python scripts/gallery.py me.jpg -o pictures/  your own photo
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from perse_engine.evaluation.subject.judge import Rgb, picture
from perse_engine.evaluation.subject.sheet import EXPRESSIONS, YAWS_DEG
from perse_engine.head.build import build_subject
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.portrait.analyse import analyse_portrait
from perse_engine.portrait.decode import decode_portrait
from perse_engine.scene import Camera, Expression, Pose
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.vocabulary import ARKIT_NAMES, CATEGORIES, variants_of

CELL_PX = 160
COLUMNS = 10
SLIDERS = (0.0, 0.25, 0.5, 0.75, 1.0)
WITH_JAW = {"tongueOut": {"tongueOut": 1.0, "jawOpen": 0.4}, "mouthClose": {"mouthClose": 0.4, "jawOpen": 0.4}}
CLOSE_FOV_DEG = 11.0
WIDE_FOV_DEG = 22.0
WIDE = ("hair", "cloth", "hat", "headphones")
"""Categories that do not fit into a close view; the others are small in a wide one."""
IMAGES = Path(__file__).resolve().parents[1] / "docs/images"


def cell(subject: Subject, category: str, weights: Mapping[str, float], *, yaw_deg: float) -> Rgb:
    """The subject with variants of a category, captioned."""
    look = ProceduralEditor().dress(subject, Look({category: weights}))
    rgb = picture(replace(subject, look=look), Pose(yaw_deg), Expression(), camera_for(category))
    return captioned(rgb, " ".join(id if w == 1 else f"{w:g}" for id, w in weights.items() if w > 0) or "0")


def camera_for(category: str) -> Camera:
    """As near as what the category changes allows."""
    wide = category in WIDE
    fov, target = (WIDE_FOV_DEG, (0.0, -0.03, -0.08)) if wide else (CLOSE_FOV_DEG, (0.0, -0.03, -0.03))
    return Camera.orbit(fov_deg=fov, width_px=CELL_PX, height_px=CELL_PX, target=target)


def ways(subject: Subject, category: str) -> list[Rgb]:
    """From one variant to another."""
    first, second = (v.id for v in variants_of(category)[:2])
    return [cell(subject, category, {first: 1 - t, second: t}, yaw_deg=12) for t in SLIDERS]


def moved(subject: Subject, name: str, weights: Mapping[str, float], yaw_deg: float, fov_deg: float) -> Rgb:
    """The subject in a pose and expression, captioned."""
    camera = Camera.orbit(fov_deg=fov_deg, width_px=CELL_PX, height_px=CELL_PX)
    return captioned(picture(subject, Pose(yaw_deg), Expression(dict(weights)), camera), name)


def captioned(rgb: Rgb, caption: str) -> Rgb:
    """Small, on a white strip along the upper edge."""
    rgb[:12] = 255
    cv2.putText(rgb, caption[:26], (3, 9), cv2.FONT_HERSHEY_SIMPLEX, 0.3, (40, 40, 40), 1, cv2.LINE_AA)
    return rgb


def sheet(cells: list[Rgb], columns: int) -> Rgb:
    """Row by row."""
    blank = np.full_like(cells[0], 255)
    filled = cells + [blank] * (-len(cells) % columns)
    return np.vstack([np.hstack(filled[i : i + columns]) for i in range(0, len(filled), columns)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("portrait", nargs="?", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=IMAGES)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    subject = build_subject(analyse_portrait(decode_portrait(photo(arguments.portrait))))
    variants = [v for category in CATEGORIES for v in variants_of(category)]
    looks = [cell(subject, v.category, {v.id: 1.0}, yaw_deg=20 * (-1) ** i) for i, v in enumerate(variants)]
    first = [v for category in CATEGORIES for v in variants_of(category)[:2]]
    sliders = [cell(subject, v.category, {v.id: weight}, yaw_deg=12) for v in first for weight in SLIDERS]
    between = [shown for category in CATEGORIES for shown in ways(subject, category)]
    poses = [moved(subject, f"{name}, {yaw}", w, yaw, 18.0) for name, w in EXPRESSIONS.items() for yaw in YAWS_DEG]
    alone = {name: {name: 1.0} for name in ARKIT_NAMES}
    expressions = [moved(subject, name, w, 0, CLOSE_FOV_DEG) for name, w in (alone | WITH_JAW).items()]
    sheets = {
        "poses": sheet(poses, len(YAWS_DEG)),
        "expressions": sheet(expressions, COLUMNS),
        "variants": sheet(looks, COLUMNS),
        "sliders": sheet(sliders, 2 * len(SLIDERS)),
        "between": sheet(between, 2 * len(SLIDERS)),
    }
    for name, found in sheets.items():
        path = arguments.output / f"{name}.jpg"
        cv2.imwrite(str(path), found[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])
        print(path)


def photo(path: Path | None) -> bytes:
    """The file's bytes, or the sample's."""
    if path is not None:
        return path.read_bytes()
    from skimage.data import astronaut

    return cv2.imencode(".png", astronaut()[..., ::-1])[1].tobytes()


if __name__ == "__main__":
    main()
