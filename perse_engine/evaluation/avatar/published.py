"""What PERSE's authors publish, to stand beside our figures (arXiv 2412.21206v2, tables 1 and 2)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """Unseen pose: PSNR, SSIM, LPIPS and cosine of ArcFace; interpolation: PPL and 100 times PDV, both of LPIPS."""

    name: str
    psnr_db: float
    ssim: float
    lpips: float
    identity: float
    ppl: float
    pdv_100: float


PUBLISHED: tuple[Published, ...] = (
    Published("PERSE", 23.84, 0.8852, 0.1458, 0.7059, 0.3308, 0.2481),
    Published("PEGASUS", 23.56, 0.8661, 0.1508, 0.6471, 0.4047, 0.2373),
    Published("conditional SplattingAvatar", 22.17, 0.8690, 0.2760, 0.4759, 0.5789, 0.9641),
    Published("conditional INSTA", 19.01, 0.7730, 0.2875, 0.3022, 0.6739, 0.9724),
)

DIFFERENCE = (
    "The data differ: PERSE trains on 957 generated videos whose tracking and identity waver, ours on exact renders of "
    "the rig that carries the Gaussians; read across only within a column of one table."
)
