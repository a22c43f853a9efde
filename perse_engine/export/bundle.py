"""bundle.glb: a whole avatar in one small file for the browser, base first. The format: docs/reference/bundle.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.storage import check_avatar
from perse_engine.errors import CorruptFile, EngineError
from perse_engine.export.bundle_arrays import BlockReader
from perse_engine.export.bundle_base import base_block, read_base
from perse_engine.export.bundle_parts import added_block, category_block, read_added, read_category
from perse_engine.export.glb import NOTE
from perse_engine.export.gltf import GltfBuilder, parse_glb
from perse_engine.splatting.backends import check_raster_mode
from perse_engine.vocabulary import CATEGORIES, pose_limits_deg

EXTENSION = "PERSE_avatar"
VERSIONS = (1, 2, 3, 4)
"""Read; the last one is written. 2: ways bend at more than one weight; 3: each variant has a cover;
4: skin that a look reveals takes the tone of skin."""
MAX_BYTES = 1 << 29


def write_bundle(target: Path, avatar: Avatar) -> None:
    """Write an avatar with all its categories; the same avatar gives the same bytes."""
    builder = GltfBuilder("Perse", {"note": NOTE, "units": "metre"})
    builder.use_extension(EXTENSION)
    base, about = base_block(avatar)
    extension: dict[str, Any] = {
        "version": VERSIONS[-1],
        "raster_mode": avatar.raster_mode,
        "pose_limits_deg": {k: list(v) for k, v in pose_limits_deg().items()},
        "base": about | base.add_to(builder),
        "categories": [],
        "added": [],
    }
    for category, variants in avatar.variants().items():
        model = avatar.categories[category]
        about = {"name": category, "variants": variants, "bends": model.network.bends}
        extension["categories"].append(about | category_block(avatar, model).add_to(builder))
    for one in avatar.added:
        names = ("category", "variant", "prompt", "method", "gaussians", "vertices")
        own = {name: getattr(one, name) for name in names}
        extension["added"].append(own | added_block(avatar, one).add_to(builder))
    builder.document["extensions"] = {EXTENSION: extension}
    target.write_bytes(builder.to_bytes())


def read_bundle(source: Path) -> Avatar:
    """The avatar of a bundle, as exact as its quantisation; safe for files of unknown origin.

    Raises:
        CorruptFile: anything but a whole bundle of this version.
    """
    if source.stat().st_size > MAX_BYTES:
        raise CorruptFile("The bundle is too large.")
    document, binary = parse_glb(source.read_bytes())
    try:
        extension = document["extensions"][EXTENSION]
        if extension["version"] not in VERSIONS:
            raise CorruptFile(f"The bundle has version {str(extension['version'])[:20]}, not one of {VERSIONS}.")
        avatar = _assemble(document, binary, extension)
        check_avatar(avatar)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CorruptFile("The bundle is not readable.") from error
    except EngineError as error:
        raise CorruptFile(f"The bundle's parts do not fit together: {error.message}") from error
    return avatar


def _assemble(document: dict[str, Any], binary: bytes, extension: dict[str, Any]) -> Avatar:
    entry = extension["base"]
    binding, base, expression = read_base(BlockReader(document, binary, entry), entry)
    categories = {}
    for one in extension["categories"]:
        if one["name"] not in CATEGORIES or one["name"] in categories:
            raise CorruptFile("The bundle names a category that there is not, or one twice.")
        categories[one["name"]] = read_category(
            # Written since ways bend at more than one weight.
            BlockReader(document, binary, one),
            one["variants"],
            int(one.get("bends", 1)),
        )
    added = tuple(read_added(BlockReader(document, binary, one), one) for one in extension["added"])
    raster_mode = check_raster_mode(extension["raster_mode"])
    return Avatar(binding, base, categories, expression, {}, raster_mode, added)
