"""Rows as a table for people and as plain JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from perse_engine.evaluation.subject.bars import Check, checks
from perse_engine.evaluation.subject.protocol import Row
from perse_engine.evaluation.subject.responses import STEPS

COLUMNS = ("PSNR", "SSIM", "detail", "yaw", "pitch", "uneven", "lids px", "expr.", "conf.")
HEAD = f"{'portrait':<34}" + "".join(f"{c:>9}" for c in COLUMNS) + "  verdict"


def to_json(rows: Sequence[Row]) -> list[dict[str, object]]:
    """Every number, with the bars and whether they are reached."""
    return [asdict(row) | {"checks": [asdict(c) for c in checks(row.measures)] if row.measures else []} for row in rows]


def table(rows: Sequence[Row]) -> str:
    """A line per row, below it the bars that it misses; then the expressions of the portraits themselves."""
    lines = [HEAD]
    for row in rows:
        lines += _lines(row)
    for row in rows:
        if row.measures and not row.variation:
            lines += ["", *_expression_lines(row)]
    return "\n".join(lines)


def _lines(row: Row) -> list[str]:
    name = f"{row.portrait}  {row.variation}".strip()[:33]
    if row.measures is None:
        sentence = f"{row.failure.code}: {row.failure.message}" if row.failure else "nothing was measured"
        return [f"{name:<34}  failed, {sentence}"]
    m, found = row.measures, checks(row.measures)
    answered = sum(1 for r in m.expressions.values() if r and r.monotonic and r.right_side is not False)
    values = (
        f"{m.source.psnr_db:.1f}", f"{m.source.ssim:.3f}", f"{m.source.detail:.2f}",
        f"{m.yaw.slope:.2f}", f"{m.pitch.slope:.2f}", f"{m.yaw.asymmetry_deg:.1f}",
        f"{max(m.lids.gap_left_px, m.lids.gap_right_px):.1f}", f"{answered}/{len(m.expressions)}",
        f"{row.confidence or 0:.2f}",
    )  # fmt: skip
    missed = [c for c in found if not c.passed]
    lines = [f"{name:<34}" + "".join(f"{v:>9}" for v in values) + f"  {'fail' if missed else 'pass'}"]
    lines += [f"    misses {_said(c)}" for c in missed]
    if row.warnings:
        lines.append(f"    warned {', '.join(row.warnings)}")
    asked = f"yaw {m.yaw.slope_of_asked:.2f}, pitch {m.pitch.slope_of_asked:.2f}"
    lines.append(f"    slopes against what was asked: {asked}")
    if m.source.lpips is not None:
        lines.append(f"    LPIPS of the source view {m.source.lpips:.4f}")
    photo, unlit = m.cheeks.photo, m.cheeks.unlit
    lines.append(f"    left cheek over right: {photo:.2f} on the photo, {unlit:.2f} without its light")
    for view, distance in (m.identity or {}).items():
        lines.append(f"    identity {view:<18} {'no face' if distance is None else f'{distance:.3f}'}")
    return lines


def _said(check: Check) -> str:
    value = check.value
    said = ("no", "yes")[value] if isinstance(value, bool) else value if isinstance(value, str) else f"{value:.2f}"
    return f"{check.name} {said} (bar {check.bar})"


def _expression_lines(row: Row) -> list[str]:
    assert row.measures is not None
    steps = "".join(f"{s:>8g}" for s in STEPS)
    lines = [f"{row.portrait}: measure at each weight", f"{'':<18}{'':<14}{steps}  monotonic  side  cross-talk"]
    for name, response in row.measures.expressions.items():
        if response is None:
            lines.append(f"{name:<18}no face was found at every weight")
            continue
        curve = "".join(f"{v:>8.3f}" for v in response.curve)
        side = {None: "-", True: "yes", False: "no"}[response.right_side]
        monotonic = "yes" if response.monotonic else "no"
        lines.append(
            f"{name:<18}{response.measure:<14}{curve}  {monotonic:<9}  {side:<4}  "
            f"{response.crosstalk:.2f} {response.crosstalk_with}"
        )
    return lines
