from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from perse_engine.errors import BackendMissing, CorruptFile
from perse_engine.perception.lpips import NETWORKS
from perse_engine.perception.weights import convert, load_weights
from tests.perse_engine.perception.random_weights import lpips_weights


def published(folder: Path) -> list[Path]:
    """Backbone and heads as their authors publish them: the classifier goes with the backbone."""
    weights = lpips_weights("lpips-alex")
    backbone = {k: t for k, t in weights.items() if k.startswith("features")} | {"classifier.1.weight": torch.zeros(3)}
    heads = {k: t for k, t in weights.items() if k.startswith("lin")}
    torch.save(backbone, folder / "alexnet.pth")
    torch.save(heads, folder / "alex.pth")
    return [folder / "alexnet.pth", folder / "alex.pth"]


def test_published_files_become_one_safetensors_file(tmp_path: Path) -> None:
    name = convert(published(tmp_path), NETWORKS, tmp_path / "out")

    assert name == "lpips-alex"
    found = load_file(tmp_path / "out" / "lpips-alex" / "model.safetensors")
    expected = lpips_weights("lpips-alex")
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[k], expected[k]) for k in expected)


def test_half_of_a_network_is_refused_and_the_lack_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorruptFile, match=r"lin0\.model\.1\.weight is not there"):
        convert(published(tmp_path)[:1], NETWORKS, tmp_path / "out")


def test_a_file_whose_digest_is_not_its_names_is_refused(tmp_path: Path) -> None:
    file = published(tmp_path)[0]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    right, wrong = tmp_path / f"alexnet-{digest}.pth", tmp_path / "alexnet-00000000.pth"
    right.write_bytes(file.read_bytes())
    wrong.write_bytes(file.read_bytes())

    convert([right, tmp_path / "alex.pth"], NETWORKS, tmp_path / "out")
    with pytest.raises(CorruptFile, match="digest"):
        convert([wrong, tmp_path / "alex.pth"], NETWORKS, tmp_path / "out")


class Runs:
    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self) -> Any:
        return os.system, (self._command,)


@pytest.mark.parametrize("save", [torch.save, lambda value, file: file.write_bytes(pickle.dumps(value, 2))])
def test_a_file_that_runs_a_command_is_refused_and_does_not_run_it(save: Any, tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    save({"features.0.weight": Runs(f"touch {witness}")}, tmp_path / "alexnet.pth")

    with pytest.raises(CorruptFile, match="weights"):
        convert([tmp_path / "alexnet.pth"], NETWORKS, tmp_path / "out")
    assert not witness.exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackendMissing, match=r"none\.pth"):
        convert([tmp_path / "none.pth"], NETWORKS, tmp_path / "out")
    with pytest.raises(BackendMissing, match=r"none\.safetensors"):
        load_weights(tmp_path / "none.safetensors", NETWORKS)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    weights = lpips_weights("lpips-alex")
    weights["features.0.bias"][3] = torch.nan
    save_file(weights, tmp_path / "model.safetensors")

    with pytest.raises(CorruptFile, match="finite"):
        load_weights(tmp_path / "model.safetensors", NETWORKS)


@pytest.mark.parametrize("data", [b"", b"nonsense", (2**60).to_bytes(8, "little") + b"{}"])
def test_a_damaged_file_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(data)

    with pytest.raises(CorruptFile, match="damaged"):
        load_weights(tmp_path / "model.safetensors", NETWORKS)
