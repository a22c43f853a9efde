"""Recipe: what to build."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from perse_engine.errors import InvalidValue, UnknownName
from perse_engine.vocabulary import (
    ANIMATORS,
    CATEGORIES,
    EDITORS,
    INTERPOLATORS,
    PRESETS,
    RIGS,
    Preset,
    VariantSpec,
    find_variant,
    variants_of,
)

ANIMATOR_MODELS = {"wan-animate": "wan-animate-14b", "wan-vace": "wan-vace-1.3b"}
"""The model that an animator takes where the recipe names none."""


@dataclass(frozen=True)
class Acceptance:
    """When a picture that a diffusion editor made is good enough. A limit of None is off.

    Attributes:
        max_drift: mean distance of the landmarks outside the mask from where they were, before the picture is aligned;
            of the distance between the outer corners of the eyes.
        max_residual: the same after it is aligned. Blur and noise alone give up to 0.009, a face that is a tenth
            narrower 0.023 (sample portrait).
        min_identity: cosine of the face embedder's vectors, where one is given.
        min_attribute_gain: how much nearer the picture is to the words than the portrait is, as a difference of the
            latent encoder's cosines, where one is given.
        min_change: mean difference inside the mask, 0..1 of full scale: an editor that does nothing is not believed.
        attempts: seeds that are tried.
    """

    max_drift: float | None = 0.08
    max_residual: float | None = 0.02
    min_identity: float | None = 0.5
    min_attribute_gain: float | None = 0.0
    min_change: float | None = 0.01
    attempts: int = 3

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise InvalidValue(f"attempts is {self.attempts}; at least one seed has to be tried.")
        _check_limits(self, {"max_drift": 0, "max_residual": 0, "min_change": 0, "min_identity": -1,
                             "min_attribute_gain": -2})  # fmt: skip

    @staticmethod
    def of_anything() -> Acceptance:
        """Every limit off, one attempt: to see what an editor makes."""
        return Acceptance(None, None, None, None, None, 1)


@dataclass(frozen=True)
class FrameLimits:
    """When a frame that a video model made is good enough. A limit of None is off; lengths are of the distance between
    the outer corners of the eyes.

    Attributes:
        max_turn_deg: by how much the head may be turned otherwise than it was driven.
        max_drift: mean distance of the landmarks from where they should be, before the picture is aligned.
        max_residual: the same after it is aligned and, of the source clip, after pose and expression are refined.
        min_share: of a clip's frames; a variant that keeps fewer is rejected.
    """

    max_turn_deg: float | None = 12.0
    max_drift: float | None = 0.3
    max_residual: float | None = 0.04
    min_share: float = 0.5

    def __post_init__(self) -> None:
        _check_limits(self, {"max_turn_deg": 0, "max_drift": 0, "max_residual": 0, "min_share": 0})
        if self.min_share is None or self.min_share > 1:
            raise InvalidValue(f"min_share is {self.min_share}; it is a share of a clip's frames, 0..1.")

    @staticmethod
    def of_anything() -> FrameLimits:
        """Every limit off: to see what a video model makes."""
        return FrameLimits(None, None, None, 0.0)


def _check_limits(limits: Acceptance | FrameLimits, least: Mapping[str, float]) -> None:
    for name, low in least.items():
        value = getattr(limits, name)
        if value is not None and not low <= value < math.inf:
            raise InvalidValue(f"{name} is {value}; a limit is a number from {low:g} on, or None where it is off.")


@dataclass(frozen=True)
class Learned:
    """Which pretrained models make the pictures, with editor 'diffusion' or an animator other than 'rig'.

    Attributes:
        editor_model, interpolator_model, encoder_model: names of the model table; no encoder when None.
        animator_model: likewise; the animator's first choice when None.
        spacing_model: LPIPS, by which interpolator 'diffusion' spaces its steps; blurred colours when None.
        interpolator: what in-betweens show: 'rig', the textures interpolated on the rig; 'warp', pictures warped by
            landmarks and blended; 'diffusion', pictures by a morphing model.
        memory: name of a memory preset.
        acceptance: when a picture is taken.
        frames: when a frame of a video is taken.
    """

    editor_model: str = "flux2-klein-4b"
    interpolator: str = "rig"
    interpolator_model: str = "sdxl-base"
    encoder_model: str | None = None
    memory: str = "24GB"
    acceptance: Acceptance = Acceptance()
    animator_model: str | None = None
    frames: FrameLimits = FrameLimits()
    spacing_model: str | None = None

    def __post_init__(self) -> None:
        if self.interpolator not in INTERPOLATORS:
            raise UnknownName(
                f"There is no interpolator {self.interpolator!r}.", hint=f"Choose from: {', '.join(INTERPOLATORS)}."
            )

    def edit_models(self) -> dict[str, str]:
        """Every model that editor 'diffusion' takes: role in the model table -> name."""
        found = {"image-editor": self.editor_model}
        if self.interpolator == "diffusion":
            found["face-interpolator"] = self.interpolator_model
            if self.spacing_model is not None:
                found["perceptual-distance"] = self.spacing_model
        if self.encoder_model is not None:
            found["latent-encoder"] = self.encoder_model
        return found

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Learned:
        """The opposite of `asdict`."""
        limits = {"acceptance": Acceptance(**value["acceptance"]), "frames": FrameLimits(**value["frames"])}
        return Learned(**{**value, **limits})


@dataclass(frozen=True)
class Perceptual:
    """LPIPS in the loss of the last part of the training: a name of the model table, and its weight there.

    A tenth is the weight of VGG's features in PERSE's training.
    """

    model: str = "lpips-vgg"
    weight: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.weight <= 10:
            raise InvalidValue(f"The weight of the perceptual loss is {self.weight}; it must lie above 0 and up to 10.")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides an avatar beside the portrait; equal recipes and portraits give equal avatars.

    Attributes:
        preset: a name of PRESETS.
        variants: (category, variant id) pairs to synthesise, in order.
        editor: 'procedural' or 'diffusion'.
        animator: 'rig', 'wan-animate' or 'wan-vace'.
        rasterizer: 'auto', 'cpu', 'gsplat' or 'reference'.
        learned: the models of editor 'diffusion' and of animators other than 'rig'; None where neither is chosen.
        rig: what gives the head its depth and its motions: 'landmarks', or 'flame', the user's own FLAME file.
        perceptual: LPIPS in the loss; none when None.
        refinement: whether training mends each picture's head turn, shift and exposure before it learns from it.
    """

    preset: str
    variants: tuple[tuple[str, str], ...]
    editor: str = "procedural"
    animator: str = "rig"
    rasterizer: str = "auto"
    seed: int = 0
    learned: Learned | None = None
    rig: str = "landmarks"
    perceptual: Perceptual | None = None
    refinement: bool = False

    @staticmethod
    def of(
        preset: str = "draft",
        *,
        categories: tuple[str, ...] | None = None,
        variants: tuple[tuple[str, str], ...] = (),
        editor: str = "procedural",
        animator: str = "rig",
        rasterizer: str = "auto",
        seed: int = 0,
        learned: Learned | None = None,
        rig: str = "landmarks",
        perceptual: Perceptual | None = None,
        refinement: bool | None = None,
    ) -> Recipe:
        """The recipe of a preset, narrowed to `categories`, with `variants` added to the preset's own.

        Where models are needed, `learned` is the default choice of them when it is None. `refinement` is on, when None,
        where a video model makes the pictures: those that the rig draws are exact.
        """
        if preset not in PRESETS:
            raise UnknownName(f"There is no preset {preset!r}.", hint=f"Presets: {', '.join(PRESETS)}.")
        size = PRESETS[preset]
        wanted = size.categories if categories is None else categories
        for category in wanted:
            if category not in CATEGORIES:
                raise UnknownName(f"There is no category {category!r}.", hint=f"Categories: {', '.join(CATEGORIES)}.")
            if not variants_of(category):
                raise UnknownName(f"The catalogue has no variants of {category} yet.")
        for category, id in variants:
            if find_variant(category, id) is None:
                raise UnknownName(f"There is no variant {category}/{id}.", hint="`perse vocabulary` lists them.")
        own = tuple((c, v.id) for c in wanted for v in variants_of(c)[: size.variants_per_category])
        for name, value, allowed in (
            ("editor", editor, EDITORS),
            ("animator", animator, ANIMATORS),
            ("rasterizer", rasterizer, ("auto", "cpu", "gsplat", "reference")),
            ("rig", rig, RIGS),
        ):
            if value not in allowed:
                raise UnknownName(f"There is no {name} {value!r}.", hint=f"Choose from: {', '.join(allowed)}.")
        if not 0 <= seed < 2**32:
            raise InvalidValue(f"seed is {seed}; it must lie in 0..2^32-1.")
        needs_models = editor == "diffusion" or animator != "rig"
        if learned is not None and not needs_models:
            raise InvalidValue(
                f"Neither the editor {editor} nor the animator {animator} takes models.",
                hint="Choose editor 'diffusion' or another animator.",
            )
        if needs_models:
            learned = learned or Learned()
        chosen = tuple(dict.fromkeys(own + variants))
        refinement = animator != "rig" if refinement is None else refinement
        return Recipe(preset, chosen, editor, animator, rasterizer, seed, learned, rig, perceptual, refinement)

    def size(self) -> Preset:
        """The preset's numbers."""
        return PRESETS[self.preset]

    def models(self) -> dict[str, str]:
        """Every pretrained model that it takes: role in the model table -> name."""
        if self.learned is None:
            return {}
        found = self.learned.edit_models() if self.editor == "diffusion" else {}
        if self.animator != "rig":
            found["portrait-animator"] = self.learned.animator_model or ANIMATOR_MODELS[self.animator]
        return found

    def specs(self) -> tuple[VariantSpec, ...]:
        """The catalogue entries of `variants`."""
        found = (find_variant(c, i) for c, i in self.variants)
        return tuple(v for v in found if v is not None)

    def to_json(self) -> dict[str, object]:
        """Plain JSON."""
        return asdict(self)

    @staticmethod
    def from_json(value: Mapping[str, object]) -> Recipe:
        """The opposite of `to_json`."""
        fields = dict(value)
        fields["variants"] = tuple((str(c), str(i)) for c, i in fields["variants"])  # type: ignore[attr-defined]
        learned = fields.get("learned")
        if learned is not None:
            fields["learned"] = Learned.from_json(learned)  # type: ignore[arg-type]
        perceptual = fields.get("perceptual")
        if perceptual is not None:
            fields["perceptual"] = Perceptual(**perceptual)  # type: ignore[arg-type]
        return Recipe(**fields)  # type: ignore[arg-type]

    def fingerprint(self) -> str:
        """SHA-256 of the recipe and its preset's numbers; a checkpoint is only resumed under the same one."""
        text = json.dumps([self.to_json(), asdict(self.size())], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
