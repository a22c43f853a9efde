"""The trained avatar: bound Gaussians, their bases per category, codes and code networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.avatar.added import Adapter, AddedVariant, gates, reach
from perse_engine.avatar.category import CategoryModel
from perse_engine.avatar.kernels import add_basis
from perse_engine.avatar.latent import CODE_SIZE, CODE_SPREAD, active_bases, column_weights, sharing
from perse_engine.avatar.properties import PROPERTIES
from perse_engine.avatar.revealed import revealed_skin
from perse_engine.compiled import PARALLEL_WORK
from perse_engine.errors import InvalidValue, UnknownName
from perse_engine.head.rig import Rig
from perse_engine.head.subject import ExpressionDriver
from perse_engine.look import Look
from perse_engine.scene import Expression, FloatArray
from perse_engine.splatting.backends import RasterMode
from perse_engine.vocabulary import CATEGORIES

ALL_COLUMNS = np.arange(PROPERTIES, dtype=np.int64)
EXPRESSION_COLUMNS = np.array([0, 1, 2, 10, 11, 12, 13], np.int64)
"""Offset, opacity and colour: lids, lips and teeth change colour, not only place."""


@dataclass(frozen=True)
class Binding:
    """What Gaussians hang on.

    Attributes:
        rig: the subject's rig with anchors appended: small triangles that carry added surface (frames, hats, hair).
        triangles: [N, 3] int32 rig vertices.
        bary: [N, 3] barycentric coordinates.
        rest_area: [N] twice the triangle's area at rest, square metres.
    """

    rig: Rig
    triangles: npt.NDArray[np.int32]
    bary: FloatArray
    rest_area: FloatArray

    def take(self, index: npt.NDArray[Any]) -> Binding:
        """Of some of the Gaussians."""
        return Binding(self.rig, self.triangles[index], self.bary[index], self.rest_area[index])


@dataclass(frozen=True)
class ExpressionModel:
    """Learned linear changes with the expression: drivers, rows [n] int32, basis [E, n, 7] over EXPRESSION_COLUMNS."""

    drivers: tuple[ExpressionDriver, ...]
    rows: npt.NDArray[np.int32]
    basis: FloatArray

    def values(self, expression: Expression) -> FloatArray:
        """The drivers' values, [E] float32."""
        return np.array([d.value(expression) for d in self.drivers], np.float32)


@dataclass(frozen=True)
class SourceLight:
    """The photo's light, which the Gaussians' colours are without.

    Attributes:
        coefficients: [9, 3] float32, relative irradiance (`head.light`).
        normals: [N, 3] float32, which way each Gaussian faces at rest: a mean, so at most 1 long.
    """

    coefficients: FloatArray
    normals: FloatArray


@dataclass(frozen=True)
class BakedLook:
    """Properties [N, 14] float32 at one look, neutral expression."""

    look: Look
    properties: FloatArray


@dataclass(frozen=True)
class Avatar:
    """See DESIGN section 4: property(z) = base + sum_c mask_c basis_c (h_c(z_c) - h_c(0)), and `revealed`.

    Attributes:
        base: [N, 14] float32, the source look.
        added: variants that were added after training, in the order in which they were; what they appended to the
            Gaussians and to the rig lies at the end of both, in this order too.
        raster_mode: how it was trained and is drawn; its opacities and scales fit no other.
        light: None where it is in the colours, as in avatars of before it was kept apart.
        details: what avatar.json tells beside the tensors: preset, recipe, pose limits, backends, software version.
    """

    binding: Binding
    base: FloatArray
    categories: Mapping[str, CategoryModel]
    expression: ExpressionModel
    details: Mapping[str, object] = field(default_factory=dict)
    raster_mode: RasterMode = "classic"
    added: tuple[AddedVariant, ...] = ()
    light: SourceLight | None = None

    def __len__(self) -> int:
        return len(self.base)

    def variants(self) -> dict[str, list[str]]:
        """Category -> variant ids, in the order of CATEGORIES."""
        return {c: list(self.categories[c].codes) for c in CATEGORIES if c in self.categories}

    def codes(self, look: Look) -> dict[str, FloatArray]:
        """Code of every category that is not the source's.

        Raises:
            UnknownName: a category or variant that this avatar does not have.
            InvalidValue: a raw code of another length than 32.
        """
        out: dict[str, FloatArray] = {}
        for category in look.categories():
            model = self.categories.get(category)
            if model is None:
                raise UnknownName(
                    f"This avatar cannot change {category}.", hint=f"It can change: {', '.join(self.variants())}."
                )
            if category in look.codes:
                code: FloatArray = np.array(look.codes[category], np.float32)
                if code.shape != (CODE_SIZE,):
                    raise InvalidValue(f"The code of {category} has {len(code)} numbers; expected {CODE_SIZE}.")
            else:
                code = np.zeros(CODE_SIZE, np.float32)
                for id, weight in look.variants[category].items():
                    if id not in model.codes:
                        raise UnknownName(
                            f"This avatar has no variant {category}/{id}.", hint=f"It has: {', '.join(model.codes)}."
                        )
                    code = code + np.float32(weight) * model.codes[id]
            out[category] = code
        return out

    def bake(self, look: Look, shares: Mapping[str, FloatArray] | None = None) -> BakedLook:
        """Evaluate a look once; a frame then costs blendshapes, skinning and rasterising.

        `shares` are the look's own (`shares`) when None.
        """
        x = self.base.copy()
        shares = self.shares(look) if shares is None else shares
        codes = self.codes(look)
        for category, code in codes.items():
            model = self.categories[category]
            weights = column_weights(model.mask, shares[category][model.rows])
            coefficients = model.network(code)
            active = active_bases(coefficients)
            with PARALLEL_WORK:
                add_basis(x, model.rows, weights, ALL_COLUMNS, model.basis, active, coefficients[active])
        for category, worn in self._worn(look).items():
            for adapter, weight in worn:
                add_adapter(x, adapter, weight, shares[category])
        for revealed in revealed_skin(self.categories, codes):
            revealed.add(x)
        return BakedLook(look, x)

    def shares(self, look: Look) -> dict[str, FloatArray]:
        """How much of its shared properties each category that is on may set, [N] in 0..1 (`latent.sharing`)."""
        worn = self._worn(look)
        forces, covers = {}, {}
        for category, code in self.codes(look).items():
            own = worn.get(category, [])
            forces[category] = max(strength(code), sum(weight for _, weight in own))
            covers[category] = reach(self.categories[category].cover(code, len(self)), own)
        return sharing(forces, covers)

    def _worn(self, look: Look) -> dict[str, list[tuple[Adapter, float]]]:
        """Adapters that a look turns on, with their weights, by category."""
        out: dict[str, list[tuple[Adapter, float]]] = {}
        for one in self.added:
            weight = float(look.variants.get(one.category, {}).get(one.variant, 0.0))
            if weight > 0:
                out.setdefault(one.category, []).append((one.adapter, weight))
        return out


def add_adapter(x: FloatArray, adapter: Adapter, weight: float, share: FloatArray) -> None:
    """Add what an adapter changes at a weight to properties [N, 14]; `share` [N] is its category's."""
    gate = gates(weight)
    active = np.flatnonzero(gate)
    columns = column_weights(adapter.mask, share[adapter.rows])
    with PARALLEL_WORK:
        add_basis(x, adapter.rows, columns, ALL_COLUMNS, adapter.basis, active, gate[active])


def strength(code: FloatArray) -> float:
    """How far a code is from the source's, in typical lengths of the prior."""
    return float(np.linalg.norm(code) / (CODE_SPREAD * np.sqrt(CODE_SIZE)))


def rest_points(binding: Binding) -> FloatArray:
    """The barycentric points at rest in the world frame, [N, 3]."""
    return np.asarray((binding.rig.vertices[binding.triangles] * binding.bary[..., None]).sum(1), np.float32)


def append_anchors(rig: Rig, vertices: FloatArray, bone_weights: FloatArray) -> Rig:
    """A rig with more vertices [A, 3] that no blendshape moves."""
    still = np.zeros((len(rig.shapes), len(vertices), 3), np.float32)
    return Rig(
        np.vstack([rig.vertices, vertices]).astype(np.float32),
        rig.shape_names,
        np.concatenate([rig.shapes, still], 1),
        rig.bone_pivots,
        np.vstack([rig.bone_weights, bone_weights]).astype(np.float32),
    )
