"""Which rasteriser runs: chosen by name or automatically, and always with a reason that can be shown."""

from __future__ import annotations

import importlib.util
from typing import Literal, cast, get_args

import torch

from perse_engine.errors import BackendMissing, UnknownName

Backend = Literal["reference", "cpu", "gsplat"]
BackendChoice = Literal["auto", "reference", "cpu", "gsplat"]

RasterMode = Literal["classic", "antialiased"]
"""How thin a Gaussian can be drawn; both widen its image by `BLUR_PX2` (gsplat: rasterize_mode and eps2d).

'classic' leaves the opacity, so what is thinner than a pixel grows and gets heavier: Gaussians fit one image size.
'antialiased' multiplies it by sqrt(det(sharp covariance) / det(widened)), which keeps a Gaussian's total weight
(Mip-Splatting, arXiv 2311.16493): they can be drawn larger and smaller than they were trained.
"""

BLUR_PX2: dict[RasterMode, float] = {"classic": 0.3, "antialiased": 0.1}
"""Added to both variances of a projected Gaussian, px^2: as in 3D Gaussian splatting, and as in Mip-Splatting, where it
stands for the box of one pixel (1/12)."""


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


def check_raster_mode(name: object) -> RasterMode:
    """The mode of that name.

    Raises:
        UnknownName: no such mode.
    """
    for mode in get_args(RasterMode):
        if name == mode:
            return cast(RasterMode, mode)
    raise UnknownName(f"There is no raster mode {name!r}.", hint=f"Use {' or '.join(get_args(RasterMode))}.")


def _gsplat_lacks() -> str:
    if not torch.cuda.is_available():
        return "a CUDA GPU and a torch built for it"
    if importlib.util.find_spec("gsplat") is None:
        return "the package gsplat"
    return ""
