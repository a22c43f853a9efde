"""Inversion: the code of a category that shows given pictures best, with everything frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from perse_engine.avatar.avatar import ALL_COLUMNS, EXPRESSION_COLUMNS, Avatar
from perse_engine.avatar.drawing import View, training_rasterizer
from perse_engine.avatar.kernels import add_basis, project_on_basis, take_rows
from perse_engine.avatar.latent import CODE_SIZE, column_weights
from perse_engine.compiled import PARALLEL_WORK
from perse_engine.errors import UnknownName
from perse_engine.progress import Progress
from perse_engine.scene import Camera, Expression, FloatArray, Pose
from perse_engine.splatting.adam import Adam
from perse_engine.splatting.losses import ImageLoss, LossWeights

STAGE = "inversion"
STEPS = 120
RATE, DECAY = 0.06, 2e-3
"""Adam's rate for a code, and the prior's pull to 0 per step."""
FINAL_RATE = 0.1
ADAPTER_BELOW_DB = 30.0
"""Below this PSNR in the changed region the code alone does not show what was asked for: an adapter is recommended."""
PARTS_OF_SUMS = 16
"""Sums over Gaussians are cut into as many parts, so that they do not depend on the number of threads."""
LOOK_FROM = 0.1
"""Share of the category's mask in a pixel from which the pixel counts, where no region is given."""


@dataclass(frozen=True)
class Shot:
    """A picture of the edited face, premultiplied colours [H, W, 3] and alpha [H, W] in 0..1, and how it was taken;
    region [H, W] bool: where the edit shows, or None: wherever the category can."""

    colours: FloatArray
    alpha: FloatArray
    camera: Camera
    pose: Pose
    expression: Expression
    region: FloatArray | None = None


@dataclass(frozen=True)
class Inversion:
    """A code [32], PSNR in the changed region with it and with the source's code, and whether an adapter is needed."""

    code: FloatArray
    psnr_db: float
    source_psnr_db: float

    @property
    def needs_adapter(self) -> bool:
        """The residual is too large for a code alone; see ADAPTER_BELOW_DB."""
        return self.psnr_db < ADAPTER_BELOW_DB


def invert(
    avatar: Avatar, category: str, shots: Sequence[Shot], progress: Progress, *,
    start: FloatArray | None = None, steps: int = STEPS, rasterizer: str = "auto",
) -> Inversion:  # fmt: skip
    """Optimise a category's code for pictures whose pose, expression and camera are known, all of one size.

    Raises:
        UnknownName: the avatar has not got this category.
        Cancelled: from `progress`.
    """
    model = avatar.categories.get(category)
    if model is None:
        raise UnknownName(f"This avatar cannot change {category}.", hint=f"It can: {', '.join(avatar.variants())}.")
    size = shots[0].camera.width_px, shots[0].camera.height_px
    view = View(avatar.binding, training_rasterizer(rasterizer, avatar.raster_mode)[0], size)
    frozen = [_Posed(avatar, shot) for shot in shots]
    weights = column_weights(model.mask, np.ones(len(avatar), np.float32)[model.rows])
    code = np.zeros((1, CODE_SIZE), np.float32) if start is None else np.array(start, np.float32)[None].copy()
    adam = Adam(code, np.full(CODE_SIZE, RATE, np.float32), decays=np.full(CODE_SIZE, DECAY, np.float32))
    loss = ImageLoss(LossWeights(l1=1.0, ssim=0.0))
    grads = np.zeros_like(view.colours), np.zeros_like(view.alpha)
    grad, parts = np.empty_like(model.basis[0]), np.empty((PARTS_OF_SUMS, len(model.basis)))
    every = np.arange(len(model.basis))

    def draw(posed: _Posed, z: FloatArray) -> None:
        x = posed.x.copy()
        with PARALLEL_WORK:
            add_basis(x, model.rows, weights, ALL_COLUMNS, model.basis, every, model.network(z))
        view.draw(x, posed.vertices, posed.shot.camera)

    regions = [_region(view, avatar, category, posed) for posed in frozen]

    def seen(z: FloatArray) -> float:
        return _psnr([_error(draw, view, p, z, r) for p, r in zip(frozen, regions, strict=True)])

    zero, first = np.zeros(CODE_SIZE, np.float32), code[0].copy()
    for step in range(steps):
        posed = frozen[step % len(frozen)]
        draw(posed, code[0])
        loss(view.colours, view.alpha, posed.shot.colours, posed.shot.alpha, *grads)
        grad_x = view.back(*grads)
        with PARALLEL_WORK:
            take_rows(grad_x, model.rows, weights, ALL_COLUMNS, grad)
            project_on_basis(model.basis, grad, parts)
        grad_code = model.network.back(code[0], parts.sum(0).astype(np.float32))
        adam.step(grad_code[None], rate_factor=FINAL_RATE ** (step / steps))
        if step % 10 == 0:
            progress.report(STAGE, step, steps)
    progress.report(STAGE, steps, steps)
    # Few steps can end worse than they began.
    found = max((code[0], first, zero), key=seen)
    return Inversion(found, seen(found), seen(zero))


class _Posed:
    """A shot with the source look's properties at its expression and the posed vertices."""

    def __init__(self, avatar: Avatar, shot: Shot) -> None:
        self.shot = shot
        self.vertices = avatar.binding.rig.posed(shot.pose, shot.expression)
        self.x = with_expression(avatar, avatar.base, shot.expression)


def with_expression(avatar: Avatar, properties: FloatArray, expression: Expression) -> FloatArray:
    """A copy of properties [N, 14] with the expression's learned changes."""
    x, model = properties.copy(), avatar.expression
    values = model.values(expression)
    active = np.flatnonzero(values)
    ones = np.ones((len(model.rows), len(EXPRESSION_COLUMNS)), np.float32)
    with PARALLEL_WORK:
        add_basis(x, model.rows, ones, EXPRESSION_COLUMNS, model.basis, active, values[active])
    return x


def _region(view: View, avatar: Avatar, category: str, posed: _Posed) -> FloatArray:
    if posed.shot.region is not None:
        return posed.shot.region
    x = posed.x.copy()
    model = avatar.categories[category]
    x[:, 11:] = 0
    x[model.rows, 11:] = model.mask[:, None]
    view.draw(x, posed.vertices, posed.shot.camera)
    return np.asarray(view.colours[..., 0] > LOOK_FROM)


def _error(draw: object, view: View, posed: _Posed, code: FloatArray, region: FloatArray) -> tuple[float, float]:
    draw(posed, code)  # type: ignore[operator]
    square = ((np.clip(view.colours, 0, 1) - posed.shot.colours) ** 2).mean(-1)
    return float(square[region > 0].sum()), float((region > 0).sum())


def _psnr(errors: list[tuple[float, float]]) -> float:
    mean = sum(e for e, _ in errors) / max(sum(n for _, n in errors), 1.0)
    return float(-10 * np.log10(max(mean, 1e-10)))
