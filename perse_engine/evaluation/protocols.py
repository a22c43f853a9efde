"""The measurements: each renders what it needs and returns numbers. docs/reference/evaluation.md explains them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from perse_engine.evaluation.face_measures import FaceMeasures, measure_face
from perse_engine.evaluation.pictures import psnr_db, ssim, worst_share
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.rendering.image import to_uint8
from perse_engine.rendering.render import Renderer
from perse_engine.scene import Camera, Expression, Gaze, Pose
from perse_engine.synthesis.dataset import Clip, Dataset, Frame
from perse_engine.synthesis.storage import read_images

Numbers = dict[str, float]
BACKGROUND = (0.82, 0.84, 0.86)
JUDGE_PX = 512
STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)
DILATE_PX = 8
MEASURING_THREADS = 2

EXPRESSIONS: Mapping[str, tuple[tuple[str, ...], str, int]] = {
    # name -> expressions at once, the measure they move, and in which direction
    "jawOpen": (("jawOpen",), "mouth_open", 1),
    "eyeBlinkRight": (("eyeBlinkRight",), "eye_right", -1),
    "eyeBlinkLeft": (("eyeBlinkLeft",), "eye_left", -1),
    "mouthSmile": (("mouthSmileLeft", "mouthSmileRight"), "mouth_corners", 1),
    "browInnerUp": (("browInnerUp",), "brow_inner", 1),
}
CROSSTALK = ("mouth_open", "mouth_corners", "eye_right", "eye_left", "brow_inner", "iris_x")


def source_view(renderer: Renderer, subject: Subject, face_oval: np.ndarray) -> Numbers:
    """The avatar in source pose and light against the work image, inside the face oval [S, S] bool."""
    # The colours of an older avatar have the light in them.
    light = 0.0 if renderer.avatar.light is None else 1.0
    at = subject.source_pose, subject.source_expression, subject.source_camera
    output = renderer.render(Look(), *at, BACKGROUND, light)
    photo = subject.work_rgb.astype(np.float32) / 255
    return {"face_psnr_db": psnr_db(output.rgb, photo, face_oval), "face_ssim": ssim(output.rgb, photo, face_oval)}


def heldout(renderer: Renderer, dataset: Dataset) -> dict[str, object]:
    """PSNR on held-out frames of every clip, SSIM for the source and the variants, over the union of both alphas.

    SSIM takes eight times as long as drawing a frame: it is left out where nobody asks, and threads share it.
    """
    frames = {f.index: f for f in dataset.frames if f.split == "heldout"}
    psnr: dict[str, float] = {}
    similarity: dict[str, float] = {}
    with ThreadPoolExecutor(MEASURING_THREADS) as pool:
        for clip in dataset.clips:
            measured = [
                pool.submit(_likeness, *pair, with_ssim=clip.kind in ("source", "variant"))
                for pair in _pairs(renderer, dataset, clip, frames)
            ]
            if measured:
                values = np.mean([m.result() for m in measured], 0)
                psnr[clip.path], similarity[clip.path] = (float(v) for v in values)
    main = [c.path for c in dataset.clips if c.kind in ("source", "variant") and c.path in psnr]
    variants = [c.path for c in dataset.clips if c.kind == "variant" and c.path in psnr]
    worst = min(variants, key=lambda p: psnr[p]) if variants else "source"
    return {
        "psnr_db": {
            "mean": float(np.mean([psnr[p] for p in main])),
            "worst_variant": psnr[worst],
            "worst_variant_path": worst,
            **{k: _mean(psnr, dataset, k) for k in ("source", "between", "mix")},
        },
        "ssim": {"mean": float(np.mean([similarity[p] for p in main])), "worst_variant": similarity[worst]},
    }


def _pairs(
    renderer: Renderer, dataset: Dataset, clip: Clip, frames: Mapping[int, Frame]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The avatar's picture, the dataset's, and where either has alpha, for those of a clip's frames that are given."""
    for index in clip.frames:
        if index not in frames:
            continue
        frame, truth = frames[index], read_images(dataset, clip, index)
        output = renderer.render(clip.look, frame.pose, frame.expression, frame.camera)
        yield output.rgb, truth.image.astype(np.float32) / 255, (truth.alpha > 0) | (output.alpha > 0.01)


def _likeness(own: np.ndarray, truth: np.ndarray, mask: np.ndarray, *, with_ssim: bool) -> tuple[float, float]:
    return psnr_db(own, truth, mask), ssim(own, truth, mask) if with_ssim else 0.0


def _mean(values: Mapping[str, float], dataset: Dataset, kind: str) -> float:
    chosen = [values[c.path] for c in dataset.clips if c.kind == kind and c.path in values]
    return float(np.mean(chosen)) if chosen else 0.0


def pose_response(renderer: Renderer) -> Numbers:
    """Commanded head yaw and pitch against what the landmark model sees, relative to the neutral picture."""
    out: Numbers = {}
    for name, angles in (("yaw", (-30, -20, -10, 0, 10, 20, 30)), ("pitch", (-14, -7, 0, 7, 14))):
        measured = []
        for angle in angles:
            face = _judge(renderer, pose=Pose(angle, 0) if name == "yaw" else Pose(0, angle))
            measured.append(np.nan if face is None else getattr(face, f"{name}_deg"))
        values = np.array(measured) - measured[len(angles) // 2]
        found = np.isfinite(values)
        commanded = np.array(angles, float)
        slope = float((commanded[found] @ values[found]) / max(commanded[found] @ commanded[found], 1e-9))
        out[f"{name}_slope"] = slope
        out[f"{name}_max_error_deg"] = float(np.abs(values - commanded)[found].max()) if found.any() else 999.0
        out[f"{name}_detected"] = float(found.mean())
    return out


def expression_response(renderer: Renderer) -> dict[str, Numbers]:
    """How each expression moves the measure it is meant to move, and the others."""
    out: dict[str, Numbers] = {}
    for name, (expressions, measure, sign) in EXPRESSIONS.items():
        faces = [_judge(renderer, expression=Expression(dict.fromkeys(expressions, w))) for w in STEPS]
        out[name] = _response(faces, STEPS, measure, sign)
    # Within the range that trajectories train.
    for axis, measure, angles in (
        ("yaw", "iris_x", (-20.0, -10.0, 0.0, 10.0, 20.0)),
        ("pitch", "iris_y", (-15.0, -7.5, 0.0, 7.5, 15.0)),
    ):
        gazes = [Gaze(a, 0) if axis == "yaw" else Gaze(0, a) for a in angles]
        faces = [_judge(renderer, pose=Pose(gaze=g)) for g in gazes]
        out[f"gaze_{axis}"] = _response(faces, angles, measure, 1)
    return out


def _response(faces: Sequence[FaceMeasures | None], steps: Sequence[float], measure: str, sign: int) -> Numbers:
    if any(f is None for f in faces):
        return {"slope": 0.0, "monotonic": 0.0, "crosstalk": 1.0, "detected": 0.0}
    found = [f for f in faces if f is not None]
    values = sign * np.array([getattr(f, measure) for f in found])
    slope = float(np.polyfit(steps, values, 1)[0])
    # A step back of less than a hundredth of the whole way is the detector's noise.
    monotonic = float((np.diff(values) > -0.01 * abs(values[-1] - values[0])).all() and values[-1] > values[0])
    own = abs(values[-1] - values[0])
    others = [abs(getattr(found[-1], m) - getattr(found[0], m)) for m in CROSSTALK if m != measure]
    return {"slope": slope, "monotonic": monotonic, "crosstalk": float(max(others) / max(own, 1e-6)), "detected": 1.0}


def _judge(renderer: Renderer, pose: Pose | None = None, expression: Expression | None = None) -> FaceMeasures | None:
    camera = Camera.orbit(width_px=JUDGE_PX, height_px=JUDGE_PX, fov_deg=16.0)
    output = renderer.render(Look(), pose or Pose(), expression or Expression(), camera, BACKGROUND)
    return measure_face(to_uint8(output.rgb))


def leakage(renderer: Renderer, dataset: Dataset) -> dict[str, Numbers]:
    """What an edit changes outside its region: levels of 255, over foreground outside the dilated change mask."""
    held = [f for f in dataset.frames if f.split == "heldout"][:4]
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * DILATE_PX + 1, 2 * DILATE_PX + 1))
    collected: dict[str, list[tuple[float, float, float]]] = {}
    for clip in (c for c in dataset.clips if c.kind == "variant"):
        for frame in (f for f in held if f.index in clip.frames):
            truth = read_images(dataset, clip, frame.index)
            edited = renderer.render(clip.look, frame.pose, frame.expression, frame.camera)
            source = renderer.render(Look(), frame.pose, frame.expression, frame.camera)
            region = cv2.dilate((truth.changed > 0).astype(np.uint8), kernel) > 0
            outside = ((edited.alpha > 0.5) | (source.alpha > 0.5)) & ~region
            difference = np.abs(edited.rgb - source.rgb).max(-1)[outside] * 255
            mean = float(difference.mean()) if difference.size else 0.0
            category = clip.look.categories()[0]
            entry = (mean, worst_share(difference, 0.01), float(outside.mean()))
            collected.setdefault(category, []).append(entry)
    return {
        c: {"mean": float(m[0]), "worst_1_percent": float(m[1]), "area": float(m[2])}
        for c, m in ((c, np.mean(v, 0)) for c, v in collected.items())
    }


def interpolation(renderer: Renderer, dataset: Dataset) -> dict[str, Numbers]:
    """Ten steps from the source to each category's first variant: how even they are, and how straight the path."""
    camera = Camera.orbit(width_px=256, height_px=256)
    out: dict[str, Numbers] = {}
    for clip in (c for c in dataset.clips if c.kind == "variant"):
        category = clip.look.categories()[0]
        if category in out:
            continue
        id = next(iter(clip.look.variants[category]))
        looks = [Look({category: {id: float(t)}}) for t in np.linspace(0, 1, 11)]
        pictures = [renderer.render(look, Pose(), Expression(), camera).rgb for look in looks]
        steps = np.array([np.abs(b - a).mean() for a, b in itertools.pairwise(pictures)])
        whole = float(np.abs(pictures[-1] - pictures[0]).mean())
        out[category] = {
            "largest_step_over_mean": float(steps.max() / max(steps.mean(), 1e-9)),
            "path_over_straight": float(steps.sum() / max(whole, 1e-9)),
        }
    return out
