"""Every error that the engine raises on purpose.

    EngineError
    |-- PortraitError                the photo cannot be used; the user can mend it
    |   |-- UndecodablePortrait          not a whole JPEG, PNG or WebP picture
    |   |-- PortraitTooLarge             more bytes or pixels than allowed
    |   |-- PortraitTooSmall             fewer pixels than a face needs
    |   |-- NoFace
    |   |-- SeveralFaces
    |   `-- FaceTooSmall
    |-- UnknownName                  a category, variant, expression, preset or look that does not exist
    |-- InvalidValue                 a number outside its range, a shape that does not fit, NaN
    |-- UnsupportedWish              a prompt that the chosen editor cannot fulfil
    |-- EditsRejected                every picture that a learned editor made broke a limit of the recipe
    |-- BackendMissing               a package, GPU or weight that was asked for is not there
    |-- LicenceNotAccepted           a model's licence has to be accepted first
    |-- CorruptFile                  a stored file is not what its format promises
    `-- Cancelled                    the caller asked to stop; raised at a step boundary

An error carries its sentence, and a `hint` that says what to do. `code` is stable and is what the API shows.
"""

from __future__ import annotations

from typing import ClassVar


class EngineError(Exception):
    """Base of the tree.

    Args:
        message: what was wrong and what was expected, one sentence, without paths or stack.
        hint: what the caller can do about it.
    """

    code: ClassVar[str] = "engine_error"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n\nhint: {self.hint}" if self.hint else self.message


class PortraitError(EngineError):
    """The uploaded photo cannot become an avatar."""

    code = "portrait_error"


class UndecodablePortrait(PortraitError):
    """The bytes are not one whole JPEG, PNG or WebP picture."""

    code = "undecodable"


class PortraitTooLarge(PortraitError):
    """More bytes or pixels than allowed; found before any pixel is decoded."""

    code = "too_large"


class PortraitTooSmall(PortraitError):
    """The picture has fewer pixels than a face needs."""

    code = "too_small"


class NoFace(PortraitError):
    """No face was found."""

    code = "no_face"


class SeveralFaces(PortraitError):
    """More than one face of similar size; which one is meant is not guessed."""

    code = "several_faces"


class FaceTooSmall(PortraitError):
    """The face covers too few pixels."""

    code = "face_too_small"


class UnknownName(EngineError):
    """A name that is not in the vocabulary or not in this avatar."""

    code = "unknown_name"


class InvalidValue(EngineError):
    """A value outside its documented range or shape."""

    code = "invalid_value"


class UnsupportedWish(EngineError):
    """A prompt that the chosen editor cannot fulfil."""

    code = "unsupported_wish"


class EditsRejected(EngineError):
    """No picture that a learned editor made was accepted; the message says why."""

    code = "edits_rejected"


class BackendMissing(EngineError):
    """Something that was asked for explicitly is not on this machine."""

    code = "backend_missing"


class LicenceNotAccepted(EngineError):
    """A model's licence is not permissive, and the user has not accepted it."""

    code = "licence_not_accepted"


class CorruptFile(EngineError):
    """A stored file does not hold what its format promises."""

    code = "corrupt_file"


class Cancelled(EngineError):
    """The caller asked to stop."""

    code = "cancelled"
