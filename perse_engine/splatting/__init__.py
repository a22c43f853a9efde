"""Splatting: Gaussians to images and gradients back. `rasterize` is the one door; three backends behind it.

Numba kernels live in `cpu/`. Training without autograd uses `cpu.rasterizer.CpuRasterizer`, `losses` and `adam`.
"""

from perse_engine.splatting.backends import RasterMode, choose_backend
from perse_engine.splatting.cloud import GaussianCloud
from perse_engine.splatting.rasterize import RasterImage, rasterize

__all__ = ["GaussianCloud", "RasterImage", "RasterMode", "choose_backend", "rasterize"]
