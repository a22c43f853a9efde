"""`perse models`, run in this process as the command line runs it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
import torch

from perse_engine.errors import EngineError, InvalidValue, UnknownName
from perse_engine.model_commands import learned_of, limits_of, network_file
from perse_engine.models.store import ModelStore
from perse_engine.recipe import Acceptance, FrameLimits
from tests.perse_engine.perception.random_weights import lpips_weights
from worker.cli import main
from worker.models_cli import add_learned_options


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PERSE_MODELS", str(tmp_path / "store"))
    return tmp_path / "store"


def test_list_says_licence_size_and_what_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    shown = capsys.readouterr().out
    assert "flux2-klein-4b" in shown and "apache-2.0: commercial use allowed" in shown
    assert "flux-non-commercial: no commercial use" in shown


def test_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["flux2-klein-9b"]["allows_commercial_use"] is False
    assert rows["flux2-klein-4b"]["is_here"] is False and rows["flux2-klein-4b"]["sha256"] is None
    assert (rows["flux2-klein-9b"]["needs_consent"], rows["flux2-klein-4b"]["needs_consent"]) == (True, False)


def test_published_weights_are_converted_and_pulled(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, store: Path
) -> None:
    weights = lpips_weights("lpips-alex")
    for name, prefix in (("alexnet", "features"), ("alex", "lin")):
        torch.save({k: t for k, t in weights.items() if k.startswith(prefix)}, tmp_path / f"{name}.pth")
    files = [str(tmp_path / "alexnet.pth"), str(tmp_path / "alex.pth")]

    assert main(["models", "convert", *files, "-o", str(tmp_path / "usb")]) == 0
    assert "perse models pull lpips-alex --from" in capsys.readouterr().out
    assert main(["models", "pull", "lpips-alex", "--from", str(tmp_path / "usb")]) == 0
    assert (store / "lpips-alex" / "model.safetensors").exists()
    assert network_file(Path("lpips-alex"), "perceptual-distance") == store / "lpips-alex" / "model.safetensors"
    assert network_file(Path("other.onnx"), "perceptual-distance") == Path("other.onnx")


def test_pull_shows_the_licence_before_it_refuses(capsys: pytest.CaptureFixture[str], store: Path) -> None:
    assert main(["models", "pull", "flux2-klein-9b"]) == 1
    shown = capsys.readouterr().err
    assert "commercial use NOT allowed" in shown and "--accept-licence flux-non-commercial" in shown
    assert not store.exists()


def test_pull_verify_and_path(capsys: pytest.CaptureFixture[str], tmp_path: Path, store: Path) -> None:
    source = tmp_path / "usb" / "clip-vit-large"
    source.mkdir(parents=True)
    (source / "config.json").write_text("{}")
    (source / "model.safetensors").write_bytes(b"weights")
    assert main(["models", "pull", "clip-vit-large", "--from", str(tmp_path / "usb")]) == 0
    digest = ModelStore(store).manifest("clip-vit-large").digest()
    assert digest in capsys.readouterr().out
    assert main(["models", "list", "--json"]) == 0
    assert {r["name"]: r["sha256"] for r in json.loads(capsys.readouterr().out) if r["is_here"]} == {
        "clip-vit-large": digest
    }
    assert main(["models", "verify"]) == 0
    assert "clip-vit-large: every file is what was pulled" in capsys.readouterr().out
    assert main(["models", "path", "clip-vit-large"]) == 0
    assert capsys.readouterr().out.strip() == str(store / "clip-vit-large")
    (store / "clip-vit-large" / "config.json").write_text("[]")
    assert main(["models", "verify", "clip-vit-large"]) == 1
    assert "config.json has changed" in capsys.readouterr().out


def test_the_path_of_a_missing_model_is_an_error_with_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "path", "sdxl-base"]) == 1
    assert "perse models pull sdxl-base" in capsys.readouterr().err


def test_creating_with_a_model_that_is_not_here_says_so_at_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"looked at later")
    command = ["create", str(tmp_path / "photo.jpg"), "-o", str(tmp_path / "out"), "--editor", "diffusion"]
    assert main(command) == 1
    assert "hint: " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_options_choose_models_and_limits() -> None:
    parser = argparse.ArgumentParser()
    add_learned_options(parser)
    words = "--editor diffusion --attempts 2 --limit max_drift=0.1 --limit min_identity=off --frame-limit min_share=0.3"
    learned = learned_of(parser.parse_args([*words.split(), "--spacing-model", "lpips-alex"]))
    assert learned is not None and learned.spacing_model == "lpips-alex"
    assert learned.acceptance == Acceptance(max_drift=0.1, min_identity=None, attempts=2)
    assert learned.frames == FrameLimits(min_share=0.3)


@pytest.mark.parametrize(
    ("word", "error"),
    [("max_drift=far", InvalidValue), ("max_drift", InvalidValue), ("attempts=3", UnknownName), ("=1", UnknownName)],
)
def test_a_limit_that_says_nothing_is_refused(word: str, error: type[EngineError]) -> None:
    with pytest.raises(error):
        limits_of([word], Acceptance())
