"""The engine's commands about variants of a finished avatar: `perse variants add`, `list` and `remove`."""

from __future__ import annotations

import argparse
import json
import sys

from perse_engine.errors import UnsupportedWish
from perse_engine.vocabulary import VariantSpec, parse_wish


def add(arguments: argparse.Namespace) -> int:
    """`perse variants add me/ --category hair --prompt "short curly auburn hair"`."""
    # Before anything heavy loads: words that are not understood are said at once.
    spec = None if arguments.prompt is None else wished(arguments.category, arguments.prompt)
    from perse_engine.commands import TerminalProgress
    from perse_engine.variants import STAGE_SHARES, add_reference_to_folder, add_to_folder

    portrait = None if arguments.portrait is None else arguments.portrait.read_bytes()
    progress = TerminalProgress(STAGE_SHARES)
    if spec is None:
        photo = arguments.reference.read_bytes()
        _, added = add_reference_to_folder(arguments.folder, arguments.category, photo, progress)
    else:
        _, added = add_to_folder(arguments.folder, spec, progress, method=arguments.method, portrait=portrait)
    sys.stderr.write("\n")
    if arguments.json:
        told = {"category": added.category, "variant": added.variant, "method": added.method}
        print(json.dumps(told | {"gaussians": added.gaussians, "measured": dict(added.measured)}, indent=1))
        return 0
    print(f"{added.category}={added.variant}, {added.prompt}")
    print(f"  {_measured(dict(added.measured))}; {added.gaussians} Gaussians appended")
    print(f"  perse render {arguments.folder} --look {added.category}={added.variant}:0.7 -o r.png")
    return 0


def show(arguments: argparse.Namespace) -> int:
    """`perse variants list me/`: trained variants, and those that were added."""
    from perse_engine.avatar.storage import load_avatar

    avatar = load_avatar(arguments.folder)
    added = {(one.category, one.variant): one for one in avatar.added}
    if arguments.json:
        rows = [
            {"category": c, "variant": v, "added": (c, v) in added}
            | ({} if (c, v) not in added else {"method": added[c, v].method, "measured": dict(added[c, v].measured)})
            for c, ids in avatar.variants().items()
            for v in ids
        ]
        print(json.dumps(rows, indent=1))
        return 0
    for category, ids in avatar.variants().items():
        for id in ids:
            one = added.get((category, id))
            print(f"{category:<11} {id}{'' if one is None else f'   added by {one.method}: {one.prompt}'}")
    return 0


def remove(arguments: argparse.Namespace) -> int:
    """`perse variants remove me/ hair wish-length-short...`: as if it had never been added."""
    from perse_engine.commands import TerminalProgress
    from perse_engine.variants import STAGE_SHARES, remove_from_folder

    remove_from_folder(arguments.folder, arguments.category, arguments.variant, TerminalProgress(STAGE_SHARES))
    sys.stderr.write("\n")
    print(f"{arguments.category}={arguments.variant} is gone.")
    return 0


def wished(category: str, prompt: str) -> VariantSpec:
    """The variant of a category that own words ask for; words that were not understood are not passed over.

    Raises:
        UnsupportedWish: it names another category, says nothing, or has words that mean nothing here.
    """
    wish = parse_wish(prompt)
    hint = "`perse vocabulary --wish TEXT` shows what a text means."
    if wish.category != category:
        raise UnsupportedWish(f"The prompt names {wish.category}, not {category}.", hint=hint)
    if wish.not_understood:
        words = ", ".join(repr(w) for w in wish.not_understood)
        raise UnsupportedWish(f"Not understood in the prompt: {words}.", hint=hint)
    return wish.to_variant()


def _measured(told: dict[str, float]) -> str:
    parts = [f"{told['seconds']:.0f} s"]
    if "region_psnr_db" in told:
        parts.append(f"{told['region_psnr_db']:.1f} dB where it changes, on frames that were not trained")
    elif "inversion_psnr_db" in told:
        before, after = told["source_psnr_db"], told["inversion_psnr_db"]
        parts.append(f"{after:.1f} dB where the category shows, the source look {before:.1f} dB")
    if told.get("needs_adapter"):
        parts.append("far from what the category can show: the method adapter would learn it from words")
    if "confidence" in told:
        parts.append(f"confidence {told['confidence']:.2f}")
    return ", ".join(parts)
