"""A dataset whose training pictures are off by a little, each on its own, as those of a video model are.

Held-out frames stay exact: what is learned from the disturbed ones is measured on what is true.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.scene import FloatArray
from perse_engine.synthesis.dataset import Clip, Dataset, Frame, Images
from perse_engine.synthesis.storage import KINDS, picture_path, read_images, write_description, write_images

SURFACES = "surfaces"


@dataclass(frozen=True)
class Disturbance:
    """How far a training picture may be off.

    Attributes:
        shift_px: largest shift along x and along y, of the dataset's pixels; even between it and its negative.
        gain: largest share by which a picture's colours are too bright or too dark, likewise even.
        rotation_deg: standard deviation of the error of a frame's recorded yaw, pitch and roll.
        translation_m: that of its recorded camera's place along each axis, metres.
        seed: of all of them.
    """

    shift_px: float = 1.0
    gain: float = 0.03
    rotation_deg: float = 0.5
    translation_m: float = 0.001
    seed: int = 0


@dataclass(frozen=True)
class PictureError:
    """By how much one picture is off: shift (x, y) px, and the factor on its colours."""

    shift_px: tuple[float, float]
    gain: float


def disturb(dataset: Dataset, folder: Path, disturbance: Disturbance) -> Dataset:
    """Write the disturbed dataset into an empty `folder`; the same arguments give the same bytes.

    Frames of the train split carry wrong poses and cameras, and every picture that is trained is shifted and too bright
    or too dark. Its alpha, regions and change mask move with it. All else is copied.

    Raises:
        CorruptFile: a picture of the dataset is missing.
    """
    random = np.random.default_rng([disturbance.seed, 5])
    frames = tuple(_with_error(f, disturbance, random) if f.split == "train" else f for f in dataset.frames)
    errors = picture_errors(dataset, disturbance)
    for clip in dataset.clips:
        for kind in KINDS:
            (folder / "clips" / clip.path / kind).mkdir(parents=True, exist_ok=True)
        for index in clip.frames:
            error = errors.get((clip.path, index))
            if error is None:
                _copy(dataset, clip, index, folder)
            else:
                write_images(folder, clip.path, index, shifted(read_images(dataset, clip, index), error))
    surfaces = sorted((dataset.folder / SURFACES).glob("*.safetensors"))
    for file in surfaces:
        (folder / SURFACES).mkdir(exist_ok=True)
        shutil.copyfile(file, folder / SURFACES / file.name)
    disturbed = replace(dataset, folder=folder, frames=frames)
    write_description(disturbed, [file.stem for file in surfaces])
    return disturbed


def picture_errors(dataset: Dataset, disturbance: Disturbance) -> dict[tuple[str, int], PictureError]:
    """The error of every picture that is trained, by clip and frame."""
    random = np.random.default_rng([disturbance.seed, 6])
    train = {f.index for f in dataset.frames if f.split == "train"}
    return {
        (clip.path, index): _error(disturbance, random)
        for clip in dataset.clips
        if clip.split == "train"
        for index in clip.frames
        if index in train
    }


def shifted(images: Images, error: PictureError) -> Images:
    """One frame's pictures with the error: bicubic between pixels, whole labels, borders repeated."""

    def moved(picture: npt.NDArray[np.uint8], kernel: int) -> FloatArray:
        matrix = np.array([[1, 0, error.shift_px[0]], [0, 1, error.shift_px[1]]])
        size = picture.shape[1], picture.shape[0]
        values = picture if kernel == cv2.INTER_NEAREST else picture.astype(np.float32)
        return np.asarray(cv2.warpAffine(values, matrix, size, flags=kernel, borderMode=cv2.BORDER_REPLICATE))

    alpha = _levels(moved(images.alpha, cv2.INTER_CUBIC))
    colours = _levels(error.gain * moved(images.image, cv2.INTER_CUBIC))
    return Images(
        # White stays white, and over black no colour is brighter than its alpha.
        np.minimum(colours, alpha[..., None]),
        alpha,
        moved(images.region, cv2.INTER_NEAREST),
        _levels(moved(images.changed, cv2.INTER_LINEAR)),
    )


def _error(disturbance: Disturbance, random: np.random.Generator) -> PictureError:
    x, y = random.uniform(-disturbance.shift_px, disturbance.shift_px, 2)
    return PictureError((float(x), float(y)), 1 + float(random.uniform(-disturbance.gain, disturbance.gain)))


def _with_error(frame: Frame, disturbance: Disturbance, random: np.random.Generator) -> Frame:
    yaw, pitch, roll = (float(v) for v in disturbance.rotation_deg * random.standard_normal(3))
    pose = replace(
        frame.pose, yaw_deg=frame.pose.yaw_deg + yaw, pitch_deg=frame.pose.pitch_deg + pitch,
        roll_deg=frame.pose.roll_deg + roll,
    )  # fmt: skip
    world_to_cam = frame.camera.world_to_cam.copy()
    world_to_cam[:3, 3] += (disturbance.translation_m * random.standard_normal(3)).astype(np.float32)
    return replace(frame, pose=pose, camera=replace(frame.camera, world_to_cam=world_to_cam))


def _copy(dataset: Dataset, clip: Clip, index: int, folder: Path) -> None:
    for kind in KINDS:
        shutil.copyfile(
            picture_path(dataset.folder, clip.path, kind, index), picture_path(folder, clip.path, kind, index)
        )


def _levels(values: FloatArray) -> npt.NDArray[np.uint8]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
