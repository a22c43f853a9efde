"""Named ways to fit a model into a GPU: number format, 4-bit weights, offloading, compiling, distilled steps."""

from __future__ import annotations

from dataclasses import dataclass

from perse_engine.errors import BackendMissing, UnknownName
from perse_engine.models.table import ModelSpec

ROOM_SHARE = 0.8
"""Of the memory, for weights and activations by the model's card; the rest is for what a card does not tell."""


@dataclass(frozen=True)
class MemoryPreset:
    """How models are loaded and run.

    Attributes:
        memory_gb: of the GPU. A model that needs more than ROOM_SHARE of it is held in 4-bit (NF4) where that fits.
        dtype: of weights and activations, a name of torch.
        offload: 'none', or 'group': a few blocks are on the GPU at a time; of models in 4-bit, one component.
        is_compiled: repeated blocks go through torch.compile: slow once, faster after.
        is_distilled: a LoRA that needs few steps is fused into models that have one.
        steps: denoising steps; the model's own when None.
        edit_px: side of the pictures that are edited, a multiple of 16.
        lora_steps: training steps of a LoRA per interpolated picture.
        video_px: side of the videos that are made, a multiple of 16.
        chunk_frames, overlap_frames: frames that are made at once, and how many of them repeat the last ones; 4k + 1.
        needs_gpu: refused on a machine without one.
    """

    name: str
    memory_gb: float
    dtype: str = "bfloat16"
    offload: str = "none"
    is_compiled: bool = False
    is_distilled: bool = False
    steps: int | None = None
    edit_px: int = 896
    lora_steps: int = 200
    video_px: int = 512
    chunk_frames: int = 77
    overlap_frames: int = 5
    needs_gpu: bool = True

    def is_quantised(self, spec: ModelSpec) -> bool:
        """Whether this model is held in 4-bit: it does not fit otherwise, and so it does."""
        return not self._has_room(spec.vram_gb) and spec.vram_4bit_gb is not None and self._has_room(spec.vram_4bit_gb)

    def check_room(self, spec: ModelSpec) -> None:
        """See that a model can run under this preset.

        Raises:
            BackendMissing: it is too large, even in 4-bit.
        """
        if self._has_room(spec.vram_gb) or self.is_quantised(spec) or self.offload == "group":
            return
        least = spec.vram_gb if spec.vram_4bit_gb is None else spec.vram_4bit_gb
        raise BackendMissing(
            f"{spec.name} needs {least:g} GB of GPU memory at least, more than {ROOM_SHARE:.0%} of {self.name}.",
            hint="Choose a larger memory preset, a smaller model, or 12GB, which brings blocks from main memory.",
        )

    def _has_room(self, vram_gb: float) -> bool:
        return vram_gb <= ROOM_SHARE * self.memory_gb

    def device(self) -> str:
        """'cuda' or 'cpu'.

        Raises:
            BackendMissing: the preset needs a GPU, and torch can use none.
        """
        import torch

        if torch.cuda.is_available():
            return "cuda"
        if self.needs_gpu:
            raise BackendMissing(
                f"The memory preset {self.name} needs an NVIDIA GPU, and torch can use none.",
                hint="Use the editor procedural and the animator rig, which need none, or a machine with a GPU.",
            )
        return "cpu"


MEMORY_PRESETS: dict[str, MemoryPreset] = {
    "12GB": MemoryPreset("12GB", 12, offload="group", is_distilled=True, video_px=480, chunk_frames=49),
    "24GB": MemoryPreset("24GB", 24, is_distilled=True),
    "48GB": MemoryPreset("48GB", 48, is_compiled=True, is_distilled=True),
    "80GB": MemoryPreset("80GB", 80, is_compiled=True, video_px=720),
}
"""None of them was measured: no GPU with weights was at hand (docs/guides/models.md)."""


def find_memory(name: str) -> MemoryPreset:
    """The preset of this name.

    Raises:
        UnknownName: there is none.
    """
    if name not in MEMORY_PRESETS:
        raise UnknownName(f"There is no memory preset {name!r}.", hint=f"There are: {', '.join(MEMORY_PRESETS)}.")
    return MEMORY_PRESETS[name]
