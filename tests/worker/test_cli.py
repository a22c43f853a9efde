"""The `perse` command, run as a user runs it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest

from worker.cli import main


def perse_alone(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """In a process of its own."""
    command = [sys.executable, "-m", "worker.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=480)


def perse(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """In this process, which has loaded the engine already."""
    command, out, err = list(map(str, words)), io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(command)
    return subprocess.CompletedProcess(command, code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory, astronaut_png: bytes) -> Path:
    """`perse create` of the sample photo, preview preset."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "photo.png").write_bytes(astronaut_png)
    made = perse_alone("create", folder / "photo.png", "-o", folder / "out", "--preset", "preview")
    assert made.returncode == 0, made.stderr
    assert "preview.png" in made.stdout and "%" in made.stderr
    return folder / "out"


def test_help_is_instant_and_teaches() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "worker.cli", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "perse create me.jpg" in shown.stdout
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in shown.stderr.splitlines()}
    assert "argparse" in loaded and not loaded & {"torch", "numpy", "numba", "sqlalchemy", "fastapi"}


def test_creating_again_does_nothing_twice(avatar: Path) -> None:
    before = (avatar / "avatar.safetensors").stat().st_mtime_ns
    again = perse("create", avatar.parent / "photo.png", "-o", avatar, "--preset", "preview")
    assert again.returncode == 0
    assert (avatar / "avatar.safetensors").stat().st_mtime_ns == before


def test_rendering_writes_a_picture(avatar: Path, tmp_path: Path) -> None:
    picture = tmp_path / "r.webp"
    made = perse_alone(
        "render",
        avatar,
        "--yaw",
        "20",
        "--expression",
        "jawOpen=0.4",
        "--look",
        "hair=long-wavy-blonde:0.7",
        "-o",
        picture,
    )
    assert made.returncode == 0, made.stderr
    assert picture.read_bytes()[8:12] == b"WEBP"


def test_the_photos_light_is_put_back(avatar: Path, tmp_path: Path) -> None:
    pictures = []
    for light in ("0", "1"):
        made = perse("render", avatar, "--width", "96", "--height", "96", "--light", light, "-o", tmp_path / "r.png")
        assert made.returncode == 0, made.stderr
        pictures.append((tmp_path / "r.png").read_bytes())
    assert pictures[0] != pictures[1]
    refused = perse("render", avatar, "--light", "2", "-o", tmp_path / "r.png")
    assert refused.returncode != 0 and "a share 0..1" in refused.stderr


def test_exports_of_one_look_hold_the_same_gaussians(avatar: Path, tmp_path: Path) -> None:
    from perse_engine.export import read_cloud

    (tmp_path / "look.json").write_text('{"hair": {"long-wavy-blonde": 0.7}}')
    looks = (
        "hair=long-wavy-blonde:0.7",
        "hair=long-wavy-blonde:0.7",
        '{"hair": {"long-wavy-blonde": 0.7}}',
        str(tmp_path / "look.json"),
    )
    means = []
    for suffix, look in zip(("ply", "spz", "splat", "glb"), looks, strict=True):
        file = tmp_path / f"a.{suffix}"
        made = perse("export", avatar, "--yaw", "20", "--expression", "jawOpen=0.4", "--look", look, "-o", file)
        assert made.returncode == 0, made.stderr
        cloud = read_cloud(file)
        means.append(cloud.means)
    for other in means[1:]:
        assert len(other) == len(means[0])
        np.testing.assert_allclose(other.mean(0), means[0].mean(0), atol=1e-4)


def test_the_rig_is_exported_for_engines_and_only_as_glb(avatar: Path, tmp_path: Path) -> None:
    made = perse("export", avatar, "--content", "both", "-o", tmp_path / "a.glb")
    assert made.returncode == 0 and b"eyeBlinkLeft" in (tmp_path / "a.glb").read_bytes(), made.stderr
    refused = perse("export", avatar, "--content", "rig", "-o", tmp_path / "a.ply")
    assert refused.returncode == 1 and "Only a .glb" in refused.stderr


def test_wrong_words_get_one_sentence_and_a_hint(avatar: Path, tmp_path: Path) -> None:
    made = perse_alone("render", avatar, "--look", "hair=purple", "-o", tmp_path / "r.png")
    assert made.returncode == 1
    assert "no variant hair/purple" in made.stderr and "hint:" in made.stderr and "Traceback" not in made.stderr


def test_evaluation_prints_the_numbers_of_the_issue(avatar: Path) -> None:
    made = perse("evaluate", "avatar", avatar, "--json")
    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout)
    assert {"checks", "contenders", "published", "published_difference"} <= set(told)
    metrics = told["metrics"]
    assert {"source_view", "heldout", "pose", "expression", "leakage", "interpolation", "render_ms"} <= set(metrics)
    assert metrics["pose"]["yaw_slope"] > 0.5 and metrics["provenance"]["command"]


def test_portraits_are_evaluated_before_training(tmp_path: Path, astronaut_png: bytes) -> None:
    folder = tmp_path / "portraits"
    folder.mkdir()
    (folder / "a.png").write_bytes(astronaut_png)
    (folder / "b.jpg").write_bytes(b"nonsense")
    made = perse("evaluate", "subject", folder, "--json", "--sheets", tmp_path / "sheets")
    assert made.returncode == 0, made.stderr
    rows = json.loads(made.stdout)
    assert [r["portrait"] for r in rows] == ["a.png", "b.jpg"]
    assert rows[0]["measures"]["source"]["psnr_db"] > 20 and rows[1]["failure"]["code"] == "undecodable"
    assert [p.name for p in (tmp_path / "sheets").iterdir()] == ["a.png"]


def test_evaluating_no_portraits_is_told(tmp_path: Path) -> None:
    made = perse("evaluate", "subject", tmp_path)
    assert made.returncode == 1 and "no portrait" in made.stderr
    missing = perse("evaluate", "subject", tmp_path / "none.jpg")
    assert missing.returncode == 2 and "There is no file" in missing.stderr


def test_a_dataset_is_checked(avatar: Path) -> None:
    sound = perse("dataset", "check", avatar / "work" / "dataset")
    assert (sound.returncode, sound.stdout.strip()) == (0, "The dataset is sound.")
    nothing = perse("dataset", "check", avatar)
    assert nothing.returncode == 1 and "dataset.json" in nothing.stdout


def test_a_photo_without_a_face_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"nonsense")
    made = perse("create", tmp_path / "a.png", "-o", tmp_path / "out")
    assert made.returncode == 1 and "JPEG, PNG or WebP" in made.stderr


def test_the_doctor_says_what_is_on_and_why() -> None:
    shown = perse_alone("doctor")
    assert shown.returncode == 0, shown.stderr
    assert "rasterizer auto" in shown.stdout and "mediapipe" in shown.stdout
    assert "rig flame              missing: No FLAME file is named." in shown.stdout


def test_a_key_is_made_and_shown_once(tmp_path: Path) -> None:
    made = perse_alone("keys", "create", "--name", "me", cwd=tmp_path)
    assert made.returncode == 0 and made.stdout.startswith("pk_")


def test_an_avatar_learns_a_variant_lists_it_and_forgets_it(avatar: Path, tmp_path: Path) -> None:
    before = {name: (avatar / name).read_bytes() for name in ("avatar.safetensors", "avatar.json", "latents.json")}
    added = perse("variants", "add", avatar, "--category", "hat", "--prompt", "a green beret", "--json")
    assert added.returncode == 0, added.stderr
    told = json.loads(added.stdout)
    assert told["variant"] == "wish-type-beret-colour-green" and told["gaussians"] > 0
    assert told["measured"]["region_psnr_db"] > told["measured"]["source_region_psnr_db"]
    listed = perse("variants", "list", avatar).stdout
    assert "long-wavy-blonde" in listed and "wish-type-beret-colour-green   added by adapter" in listed
    look = f"hat={told['variant']}:0.7"
    made = perse("render", avatar, "--look", look, "--width", "64", "--height", "64", "-o", tmp_path / "r.png")
    assert made.returncode == 0, made.stderr
    assert perse("variants", "remove", avatar, "hat", told["variant"]).returncode == 0
    assert {name: (avatar / name).read_bytes() for name in before} == before


@pytest.mark.parametrize(
    ("category", "prompt", "word"),
    [("hat", "a sparkly beret", "sparkly"), ("hair", "a green beret", "hat"), ("hair", "lorem", "nothing")],
)
def test_a_wish_that_is_not_understood_is_said(avatar: Path, category: str, prompt: str, word: str) -> None:
    asked = perse("variants", "add", avatar, "--category", category, "--prompt", prompt)
    assert asked.returncode == 1 and word in asked.stderr


def test_without_its_head_an_avatar_asks_for_the_portrait(avatar: Path, tmp_path: Path) -> None:
    for name in ("avatar.safetensors", "avatar.json"):
        (tmp_path / name).write_bytes((avatar / name).read_bytes())
    asked = perse("variants", "add", tmp_path, "--category", "mouth", "--prompt", "red lipstick")
    assert asked.returncode == 1 and "portrait" in asked.stderr
