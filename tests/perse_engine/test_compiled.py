"""Compiled kernels are cached where they can be, never stale, and never from a stranger's folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from perse_engine import compiled
from perse_engine.splatting.warm_up import warm_up

KERNEL = """
from perse_engine.compiled import kernel
from constants import ANSWER

@kernel()
def answer() -> int:
    return ANSWER
"""


def run_kernel(folder: Path, cache: Path) -> str:
    """What the kernel answers in a process of its own, and how often it was read from the cache."""
    code = "from k import answer; print(answer(), sum(answer.stats.cache_hits.values()))"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": f"{folder}:{Path(__file__).parents[2]}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_kernel_is_read_from_the_cache_until_a_file_beside_it_changes(tmp_path: Path) -> None:
    folder, cache = tmp_path / "sources", tmp_path / "cache"
    folder.mkdir()
    (folder / "k.py").write_text(KERNEL)
    (folder / "constants.py").write_text("ANSWER = 41\n")
    assert run_kernel(folder, cache) == "41 0"
    assert run_kernel(folder, cache) == "41 1"
    (folder / "constants.py").write_text("ANSWER = 42\n")
    assert run_kernel(folder, cache) == "42 0"


def test_a_folder_that_others_may_write_to_is_not_used(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert not compiled._is_ours(tmp_path)
    tmp_path.chmod(0o700)
    assert compiled._is_ours(tmp_path)


def test_a_link_is_not_used_as_a_cache(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert not compiled._is_ours(tmp_path / "link")


def test_without_a_home_the_cache_lies_in_a_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/nonexistent")
    assert [root.name for root in compiled._cache_roots()] == [f"perse-kernels-{os.getuid()}"]


def test_warming_up_reports_every_step() -> None:
    reports: list[tuple[str, int, int]] = []

    class Listener:
        def report(self, stage: str, step: int, total_steps: int) -> None:
            reports.append((stage, step, total_steps))

    warm_up(Listener())
    assert [step for _, step, _ in reports] == list(range(reports[0][2] + 1))
    assert {stage for stage, _, _ in reports} == {"compile"}
