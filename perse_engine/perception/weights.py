"""Weights of a known network out of a safetensors file, and such a file out of what their authors publish."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

from perse_engine.errors import BackendMissing, CorruptFile

Shapes = Mapping[str, tuple[int, ...]]
"""Names of a network's tensors and their shapes."""

PUBLISHED_DIGEST = re.compile(r"-([0-9a-f]{8})\.pth$")
"""PyTorch's own files end with the first digits of their SHA-256."""


def load_weights(path: Path, networks: Mapping[str, Shapes]) -> tuple[str, dict[str, Tensor]]:
    """Which of `networks` a safetensors file holds, and its tensors in float32; other tensors are left out.

    Raises:
        BackendMissing: there is no such file.
        CorruptFile: it is none of them, or is damaged or not finite.
    """
    if not path.is_file():
        raise BackendMissing(f"There is no file of weights {path.name}.")
    try:
        return chosen(load(path.read_bytes()), networks)
    except SafetensorError as error:
        raise CorruptFile(f"{path.name} is not a safetensors file, or damaged.") from error


def chosen(tensors: Mapping[str, Tensor], networks: Mapping[str, Shapes]) -> tuple[str, dict[str, Tensor]]:
    """The network that the tensors fit, and those of them that it has."""
    for name, shapes in networks.items():
        if all(n in tensors and tuple(tensors[n].shape) == shape for n, shape in shapes.items()):
            found = {n: tensors[n].to(torch.float32) for n in shapes}
            if not all(bool(torch.isfinite(t).all()) for t in found.values()):
                raise CorruptFile(f"The weights of {name} are not all finite.")
            return name, found
    name, shapes = next(iter(networks.items()))
    wrong = next(n for n, shape in shapes.items() if n not in tensors or tuple(tensors[n].shape) != shape)
    has = f"has shape {tuple(tensors[wrong].shape)}" if wrong in tensors else "is not there"
    raise CorruptFile(
        f"These are no weights of {' or '.join(networks)}: for {name}, {wrong} {has}; expected {shapes[wrong]}.",
        hint="docs/reference/models.md says which files go together.",
    )


def convert(files: Sequence[Path], networks: Mapping[str, Shapes], output: Path) -> str:
    """Merge published .pth files into `output`/<network>/model.safetensors; returns which network it is.

    They are read by torch.load with weights_only: tensors and containers, no code.

    Raises:
        BackendMissing: a file is not there.
        CorruptFile: a file is not what its name's digest says or holds something else, or they make none of `networks`.
    """
    merged: dict[str, Tensor] = {}
    for file in files:
        merged |= _published(file)
    name, tensors = chosen(merged, networks)
    (output / name).mkdir(parents=True, exist_ok=True)
    save_file({n: t.contiguous() for n, t in tensors.items()}, output / name / "model.safetensors", {"network": name})
    return name


def _published(file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise BackendMissing(f"There is no file {file.name}.")
    digest = PUBLISHED_DIGEST.search(file.name)
    if digest and not hashlib.sha256(file.read_bytes()).hexdigest().startswith(digest[1]):
        raise CorruptFile(f"{file.name} is not what the digest in its name says.", hint="Download it again.")
    try:
        found = torch.load(file, map_location="cpu", weights_only=True)
    except (RuntimeError, UnpicklingError, EOFError, ValueError, KeyError, OSError) as error:
        raise CorruptFile(f"{file.name} is not a file of weights, or holds more than weights.") from error
    if not isinstance(found, dict) or not all(isinstance(t, Tensor) for t in found.values()):
        raise CorruptFile(f"{file.name} holds no table of tensors.")
    return {str(n): t for n, t in found.items()}
