"""A row passes only above every bar."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perse_engine.evaluation.subject.bars import checks
from perse_engine.evaluation.subject.cheeks import CheekBalance
from perse_engine.evaluation.subject.lids import ClosedLids
from perse_engine.evaluation.subject.measures import Likeness
from perse_engine.evaluation.subject.protocol import SubjectMeasures
from perse_engine.evaluation.subject.responses import AngleResponse, ExpressionResponse

TURN = AngleResponse((-10, 0, 10), (-11, 0, 11), (-11, 0, 11), 1.0, 1.1, True, 0.5)
BLINK = ExpressionResponse("lids_left", (0.1, 0.08, 0.05, 0.03, 0.0), True, True, 0.2, "brows")
GOOD = SubjectMeasures(
    Likeness(31, 0.95, 0.9), CheekBalance(0.2, 0.9), TURN, TURN, {"eyeBlinkLeft": BLINK}, ClosedLids(0.2, 0.9, 0), None
)


def missed(measures: SubjectMeasures) -> set[str]:
    return {c.name for c in checks(measures) if not c.passed}


def test_good_measures_miss_nothing() -> None:
    assert missed(GOOD) == set()


@pytest.mark.parametrize(
    ("measures", "name"),
    [
        (replace(GOOD, source=Likeness(29.9, 0.95, 0.9)), "psnr_db"),
        (replace(GOOD, source=Likeness(31, 0.95, 0.79)), "detail"),
        (replace(GOOD, yaw=replace(TURN, slope=0.84)), "yaw_slope"),
        (replace(GOOD, pitch=replace(TURN, slope=1.16)), "pitch_slope"),
        (replace(GOOD, pitch=replace(TURN, monotonic=False)), "pitch_monotonic"),
        (replace(GOOD, yaw=replace(TURN, asymmetry_deg=3.1)), "yaw_asymmetry_deg"),
        (replace(GOOD, lids=ClosedLids(0.2, 1.1, 0)), "lid_gap_px"),
        (replace(GOOD, lids=ClosedLids(0, 0, 40)), "eyeball_px"),
        (replace(GOOD, expressions={"eyeBlinkLeft": replace(BLINK, monotonic=False)}), "eyeBlinkLeft_monotonic"),
        (replace(GOOD, expressions={"eyeBlinkLeft": replace(BLINK, right_side=False)}), "eyeBlinkLeft_right_side"),
        (replace(GOOD, expressions={"eyeBlinkLeft": None}), "eyeBlinkLeft"),
    ],
)
def test_each_bar_can_be_missed(measures: SubjectMeasures, name: str) -> None:
    assert missed(measures) == {name}
