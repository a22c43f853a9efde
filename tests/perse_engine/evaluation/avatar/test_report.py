"""Tables and the HTML report of the tiny avatar."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pytest

from perse_engine.evaluation.avatar.evaluate import Evaluation
from perse_engine.evaluation.avatar.measures import AvatarMeasures, Judges
from perse_engine.evaluation.avatar.plots import bar_plot, line_plot
from perse_engine.evaluation.avatar.sheets import CAPTION_PX, CELL_PX, Sheets
from perse_engine.evaluation.avatar.study import Contender
from perse_engine.evaluation.avatar.tables import NO_NETWORK, Table, tables, text
from perse_engine.rendering.render import Renderer


@pytest.fixture(scope="module")
def evaluation(measures: AvatarMeasures, judges: Judges, renderer: Renderer) -> Evaluation:
    contender = Contender("this <avatar>", "as it lies in its folder", None, measures)
    sheets = Sheets(judges.dataset, judges.exact)
    sheets.choose(measures.reconstruction.frames[:2], [("hair", None, "long-wavy-blonde")])
    sheets.add(contender.name, renderer)
    pictures = {"Held out": sheets.heldout(), "In-betweens": sheets.betweens()}
    return Evaluation({"render_ms": 1.0}, (contender,), judges.distance.name, pictures)


def test_the_text_names_what_was_not_measured(evaluation: Evaluation) -> None:
    said = evaluation.text()
    assert NO_NETWORK in said
    assert "PERSE (published)" in said
    assert "The data differ" in said


def test_json_has_every_contender_and_the_bars(evaluation: Evaluation) -> None:
    found = json.loads(json.dumps(evaluation.to_json(), allow_nan=False))
    assert found["contenders"][0]["measures"]["reconstruction"]["psnr_db"] > 0
    assert {c["name"] for c in found["checks"]} >= {"psnr_db", "ssim"}


def test_columns_are_aligned() -> None:
    shown = text([Table("A title", ("name", "dB"), (("long name", "1.0"), ("b", "10.0")))]).splitlines()
    assert shown[:4] == ["A title", "  name         dB", "  long name   1.0", "  b          10.0"]


def test_every_row_fills_its_head(evaluation: Evaluation) -> None:
    for table in tables(evaluation.contenders, evaluation.distance):
        assert {len(row) for row in table.rows} <= {len(table.head)}


def test_the_report_asks_nobody_for_anything(evaluation: Evaluation) -> None:
    page = evaluation.html()
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) == 2
    assert all(s.startswith("data:image/jpeg;base64,") for s in sources)
    assert "<script" not in page
    assert "url(" not in page


def test_names_are_escaped(evaluation: Evaluation) -> None:
    page = evaluation.html()
    assert "this &lt;avatar&gt;" in page
    assert "this <avatar>" not in page


def test_every_opened_tag_is_closed(evaluation: Evaluation) -> None:
    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "img"):
                self.open.append(tag)

        def handle_startendtag(self, tag: str, attrs: object) -> None:
            pass

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    tags = Tags()
    tags.feed(evaluation.html())
    assert tags.open == []


def test_sheets_have_a_row_per_frame_and_way(evaluation: Evaluation) -> None:
    # Truth, picture and difference; six moments of the way, exact and rendered.
    assert evaluation.sheets["Held out"].shape == (2 * (CELL_PX + CAPTION_PX), 3 * CELL_PX, 3)
    assert evaluation.sheets["In-betweens"].shape == (2 * (CELL_PX + CAPTION_PX), 6 * CELL_PX, 3)


@pytest.mark.parametrize(
    "plot", [bar_plot("t < u", {"a&b": 1.0, "c": 0.0}, "dB"), line_plot("t", {"a": [0.0, 2.0], "b": [1.0]}, "dB")]
)
def test_plots_are_sound_svg(plot: str) -> None:
    assert ElementTree.fromstring(plot).tag == "svg"


def test_the_longest_bar_is_the_largest_value() -> None:
    root = ElementTree.fromstring(bar_plot("t", {"a": 1.0, "b": 4.0}, "dB"))
    widths = [float(r.attrib["width"]) for r in root.iter("rect")]
    assert widths[1] == pytest.approx(4 * widths[0], abs=0.2)
