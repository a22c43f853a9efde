"""The bundle's attribute blocks: what one category changes, and what a variant that was added later does.

Masks are multiplied into the bases, so that a reader has nothing to look up; quaternion changes are to base quaternions
of length 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from perse_engine.avatar.added import RANK, Adapter, AddedVariant
from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.category import CategoryModel
from perse_engine.avatar.latent import network_of
from perse_engine.avatar.properties import OFFSET, PROPERTIES, QUAT
from perse_engine.errors import CorruptFile
from perse_engine.export.bundle_arrays import BlockReader, BlockWriter
from perse_engine.export.bundle_base import quat_lengths
from perse_engine.scene import FloatArray

COVER_STEPS = 255
NETWORK = ("linear", "hidden_weight", "hidden_bias", "output")


def category_block(avatar: Avatar, model: CategoryModel) -> BlockWriter:
    """Rows, basis, covers, network and codes of a category."""
    block = BlockWriter()
    for name, array in model.network.arrays().items():
        block.put(f"network_{name}", array)
    block.put("codes", np.stack(list(model.codes.values())))
    _put_changes(block, avatar, model.rows, model.mask, model.covers, model.basis)
    if model.reveals is not None:
        block.put("reveals", np.rint(np.clip(model.reveals, 0, 1) * COVER_STEPS).astype(np.uint8))
    if model.tones is not None:
        block.put("tones", model.tones)
    return block


def added_block(avatar: Avatar, one: AddedVariant) -> BlockWriter:
    """Rows, basis and cover of an added variant's adapter; its code is its category's."""
    block, a = BlockWriter(), one.adapter
    _put_changes(block, avatar, a.rows, a.mask, a.cover, a.basis)
    return block


def read_category(block: BlockReader, variants: list[str], bends: int) -> CategoryModel:
    """A category as it was written, whose ways bend at so many weights; its mask is 1.

    Raises:
        CorruptFile, KeyError, TypeError, ValueError: it does not fit together.
    """
    codes = dict(zip(map(str, variants), block.raw("codes"), strict=True))
    rows, mask, covers, basis = _read_changes(block, own=lambda change, rows: change[rows][None])
    arrays = {name: block.raw(f"network_{name}") for name in NETWORK}
    reveals = block.raw("reveals").astype(np.float32) / COVER_STEPS if "reveals" in block else None
    tones = block.raw("tones") if "tones" in block else None
    return CategoryModel(network_of(arrays, len(basis), bends), codes, rows, mask, covers, basis, reveals, tones)


def read_added(block: BlockReader, about: dict[str, Any]) -> AddedVariant:
    """An added variant as it was written.

    Raises:
        CorruptFile, KeyError, TypeError, ValueError: it does not fit together.
    """
    adapter = Adapter(*_read_changes(block, own=lambda change, rows: change))
    category, variant, prompt, method = (str(about[name]) for name in ("category", "variant", "prompt", "method"))
    gaussians, vertices = about["gaussians"], about["vertices"]
    if any(type(c) is not int or c < 0 for c in (gaussians, vertices)) or len(adapter.basis) != RANK:
        raise CorruptFile("An added variant of the bundle has no counts, or another number of directions.")
    return AddedVariant(category, variant, prompt, method, gaussians, vertices, adapter)


def _put_changes(
    block: BlockWriter, avatar: Avatar, rows: Any, mask: FloatArray, cover: FloatArray, basis: FloatArray
) -> None:
    changes = basis * mask[None, :, None]
    changes[..., QUAT] /= quat_lengths(avatar.base[rows])[None, :, None]
    block.put_index("rows", rows, len(avatar))
    block.put("cover", np.rint(np.sqrt(np.clip(cover, 0, 1)) * COVER_STEPS).astype(np.uint8))
    block.put_signed("offset", changes[..., OFFSET], np.int16)
    block.put_signed("others", changes[..., QUAT.start :], np.int8)


def _read_changes(
    block: BlockReader, own: Callable[[FloatArray, Any], FloatArray]
) -> tuple[Any, FloatArray, FloatArray, FloatArray]:
    """`own` takes from an older bundle's `change` what belongs to the rows."""
    rows = block.raw("rows").astype(np.int32)
    if "cover" in block:
        cover = (block.raw("cover").astype(np.float32) / COVER_STEPS) ** 2
    else:
        # Version 2 and before told the change, whose square is what it covers.
        cover = own((block.raw("change").astype(np.float32) / COVER_STEPS) ** 4, rows)
    basis = np.concatenate([block.values("offset"), block.values("others")], 2)
    if basis.shape[1:] != (len(rows), PROPERTIES):
        raise CorruptFile("A basis of the bundle has other rows than its category.")
    return rows, np.ones(len(rows), np.float32), cover.astype(np.float32), basis
