"""From files to rows, and from rows to the table and JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from perse_engine.errors import InvalidValue
from perse_engine.evaluation.avatar.distance import OctaveDistance
from perse_engine.evaluation.subject import evaluate
from perse_engine.evaluation.subject.evaluate import evaluate_portrait, portrait_files
from perse_engine.evaluation.subject.protocol import Brought, Row
from perse_engine.evaluation.subject.report import table, to_json
from perse_engine.evaluation.subject.responses import PROBES
from perse_engine.evaluation.subject.sheet import CELL_PX, EXPRESSIONS, YAWS_DEG, contact_sheet
from perse_engine.head.flame.flame_head import Flame
from perse_engine.head.subject import Subject
from perse_engine.portrait.portrait import PortraitAnalysis
from tests.perse_engine.head.flame.conftest import flame, flame_arrays, flame_model

__all__ = ["flame", "flame_arrays", "flame_model"]


@pytest.fixture(scope="module")
def rows(astronaut_png: bytes) -> list[Row]:
    """The sample and one variation of it, in which no face can be found."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "VARIATIONS", {"blank": lambda a, s: np.full((300, 300, 3), 90, np.uint8)})
        brought = Brought(lpips=OctaveDistance())
        return list(evaluate_portrait("a.png", astronaut_png, variations=True, brought=brought))


def test_files_are_the_portraits_of_a_folder_in_order(tmp_path: Path) -> None:
    for name in ("c.webp", "a.JPG", "b.png", "notes.txt"):
        (tmp_path / name).touch()
    assert [p.name for p in portrait_files(tmp_path)] == ["a.JPG", "b.png", "c.webp"]
    assert portrait_files(tmp_path / "b.png") == [tmp_path / "b.png"]


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="no portrait"):
        portrait_files(tmp_path)


def test_the_sample_moves_as_it_is_asked(rows: list[Row]) -> None:
    measures = rows[0].measures
    assert measures is not None and rows[0].failure is None
    assert measures.yaw.monotonic and 0.6 < measures.yaw.slope < 1.5
    assert measures.pitch.monotonic and 0.6 < measures.pitch.slope < 1.8
    answered = [n for n, r in measures.expressions.items() if r and r.monotonic and r.right_side is not False]
    assert set(measures.expressions) == set(PROBES) and len(answered) >= 8


def test_a_variation_that_fails_keeps_its_code_and_sentence(rows: list[Row]) -> None:
    failure = rows[1].failure
    assert failure is not None and rows[1].variation == "blank"
    assert failure.code == "no_face" and failure.message.endswith(".")


def test_bytes_that_are_no_picture_are_a_row(astronaut_png: bytes) -> None:
    (row,) = evaluate_portrait("a.png", astronaut_png[:1000], variations=True)
    assert row.failure is not None and row.failure.code == "undecodable"


def test_a_picture_without_a_face_has_no_variations() -> None:
    file = io.BytesIO()
    Image.new("RGB", (300, 300), "grey").save(file, "PNG")
    (row,) = evaluate_portrait("grey.png", file.getvalue(), variations=True)
    assert row.failure is not None and row.failure.code == "no_face"


def test_rows_are_plain_json_with_their_checks(rows: list[Row]) -> None:
    first, second = json.loads(json.dumps(to_json(rows), allow_nan=False))
    assert {"psnr_db", "detail", "yaw_slope", "lid_gap_px"} <= {c["name"] for c in first["checks"]}
    assert len(first["measures"]["expressions"]["jawOpen"]["curve"]) == 5
    assert second["checks"] == [] and second["failure"]["code"] == "no_face"


def test_the_table_says_verdict_and_failure(rows: list[Row]) -> None:
    text = table(rows)
    assert "blank" in text and "failed, no_face" in text
    assert "jawOpen           mouth_gap" in text
    assert text.splitlines()[1].split()[-1] in ("pass", "fail")


def test_a_perceptual_distance_is_in_row_and_table(rows: list[Row]) -> None:
    measures = rows[0].measures
    assert measures is not None and measures.source.lpips is not None
    assert 0 < measures.source.lpips < 0.05
    assert f"LPIPS of the source view {measures.source.lpips:.4f}" in table(rows)


def test_heads_are_built_on_the_flame_that_is_brought(
    astronaut_png: bytes, flame: Flame, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is measured on it is another test's matter.
    monkeypatch.setattr(evaluate, "measure_subject", lambda *_: None)
    built: list[Subject] = []

    rows = evaluate_portrait(
        "a.png", astronaut_png, brought=Brought(flame=flame), on_subject=lambda row, subject, _: built.append(subject)
    )

    assert [r.failure for r in rows] == [None]
    assert "flame.coefficients" in built[0].extras


def test_a_sheet_has_a_cell_per_yaw_and_expression(
    astronaut_subject: Subject, astronaut_analysis: PortraitAnalysis
) -> None:
    sheet = contact_sheet(astronaut_subject, astronaut_analysis.regions)
    assert sheet.shape == (len(EXPRESSIONS) * CELL_PX, (len(YAWS_DEG) + 1) * CELL_PX, 3)
    below = slice(30, CELL_PX)
    cells = sheet.reshape(len(EXPRESSIONS), CELL_PX, len(YAWS_DEG) + 1, CELL_PX, 3).swapaxes(1, 2)[:, :, below]
    flat = cells.reshape(-1, *cells.shape[2:]).astype(np.int16)
    assert min(np.abs(a - b).mean() for i, a in enumerate(flat) for b in flat[:i]) > 0.02
