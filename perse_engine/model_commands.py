"""The engine's commands about pretrained models: `perse models list`, `pull`, `verify` and `path`."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from perse_engine.errors import InvalidValue
from perse_engine.models.pull import pull
from perse_engine.models.store import ModelStore
from perse_engine.models.table import MODELS, find_model
from perse_engine.recipe import Acceptance, Learned, Perceptual

if TYPE_CHECKING:
    from pathlib import Path

    from perse_engine.head.flame.flame_head import Flame
    from perse_engine.synthesis.learned.acceptance import Array, FaceIdentity, Rgb


def show(arguments: argparse.Namespace) -> int:
    """`perse models list`: every model, and which are here."""
    store = ModelStore.of_this_machine()
    if arguments.json:
        rows = [
            {
                "name": m.name, "role": m.role, "source": m.source, "licence": m.licence.name,
                "allows_commercial_use": m.licence.allows_commercial_use, "size_gb": m.size_gb, "vram_gb": m.vram_gb,
                "is_here": store.has(m.name),
            }
            for m in MODELS
        ]  # fmt: skip
        print(json.dumps(rows, indent=1))
        return 0
    print(f"models in {store.folder}")
    for m in MODELS:
        use = "commercial use allowed" if m.licence.allows_commercial_use else "no commercial use"
        here = "here" if store.has(m.name) else "-"
        print(f"  {m.name:<20} {m.role:<19} {m.size_gb:>4g} GB  {m.vram_gb:>3g} GB VRAM  {here:<5} "
              f"{m.licence.name}: {use}")  # fmt: skip
    return 0


def get(arguments: argparse.Namespace) -> int:
    """`perse models pull flux2-klein-4b`."""
    spec = find_model(arguments.name)
    use = "allowed" if spec.licence.allows_commercial_use else "NOT allowed"
    print(f"{spec.name}: {spec.source}, {spec.size_gb:g} GB", file=sys.stderr)
    print(f"licence {spec.licence.name} ({spec.licence.terms}); commercial use {use}", file=sys.stderr)
    from perse_engine.commands import StageProgress

    store = ModelStore.of_this_machine()
    manifest = pull(store, spec.name, StageProgress(), accepted=arguments.accept_licence, source=arguments.source)
    print(f"{spec.name} at {manifest.revision}: {len(manifest.files)} files in {store.path(spec.name)}")
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
        acceptance=Acceptance(attempts=arguments.attempts),
    )


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
    import numpy as np

    from perse_engine.evaluation.subject.identity import OnnxEmbedder, face_crop

    network = OnnxEmbedder(arguments.face_embedder)

    def identity(picture: Rgb) -> Array:
        crop = face_crop(picture)
        return np.zeros(1, np.float32) if crop is None else network.embed(crop)

    return identity
