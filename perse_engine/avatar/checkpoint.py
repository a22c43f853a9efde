"""Training checkpoints: parameters, optimiser moments and other arrays as safetensors, swapped in whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from perse_engine.errors import CorruptFile
from perse_engine.splatting.adam import Adam

NAME = "checkpoint.safetensors"
State = Mapping[str, tuple[Adam, npt.NDArray[np.float32]]]
Arrays = Mapping[str, npt.NDArray[np.float32]]
"""What no optimiser moves, by names that no state has."""


def save_checkpoint(folder: Path, state: State, step: int, fingerprint: str, arrays: Arrays) -> None:
    """Write the state after `step` steps; the previous checkpoint is replaced only by a whole one."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = dict(arrays)
    for name, (adam, parameters) in state.items():
        tensors |= {f"{name}.value": parameters, f"{name}.first": adam.first, f"{name}.second": adam.second}
    steps = json.dumps({name: adam.steps for name, (adam, _) in state.items()})
    partial = folder / (NAME + ".part")
    save_file(tensors, partial, {"step": str(step), "fingerprint": fingerprint, "adam_steps": steps})
    partial.replace(folder / NAME)


def load_checkpoint(folder: Path, state: State, fingerprint: str, arrays: Arrays) -> int:
    """Fill the state and the arrays in place; returns the step to go on from, 0 without a checkpoint.

    Raises:
        CorruptFile: the file is damaged or belongs to another recipe.
    """
    path = folder / NAME
    if not path.exists():
        return 0
    try:
        with safe_open(path, "numpy") as file:
            header = file.metadata() or {}
            if header.get("fingerprint") != fingerprint:
                raise CorruptFile("The checkpoint belongs to another recipe.", hint="Delete it to start again.")
            steps = json.loads(header["adam_steps"])
            for name, (adam, parameters) in state.items():
                parameters[...] = file.get_tensor(f"{name}.value")
                adam.first[...] = file.get_tensor(f"{name}.first")
                adam.second[...] = file.get_tensor(f"{name}.second")
                adam.steps = int(steps[name])
            for name, array in arrays.items():
                array[...] = file.get_tensor(name)
            return int(header["step"])
    except (SafetensorError, KeyError, ValueError) as error:
        raise CorruptFile("The checkpoint is not readable.", hint="Delete it to start again.") from error
