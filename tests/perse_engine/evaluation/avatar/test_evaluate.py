"""From an avatar's folder to its report, as `perse evaluate avatar` goes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.storage import save_avatar
from perse_engine.errors import CorruptFile
from perse_engine.evaluation.avatar.evaluate import Wanted, evaluate_folder
from perse_engine.head.storage import save_subject
from perse_engine.head.subject import Subject
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.progress import SilentProgress
from perse_engine.synthesis.dataset import Dataset
from worker.cli import main


@pytest.fixture(scope="module")
def folder(
    tiny_avatar: Avatar,
    tiny_dataset: Dataset,
    astronaut_subject: Subject,
    astronaut_analysis: PortraitAnalysis,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """An avatar's folder as `perse create` leaves it."""
    made = tmp_path_factory.mktemp("avatar")
    save_avatar(tiny_avatar, made)
    save_subject(astronaut_subject, made / "work" / "subject")
    oval = astronaut_analysis.regions.face_oval > 0.9
    Image.fromarray((oval * 255).astype(np.uint8)).save(made / "work" / "subject" / "face_oval.png")
    shutil.copytree(tiny_dataset.folder, made / "work" / "dataset")
    return made


def test_the_command_writes_json_and_a_report(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report.html"
    assert main(["evaluate", "avatar", str(folder), "--json", "--report", str(report)]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert [c["name"] for c in found["contenders"]] == ["this avatar"]
    assert found["metrics"]["heldout"]["psnr_db"]["mean"] == pytest.approx(
        found["contenders"][0]["measures"]["reconstruction"]["psnr_db"]
    )
    assert "measured: this avatar" in said.err
    page = report.read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") == 2
    assert "PERSE (published)" in page


def test_a_folder_without_its_dataset_is_refused(folder: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(folder, bare, ignore=shutil.ignore_patterns("dataset"))
    with pytest.raises(CorruptFile, match=r"dataset\.json"):
        evaluate_folder(bare, Wanted(), SilentProgress())
