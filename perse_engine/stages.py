"""How a build's time is shared among its stages: what overall progress and the seconds left are reckoned from."""

from __future__ import annotations

import time
from collections.abc import Mapping

from perse_engine.recipe import Learned, Recipe

STAGE_SHARES: Mapping[str, float] = {
    "compile": 0.01,
    "subject": 0.04,
    "synthesis": 0.31,
    "placing": 0.05,
    "training": 0.46,
    "evaluation": 0.08,
    "artifacts": 0.03,
    "turntable": 0.02,
}
"""About how much of the whole each stage takes on 2 cores, where no model makes pictures."""
FIRST_LOOK = ("preview", "draft")
FIRST_LOOK_SHARES: Mapping[str, float] = {
    "compile": 0.04,
    "subject": 0.09,
    "synthesis": 0.41,
    "placing": 0.08,
    "training": 0.21,
    "evaluation": 0.10,
    "artifacts": 0.04,
    "turntable": 0.03,
}
"""The same of presets that are trained for seconds."""

# Seconds on one GPU of 24 GB, from the estimates of docs/guides/models.md: cards and arithmetic, not measured.
STEP_S = 0.02
"""Of everything but the models, per step of the training."""
LOAD_S, EDIT_S, LAYING_S = 30.0, 2.5, 2.0
"""To load a model; to edit a variant's picture; to lay it onto the rig, at all its weights."""
WAY_S: Mapping[str, float] = {"rig": 0.0, "warp": 1.0, "diffusion": 90.0}
"""In-betweens of one variant's picture, by interpolator."""
FILMING_S, JUDGING_S = 13.0, 0.3
"""A frame of a dataset's clip, with the frames of the video that lead to it; a frame to be judged."""
WARP_S, MORPH_S = 0.1, 30.0
"""A frame between those of two videos, warped or by a morphing model."""
BETWEENS_OF_VARIANT = 4

EARLY, EARLY_S = 0.03, 2.0
"""Share of the whole and seconds before which nothing is foretold."""


def stage_shares(recipe: Recipe) -> Mapping[str, float]:
    """The share of every stage that a build of `recipe` reports, in order; they sum to 1."""
    shares = FIRST_LOOK_SHARES if recipe.preset in FIRST_LOOK else STAGE_SHARES
    if recipe.learned is None:
        return shares
    rest = STEP_S * recipe.size().train_steps * STAGE_SHARES["training"] / shares["training"]
    seconds: dict[str, float] = {}
    for stage, share in shares.items():
        if stage == "synthesis":
            seconds |= _models_s(recipe, recipe.learned)
        seconds[stage] = rest * share
    if recipe.editor == "diffusion":
        seconds["synthesis"] += LAYING_S * len(recipe.variants)
    total = sum(seconds.values())
    return {stage: s / total for stage, s in seconds.items()}


def part_shares(recipe: Recipe) -> Mapping[str, float]:
    """The same of one part of a dataset that is made in parts."""
    own = {stage: share for stage, share in stage_shares(recipe).items() if stage in _part_stages(recipe)}
    return {stage: share / sum(own.values()) for stage, share in own.items()}


def parts_span(recipe: Recipe) -> tuple[float, float]:
    """Where the stages that parts do lie in the whole's progress."""
    shares, own = stage_shares(recipe), _part_stages(recipe)
    before = 0.0
    for stage, share in shares.items():
        if stage in own:
            break
        before += share
    return before, before + sum(shares[stage] for stage in own)


def _part_stages(recipe: Recipe) -> list[str]:
    """Videos are judged by the job that joins the parts."""
    if recipe.learned is None or recipe.animator == "rig":
        return [s for s in stage_shares(recipe) if s in ("edits", "betweens", "synthesis")]
    return [s for s in stage_shares(recipe) if s in ("edits", "videos")]


def _models_s(recipe: Recipe, learned: Learned) -> dict[str, float]:
    """Seconds of the stages in which models make pictures."""
    size, variants = recipe.size(), len(recipe.variants)
    seconds: dict[str, float] = {}
    if recipe.editor == "diffusion":
        seconds["edits"] = LOAD_S + EDIT_S * variants
    is_morphed = learned.interpolator == "diffusion"
    load = LOAD_S if is_morphed else 0.0
    if recipe.animator == "rig":
        if way := WAY_S[learned.interpolator]:
            seconds["betweens"] = load + way * variants
        return seconds
    clips = variants + (recipe.animator == "wan-animate")
    seconds["videos"] = LOAD_S + FILMING_S * size.frames_per_clip * clips
    seconds["judging"] = JUDGING_S * size.frames_per_clip * clips
    between = MORPH_S if is_morphed else WARP_S
    seconds["betweens"] = load + between * BETWEENS_OF_VARIANT * size.between_frames * variants
    return seconds


class OverallProgress:
    """Turns stage reports into one fraction and the seconds left.

    Args:
        reached: what others have done of the whole, 0..1: it is not counted as done in the time since now.
    """

    def __init__(self, shares: Mapping[str, float] = STAGE_SHARES, reached: float = 0.0) -> None:
        self._shares, self._reached = shares, reached
        self._began = time.monotonic()
        self.fraction = reached

    def update(self, stage: str, step: int, total_steps: int) -> tuple[float, float | None]:
        """The whole's fraction 0..1 (never falling) and the seconds left, None while it is too early to say."""
        before = 0.0
        for name, share in self._shares.items():
            if name == stage:
                self.fraction = max(self.fraction, min(1.0, before + share * step / max(total_steps, 1)))
                break
            before += share
        elapsed, own = time.monotonic() - self._began, self.fraction - self._reached
        if own < EARLY or elapsed < EARLY_S:
            return self.fraction, None
        return self.fraction, elapsed * (1 - self.fraction) / own
