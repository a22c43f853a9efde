"""Models come whole, under an accepted licence, and only as safetensors; what stopped goes on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from perse_engine.errors import BackendMissing, CorruptFile, InvalidValue, LicenceNotAccepted, UnknownName
from perse_engine.models.manifest import FILE_NAME, Manifest
from perse_engine.models.pull import pull
from perse_engine.models.store import ModelStore
from perse_engine.models.table import MODELS, find_model
from perse_engine.progress import SilentProgress
from tests.perse_engine.models.hub import COMMIT, running_hub

SMALL = {"config.json": b"{}", "model.safetensors": b"weights" * 1000, "vocab.txt": b"a b"}
NAME = "clip-vit-large"
RESTRICTED = "flux2-klein-9b"


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "store")


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A folder with one model, and a file with pickled code that nobody asked for."""
    folder = tmp_path / "mirror"
    (folder / NAME).mkdir(parents=True)
    for file, data in {**SMALL, "pytorch_model.bin": b"pickle"}.items():
        (folder / NAME / file).write_bytes(data)
    return folder


def pulled(store: ModelStore, mirror: Path) -> Manifest:
    return pull(store, NAME, SilentProgress(), source=mirror)


def test_a_model_from_a_folder_is_whole_and_verified(store: ModelStore, mirror: Path) -> None:
    manifest = pulled(store, mirror)
    assert set(manifest.files) == set(SMALL)
    assert store.path(NAME) == store.folder / NAME
    assert store.problems(NAME) == []


def test_a_model_that_no_hub_has_names_the_files_that_it_is_made_of(store: ModelStore) -> None:
    with pytest.raises(InvalidValue, match=r"vgg16-397923af\.pth and vgg\.pth") as refused:
        pull(store, "lpips-vgg", SilentProgress())
    assert "perse models convert" in str(refused.value.hint)


def test_pickled_code_is_never_taken(store: ModelStore, mirror: Path) -> None:
    pulled(store, mirror)
    assert not (store.path(NAME) / "pytorch_model.bin").exists()


def test_a_model_that_is_here_is_not_copied_again(store: ModelStore, mirror: Path) -> None:
    first = pulled(store, mirror)
    shutil.rmtree(mirror)
    assert pulled(store, mirror) == first


def test_copying_goes_on_where_it_stopped(store: ModelStore, mirror: Path) -> None:
    unfinished = store.folder / "unfinished" / NAME
    unfinished.mkdir(parents=True)
    (unfinished / "model.safetensors").write_bytes(SMALL["model.safetensors"])
    (unfinished / "vocab.txt.partial").write_bytes(b"a")
    before = (unfinished / "model.safetensors").stat().st_mtime_ns
    pulled(store, mirror)
    assert (store.path(NAME) / "model.safetensors").stat().st_mtime_ns == before
    assert (store.path(NAME) / "vocab.txt").read_bytes() == SMALL["vocab.txt"]
    assert not (store.path(NAME) / "vocab.txt.partial").exists()


def test_another_store_is_a_source_and_its_digests_are_checked(store: ModelStore, mirror: Path, tmp_path: Path) -> None:
    first = pulled(store, mirror)
    second = ModelStore(tmp_path / "second")
    assert pull(second, NAME, SilentProgress(), source=store.folder).files == first.files
    (store.folder / NAME / "model.safetensors").write_bytes(b"changed" * 1000)
    with pytest.raises(CorruptFile, match=r"model\.safetensors"):
        pull(ModelStore(tmp_path / "third"), NAME, SilentProgress(), source=store.folder)


def test_a_restricted_licence_is_refused_before_anything_is_copied(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(LicenceNotAccepted, match="forbids commercial use") as refused:
        pull(store, RESTRICTED, SilentProgress(), source=tmp_path / "nowhere")
    assert f"--accept-licence {find_model(RESTRICTED).licence.name}" in str(refused.value)
    assert not store.folder.exists()


def test_accepting_another_licence_does_not_count(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(LicenceNotAccepted):
        pull(store, RESTRICTED, SilentProgress(), accepted="openrail++-m", source=tmp_path)


def test_an_accepted_licence_lets_the_pull_begin(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="no model flux2-klein-9b"):
        pull(store, RESTRICTED, SilentProgress(), accepted="flux-non-commercial", source=tmp_path)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_the_licence_of_every_model_is_decided(model: object, store: ModelStore, tmp_path: Path) -> None:
    licence = find_model(model.name).licence  # type: ignore[attr-defined]
    expected = InvalidValue if licence.is_permissive else LicenceNotAccepted
    with pytest.raises(expected):
        pull(store, model.name, SilentProgress(), source=tmp_path)  # type: ignore[attr-defined]


def test_a_missing_model_names_the_command(store: ModelStore) -> None:
    with pytest.raises(BackendMissing) as missing:
        store.path("flux2-klein-4b")
    assert missing.value.hint == "perse models pull flux2-klein-4b"


def test_a_model_with_a_lost_or_cut_file_is_missing(store: ModelStore, mirror: Path) -> None:
    pulled(store, mirror)
    (store.folder / NAME / "model.safetensors").write_bytes(b"weights")
    with pytest.raises(BackendMissing, match=r"model\.safetensors"):
        store.path(NAME)
    (store.folder / NAME / "model.safetensors").unlink()
    assert not store.has(NAME)
    assert store.problems(NAME) == [f"{NAME}: model.safetensors is missing."]


def test_verify_finds_a_changed_byte(store: ModelStore, mirror: Path) -> None:
    pulled(store, mirror)
    (store.folder / NAME / "vocab.txt").write_bytes(b"a c")
    assert store.path(NAME)
    assert store.problems(NAME) == [f"{NAME}: vocab.txt has changed since it was pulled."]


@pytest.mark.parametrize("text", ["[]", "{", '{"schema_version": 1}', "null"])
def test_a_damaged_manifest_is_an_error(store: ModelStore, mirror: Path, text: str) -> None:
    pulled(store, mirror)
    (store.folder / NAME / FILE_NAME).write_text(text)
    with pytest.raises(CorruptFile):
        store.path(NAME)


@pytest.mark.parametrize("path", ["../outside", "/etc/hosts", "a\\..\\b", ""])
def test_a_manifest_that_names_files_outside_is_an_error(store: ModelStore, mirror: Path, path: str) -> None:
    pulled(store, mirror)
    file = store.folder / NAME / FILE_NAME
    value = json.loads(file.read_text())
    value["files"] = {path: {"size_bytes": 1, "sha256": "0"}}
    file.write_text(json.dumps(value))
    with pytest.raises(CorruptFile):
        store.path(NAME)


def test_an_unknown_name_lists_the_known(store: ModelStore) -> None:
    with pytest.raises(UnknownName, match="flux2-klein-4b"):
        pull(store, "sdxl-turbo", SilentProgress())


def test_a_mirror_of_the_hub_is_pulled_from_and_its_commit_kept(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_hub({**SMALL, "pytorch_model.bin": b"pickle"}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setattr("perse_engine.models.pull.SPARE_GB", -100.0)
        manifest = pull(store, NAME, SilentProgress())
    assert manifest.revision == COMMIT
    assert set(manifest.files) == set(SMALL) == set(hub.sent)


def test_a_pull_that_broke_off_goes_on(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_hub(SMALL) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setattr("perse_engine.models.pull.SPARE_GB", -100.0)
        hub.broken = "vocab.txt"
        with pytest.raises(BackendMissing, match="could not be fetched"):
            pull(store, NAME, SilentProgress())
        assert not store.has(NAME)
        hub.broken = None
        pull(store, NAME, SilentProgress())
    assert sorted(hub.sent) == sorted(SMALL)


def test_an_unreachable_hub_is_an_error_that_says_what_to_do(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("perse_engine.models.pull.SPARE_GB", -100.0)
    with pytest.raises(BackendMissing) as failed:
        pull(store, NAME, SilentProgress())
    assert "--from FOLDER" in str(failed.value)


def test_a_full_disk_is_an_error_before_the_download(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perse_engine.models.pull.SPARE_GB", 1e9)
    with pytest.raises(InvalidValue, match="GB left"):
        pull(store, NAME, SilentProgress())
