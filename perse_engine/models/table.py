"""The pretrained models that the learned backends can use. Sizes and memory are of the cards, not measured here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from perse_engine.errors import UnknownName


@dataclass(frozen=True)
class Licence:
    """What a model may be used for. `is_permissive` ones are pulled without being asked about."""

    name: str
    allows_commercial_use: bool
    is_permissive: bool
    terms: str


APACHE_2 = Licence("apache-2.0", True, True, "any use")
MIT = Licence("mit", True, True, "any use")
OPENRAIL_M = Licence("openrail-m", True, False, "any use but those that its attachment forbids")
OPENRAIL_PLUS_PLUS_M = Licence("openrail++-m", True, False, "any use but those that its attachment forbids")
BSD = Licence("bsd", True, True, "any use; trained on ImageNet, whose pictures have terms of their own")
FLUX_NON_COMMERCIAL = Licence("flux-non-commercial", False, False, "research and private use only")


@dataclass(frozen=True)
class ModelSpec:
    """One model.

    Attributes:
        name: what users and recipes call it.
        role: 'image-editor', 'portrait-animator', 'face-interpolator', 'latent-encoder', 'lora',
            'perceptual-distance' or 'picture-features'.
        family: which of our adapters drives it.
        source: repository at the hub, owner/name.
        revision: branch, tag or commit there; the manifest keeps the commit that it was.
        files: patterns of the files that are needed, relative to the repository. Weights are safetensors only.
        size_gb: to download and to keep. vram_gb: to run in bfloat16 with the text encoder freed.
        vram_4bit_gb: to run with its large parts in 4-bit; None where that was never tried by anybody.
        steps: denoising steps that the weights are made for; guidance likewise (0 for encoders).
        distilled: name of a LoRA that makes it need fewer steps, or None.
        variant: the part of the weights' file names before .safetensors, such as fp16, or None.
        sha256: digests of files that are known beforehand.
        made_of: the published files that `perse models convert` makes the weights of, where no hub has them as
            safetensors.
    """

    name: str
    role: str
    family: str
    source: str
    licence: Licence
    files: tuple[str, ...]
    size_gb: float
    vram_gb: float
    steps: int = 0
    guidance: float = 0.0
    vram_4bit_gb: float | None = None
    distilled: str | None = None
    variant: str | None = None
    revision: str = "main"
    sha256: Mapping[str, str] = field(default_factory=dict)
    made_of: tuple[str, ...] = ()


def _pipeline(*components: str, variant: str | None = None) -> tuple[str, ...]:
    """Patterns of a diffusers pipeline's folder: its index, and per component weights, settings and word tables."""
    weights = f"*.{variant}.safetensors" if variant else "*.safetensors"
    ends = (weights, "*.json", "*.txt", "*.model", "*.jinja")
    return ("model_index.json", *(f"{c}/{end}" for c in components for end in ends))


_KLEIN = _pipeline("scheduler", "text_encoder", "tokenizer", "transformer", "vae")
_SDXL = _pipeline(
    "scheduler", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "unet", "vae", variant="fp16"
)
_QWEN = _pipeline("processor", "scheduler", "text_encoder", "tokenizer", "transformer", "vae")
_WAN = _pipeline("scheduler", "text_encoder", "tokenizer", "transformer", "vae")
_WAN_ANIMATE = (*_WAN, *_pipeline("image_encoder", "image_processor")[1:])
_SD = _pipeline("scheduler", "text_encoder", "tokenizer", "unet", "vae", variant="fp16")

MODELS: tuple[ModelSpec, ...] = (
    ModelSpec(
        "flux2-klein-4b", "image-editor", "flux2-klein", "black-forest-labs/FLUX.2-klein-4B",
        APACHE_2, _KLEIN, size_gb=16, vram_gb=13, steps=4, guidance=1.0, vram_4bit_gb=7,
    ),
    ModelSpec(
        "flux2-klein-9b", "image-editor", "flux2-klein", "black-forest-labs/FLUX.2-klein-9B",
        FLUX_NON_COMMERCIAL, _KLEIN, size_gb=35, vram_gb=29, steps=4, guidance=1.0, vram_4bit_gb=9.5,
    ),
    ModelSpec(
        "qwen-image-edit", "image-editor", "qwen-image-edit", "Qwen/Qwen-Image-Edit-2511",
        APACHE_2, _QWEN, size_gb=58, vram_gb=60, steps=40, guidance=4.0, vram_4bit_gb=19,
        distilled="qwen-image-lightning",
    ),
    ModelSpec(
        "qwen-image-lightning", "lora", "lightning-lora", "lightx2v/Qwen-Image-Edit-2511-Lightning",
        APACHE_2, ("*-4steps-*-bf16.safetensors",), size_gb=0.9, vram_gb=0, steps=4, guidance=1.0,
    ),
    ModelSpec(
        "sdxl-inpaint", "image-editor", "sdxl-inpaint", "diffusers/stable-diffusion-xl-1.0-inpainting-0.1",
        OPENRAIL_PLUS_PLUS_M, _SDXL, size_gb=7, vram_gb=8, steps=25, guidance=7.0,
        distilled="sdxl-lcm-lora", variant="fp16",
    ),
    ModelSpec(
        "sdxl-lcm-lora", "lora", "lcm-lora", "latent-consistency/lcm-lora-sdxl",
        OPENRAIL_PLUS_PLUS_M, ("pytorch_lora_weights.safetensors", "*.json"),
        size_gb=0.4, vram_gb=0, steps=8, guidance=1.0,
    ),
    ModelSpec(
        "wan-animate-14b", "portrait-animator", "wan-animate", "Wan-AI/Wan2.2-Animate-14B-Diffusers",
        APACHE_2, _WAN_ANIMATE, size_gb=48, vram_gb=45, steps=20, guidance=1.0, vram_4bit_gb=16,
    ),
    ModelSpec(
        "wan-vace-1.3b", "portrait-animator", "wan-vace", "Wan-AI/Wan2.1-VACE-1.3B-diffusers",
        APACHE_2, _WAN, size_gb=19, vram_gb=12, steps=30, guidance=5.0, vram_4bit_gb=9,
    ),
    ModelSpec(
        "wan-vace-14b", "portrait-animator", "wan-vace", "Wan-AI/Wan2.1-VACE-14B-diffusers",
        APACHE_2, _WAN, size_gb=47, vram_gb=45, steps=30, guidance=5.0, vram_4bit_gb=16,
    ),
    ModelSpec(
        "sdxl-base", "face-interpolator", "sdxl", "stabilityai/stable-diffusion-xl-base-1.0",
        OPENRAIL_PLUS_PLUS_M, _SDXL, size_gb=7, vram_gb=14, steps=30, guidance=1.0, vram_4bit_gb=8, variant="fp16",
    ),
    ModelSpec(
        "sd15", "face-interpolator", "sd", "stable-diffusion-v1-5/stable-diffusion-v1-5",
        OPENRAIL_M, _SD, size_gb=3, vram_gb=6, steps=30, guidance=1.0, variant="fp16",
    ),
    ModelSpec(
        "clip-vit-large", "latent-encoder", "clip", "openai/clip-vit-large-patch14",
        MIT, ("*.json", "*.txt", "model.safetensors"), size_gb=1.7, vram_gb=2,
    ),
    ModelSpec(
        "lpips-alex", "perceptual-distance", "lpips", "richzhang/PerceptualSimilarity",
        BSD, ("model.safetensors",), size_gb=0.01, vram_gb=1, made_of=("alexnet-owt-7be5be79.pth", "alex.pth"),
    ),
    ModelSpec(
        "lpips-vgg", "perceptual-distance", "lpips", "richzhang/PerceptualSimilarity",
        BSD, ("model.safetensors",), size_gb=0.06, vram_gb=3, made_of=("vgg16-397923af.pth", "vgg.pth"),
    ),
    ModelSpec(
        "inception-fid", "picture-features", "inception", "mseitzer/pytorch-fid",
        APACHE_2, ("model.safetensors",), size_gb=0.09, vram_gb=1, made_of=("pt_inception-2015-12-05-6726825d.pth",),
    ),
)  # fmt: skip
"""See docs/reference/models.md."""


def find_model(name: str, role: str | None = None) -> ModelSpec:
    """The model of this name, which must have `role` where one is given.

    Raises:
        UnknownName: there is none.
    """
    suitable = [m for m in MODELS if role in (None, m.role)]
    for model in suitable:
        if model.name == name:
            return model
    kind = f" {role}" if role else ""
    raise UnknownName(f"There is no{kind} model {name!r}.", hint=f"There are: {', '.join(m.name for m in suitable)}.")
