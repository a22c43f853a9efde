"""Arbitrary motions for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from perse_engine.motion.motion import Frame
from perse_engine.scene import Expression, Gaze, Pose
from perse_engine.vocabulary import ARKIT_NAMES, EYE_LOOK_NAMES


def angles(most: float) -> st.SearchStrategy[float]:
    return st.floats(-most, most, allow_nan=False)


def frames(*, with_eye_looks: bool = True, gaze_deg: float = 90.0) -> st.SearchStrategy[tuple[Frame, ...]]:
    names = [n for n in ARKIT_NAMES if with_eye_looks or n not in EYE_LOOK_NAMES]
    weights = st.dictionaries(st.sampled_from(names), st.floats(0, 1), max_size=8)
    poses = st.builds(Pose, angles(180), angles(180), angles(180), st.builds(Gaze, angles(gaze_deg), angles(gaze_deg)))
    frame = st.builds(Frame, poses, st.builds(Expression, weights), st.floats(0, 1))
    return st.lists(frame, min_size=1, max_size=6).map(tuple)
