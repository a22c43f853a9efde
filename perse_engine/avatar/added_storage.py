"""Added variants in an avatar's files: an entry each in avatar.json, and `added.<number>.*` tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.avatar.added import RANK, Adapter, AddedVariant
from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.properties import OPACITY, PROPERTIES
from perse_engine.errors import CorruptFile

TENSORS = ("rows", "mask", "cover", "basis")
TEXTS = ("category", "variant", "prompt", "method")
COUNTS = ("gaussians", "vertices")
MAX_ADDED = 1000


def added_tensors(added: Sequence[AddedVariant]) -> dict[str, npt.NDArray[Any]]:
    """The adapters' tensors by their names in avatar.safetensors."""
    return {f"added.{k}.{name}": getattr(one.adapter, name) for k, one in enumerate(added) for name in TENSORS}


def added_to_json(one: AddedVariant) -> dict[str, object]:
    """An entry of avatar.json's `added`."""
    return {name: getattr(one, name) for name in (*TEXTS, *COUNTS)} | {"measured": dict(one.measured)}


def added_from_json(value: Mapping[str, Any], number: int, tensors: Mapping[str, npt.NDArray[Any]]) -> AddedVariant:
    """The opposite of `added_to_json` and `added_tensors`.

    Raises:
        KeyError, TypeError, ValueError: it is not what the format promises.
    """
    texts = {name: value[name] for name in TEXTS}
    counts = {name: value[name] for name in COUNTS}
    if not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("an added variant's words are no text")
    if not all(type(count) is int and count >= 0 for count in counts.values()):
        raise ValueError("an added variant's counts are no counts")
    measured = {str(k): float(v) for k, v in dict(value["measured"]).items()}
    if not all(math.isfinite(v) for v in measured.values()):
        raise ValueError("an added variant's measurements are not finite")
    named = {name: tensors[f"added.{number}.{name}"] for name in TENSORS if name != "cover"}
    before = tensors.get(f"added.{number}.change")
    # Format 3 and before told the change, whose square is what it covers.
    cover = tensors[f"added.{number}.cover"] if before is None else before**2
    adapter = Adapter(cover=cover, **named)
    return AddedVariant(**texts, **counts, adapter=adapter, measured=measured)


def check_added(avatar: Avatar) -> None:
    """Refuse what could crash a kernel, or show in a look that it does not belong to.

    Raises:
        CorruptFile: with what is wrong.
    """
    if len(avatar.added) > MAX_ADDED:
        raise CorruptFile(f"The avatar has {len(avatar.added)} added variants; at most {MAX_ADDED} are read.")
    n, variants = len(avatar), avatar.variants()
    first = n - sum(one.gaussians for one in avatar.added)
    corner = len(avatar.binding.rig.vertices) - sum(one.vertices for one in avatar.added)
    if first <= 0 or corner <= 0:
        raise CorruptFile("Added variants have more Gaussians or vertices than the avatar.")
    names = [(one.category, one.variant) for one in avatar.added]
    if len(set(names)) < len(names) or any(v not in variants.get(c, ()) for c, v in names):
        raise CorruptFile("An added variant stands twice, or has no code.")
    if (avatar.base[first:, OPACITY] > 0).any():
        raise CorruptFile("An added variant's Gaussian is not transparent without it.")
    if first < n and any(len(m.rows) and int(m.rows.max()) >= first for m in avatar.categories.values()):
        raise CorruptFile("A category changes Gaussians of an added variant.")
    if len(avatar.expression.rows) and int(avatar.expression.rows.max()) >= first:
        raise CorruptFile("An expression changes Gaussians of an added variant.")
    for one in avatar.added:
        end = first + one.gaussians
        _check_adapter(one, first, end, n - sum(o.gaussians for o in avatar.added))
        first = end


def _check_adapter(one: AddedVariant, first: int, end: int, own: int) -> None:
    """Rows are the avatar's own [0, own) and those that it appended itself [first, end)."""
    a, name = one.adapter, f"{one.category}/{one.variant}"
    count = len(a.rows)
    for tensor, shape, dtype in (
        (a.rows, (count,), np.int32),
        (a.mask, (count,), np.float32),
        (a.cover, (count,), np.float32),
        (a.basis, (RANK, count, PROPERTIES), np.float32),
    ):
        if tensor.shape != shape or tensor.dtype != dtype:
            raise CorruptFile(f"A tensor of added {name} is {tensor.dtype} {tensor.shape}; expected {shape}.")
        if tensor.dtype == np.float32 and not np.isfinite(tensor).all():
            raise CorruptFile(f"A tensor of added {name} holds a number that is not finite.")
    allowed = ((a.rows >= 0) & (a.rows < own)) | ((a.rows >= first) & (a.rows < end))
    if not allowed.all() or len(np.unique(a.rows)) < count:
        raise CorruptFile(f"Added {name} names Gaussians that are not its own, or one twice.")
