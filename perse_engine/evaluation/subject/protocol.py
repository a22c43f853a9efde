"""One portrait's row: analyse, build, and measure the mesh; an error of the engine becomes part of the row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from perse_engine.errors import EngineError
from perse_engine.evaluation.avatar.distance import Distance
from perse_engine.evaluation.subject.cheeks import CheekBalance, cheek_balance
from perse_engine.evaluation.subject.identity import FaceEmbedder, identity_distances
from perse_engine.evaluation.subject.judge import read_turn_deg, seen_landmarks, shown_turn_deg
from perse_engine.evaluation.subject.lids import ClosedLids, closed_lids
from perse_engine.evaluation.subject.measures import Likeness, face_geometry, source_likeness
from perse_engine.evaluation.subject.responses import (
    PROBES,
    STEPS,
    AngleResponse,
    ExpressionResponse,
    Probe,
    angle_response,
    expression_response,
)
from perse_engine.head.flame.flame_head import Flame
from perse_engine.head.subject import Subject
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.scene import Expression, Pose

YAWS_DEG = (-30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0)
PITCHES_DEG = (-20.0, -10.0, 0.0, 10.0, 20.0)


@dataclass(frozen=True)
class SubjectMeasures:
    """Everything measured on one subject; an expression is None if a face was not found at every step."""

    source: Likeness
    cheeks: CheekBalance
    yaw: AngleResponse
    pitch: AngleResponse
    expressions: Mapping[str, ExpressionResponse | None]
    lids: ClosedLids
    identity: Mapping[str, float | None] | None


@dataclass(frozen=True)
class Failure:
    """A typed error's code and sentence."""

    code: str
    message: str

    @staticmethod
    def of(error: EngineError) -> Failure:
        """What the caller may know of an error."""
        return Failure(error.code, error.message)


@dataclass(frozen=True)
class Row:
    """One input: `portrait` is the file's name, `variation` what was made of it ('' for the portrait itself).

    With a failure, what came after it is empty.
    """

    portrait: str
    variation: str
    confidence: float | None = None
    warnings: tuple[str, ...] = ()
    measures: SubjectMeasures | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class Brought:
    """What the caller brings: a face recogniser, a perceptual distance, and a FLAME to build heads on."""

    embedder: FaceEmbedder | None = None
    lpips: Distance | None = None
    flame: Flame | None = None


NOTHING = Brought()


def measure_subject(subject: Subject, analysis: PortraitAnalysis, brought: Brought = NOTHING) -> SubjectMeasures:
    """Run every measurement; about six seconds on one core."""
    neutral = face_geometry_of(subject, Expression())
    return SubjectMeasures(
        source=source_likeness(subject, analysis.regions, brought.lpips),
        cheeks=cheek_balance(subject),
        yaw=_turns(subject, "yaw"),
        pitch=_turns(subject, "pitch"),
        expressions={name: _expression(subject, probe, neutral) for name, probe in PROBES.items()},
        lids=closed_lids(subject),
        identity=None if brought.embedder is None else identity_distances(subject, brought.embedder),
    )


def face_geometry_of(subject: Subject, expression: Expression) -> Mapping[str, float] | None:
    """The geometry of the frontal face with an expression, as re-detected."""
    points = seen_landmarks(subject, Pose(), expression)
    return None if points is None else face_geometry(points)


def _turns(subject: Subject, axis: str) -> AngleResponse:
    angles = YAWS_DEG if axis == "yaw" else PITCHES_DEG
    poses = [Pose(angle, 0) if axis == "yaw" else Pose(0, angle) for angle in angles]
    which = 0 if axis == "yaw" else 1
    read = [read_turn_deg(subject, pose) for pose in poses]
    shown = [shown_turn_deg(subject, pose)[which] for pose in poses]
    return angle_response(angles, shown, [None if r is None else r[which] for r in read])


def _expression(subject: Subject, probe: Probe, neutral: Mapping[str, float] | None) -> ExpressionResponse | None:
    steps = [face_geometry_of(subject, Expression(dict.fromkeys(probe.expressions, w))) for w in STEPS[1:]]
    return expression_response(probe, [neutral, *steps])
