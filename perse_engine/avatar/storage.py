"""An avatar on disk: avatar.safetensors, avatar.json, latents.json. The tensors are in docs/reference/avatar.md."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from perse_engine.avatar.added_storage import added_from_json, added_tensors, added_to_json, check_added
from perse_engine.avatar.avatar import EXPRESSION_COLUMNS, Avatar, Binding, ExpressionModel, SourceLight
from perse_engine.avatar.category import CategoryModel
from perse_engine.avatar.latent import BENDS, CODE_SIZE, HIDDEN, network_of
from perse_engine.avatar.properties import PROPERTIES
from perse_engine.errors import CorruptFile, EngineError
from perse_engine.head.rig import BONES, Rig
from perse_engine.head.subject import ExpressionDriver
from perse_engine.splatting.backends import check_raster_mode

FORMAT_VERSIONS = (1, 2, 3, 4, 5)
"""Read; the last one is written. 2: there are added variants; 3: ways bend at more than one weight; 4: each variant has
a cover, where categories had a change; 5: skin that a look reveals takes the tone of skin."""
RIG = ("vertices", "shapes", "bone_pivots", "bone_weights")
BINDING = ("triangles", "bary", "rest_area")
LIGHT = ("coefficients", "normals")
CATEGORY = ("rows", "mask", "covers", "basis")
REVEALING = ("reveals", "tones")
MAX_GAUSSIANS = 2_000_000


def save_avatar(avatar: Avatar, folder: Path) -> None:
    """Write the three files; avatar.json, written last, says that they are complete."""
    folder.mkdir(parents=True, exist_ok=True)
    rig = avatar.binding.rig
    tensors: dict[str, npt.NDArray[Any]] = {"base": avatar.base}
    tensors |= {f"rig.{n}": getattr(rig, n) for n in RIG}
    tensors |= {f"binding.{n}": getattr(avatar.binding, n) for n in BINDING}
    tensors |= {"expression.rows": avatar.expression.rows, "expression.basis": avatar.expression.basis}
    for category, model in avatar.categories.items():
        tensors |= {f"{category}.{n}": getattr(model, n) for n in CATEGORY}
        tensors |= {f"{category}.{n}": array for n in REVEALING if (array := getattr(model, n)) is not None}
        tensors |= {f"{category}.network.{n}": a for n, a in model.network.arrays().items()}
        tensors[f"{category}.codes"] = np.stack(list(model.codes.values()))
    tensors |= added_tensors(avatar.added)
    if avatar.light is not None:
        tensors |= {f"light.{n}": getattr(avatar.light, n) for n in LIGHT}
    partial = folder / "avatar.safetensors.part"
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, partial)
    # safetensors makes files that only their owner can read.
    partial.chmod(0o644)
    partial.replace(folder / "avatar.safetensors")
    (folder / "latents.json").write_text(json.dumps(latents(avatar), indent=1))
    description = {
        "format_version": FORMAT_VERSIONS[-1],
        "gaussians": len(avatar),
        "raster_mode": avatar.raster_mode,
        "bones": BONES,
        "shape_names": rig.shape_names,
        "variants": avatar.variants(),
        "bends": max((m.network.bends for m in avatar.categories.values()), default=BENDS),
        "expression_drivers": [asdict(d) for d in avatar.expression.drivers],
        "details": dict(avatar.details),
    }
    if avatar.added:
        description["added"] = [added_to_json(one) for one in avatar.added]
    partial = folder / "avatar.json.part"
    partial.write_text(json.dumps(description, indent=1))
    partial.replace(folder / "avatar.json")


def latents(avatar: Avatar) -> dict[str, object]:
    """Every category's codes as plain JSON: dimension, source code, code per variant."""
    return {
        "dimension": CODE_SIZE,
        "categories": {
            category: {
                "source": [0.0] * CODE_SIZE,
                "variants": {id: [float(x) for x in code] for id, code in model.codes.items()},
            }
            for category, model in avatar.categories.items()
        },
    }


def load_avatar(folder: Path) -> Avatar:
    """Read an avatar; files from outside are checked before they are used.

    Raises:
        CorruptFile: a file is missing, damaged, or its tensors do not fit together.
    """
    try:
        description = json.loads((folder / "avatar.json").read_text())
        tensors = load_file(folder / "avatar.safetensors")
        version = description["format_version"]
        if version not in FORMAT_VERSIONS:
            raise CorruptFile(f"The avatar has format version {version}, not one of {FORMAT_VERSIONS}.")
        avatar = _assemble(description, tensors)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise CorruptFile("The avatar's files are not readable.") from error
    except EngineError as error:
        raise CorruptFile(f"The avatar's files do not fit together: {error.message}") from error
    check_avatar(avatar)
    return avatar


def _assemble(description: dict[str, Any], tensors: dict[str, npt.NDArray[Any]]) -> Avatar:
    # Written since there is a choice.
    raster_mode = check_raster_mode(description.get("raster_mode", "classic"))
    rig = Rig(shape_names=tuple(description["shape_names"]), **{n: tensors[f"rig.{n}"] for n in RIG})
    binding = Binding(rig, **{n: tensors[f"binding.{n}"] for n in BINDING})
    drivers = tuple(ExpressionDriver(**d) for d in description["expression_drivers"])
    categories = {}
    for category, ids in description["variants"].items():
        arrays = {n: tensors[f"{category}.network.{n}"] for n in _network_names()}
        # Written since ways bend at more than one weight.
        network = network_of(arrays, len(tensors[f"{category}.basis"]), int(description.get("bends", 1)))
        codes = dict(zip(ids, tensors[f"{category}.codes"], strict=True))
        rows, mask, basis = (tensors[f"{category}.{n}"] for n in ("rows", "mask", "basis"))
        revealing = {n: tensors.get(f"{category}.{n}") for n in REVEALING}
        categories[category] = CategoryModel(network, codes, rows, mask, _covers(category, tensors), basis, **revealing)
    expression = ExpressionModel(drivers, tensors["expression.rows"], tensors["expression.basis"])
    added = tuple(added_from_json(one, k, tensors) for k, one in enumerate(description.get("added", [])))
    # Avatars of before there was one have the photo's light in their colours.
    has_light = any(n.startswith("light.") for n in tensors)
    light = SourceLight(**{n: tensors[f"light.{n}"] for n in LIGHT}) if has_light else None
    return Avatar(binding, tensors["base"], categories, expression, description["details"], raster_mode, added, light)


def _covers(category: str, tensors: dict[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
    if f"{category}.covers" in tensors:
        return tensors[f"{category}.covers"]
    # Format 3 and before: one change of every Gaussian, whose square is what is covered.
    return tensors[f"{category}.change"][tensors[f"{category}.rows"]][None] ** 2


def _network_names() -> tuple[str, ...]:
    return ("linear", "hidden_weight", "hidden_bias", "output")


def _some(array: npt.NDArray[Any] | None) -> list[npt.NDArray[Any]]:
    return [] if array is None else [array]


def _first(array: npt.NDArray[Any], most: int) -> int:
    """Its first dimension, which may be of any number of trained variants."""
    return min(array.shape[0], most) if array.ndim else 0


def check_avatar(avatar: Avatar) -> None:
    """Kernels check no bounds: indices and shapes must be right."""
    n, v = len(avatar.base), len(avatar.binding.rig.vertices)
    b, e = avatar.binding, avatar.expression
    expected: list[tuple[str, npt.NDArray[Any], tuple[int, ...], type]] = [
        # The rig checks its own shapes.
        *((f"rig.{name}", a, a.shape, np.float32) for name in RIG for a in (getattr(b.rig, name),)),
        ("base", avatar.base, (n, PROPERTIES), np.float32),
        ("binding.triangles", b.triangles, (n, 3), np.int32),
        ("binding.bary", b.bary, (n, 3), np.float32),
        ("binding.rest_area", b.rest_area, (n,), np.float32),
        ("expression.basis", e.basis, (len(e.drivers), len(e.rows), len(EXPRESSION_COLUMNS)), np.float32),
    ]
    if avatar.light is not None:
        expected.append(("light.coefficients", avatar.light.coefficients, (9, 3), np.float32))
        expected.append(("light.normals", avatar.light.normals, (n, 3), np.float32))
    rows = [("expression.rows", e.rows)]
    for category, m in avatar.categories.items():
        k = len(m.network.linear)
        rows.append((f"{category}.rows", m.rows))
        if not 1 <= len(m.covers) <= k:
            raise CorruptFile(f"{category} has covers of {len(m.covers)} variants; it has {k} coefficients.")
        if m.network.shared not in range(k + 1):
            raise CorruptFile(f"{category} has {len(m.basis)} bases; that fits no network of {k} coefficients.")
        expected += [
            (f"{category}.mask", m.mask, (len(m.rows),), np.float32),
            (f"{category}.covers", m.covers, (len(m.covers), len(m.rows)), np.float32),
            (f"{category}.basis", m.basis, (len(m.network), len(m.rows), PROPERTIES), np.float32),
            (f"{category}.linear", m.network.linear, (k, CODE_SIZE), np.float32),
            (f"{category}.hidden_weight", m.network.hidden_weight, (HIDDEN, CODE_SIZE), np.float32),
            (f"{category}.hidden_bias", m.network.hidden_bias, (HIDDEN,), np.float32),
            (f"{category}.output", m.network.output, (k, HIDDEN), np.float32),
            *((f"{category}.reveals", a, (_first(a, k), len(m.rows)), np.float32) for a in _some(m.reveals)),
            *((f"{category}.tones", a, (_first(a, k), 3, 4), np.float32) for a in _some(m.tones)),
            *((f"{category}/{id}", code, (CODE_SIZE,), np.float32) for id, code in m.codes.items()),
        ]
    for name, array, shape, dtype in expected:
        if array.shape != shape or array.dtype != dtype:
            raise CorruptFile(f"Tensor {name} is {array.dtype} {array.shape}; expected {dtype.__name__} {shape}.")
        if array.dtype == np.float32 and not np.isfinite(array).all():
            raise CorruptFile(f"Tensor {name} holds a number that is not finite.")
    if not 0 < n <= MAX_GAUSSIANS:
        raise CorruptFile(f"The avatar has {n} Gaussians; at most {MAX_GAUSSIANS} are read.")
    if b.triangles.min() < 0 or b.triangles.max() >= v:
        raise CorruptFile("A Gaussian is bound to a vertex that the rig does not have.")
    for name, index in rows:
        if index.dtype != np.int32 or (len(index) and (index.min() < 0 or index.max() >= n)):
            raise CorruptFile(f"{name} names Gaussians that the avatar does not have.")
    check_added(avatar)
