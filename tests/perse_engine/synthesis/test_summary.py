"""What a stage tells of its work."""

from __future__ import annotations

from pathlib import Path

import pytest

from perse_engine.errors import CorruptFile
from perse_engine.synthesis.summary import SUMMARY, read_summary, write_summary


def test_what_is_told_is_read_back(tmp_path: Path) -> None:
    write_summary(tmp_path, {"made": 3, "rejected": ["hair/bald"]})
    assert read_summary(tmp_path) == {"made": 3, "rejected": ["hair/bald"]}


def test_a_stage_that_made_nothing_told_nothing(tmp_path: Path) -> None:
    assert read_summary(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "3", '["a"]'])
def test_a_damaged_summary_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / SUMMARY).write_text(text)
    with pytest.raises(CorruptFile, match=SUMMARY):
        read_summary(tmp_path)
