"""Plots as inline SVG: bars and lines, no library and no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

COLOURS = ("#2f5d8a", "#c0562f", "#4f8a4c", "#8a6fb0", "#b8952f", "#5c6670")
WIDTH, HEIGHT, MARGIN = 640, 240, 44


def bar_plot(title: str, values: Mapping[str, float], unit: str) -> str:
    """A horizontal bar per value, which must be 0 or more."""
    row, label = 22, 230
    top = max(values.values(), default=0.0) or 1.0
    height = 30 + row * len(values)
    parts = [_open(title, WIDTH, height)]
    for k, (name, value) in enumerate(values.items()):
        y, length = 28 + row * k, (WIDTH - label - 90) * value / top
        parts.append(f'<text x="{label - 6}" y="{y + 13}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<rect x="{label}" y="{y + 2}" width="{length:.1f}" height="14" fill="{COLOURS[0]}"/>')
        parts.append(f'<text x="{label + length + 5:.1f}" y="{y + 13}">{value:.3g} {escape(unit)}</text>')
    return "".join([*parts, "</svg>"])


def line_plot(title: str, lines: Mapping[str, Sequence[float]], unit: str) -> str:
    """Lines over their index, from 0 up to the largest value."""
    top = max((v for line in lines.values() for v in line), default=0.0) or 1.0
    parts = [_open(title, WIDTH, HEIGHT)]
    inner_w, inner_h = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
    base = HEIGHT - MARGIN
    axes = f"M{MARGIN} {MARGIN}V{base}H{WIDTH - MARGIN}"
    parts.append(f'<path d="{axes}" fill="none" stroke="#999"/>')
    parts.append(f'<text x="4" y="{MARGIN + 4}">{top:.3g}</text><text x="4" y="{base}">0 {escape(unit)}</text>')
    for k, (name, line) in enumerate(lines.items()):
        last = max(len(line) - 1, 1)
        points = (f"{MARGIN + inner_w * i / last:.1f},{base - inner_h * v / top:.1f}" for i, v in enumerate(line))
        colour = COLOURS[k % len(COLOURS)]
        parts.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        x = MARGIN + k * inner_w / max(len(lines), 1)
        parts.append(f'<text x="{x:.0f}" y="{HEIGHT - 12}" fill="{colour}">{escape(name)}</text>')
    return "".join([*parts, "</svg>"])


def _open(title: str, width: int, height: int) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{escape(title)}" '
        f'font-size="12" font-family="sans-serif"><text x="4" y="16" font-weight="bold">{escape(title)}</text>'
    )
