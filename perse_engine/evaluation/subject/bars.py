"""What is good enough: the bars that a row is held against."""

from __future__ import annotations

from dataclasses import dataclass

from perse_engine.evaluation.subject.protocol import SubjectMeasures

PSNR_DB = 30.0
DETAIL = 0.8
SLOPE = (0.85, 1.15)
ASYMMETRY_DEG = 3.0
LID_GAP_PX = 1.0
EYEBALL_PX = 12
"""What rounding at the lids' edges may leave of both eyes; more is an iris that shows through a lid."""


@dataclass(frozen=True)
class Check:
    """A measured value, the bar in words, and whether it is reached."""

    name: str
    value: float | bool | str
    bar: str
    passed: bool


def checks(measures: SubjectMeasures) -> tuple[Check, ...]:
    """Every bar, in the order of the table."""
    source, lids = measures.source, measures.lids
    gap = max(lids.gap_left_px, lids.gap_right_px)
    out = [
        Check("psnr_db", source.psnr_db, f">= {PSNR_DB:g}", source.psnr_db >= PSNR_DB),
        Check("detail", source.detail, f">= {DETAIL:g}", source.detail >= DETAIL),
    ]
    for name, turn in (("yaw", measures.yaw), ("pitch", measures.pitch)):
        bar = f"{SLOPE[0]:g}..{SLOPE[1]:g}"
        out.append(Check(f"{name}_slope", turn.slope, bar, SLOPE[0] <= turn.slope <= SLOPE[1]))
        out.append(Check(f"{name}_monotonic", turn.monotonic, "yes", turn.monotonic))
    uneven = measures.yaw.asymmetry_deg
    out.append(Check("yaw_asymmetry_deg", uneven, f"<= {ASYMMETRY_DEG:g}", uneven <= ASYMMETRY_DEG))
    for name, response in measures.expressions.items():
        if response is None:
            out.append(Check(name, "no face", "a face", False))
            continue
        out.append(Check(f"{name}_monotonic", response.monotonic, "yes", response.monotonic))
        if response.right_side is not None:
            out.append(Check(f"{name}_right_side", response.right_side, "yes", response.right_side))
    out.append(Check("lid_gap_px", gap, f"<= {LID_GAP_PX:g}", gap <= LID_GAP_PX))
    out.append(Check("eyeball_px", lids.eyeball_px, f"<= {EYEBALL_PX}", lids.eyeball_px <= EYEBALL_PX))
    return tuple(out)
