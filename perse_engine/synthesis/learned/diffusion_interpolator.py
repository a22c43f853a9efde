"""In-betweens by a text-to-image diffusion model, after DiffMorpher (Zhang et al., CVPR 2024); written anew.

Each end gets a LoRA of its own and is inverted to noise; between them noise, LoRA weights and words are interpolated,
self-attention looks at both ends, and steps are re-spaced so that they look equally large.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from perse_engine.models.loading import Loaded, ModelLoader
from perse_engine.models.table import find_model
from perse_engine.perception.lpips import Lpips
from perse_engine.synthesis.learned.interpolator import Face
from perse_engine.synthesis.learned.morph_attention import BlendedAttention
from perse_engine.synthesis.learned.morph_lora import fit_lora
from perse_engine.synthesis.learned.paste import paste

if TYPE_CHECKING:
    import torch

Rgb = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]
Distance = Callable[[Rgb, Rgb], float]

BLENDED_SHARE = 0.6
"""Of the denoising steps, from the noisiest on, in which attention looks at both ends."""
NOISE_SETTINGS = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas")
"""What a model was trained with; how steps are taken is ours, since an inversion has to be taken back."""
STEP_SETTINGS = {"clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1, "timestep_spacing": "leading"}
SPACING_STEPS = (0.25, 0.5, 0.75)
"""Where the way is tried out before steps are re-spaced."""


@dataclass(frozen=True)
class _End:
    """A face inverted: adapter name, noise latents [1, C, h, w], and keyword arguments of the U-Net."""

    adapter: str
    noise: torch.Tensor
    condition: dict[str, Any]


class DiffusionInterpolator:
    """See `FaceInterpolator`."""

    def __init__(self, loaded: Loaded, prompts: Sequence[str], distance: Distance) -> None:
        from diffusers import DDIMInverseScheduler, DDIMScheduler

        self._loaded, self._pipe, self._distance = loaded, loaded.pipeline, distance
        self._conditions = _conditions(loaded, prompts)
        loaded.place(is_trained=True)
        own = loaded.pipeline.scheduler.config
        settings = {name: own[name] for name in NOISE_SETTINGS if name in own} | STEP_SETTINGS
        self._schedule = cast("Any", DDIMScheduler(**settings))
        self._inverse = cast("Any", DDIMInverseScheduler(**settings))
        self._attention = BlendedAttention()
        self._attention.install(self._pipe.unet)
        self._ends: dict[str, _End] = {}
        self._numbers = itertools.count()

    def between(self, first: Face, second: Face, mask: Array, steps: Sequence[float]) -> list[Rgb]:
        """See `FaceInterpolator`; `steps` count in equal visible distances."""
        ends = (self._end(first), self._end(second))
        tried = [self._decoded(self._latents(ends, t)) for t in SPACING_STEPS]
        spaced = respaced([self._small(first.picture), *tried, self._small(second.picture)], steps, self._distance)
        made = [self._decoded(self._latents(ends, t)) for t in spaced]
        size = first.picture.shape[0]
        return [paste(first.picture, cv2.resize(p, (size, size), interpolation=cv2.INTER_CUBIC), mask) for p in made]

    def forget(self, keep: Container[str] = ()) -> None:
        """See `FaceInterpolator`: the LoRA of each face."""
        gone = [name for name in self._ends if name not in keep]
        if gone:
            self._pipe.unet.delete_adapters([self._ends.pop(name).adapter for name in gone])

    def _end(self, face: Face) -> _End:
        if face.name not in self._ends:
            adapter = f"end{next(self._numbers)}"
            latents, condition = self._encoded(face.picture), self._conditions[face.prompt]
            fit_lora(self._pipe.unet, adapter, latents, condition, self._schedule, self._loaded.memory.lora_steps)
            self._ends[face.name] = _End(adapter, self._inverted(latents, condition, adapter), condition)
        return self._ends[face.name]

    def _inverted(self, latents: torch.Tensor, condition: dict[str, Any], adapter: str) -> torch.Tensor:
        import torch

        self._pipe.unet.set_adapters([adapter], weights=[1.0])
        self._inverse.set_timesteps(self._loaded.steps, device=latents.device)
        with torch.no_grad():
            for t in self._inverse.timesteps:
                noise = self._pipe.unet(latents, t, **condition).sample
                latents = self._inverse.step(noise, t, latents).prev_sample
        return latents

    def _latents(self, ends: tuple[_End, _End], t: float) -> torch.Tensor:
        """Denoise the middle; both ends go along while attention looks at them."""
        import torch

        unet, schedule, steps = self._pipe.unet, self._schedule, self._loaded.steps
        middle = adapted(slerp(ends[0].noise, ends[1].noise, t), ends[0].noise, ends[1].noise, t)
        condition = _mixed(ends[0].condition, ends[1].condition, t)
        sides = [e.noise for e in ends]
        schedule.set_timesteps(steps, device=middle.device)
        with torch.no_grad():
            for number, moment in enumerate(schedule.timesteps):
                is_blended = number < BLENDED_SHARE * steps
                for k, end in enumerate(ends if is_blended else ()):
                    unet.set_adapters([end.adapter], weights=[1.0])
                    self._attention.end = k
                    noise = unet(sides[k], moment, **end.condition).sample
                    sides[k] = schedule.step(noise, moment, sides[k]).prev_sample
                self._attention.end, self._attention.t = None, t if is_blended else None
                unet.set_adapters([e.adapter for e in ends], weights=[1 - t, t])
                noise = unet(middle, moment, **condition).sample
                middle = schedule.step(noise, moment, middle).prev_sample
        self._attention.t = None
        self._attention.recorded.clear()
        return middle

    def _small(self, picture: Rgb) -> Rgb:
        side = self._loaded.memory.edit_px
        return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)

    def _encoded(self, picture: Rgb) -> torch.Tensor:
        import torch

        vae = self._pipe.vae
        pixels = self._pipe.image_processor.preprocess(Image.fromarray(self._small(picture)))
        with torch.no_grad():
            latents = vae.encode(pixels.to(vae.device, vae.dtype)).latent_dist.mode()
        return latents * vae.config.scaling_factor

    def _decoded(self, latents: torch.Tensor) -> Rgb:
        import torch

        vae = self._pipe.vae
        with torch.no_grad():
            pixels = vae.decode(latents / vae.config.scaling_factor).sample
        made = self._pipe.image_processor.postprocess(pixels.float(), output_type="np")[0]
        return np.clip(made * 255 + 0.5, 0, 255).astype(np.uint8)


@contextmanager
def open_diffusion_interpolator(
    loader: ModelLoader, model: str, prompts: Sequence[str], spacing_model: str | None = None
) -> Iterator[DiffusionInterpolator]:
    """An interpolator that knows `prompts`, and spaces its steps by an LPIPS of the model table where one is named.

    Raises:
        BackendMissing, CorruptFile, UnknownName, InvalidValue: see `ModelLoader.pipeline`.
    """
    find_model(model, "face-interpolator")
    distance: Distance = colour_distance
    if spacing_model is not None:
        distance = perceptual_distance(Lpips.load(loader.folder(spacing_model) / "model.safetensors"))
    with loader.pipeline(model) as loaded:
        yield DiffusionInterpolator(loaded, tuple(dict.fromkeys(prompts)), distance)


def slerp(first: torch.Tensor, second: torch.Tensor, t: float) -> torch.Tensor:
    """Between two noises along the sphere: a straight mixture of noise is too weak (Shoemake 1985)."""
    import torch

    a, b = first.float().flatten(), second.float().flatten()
    angle = torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))
    if float(angle) < 1e-4:
        return first + t * (second - first)
    mixed = (torch.sin((1 - t) * angle) * first.float() + torch.sin(t * angle) * second.float()) / torch.sin(angle)
    return mixed.to(first.dtype)


def adapted(middle: torch.Tensor, first: torch.Tensor, second: torch.Tensor, t: float) -> torch.Tensor:
    """`middle` with mean and spread of every channel between those of the ends (AdaIN), so that colours go evenly."""
    axes = (2, 3)

    def between(statistic: str) -> torch.Tensor:
        a, b = (getattr(x.float(), statistic)(axes, keepdim=True) for x in (first, second))
        return a + t * (b - a)

    own = middle.float()
    normal = (own - own.mean(axes, keepdim=True)) / (own.std(axes, keepdim=True) + 1e-6)
    return (normal * between("std") + between("mean")).to(middle.dtype)


def colour_distance(a: Rgb, b: Rgb) -> float:
    """Mean difference of blurred colours, levels."""
    first, second = (cv2.GaussianBlur(p.astype(np.float32), (0, 0), max(1.0, p.shape[0] / 128)) for p in (a, b))
    return float(np.abs(first - second).mean())


def perceptual_distance(lpips: Lpips) -> Distance:
    """LPIPS of two pictures, as DiffMorpher spaces its steps (its section 4.4)."""
    import torch

    def distance(a: Rgb, b: Rgb) -> float:
        with torch.no_grad():
            first, second = (torch.from_numpy(p.astype(np.float32) / 255).permute(2, 0, 1)[None] for p in (a, b))
            return float(lpips(first, second))

    return distance


def respaced(pictures: Sequence[Rgb], steps: Sequence[float], distance: Distance = colour_distance) -> list[float]:
    """Which evenly spaced way t to take for each step, so that steps cover equal shares of the visible way.

    `pictures` show the way at even t, both ends included.
    """
    lengths = [distance(a, b) for a, b in itertools.pairwise(pictures)]
    # No stretch is nothing: the inverse has to exist.
    lengths = [max(x, 1e-3 * sum(lengths), 1e-6) for x in lengths]
    way = np.r_[0, np.cumsum(lengths)] / sum(lengths)
    return [float(t) for t in np.interp(steps, way, np.linspace(0, 1, len(pictures)))]


def _mixed(first: dict[str, Any], second: dict[str, Any], t: float) -> dict[str, Any]:
    return {
        name: _mixed(a, second[name], t) if isinstance(a, dict) else a + t * (second[name] - a)
        for name, a in first.items()
    }


def _conditions(loaded: Loaded, prompts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Keyword arguments of the U-Net for each prompt; the text encoders are freed after."""
    import torch

    pipe, side = loaded.pipeline, loaded.memory.edit_px
    is_large = loaded.spec.family == "sdxl"
    found: dict[str, dict[str, Any]] = {}
    encoders = ("text_encoder", "text_encoder_2") if is_large else ("text_encoder",)
    with loaded.encode_once(encoders), torch.no_grad():
        for prompt in prompts:
            if is_large:
                words, _, pooled, _ = pipe.encode_prompt(
                    prompt, device=loaded.device, do_classifier_free_guidance=False
                )
                sizes = torch.tensor([[side, side, 0, 0, side, side]], device=loaded.device, dtype=words.dtype)
                added = {"text_embeds": pooled, "time_ids": sizes}
                found[prompt] = {"encoder_hidden_states": words, "added_cond_kwargs": added}
            else:
                words, _ = pipe.encode_prompt(prompt, loaded.device, 1, False)
                found[prompt] = {"encoder_hidden_states": words}
    return found
