"""The engine's commands about pretrained models: `perse models list`, `pull`, `verify` and `path`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from perse_engine.errors import InvalidValue, UnknownName
from perse_engine.models.pull import pull
from perse_engine.models.store import ModelStore
from perse_engine.models.table import MODELS, ModelSpec, find_model
from perse_engine.recipe import Acceptance, FrameLimits, Learned, Perceptual

if TYPE_CHECKING:
    from pathlib import Path

    from perse_engine.head.flame.flame_head import Flame
    from perse_engine.synthesis.learned.acceptance import FaceIdentity


def show(arguments: argparse.Namespace) -> int:
    """`perse models list`: every model, and which are here."""
    store = ModelStore.of_this_machine()
    if arguments.json:
        print(json.dumps([_row(m, store) for m in MODELS], indent=1))
        return 0
    print(f"models in {store.folder}")
    for m in MODELS:
        here = "here" if store.has(m.name) else "-"
        print(f"  {m.name:<20} {m.role:<19} {m.size_gb:>4g} GB  {m.vram_gb:>3g} GB VRAM  {here:<5} "
              f"{_licence(m)}  {m.source}")  # fmt: skip
    return 0


def _licence(spec: ModelSpec) -> str:
    use = "commercial use allowed" if spec.licence.allows_commercial_use else "no commercial use"
    return f"{spec.licence.name}: {use}"


def _row(spec: ModelSpec, store: ModelStore) -> dict[str, object]:
    """A model as JSON; `revision` and `sha256` are of what is here."""
    manifest = store.manifest(spec.name) if store.has(spec.name) else None
    return {
        "name": spec.name, "role": spec.role, "source": spec.source, "licence": spec.licence.name,
        "allows_commercial_use": spec.licence.allows_commercial_use, "needs_consent": not spec.licence.is_permissive,
        "size_gb": spec.size_gb, "vram_gb": spec.vram_gb, "vram_4bit_gb": spec.vram_4bit_gb,
        "is_here": manifest is not None, "revision": manifest.revision if manifest else None,
        "sha256": manifest.digest() if manifest else None,
    }  # fmt: skip


def get(arguments: argparse.Namespace) -> int:
    """`perse models pull flux2-klein-4b`."""
    spec = find_model(arguments.name)
    use = "allowed" if spec.licence.allows_commercial_use else "NOT allowed"
    print(f"{spec.name}: {spec.source}, {spec.size_gb:g} GB, {spec.vram_gb:g} GB VRAM", file=sys.stderr)
    print(f"licence {spec.licence.name} ({spec.licence.terms}); commercial use {use}", file=sys.stderr)
    from perse_engine.commands import StageProgress

    store = ModelStore.of_this_machine()
    manifest = pull(store, spec.name, StageProgress(), accepted=arguments.accept_licence, source=arguments.source)
    print(f"{spec.name} at {manifest.revision}: {len(manifest.files)} files in {store.path(spec.name)}, "
          f"sha256 {manifest.digest()}")  # fmt: skip
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """`perse models verify [NAME ...]`: are the files what was pulled. Exit code 1 when one is not."""
    store = ModelStore.of_this_machine()
    names = arguments.names or [m.name for m in MODELS if (store.folder / m.name).exists()]
    problems = [p for name in names for p in store.problems(name)]
    for problem in problems:
        print(problem)
    if not problems:
        print(f"{', '.join(names)}: every file is what was pulled." if names else "No model was pulled yet.")
    return 1 if problems else 0


def convert(arguments: argparse.Namespace) -> int:
    """`perse models convert vgg16-397923af.pth vgg.pth -o folder`: published weights as safetensors."""
    from perse_engine.perception import inception, lpips
    from perse_engine.perception.weights import convert as convert_files

    name = convert_files(arguments.files, {**lpips.NETWORKS, **inception.NETWORKS}, arguments.output)
    print(f"{arguments.output / name}; now: perse models pull {name} --from {arguments.output}")
    return 0


def network_file(wanted: Path | None, role: str) -> Path | None:
    """The file of a network that an option names: a model of the table in `role`, or a file."""
    if wanted is None or str(wanted) not in {m.name for m in MODELS if m.role == role}:
        return wanted
    return ModelStore.of_this_machine().path(str(wanted)) / "model.safetensors"


def perceptual_of(arguments: argparse.Namespace) -> Perceptual | None:
    """The perceptual loss that --perceptual names."""
    return None if arguments.perceptual is None else Perceptual(arguments.perceptual, arguments.perceptual_weight)


def where(arguments: argparse.Namespace) -> int:
    """`perse models path flux2-klein-4b`."""
    print(ModelStore.of_this_machine().path(arguments.name))
    return 0


def measure(arguments: argparse.Namespace) -> int:
    """`perse models measure wan-vace-1.3b me.jpg --memory 24GB`: what the guide can only estimate."""
    from dataclasses import asdict

    from perse_engine.head.build import build_subject
    from perse_engine.models.loading import ModelLoader
    from perse_engine.models.memory import find_memory
    from perse_engine.portrait.analyse import analyse_portrait
    from perse_engine.portrait.decode import decode_portrait
    from perse_engine.synthesis.measure import measure_model

    loader = ModelLoader(ModelStore.of_this_machine(), find_memory(arguments.memory))
    loader.check({find_model(arguments.name).role: arguments.name})
    subject = build_subject(analyse_portrait(decode_portrait(arguments.photo.read_bytes())))
    print(json.dumps(asdict(measure_model(subject, arguments.name, loader)), indent=1))
    return 0


def learned_of(arguments: argparse.Namespace) -> Learned | None:
    """The models that the options of `perse create` and `perse synthesize` choose; None where none is needed."""
    if arguments.editor != "diffusion" and arguments.animator == "rig":
        return None
    return Learned(
        editor_model=arguments.editor_model,
        interpolator=arguments.interpolator,
        interpolator_model=arguments.interpolator_model,
        encoder_model=arguments.encoder_model,
        spacing_model=arguments.spacing_model,
        animator_model=arguments.animator_model,
        memory=arguments.memory,
        acceptance=replace(Acceptance(), attempts=arguments.attempts, **limits_of(arguments.limit, Acceptance())),
        frames=replace(FrameLimits(), **limits_of(arguments.frame_limit, FrameLimits())),
    )


def limits_of(words: Sequence[str], known: Acceptance | FrameLimits) -> dict[str, Any]:
    """What `max_drift=0.1` and `max_drift=off` say, each a limit that `known` has.

    Raises:
        UnknownName: it has no such limit.
        InvalidValue: neither a number nor 'off'.
    """
    names = [f.name for f in fields(known) if f.name != "attempts"]
    found: dict[str, Any] = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in names:
            raise UnknownName(f"There is no limit {name!r}.", hint=f"There are: {', '.join(names)}.")
        try:
            found[name] = None if value == "off" else float(value)
        except ValueError:
            raise InvalidValue(f"{word!r} sets no limit.", hint=f"{name}=NUMBER, or {name}=off") from None
    return found


def flame_of(arguments: argparse.Namespace) -> Flame | None:
    """FLAME for --rig flame: the file of --flame-model, else the one that PERSE_FLAME_MODEL names.

    Raises:
        BackendMissing, CorruptFile: see `open_flame`.
        InvalidValue: a file for another rig.
    """
    if arguments.rig != "flame":
        if arguments.flame_model is not None:
            raise InvalidValue(f"The rig {arguments.rig} takes no FLAME file.", hint="--rig flame")
        return None
    from perse_engine.head.flame.flame_head import flame_of_this_machine, open_flame

    if arguments.flame_model is None:
        if arguments.flame_landmarks is not None:
            raise InvalidValue("A landmark file belongs to a FLAME file.", hint="--flame-model FILE")
        return flame_of_this_machine()
    return open_flame(arguments.flame_model, arguments.flame_landmarks)


def identity_of(arguments: argparse.Namespace) -> FaceIdentity | None:
    """The network of --face-embedder as a judge of whole pictures.

    Raises:
        BackendMissing, InvalidValue: see `OnnxEmbedder`.
    """
    if arguments.face_embedder is None:
        return None
    from perse_engine.evaluation.subject.identity import OnnxEmbedder
    from perse_engine.identity import identity_by

    return identity_by(OnnxEmbedder(arguments.face_embedder))
