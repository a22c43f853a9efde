"""Bringing a model into the store: from the hub or a mirror of it, or from a folder. Goes on where it stopped.

`HF_ENDPOINT` names a mirror, `HF_TOKEN` is the user's token.
"""

from __future__ import annotations

import os
import shutil
from fnmatch import fnmatch
from pathlib import Path

from perse_engine.errors import BackendMissing, CorruptFile, InvalidValue, LicenceNotAccepted
from perse_engine.models.manifest import FILE_NAME, Manifest, StoredFile, describe_file
from perse_engine.models.store import ModelStore
from perse_engine.models.table import ModelSpec, find_model
from perse_engine.progress import Progress

STAGE = "pull"
UNFINISHED = "unfinished"
SPARE_GB = 1.0


def pull(
    store: ModelStore, name: str, progress: Progress, *, accepted: str | None = None, source: Path | None = None
) -> Manifest:
    """Bring a model into the store; one that is there already is kept.

    Args:
        accepted: name of the licence that the user accepts; needed where it is not permissive.
        source: a folder with one folder per model, such as another store; the hub when None.

    Raises:
        UnknownName: no such model.
        LicenceNotAccepted: before anything is copied.
        InvalidValue: the disk is too small, or `source` has not got the model.
        BackendMissing: the hub cannot be reached or refuses, or huggingface_hub is not installed.
        CorruptFile: what came is not what its digest says.
    """
    spec = find_model(name)
    _check_licence(spec, accepted)
    if store.has(name):
        return store.manifest(name)
    unfinished = store.folder / UNFINISHED / name
    unfinished.mkdir(parents=True, exist_ok=True)
    if source is None:
        _check_hub(spec)
        _check_room(spec, unfinished)
        revision, known = _download(spec, unfinished), dict(spec.sha256)
    else:
        revision, known = _copy(spec, source / name, unfinished, progress)
    files = _described(spec, unfinished, progress)
    wrong = [path for path, digest in known.items() if path not in files or files[path].sha256 != digest]
    if wrong:
        shutil.rmtree(unfinished)
        raise CorruptFile(f"{wrong[0]} of {name} is not what its digest says.", hint=f"perse models pull {name}")
    manifest = Manifest(name, spec.source, revision, spec.licence.name, files)
    manifest.write(unfinished)
    shutil.rmtree(store.folder / name, ignore_errors=True)
    unfinished.rename(store.folder / name)
    return manifest


def _check_licence(spec: ModelSpec, accepted: str | None) -> None:
    licence = spec.licence
    if licence.is_permissive or accepted == licence.name:
        return
    commercial = "allows" if licence.allows_commercial_use else "forbids"
    raise LicenceNotAccepted(
        f"{spec.name} is under {licence.name}, which {commercial} commercial use: {licence.terms}.",
        hint=f"Read it at the model's page ({spec.source}), then: "
        f"perse models pull {spec.name} --accept-licence {licence.name}",
    )


def _check_hub(spec: ModelSpec) -> None:
    if spec.made_of:
        raise InvalidValue(
            f"{spec.name} is at no hub as safetensors: it is made of {' and '.join(spec.made_of)} ({spec.source}).",
            hint=f"perse models convert {' '.join(spec.made_of)} -o FOLDER, "
            f"then perse models pull {spec.name} --from FOLDER",
        )


def _check_room(spec: ModelSpec, unfinished: Path) -> None:
    have = sum(p.stat().st_size for p in unfinished.rglob("*") if p.is_file()) / 1e9
    free = shutil.disk_usage(unfinished).free / 1e9
    if free + have < spec.size_gb + SPARE_GB:
        raise InvalidValue(
            f"{spec.name} takes {spec.size_gb:g} GB; the disk of the model folder has {free:.1f} GB left.",
            hint="Make room, or let PERSE_MODELS name a folder on another disk.",
        )


def _download(spec: ModelSpec, folder: Path) -> str:
    """Fetch the files of one commit and return it."""
    try:
        from httpx2 import HTTPError
        from huggingface_hub import HfApi, snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
    except ImportError as error:
        raise BackendMissing(
            "Pulling needs huggingface_hub, which is not installed.", hint="pip install 'perse[diffusion]'"
        ) from error
    try:
        # By commit, so that all files are of one state, and an unreachable hub is an error instead of half a folder.
        hub = os.environ.get("HF_ENDPOINT") or None
        commit = str(HfApi(endpoint=hub).model_info(spec.source, revision=spec.revision).sha)
        snapshot_download(spec.source, revision=commit, local_dir=folder, allow_patterns=list(spec.files), endpoint=hub)
    except (HfHubHTTPError, OfflineModeIsEnabled, HTTPError, OSError) as error:
        raise BackendMissing(
            f"{spec.source} could not be fetched: {type(error).__name__}.",
            hint="Check the connection, HF_ENDPOINT and HF_TOKEN (some models want an accepted licence at their page); "
            "the same command goes on where it stopped. Without a network: --from FOLDER.",
        ) from error
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    return commit


def _copy(spec: ModelSpec, source: Path, folder: Path, progress: Progress) -> tuple[str, dict[str, str]]:
    """Copy the files and return the revision and digests that the source's manifest tells, if it has one."""
    wanted = [p for p in sorted(source.rglob("*")) if p.is_file() and _is_wanted(spec, _relative(p, source))]
    if not wanted:
        raise InvalidValue(
            f"The folder has no model {spec.name} in a folder of that name.",
            hint=f"Expected {spec.name}/ with files such as {', '.join(spec.files[:3])}.",
        )
    for number, path in enumerate(wanted):
        progress.report(STAGE, number, len(wanted))
        target = folder / _relative(path, source)
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(target.name + ".partial")
        shutil.copyfile(path, partial)
        partial.replace(target)
    progress.report(STAGE, len(wanted), len(wanted))
    try:
        manifest = Manifest.read(source)
    except FileNotFoundError:
        return "unknown", dict(spec.sha256)
    return manifest.revision, {path: stored.sha256 for path, stored in manifest.files.items()} | dict(spec.sha256)


def _described(spec: ModelSpec, folder: Path, progress: Progress) -> dict[str, StoredFile]:
    """Digest every file; others than those wanted are removed."""
    paths = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    files = {}
    for number, path in enumerate(paths):
        progress.report("digests", number, len(paths))
        relative = _relative(path, folder)
        if _is_wanted(spec, relative):
            files[relative] = describe_file(path)
        else:
            path.unlink()
    if not any(p.endswith(".safetensors") for p in files):
        raise InvalidValue(
            f"What was found of {spec.name} has no weights.",
            hint="Weights must be safetensors; files with pickled code are never taken.",
        )
    return files


def _is_wanted(spec: ModelSpec, path: str) -> bool:
    # A star does not reach into folders below. A manifest is written here, not taken over.
    return path != FILE_NAME and any(
        path.count("/") == pattern.count("/") and fnmatch(path, pattern) for pattern in spec.files
    )


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
