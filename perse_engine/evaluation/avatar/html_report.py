"""A study as one HTML file that asks nobody for anything: tables, plots and sheets inside it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import numpy.typing as npt

from perse_engine.evaluation.avatar.plots import bar_plot, line_plot
from perse_engine.evaluation.avatar.study import Contender
from perse_engine.evaluation.avatar.tables import Table
from perse_engine.rendering.image import encode_image

STYLE = (
    "body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:1280px;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;margin:.5rem 0}td,th{padding:.15rem .6rem;text-align:right;"
    "border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}img{max-width:100%}"
    "p.note{color:#555;margin:.2rem 0}.wide{overflow-x:auto}h2{margin-top:2rem}"
)


def html_report(
    title: str, shown: Sequence[Table], contenders: Sequence[Contender],
    sheets: Mapping[str, npt.NDArray[np.uint8]], provenance: Mapping[str, object],
) -> str:  # fmt: skip
    """The whole file. Pictures first, since they show what numbers hide."""
    body = [f"<h1>{escape(title)}</h1>"]
    said = ", ".join(f"{k} {v}" for k, v in provenance.items())
    body.append(f'<p class="note">{escape(said)}</p>')
    for name, picture in sheets.items():
        body.append(f"<h2>{escape(name)}</h2>{_image(name, picture)}")
    body.append("<h2>Plots</h2>")
    body += _plots(contenders)
    body += [_table(t) for t in shown]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'


def _image(name: str, picture: npt.NDArray[np.uint8]) -> str:
    data = base64.b64encode(encode_image(picture.astype(np.float32) / 255, format="jpeg")).decode()
    return f'<div class="wide"><img alt="{escape(name)}" src="data:image/jpeg;base64,{data}"></div>'


def _plots(contenders: Sequence[Contender]) -> list[str]:
    names = {c.name: c.measures for c in contenders}
    first = contenders[0].measures
    clips = sorted((c for c in first.reconstruction.clips if c.kind == "variant"), key=lambda c: c.psnr_db)
    plots = [
        bar_plot("PSNR on held-out frames", {n: m.reconstruction.psnr_db for n, m in names.items()}, "dB"),
        bar_plot("Leakage outside the edit", {n: _leak(c) for n, c in zip(names, contenders, strict=True)}, "of 255"),
        bar_plot("PSNR per variant, worst first", {c.clip: c.psnr_db for c in clips}, "dB"),
    ]
    if first.betweens:
        at = {n: np.mean([p.psnr_at_db for p in m.betweens], 0).tolist() for n, m in names.items()}
        plots.append(line_plot("PSNR of in-betweens at 0.1 to 0.9 of the way, mean over ways", at, "dB"))
    return [f'<div class="wide">{plot}</div>' for plot in plots]


def _leak(contender: Contender) -> float:
    values = [x.outside_mean for x in contender.measures.leakage]
    return float(np.mean(values)) if values else 0.0


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(c)}</th>" for c in table.head)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(c)}</td>' for c in row)}</tr>" for row in table.rows)
    notes = "".join(f'<p class="note">{escape(n)}</p>' for n in table.notes)
    return f'<h2>{escape(table.title)}</h2><div class="wide"><table><tr>{head}</tr>{rows}</table></div>{notes}'
