"""A subject on disk: subject.safetensors and subject.json. No pickle."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from perse_engine.errors import CorruptFile
from perse_engine.head.rig import Rig
from perse_engine.head.subject import ExpressionDriver, Subject, TextureBlend, TexturedRig
from perse_engine.scene import Camera, Expression, Gaze, Pose

LOOK_ARRAYS = ("faces", "face_part", "uv", "texture", "labels")
RIG_ARRAYS = ("vertices", "shapes", "bone_pivots", "bone_weights")
OWN_ARRAYS = ("landmark_vertices", "source_light", "work_rgb", "work_person")
MAPPINGS = ("texel_maps", "edit_shapes", "extras")


def save_subject(subject: Subject, folder: Path) -> None:
    """Write both files; subject.json, written last, says that they are complete."""
    folder.mkdir(parents=True, exist_ok=True)
    look = subject.look
    tensors: dict[str, Any] = {f"look.{n}": getattr(look, n) for n in LOOK_ARRAYS}
    tensors |= {f"rig.{n}": getattr(look.rig, n) for n in RIG_ARRAYS}
    tensors |= {n: getattr(subject, n) for n in OWN_ARRAYS}
    for mapping in MAPPINGS:
        tensors |= {f"{mapping}.{k}": v for k, v in getattr(subject, mapping).items()}
    for i, blend in enumerate(look.blends):
        tensors |= {f"blend.{i}.rgba": blend.rgba, f"blend.{i}.mask": blend.mask}
    camera = asdict(subject.source_camera)
    tensors["source_camera.world_to_cam"] = camera.pop("world_to_cam")
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, folder / "subject.safetensors")
    description = {
        "shape_names": look.rig.shape_names,
        "blends": [{"driver": asdict(b.driver), "x": b.x, "y": b.y} for b in look.blends],
        "measures": dict(subject.measures),
        "source_pose": asdict(subject.source_pose),
        "source_expression": dict(subject.source_expression.weights),
        "source_camera": camera,
    }
    partial = folder / "subject.json.part"
    partial.write_text(json.dumps(description, indent=1))
    partial.replace(folder / "subject.json")


def load_subject(folder: Path) -> Subject:
    """Read a saved subject.

    Raises:
        CorruptFile: a file is missing or damaged.
    """
    try:
        d = json.loads((folder / "subject.json").read_text())
        t = load_file(folder / "subject.safetensors")
        rig = Rig(shape_names=tuple(d["shape_names"]), **{n: t[f"rig.{n}"] for n in RIG_ARRAYS})
        blends = tuple(
            TextureBlend(ExpressionDriver(**b["driver"]), b["x"], b["y"], t[f"blend.{i}.rgba"], t[f"blend.{i}.mask"])
            for i, b in enumerate(d["blends"])
        )
        maps: dict[str, Any] = {
            m: {k.split(".", 1)[1]: v for k, v in t.items() if k.startswith(f"{m}.")} for m in MAPPINGS
        }
        pose = dict(d["source_pose"])
        return Subject(
            look=TexturedRig(rig=rig, blends=blends, **{n: t[f"look.{n}"] for n in LOOK_ARRAYS}),
            measures=d["measures"],
            source_pose=Pose(**{k: v for k, v in pose.items() if k != "gaze"}, gaze=Gaze(**pose["gaze"])),
            source_expression=Expression(d["source_expression"]),
            source_camera=Camera(**d["source_camera"], world_to_cam=t["source_camera.world_to_cam"]),
            landmark_vertices=t["landmark_vertices"],
            source_light=t["source_light"],
            work_rgb=t["work_rgb"],
            work_person=t["work_person"],
            **maps,
        )
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CorruptFile("The saved subject is not readable.", hint="Delete its folder to build it again.") from error
