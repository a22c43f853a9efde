"""Which rasteriser runs: chosen by name or automatically, and always with a reason that can be shown."""

from __future__ import annotations

import importlib.util
from typing import Literal, get_args

import torch

from perse_engine.errors import BackendMissing, UnknownName

Backend = Literal["reference", "cpu", "gsplat"]
BackendChoice = Literal["auto", "reference", "cpu", "gsplat"]


def choose_backend(name: str = "auto") -> tuple[Backend, str]:
    """The backend that `name` means on this machine, and why, as a sentence for `perse doctor`.

    'auto' is gsplat where CUDA and the package are there, else cpu. 'reference' is slow: it has to be named.

    Raises:
        UnknownName: no such backend.
        BackendMissing: the named backend does not run here.
    """
    if name not in get_args(BackendChoice):
        raise UnknownName(f"There is no rasteriser {name!r}.", hint="Use auto, cpu, gsplat or reference.")
    if name == "reference":
        return "reference", "reference was asked for: plain torch, slow."
    if name == "cpu":
        return "cpu", "cpu was asked for."
    missing = _gsplat_lacks()
    if not missing:
        return "gsplat", "gsplat was asked for." if name == "gsplat" else "CUDA and gsplat are there."
    if name == "gsplat":
        raise BackendMissing(
            f"The gsplat rasteriser needs {missing}.",
            hint="Install perse[gpu] on a machine with an NVIDIA GPU, or use cpu.",
        )
    return "cpu", f"gsplat would need {missing}."


def _gsplat_lacks() -> str:
    if not torch.cuda.is_available():
        return "a CUDA GPU and a torch built for it"
    if importlib.util.find_spec("gsplat") is None:
        return "the package gsplat"
    return ""
