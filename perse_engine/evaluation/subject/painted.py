"""Photo-like pictures of the subject dressed by our own editor: beards, eyeglasses and bald heads to start from."""

from __future__ import annotations

from dataclasses import replace

from perse_engine.evaluation.subject.judge import Rgb, source_picture
from perse_engine.head.subject import Subject, TexturedRig
from perse_engine.look import Look
from perse_engine.synthesis.procedural import ProceduralEditor


def dressed(subject: Subject, look: Look) -> Rgb:
    """The source view at a look."""
    return _source_view(subject, ProceduralEditor().dress(subject, look))


def bald(subject: Subject) -> Rgb:
    """The source view without hair."""
    return dressed(subject, Look({"hair": {"bald": 1.0}}))


def _source_view(subject: Subject, look: TexturedRig) -> Rgb:
    return source_picture(replace(subject, look=look))
