"""The dataset folder: writing, opening, reading pictures. The format is docs/reference/dataset.md."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from perse_engine.errors import CorruptFile
from perse_engine.look import Look
from perse_engine.scene import Camera, Expression, Gaze, Pose
from perse_engine.synthesis.dataset import SCHEMA_VERSION, AddedSurface, Clip, Dataset, Frame, HeadSurface, Images
from perse_engine.vocabulary import REGION_LABELS

KINDS = ("image", "alpha", "region", "changed")
PNG_FAST = (
    cv2.IMWRITE_PNG_COMPRESSION, 1,
    cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP,
    cv2.IMWRITE_PNG_STRATEGY,
)  # fmt: skip
"""One filter instead of the best of five for each row: half the time, 4 % more bytes; a strategy follows."""
PNG_STRATEGIES = {"image": cv2.IMWRITE_PNG_STRATEGY_RLE}
"""Photos have no repeated strings to look for; masks do."""


def frame_to_json(frame: Frame) -> dict[str, object]:
    """One line of frames.jsonl."""
    camera = frame.camera
    return {
        "index": frame.index,
        "split": frame.split,
        "valid": frame.valid,
        "confidence": frame.confidence,
        "pose": asdict(frame.pose),
        "expression": dict(frame.expression.weights),
        "camera": {
            "fx": camera.fx, "fy": camera.fy, "cx": camera.cx, "cy": camera.cy,
            "width_px": camera.width_px, "height_px": camera.height_px,
            "world_to_cam": camera.world_to_cam.tolist(),
        },
    }  # fmt: skip


def frame_from_json(value: Mapping[str, Any]) -> Frame:
    """The opposite of `frame_to_json`."""
    pose, camera = dict(value["pose"]), dict(value["camera"])
    gaze = Gaze(**pose.pop("gaze"))
    matrix = np.array(camera.pop("world_to_cam"), np.float32)
    if matrix.shape != (4, 4):
        raise CorruptFile(f"A camera's world_to_cam has shape {matrix.shape}; expected (4, 4).")
    return Frame(
        index=int(value["index"]),
        pose=Pose(**pose, gaze=gaze),
        expression=Expression(value["expression"]),
        camera=Camera(**camera, world_to_cam=matrix),
        split=value["split"],
        valid=bool(value["valid"]),
        confidence=float(value["confidence"]),
    )


def clip_to_json(clip: Clip) -> dict[str, object]:
    """An entry of dataset.json's `clips`."""
    return {
        "path": clip.path,
        "kind": clip.kind,
        "look": clip.look.to_json(),
        "frames": list(clip.frames),
        "split": clip.split,
    }


def clip_from_json(value: Mapping[str, Any]) -> Clip:
    """The opposite of `clip_to_json`."""
    return Clip(value["path"], value["kind"], Look.from_json(value["look"]), tuple(value["frames"]), value["split"])


def write_description(dataset: Dataset, categories: Sequence[str]) -> None:
    """Write frames.jsonl and then dataset.json, whose presence says that the dataset is complete."""
    lines = "".join(json.dumps(frame_to_json(f)) + "\n" for f in dataset.frames)
    write_atomically(dataset.folder / "frames.jsonl", lines.encode())
    description = {
        "schema_version": SCHEMA_VERSION,
        "size_px": dataset.size_px,
        "fps": dataset.fps,
        "labels": REGION_LABELS,
        "recipe": dict(dataset.recipe),
        "clips": [clip_to_json(c) for c in dataset.clips],
        "surfaces": list(categories),
    }
    write_atomically(dataset.folder / "dataset.json", json.dumps(description, indent=1).encode())


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(data)
    partial.replace(path)


def open_dataset(folder: Path) -> Dataset:
    """Open a complete dataset folder.

    Raises:
        CorruptFile: a description is missing or not what the format promises.
    """
    try:
        description = json.loads((folder / "dataset.json").read_text())
        lines = (folder / "frames.jsonl").read_text().splitlines()
        if description["schema_version"] != SCHEMA_VERSION:
            raise CorruptFile(f"The dataset has schema version {description['schema_version']}, not {SCHEMA_VERSION}.")
        frames = tuple(frame_from_json(json.loads(line)) for line in lines)
        clips = tuple(clip_from_json(c) for c in description["clips"])
        return Dataset(
            folder, int(description["size_px"]), float(description["fps"]), frames, clips, description["recipe"]
        )
    except FileNotFoundError as error:
        raise CorruptFile(f"The dataset lacks {Path(error.filename).name}.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptFile(f"The dataset's description is not readable: {error}.") from error


def picture_path(folder: Path, clip: str, kind: str, frame: int) -> Path:
    """Where a picture of a clip lies."""
    return folder / "clips" / clip / kind / f"{frame:04d}.png"


def write_images(folder: Path, clip: str, frame: int, images: Images) -> None:
    """Write the four pictures of a frame; image is stored as RGB."""
    pictures = (cv2.cvtColor(images.image, cv2.COLOR_RGB2BGR), images.alpha, images.region, images.changed)
    for kind, picture in zip(KINDS, pictures, strict=True):
        strategy = PNG_STRATEGIES.get(kind, cv2.IMWRITE_PNG_STRATEGY_DEFAULT)
        cv2.imwrite(str(picture_path(folder, clip, kind, frame)), picture, (*PNG_FAST, strategy))


def read_picture(folder: Path, clip: str, kind: str, frame: int) -> npt.NDArray[np.uint8]:
    """One picture, [H, W, 3] or [H, W] uint8."""
    path = picture_path(folder, clip, kind, frame)
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR if kind == "image" else cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise CorruptFile(f"The dataset lacks {clip}/{kind}/{frame:04d}.png.")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB) if kind == "image" else picture


def read_images(dataset: Dataset, clip: Clip, frame: int) -> Images:
    """All four pictures of a frame."""
    return Images(*(read_picture(dataset.folder, clip.path, kind, frame) for kind in KINDS))


def write_surface(folder: Path, category: str, surface: AddedSurface) -> None:
    """Write surfaces/<category>.safetensors."""
    path = folder / "surfaces" / f"{category}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {k: v for k, v in asdict(surface).items() if isinstance(v, np.ndarray)}
    partial = path.with_name(path.name + ".part")
    # One entry: safetensors writes several in any order, and equal datasets are equal to the byte.
    save_file(tensors, partial, {"names": json.dumps({"variants": surface.variants, "pushers": surface.pushers})})
    partial.replace(path)


def read_surface(folder: Path, category: str) -> AddedSurface | None:
    """The added surface of a category, or None if the dataset has none."""
    path = folder / "surfaces" / f"{category}.safetensors"
    if not path.exists():
        return None
    try:
        tensors = load_file(path)
        header = json.loads(path.read_bytes()[8 : 8 + int.from_bytes(path.read_bytes()[:8], "little")])
        told = header["__metadata__"]
        # Until hats pressed added hair there were the variants alone.
        names = json.loads(told["names"]) if "names" in told else {"variants": json.loads(told["variants"])}
        tensors.setdefault("pushed", np.zeros((len(tensors["points"]), 0, 3), np.float32))
        return AddedSurface(**tensors, variants=tuple(names["variants"]), pushers=tuple(names.get("pushers", ())))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CorruptFile(f"surfaces/{category}.safetensors is not readable: {error}.") from error


def write_head(folder: Path, clip: str, head: HeadSurface) -> None:
    """Write heads/<clip>.safetensors."""
    path = folder / "heads" / f"{clip}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    save_file({k: np.ascontiguousarray(v) for k, v in asdict(head).items() if v is not None}, partial)
    partial.replace(path)


def read_head(folder: Path, clip: str) -> HeadSurface | None:
    """The head's surface at a clip's look, or None if the dataset does not tell.

    Raises:
        CorruptFile: it is not what the format promises.
    """
    path = folder / "heads" / f"{clip}.safetensors"
    if not path.exists():
        return None
    try:
        head = HeadSurface(**load_file(path))
    except (SafetensorError, TypeError) as error:
        raise CorruptFile(f"heads/{clip}.safetensors is not readable: {error}.") from error
    count = len(head.vertices)
    fits = head.vertices.shape == (count, 3) and head.uv.shape == (count, 2) and head.texture.shape[2:] == (4,)
    if not fits or any(m is not None and m.shape != head.texture.shape[:2] for m in (head.bare, head.hides)):
        raise CorruptFile(f"heads/{clip}.safetensors has tensors of unexpected shapes.")
    return head
