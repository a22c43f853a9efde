"""Draw the pictures of docs/gallery.md: poses, expressions, variants and sliders on the sample, before training.

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
from perse_engine.vocabulary import ARKIT_NAMES, CATEGORIES, VariantSpec, variants_of

CELL_PX = 150
COLUMNS = 10
SLIDERS = (0.0, 0.25, 0.5, 0.75, 1.0)
WITH_JAW = {"tongueOut": {"tongueOut": 1.0, "jawOpen": 0.4}, "mouthClose": {"mouthClose": 0.4, "jawOpen": 0.4}}
CLOSE_FOV_DEG = 11.0
IMAGES = Path(__file__).resolve().parents[1] / "docs/images"


def cell(subject: Subject, variant: VariantSpec, weight: float, *, yaw_deg: float) -> Rgb:
    """The subject with a variant, captioned."""
    look = ProceduralEditor().dress(subject, Look({variant.category: {variant.id: weight}}))
    camera = Camera.orbit(width_px=CELL_PX, height_px=CELL_PX)
    rgb = picture(replace(subject, look=look), Pose(yaw_deg), Expression(), camera)
    return captioned(rgb, variant.id if weight == 1 else f"{weight:g}")


def moved(subject: Subject, name: str, weights: Mapping[str, float], yaw_deg: float, fov_deg: float) -> Rgb:
    """The subject in a pose and expression, captioned."""
    camera = Camera.orbit(fov_deg=fov_deg, width_px=CELL_PX, height_px=CELL_PX)
    return captioned(picture(subject, Pose(yaw_deg), Expression(dict(weights)), camera), name)


def captioned(rgb: Rgb, caption: str) -> Rgb:
    """Small, in the upper left corner."""
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
    looks = [cell(subject, v, 1.0, yaw_deg=20 * (-1) ** i) for i, v in enumerate(variants)]
    first = [v for category in CATEGORIES for v in variants_of(category)[:2]]
    sliders = [cell(subject, v, weight, yaw_deg=12) for v in first for weight in SLIDERS]
    poses = [moved(subject, f"{name}, {yaw}", w, yaw, 18.0) for name, w in EXPRESSIONS.items() for yaw in YAWS_DEG]
    alone = {name: {name: 1.0} for name in ARKIT_NAMES}
    expressions = [moved(subject, name, w, 0, CLOSE_FOV_DEG) for name, w in (alone | WITH_JAW).items()]
    sheets = {
        "poses": sheet(poses, len(YAWS_DEG)),
        "expressions": sheet(expressions, COLUMNS),
        "variants": sheet(looks, COLUMNS),
        "sliders": sheet(sliders, 2 * len(SLIDERS)),
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
