"""Curves whose judgement is known beforehand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perse_engine.evaluation.subject.measures import face_geometry
from perse_engine.evaluation.subject.responses import PROBES, STEPS, Probe, angle_response, expression_response
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.vocabulary import ARKIT_NAMES

ANGLES = (-20.0, -10.0, 0.0, 10.0, 20.0)
SMILE = Probe(("mouthSmileLeft",), "corner_left", 1, "corner_right", ("mouth_width",))


def curves(left: Sequence[float], right: float = 0.0, width: float = 0.0, gap: float = 0.0) -> list[dict[str, float]]:
    """Geometry at STEPS; the other measures go in a straight line to the given change."""
    return [
        {"corner_left": v, "corner_right": right * s, "mouth_width": width * s, "mouth_gap": gap * s}
        for v, s in zip(left, STEPS, strict=True)
    ]


@given(st.floats(0.1, 3), st.floats(-10, 10))
def test_the_slope_is_found_whatever_the_offset(slope: float, offset: float) -> None:
    found = angle_response(ANGLES, ANGLES, [slope * a + offset for a in ANGLES])
    assert found.slope == pytest.approx(slope)
    assert found.monotonic and found.asymmetry_deg == pytest.approx(0, abs=1e-6)


def test_the_slope_is_against_what_is_shown() -> None:
    found = angle_response(ANGLES, [1.1 * a for a in ANGLES], [1.32 * a for a in ANGLES])
    assert found.slope == pytest.approx(1.2)
    assert found.slope_of_asked == pytest.approx(1.32)


def test_turning_further_to_one_side_is_asymmetric() -> None:
    assert angle_response(ANGLES, ANGLES, [-20, -10, 0, 10, 26]).asymmetry_deg == pytest.approx(6)


def test_a_step_back_is_not_monotonic() -> None:
    assert not angle_response(ANGLES, ANGLES, [-20, -10, 0, -1, 20]).monotonic


def test_a_view_without_a_face_is_not_monotonic_but_leaves_a_slope() -> None:
    found = angle_response(ANGLES, ANGLES, [None, -10, 0, 10, 20])
    assert not found.monotonic
    assert found.slope == pytest.approx(1) and found.asymmetry_deg == pytest.approx(0)


def test_no_face_at_all_is_the_worst() -> None:
    found = angle_response(ANGLES, ANGLES, [None] * 5)
    assert (found.slope, found.monotonic, found.asymmetry_deg) == (0, False, 999)


def test_a_clean_smile_passes() -> None:
    found = expression_response(SMILE, curves((0, 0.2, 0.5, 0.8, 1.0), right=0.1, width=3.0, gap=0.25))
    assert found is not None
    assert found.monotonic and found.right_side
    # The mouth's width goes with a smile; the next largest is the gap.
    assert found.crosstalk_with == "mouth_gap" and found.crosstalk == pytest.approx(0.25)


def test_the_wrong_half_of_the_face_is_told() -> None:
    found = expression_response(SMILE, curves((0, 0.2, 0.5, 0.8, 1.0), right=0.7))
    assert found is not None and found.right_side is False


def test_the_wrong_way_is_neither_monotonic_nor_on_the_right_side() -> None:
    found = expression_response(SMILE, curves((0, -0.2, -0.5, -0.8, -1.0)))
    assert found is not None and not found.monotonic and found.right_side is False


def test_noise_of_less_than_a_hundredth_is_forgiven_and_more_is_not() -> None:
    a = expression_response(SMILE, curves((0, 0.5, 1.0, 1.005, 1.0)))
    b = expression_response(SMILE, curves((0, 0.5, 1.0, 1.05, 1.0)))
    assert a is not None and b is not None
    assert a.monotonic and not b.monotonic


def test_a_lost_face_has_no_response() -> None:
    assert expression_response(SMILE, [*curves((0, 0.2, 0.5, 0.8, 1.0))[:4], None]) is None


def test_probes_name_expressions_and_measures_that_exist(astronaut_analysis: PortraitAnalysis) -> None:
    measures = set(face_geometry(astronaut_analysis.landmarks))
    for probe in PROBES.values():
        assert set(probe.expressions) <= set(ARKIT_NAMES)
        assert {probe.measure, *probe.goes_with, probe.other_side or probe.measure} <= measures
