"""Whether a folder is a dataset that training can use, whoever made it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from perse_engine.errors import EngineError
from perse_engine.synthesis.dataset import Clip, Dataset
from perse_engine.synthesis.storage import open_dataset, read_images
from perse_engine.vocabulary import CATEGORIES, REGION_LABELS

MAX_PROBLEMS = 50


def check_dataset(folder: Path) -> list[str]:
    """Every problem found, as sentences; empty when the dataset is sound. Stops after MAX_PROBLEMS."""
    try:
        dataset = open_dataset(folder)
    except EngineError as error:
        return [error.message]
    problems = _frames(dataset) + _clips(dataset)
    for clip in dataset.clips:
        for frame in clip.frames:
            if len(problems) >= MAX_PROBLEMS:
                return problems
            problems += _pictures(dataset, clip, frame)
    return problems


def _frames(dataset: Dataset) -> list[str]:
    problems = []
    if [f.index for f in dataset.frames] != list(range(len(dataset.frames))):
        problems.append("frames.jsonl does not count its frames from 0 without gaps.")
    if not any(f.split == "train" for f in dataset.frames):
        problems.append("No frame is in the train split.")
    for frame in dataset.frames:
        camera = frame.camera
        numbers = [
            frame.pose.yaw_deg,
            frame.pose.pitch_deg,
            frame.pose.roll_deg,
            camera.fx,
            camera.fy,
            frame.confidence,
        ]
        if not np.isfinite(numbers).all() or not np.isfinite(camera.world_to_cam).all():
            problems.append(f"Frame {frame.index} holds a number that is not finite.")
        rotation = camera.world_to_cam[:3, :3]
        if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3):
            problems.append(f"Frame {frame.index}: the camera's rotation is not a rotation.")
        if (camera.width_px, camera.height_px) != (dataset.size_px, dataset.size_px):
            problems.append(f"Frame {frame.index}: the camera's size is not {dataset.size_px} px.")
        if frame.split not in ("train", "heldout"):
            problems.append(f"Frame {frame.index}: split {frame.split!r} is neither train nor heldout.")
    return problems


def _clips(dataset: Dataset) -> list[str]:
    problems = []
    kinds = [c.kind for c in dataset.clips]
    if kinds.count("source") != 1:
        problems.append(f"There are {kinds.count('source')} source clips; expected 1.")
    paths = [c.path for c in dataset.clips]
    if len(set(paths)) != len(paths):
        problems.append("Two clips have the same path.")
    known = {(c, v) for clip in dataset.clips if clip.kind == "variant" for c in clip.look.variants
             for v in clip.look.variants[c]}  # fmt: skip
    for clip in dataset.clips:
        if not set(clip.frames) <= {f.index for f in dataset.frames} or not clip.frames:
            problems.append(f"{clip.path}: it names frames that frames.jsonl does not have, or none.")
        for category, weights in clip.look.variants.items():
            if category not in CATEGORIES:
                problems.append(f"{clip.path}: there is no category {category}.")
            problems += [
                f"{clip.path}: {category}/{v} has no variant clip." for v in weights if (category, v) not in known
            ]
    return problems


def _pictures(dataset: Dataset, clip: Clip, frame: int) -> list[str]:
    name = f"{clip.path}/{frame:04d}"
    try:
        images = read_images(dataset, clip, frame)
    except EngineError as error:
        return [error.message]
    size = (dataset.size_px, dataset.size_px)
    problems = [
        f"{name}: {kind} has size {picture.shape[:2]}; expected {size}."
        for kind, picture in (("image", images.image), ("alpha", images.alpha), ("region", images.region),
                              ("changed", images.changed))
        if picture.shape[:2] != size
    ]  # fmt: skip
    if problems:
        return problems
    if (images.image.max(-1).astype(int) > images.alpha.astype(int) + 2).any():
        problems.append(f"{name}: the image is brighter than its alpha; it must be over black (premultiplied).")
    strange = set(np.unique(images.region)) - set(REGION_LABELS.values())
    if strange:
        problems.append(f"{name}: unknown region labels {sorted(int(s) for s in strange)}.")
    if clip.kind == "source" and images.changed.any():
        problems.append(f"{name}: the source clip says that it differs from itself.")
    return problems
