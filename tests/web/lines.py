"""The lines for shell and Python that the page shows, and what comes of running them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, expect


def lines_of(page: Page, label: str) -> str:
    """They are written a moment after the fold is opened."""
    lines = page.get_by_label(label)
    expect(lines).not_to_be_empty()
    return lines.inner_text()


def written(lines: str, way: str, folder: Path) -> None:
    """Run them in a folder, where they write a file."""
    command = ["bash", "-ec", lines] if way == "curl" else [sys.executable, "-c", lines]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=240, env=os.environ)
    assert done.returncode == 0, done.stderr
