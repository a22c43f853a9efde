"""Making the edits of a recipe: a picture per variant, tried again until it is accepted or the attempts are used up.

    variant -> mask -> (short-hair base) -> picture -> aligned, matched, pasted -> judged -> kept

Only one model is in memory at a time; edits that are decided are not made again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.errors import InvalidValue, UnsupportedWish
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.models.loading import ModelLoader
from perse_engine.progress import Progress
from perse_engine.recipe import Learned
from perse_engine.synthesis.editor import AttributeEditor
from perse_engine.synthesis.learned.acceptance import (
    FaceIdentity,
    Fitted,
    Verdict,
    fit,
    judged_by_words,
    needs_landmarks,
)
from perse_engine.synthesis.learned.clip_encoder import open_clip
from perse_engine.synthesis.learned.edits import EditFolder, Outcome
from perse_engine.synthesis.learned.encoder import attribute_gains
from perse_engine.synthesis.learned.image_editor import ImageEditor, open_image_editor
from perse_engine.synthesis.learned.masks import geometry_mask, hair_mask, picture_mask, union
from perse_engine.synthesis.learned.paint import WORN
from perse_engine.synthesis.learned.paste import work_landmarks
from perse_engine.synthesis.learned.prompts import SHORT_HAIR, edit_prompt, is_instructed, needs_short_hair, plain_words
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.vocabulary import VariantSpec

Rgb = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

STAGE = "edits"
BASE = ("hair", "short-hair-base")


@dataclass
class _Try:
    """One variant on its way: `mask` is None until a picture without a mask has told it."""

    spec: VariantSpec
    prompt: str
    mask: Array | None
    mask_from: str
    verdicts: list[Verdict] = field(default_factory=list)
    fitted: Fitted | None = None

    @property
    def is_accepted(self) -> bool:
        return self.fitted is not None and self.fitted.verdict.is_accepted


def make_edits(
    subject: Subject, specs: Sequence[VariantSpec], learned: Learned, seed: int, loader: ModelLoader,
    folder: EditFolder, progress: Progress, identity: FaceIdentity | None = None,
) -> tuple[Outcome, ...]:  # fmt: skip
    """A decided edit for every variant, in order.

    Raises:
        BackendMissing: a model, a package or a GPU is missing; before any work.
        UnsupportedWish: something worn that has no geometry; before any model is loaded.
        InvalidValue: the portrait shows no face to the detector, and a limit needs one.
        Cancelled: from `progress`; what is decided stays.
    """
    loader.check(learned.edit_models())
    tries = [_start(subject, s) for s in specs if folder.outcome(s.category, s.id) is None]
    maker = _Maker(subject, learned, seed, folder, identity)
    done = len(specs) - len(tries)
    progress.report(STAGE, done, len(specs))
    while pending := [t for t in tries if folder.outcome(t.spec.category, t.spec.id) is None]:
        prompts = [SHORT_HAIR, *(t.prompt for t in pending)]
        with open_image_editor(loader, learned.editor_model, prompts) as editor:
            for one in pending:
                maker.attempt(editor, one)
                if learned.encoder_model is None or not one.is_accepted:
                    # Decided without the encoder, so a job that stops here need not make it again.
                    maker.keep(one)
                    done += 1
                progress.report(STAGE, done, len(specs))
        for one in _judge_by_words(subject, pending, learned, loader):
            maker.keep(one)
            done += 1
        progress.report(STAGE, done, len(specs))
    return tuple(o for s in specs if (o := folder.outcome(s.category, s.id)) is not None)


def _start(subject: Subject, spec: VariantSpec) -> _Try:
    editor: AttributeEditor = ProceduralEditor()
    try:
        dressed = editor.dress(subject, Look({spec.category: {spec.id: 1.0}}))
    except UnsupportedWish:
        if spec.category in WORN:
            # Without geometry of its own it would be painted on the skin.
            raise
        return _Try(spec, edit_prompt(spec), None, "picture")
    mask = geometry_mask(subject, spec.category, dressed)
    if needs_short_hair(spec):
        mask = union(mask, hair_mask(subject))
    return _Try(spec, edit_prompt(spec), mask, "geometry")


def _judge_by_words(subject: Subject, tries: Sequence[_Try], learned: Learned, loader: ModelLoader) -> Iterator[_Try]:
    """Judge what passed so far by the encoder, and give what is decided by that."""
    passed = [t for t in tries if t.is_accepted]
    pictures = [t.fitted.picture for t in passed if t.fitted is not None]
    if learned.encoder_model is None or not passed:
        return
    with open_clip(loader, learned.encoder_model) as encoder:
        gains = attribute_gains(encoder, subject.work_rgb, pictures, [plain_words(t.spec) for t in passed])
    for one, picture, gain in zip(passed, pictures, gains, strict=True):
        verdict = judged_by_words(one.verdicts[-1], float(gain), learned.acceptance)
        one.verdicts[-1] = verdict
        one.fitted = Fitted(picture, verdict)
        if one.is_accepted or len(one.verdicts) >= learned.acceptance.attempts:
            yield one


class _Maker:
    """What all edits of a subject share: the portrait, its landmarks, the base with short hair."""

    def __init__(
        self, subject: Subject, learned: Learned, seed: int, folder: EditFolder, identity: FaceIdentity | None
    ) -> None:
        self._subject, self._limits, self._seed = subject, learned.acceptance, seed
        self._folder, self._identity = folder, identity
        self._portrait = subject.work_rgb
        self._landmarks = work_landmarks(self._portrait) if needs_landmarks(self._limits) else None
        if self._landmarks is None and needs_landmarks(self._limits):
            raise InvalidValue("No face is seen on the portrait's work image, so edits of it cannot be judged.")

    def attempt(self, editor: ImageEditor, one: _Try) -> None:
        """Try seeds until the picture passes all that can be judged without another model."""
        while len(one.verdicts) < self._limits.attempts:
            seed = self._seed + len(one.verdicts)
            base = self._short_hair(editor) if needs_short_hair(one.spec) else self._portrait
            if base is None:
                one.verdicts.append(Verdict(seed, ("the base with short hair was rejected",), {}))
                one.fitted = Fitted(self._portrait, one.verdicts[-1])
                continue
            if one.mask_from == "picture":
                one.mask = picture_mask(self._portrait, editor.edit(base, None, one.prompt, seed))
            assert one.mask is not None
            made = editor.edit(base, None if is_instructed(one.spec) else one.mask, one.prompt, seed)
            one.fitted = self._fit(made, one.mask, seed)
            one.verdicts.append(one.fitted.verdict)
            if one.is_accepted:
                return

    def keep(self, one: _Try) -> None:
        """Write what was decided."""
        picture = self._portrait if one.fitted is None else one.fitted.picture
        mask = np.zeros(picture.shape[:2], np.float32) if one.mask is None else one.mask
        outcome = Outcome(one.spec.category, one.spec.id, one.prompt, one.mask_from, tuple(one.verdicts))
        self._folder.write(outcome, picture, mask)

    def _short_hair(self, editor: ImageEditor) -> Rgb | None:
        """The portrait with very short hair, made once; None when it was rejected."""
        if self._folder.outcome(*BASE) is None:
            mask = hair_mask(self._subject)
            if not mask.any():
                return self._portrait
            verdicts: list[Verdict] = []
            for seed in range(self._seed, self._seed + self._limits.attempts):
                fitted = self._fit(editor.edit(self._portrait, mask, SHORT_HAIR, seed), mask, seed)
                verdicts.append(fitted.verdict)
                if fitted.verdict.is_accepted:
                    break
            self._folder.write(Outcome(*BASE, SHORT_HAIR, "geometry", tuple(verdicts)), fitted.picture, mask)
        return self._folder.picture(*BASE)

    def _fit(self, made: Rgb, mask: Array, seed: int) -> Fitted:
        return fit(self._portrait, self._landmarks, made, mask, seed, self._limits, self._identity)
