"""One model in memory at a time: loaded from the store, run, freed."""

from __future__ import annotations

import gc
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from perse_engine.errors import BackendMissing, CorruptFile, InvalidValue
from perse_engine.models.memory import MemoryPreset
from perse_engine.models.store import ModelStore
from perse_engine.models.table import ModelSpec, find_model

PACKAGES = ("diffusers", "transformers", "accelerate", "peft")
LARGE_COMPONENTS = ("transformer", "unet", "text_encoder", "text_encoder_2")
LOAD_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    # The checker is not among the files that are pulled; what is edited here is the user's own portrait.
    "sd": {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False},
    # Its own needs torchvision; synthesis/learned/qwen.py has one that does not.
    "qwen-image-edit": {"processor": None},
}
GROUP_BLOCKS = 2
FULL_PRECISION = ("wan-animate", "wan-vace")
"""Families whose VAE is float32: in bfloat16 it bands, and videos are read back for their next chunk."""
LIGHTNING_SHIFT = math.log(3)
"""Of the schedule that Qwen-Image's Lightning LoRAs were distilled with."""
PIPELINES: Mapping[str, str] = {
    "flux2-klein": "Flux2KleinPipeline",
    "qwen-image-edit": "QwenImageEditPlusPipeline",
    "wan-animate": "WanAnimatePipeline",
    "wan-vace": "WanVACEPipeline",
    "sdxl-inpaint": "StableDiffusionXLInpaintPipeline",
    "sdxl": "StableDiffusionXLPipeline",
    "sd": "StableDiffusionPipeline",
}
"""Family -> class of diffusers that its folders are of."""


@dataclass(frozen=True)
class Loaded:
    """A diffusers pipeline whose parts still lie in main memory, its folder, and how it is to be run."""

    spec: ModelSpec
    folder: Path
    memory: MemoryPreset
    pipeline: Any
    device: str
    steps: int
    guidance: float

    def encode_once(self, components: Sequence[str]) -> _Encoding:
        """Text encoders on the device while the block runs; freed for good after it."""
        return _Encoding(self, components)

    def place(self, *, is_trained: bool = False) -> None:
        """Bring what is left of the pipeline to the device, as the memory preset says.

        What `is_trained` is neither offloaded nor compiled: both replace the forward pass.
        """
        pipe, memory = self.pipeline, self.memory
        if is_trained:
            pipe.to(self.device)
            return
        if memory.offload == "group" and memory.is_quantised(self.spec):
            # Hooks on single blocks cannot move 4-bit weights; whole components can be.
            pipe.enable_model_cpu_offload(device=self.device)
        elif memory.offload == "group":
            import torch

            pipe.enable_group_offload(
                onload_device=torch.device(self.device), offload_type="block_level", num_blocks_per_group=GROUP_BLOCKS
            )
        else:
            pipe.to(self.device)
        if memory.is_compiled:
            (getattr(pipe, "transformer", None) or pipe.unet).compile_repeated_blocks(fullgraph=True)


class _Encoding:
    def __init__(self, loaded: Loaded, components: Sequence[str]) -> None:
        self._loaded, self._components = loaded, components

    def __enter__(self) -> None:
        for name in self._components:
            component = getattr(self._loaded.pipeline, name)
            # 4-bit weights lie on the GPU from the start, and may not be moved.
            if not self._loaded.memory.is_quantised(self._loaded.spec):
                component.to(self._loaded.device)

    def __exit__(self, *error: object) -> None:
        self._loaded.pipeline.register_modules(**dict.fromkeys(self._components))
        _free()


class ModelLoader:
    """Loads models of a store under a memory preset, one at a time."""

    def __init__(self, store: ModelStore, memory: MemoryPreset) -> None:
        self._store = store
        self._memory = memory
        self._resident: str | None = None

    @property
    def memory(self) -> MemoryPreset:
        """How models are loaded."""
        return self._memory

    def folder(self, name: str) -> Path:
        """Where a model lies.

        Raises:
            BackendMissing, CorruptFile: see `ModelStore.path`.
        """
        return self._store.path(name)

    def check(self, models: Mapping[str, str]) -> None:
        """See that everything is there that running these models takes (role -> name), before any work.

        Raises:
            UnknownName: a name that has not got the role.
            BackendMissing: packages, a GPU or a model are missing.
            CorruptFile: see `ModelStore.path`.
        """
        specs = [find_model(name, role) for role, name in models.items()]
        _check_packages()
        self._memory.device()
        for spec in specs:
            self._memory.check_room(spec)
            self._store.path(spec.name)
            if self._memory.is_quantised(spec) and find_spec("bitsandbytes") is None:
                raise BackendMissing(
                    f"{spec.name} in {self._memory.name} is held in 4-bit, which needs bitsandbytes.",
                    hint="pip install 'perse[quantised]', or choose a larger memory preset or a smaller model.",
                )
            if self._memory.is_distilled and spec.distilled:
                self._store.path(spec.distilled)

    def used(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        """What an avatar's metadata says about the models that made it: source, commit, licence, digest."""
        found = {name: self._store.manifest(name) for name in names}
        return {
            name: {"source": m.source, "revision": m.revision, "licence": m.licence, "sha256": m.digest()}
            for name, m in found.items()
        }

    @contextmanager
    def pipeline(self, name: str) -> Iterator[Loaded]:
        """A diffusers pipeline, freed at the end of the block.

        Raises:
            InvalidValue: another model is still loaded.
            BackendMissing, UnknownName, CorruptFile: see `check`; or the files are not such a pipeline.
        """
        spec, device = find_model(name), self._memory.device()
        self.check({spec.role: name})
        with self._alone(name):
            loaded = self._distilled(spec, _load_pipeline(spec, self._store.path(name), self._memory), device)
            try:
                yield loaded
            finally:
                # Whoever still holds the pipeline holds nothing.
                loaded.pipeline.register_modules(**dict.fromkeys(loaded.pipeline.components))
                _free()

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        if self._resident is not None:
            raise InvalidValue(f"{self._resident} is still loaded; {name} has to wait until it is freed.")
        self._resident = name
        try:
            yield
        finally:
            self._resident = None

    @contextmanager
    def transformer(self, name: str, model_class: str, processor_class: str) -> Iterator[tuple[Any, Any, str]]:
        """A model of the transformers library, its processor and the device; freed at the end of the block.

        Raises as `pipeline`.
        """
        self.check({find_model(name).role: name})
        import torch
        import transformers

        transformers.utils.logging.disable_progress_bar()

        path, device = self._store.path(name), self._memory.device()
        with self._alone(name):
            with _reading(name):
                model = getattr(transformers, model_class).from_pretrained(
                    path, local_files_only=True, use_safetensors=True, dtype=getattr(torch, self._memory.dtype)
                )
                processor = getattr(transformers, processor_class).from_pretrained(path, local_files_only=True)
            try:
                yield model.eval().to(device), processor, device
            finally:
                model.to("meta")
                _free()

    def _distilled(self, spec: ModelSpec, pipeline: Any, device: str) -> Loaded:
        steps, guidance = spec.steps, spec.guidance
        if self._memory.is_distilled and spec.distilled:
            lora = find_model(spec.distilled)
            pipeline.load_lora_weights(self._store.path(lora.name), local_files_only=True, adapter_name="distilled")
            pipeline.fuse_lora()
            pipeline.unload_lora_weights()
            pipeline.scheduler = _distilled_schedule(lora, pipeline.scheduler)
            steps, guidance = lora.steps, lora.guidance
        return Loaded(
            spec, self._store.path(spec.name), self._memory, pipeline, device, self._memory.steps or steps, guidance
        )


def _distilled_schedule(lora: ModelSpec, own: Any) -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler, LCMScheduler

    if lora.family == "lcm-lora":
        return LCMScheduler.from_config(own.config)
    return FlowMatchEulerDiscreteScheduler.from_config(
        own.config, base_shift=LIGHTNING_SHIFT, max_shift=LIGHTNING_SHIFT, shift_terminal=None,
        use_dynamic_shifting=True, time_shift_type="exponential",
    )  # fmt: skip


def _load_pipeline(spec: ModelSpec, path: Path, memory: MemoryPreset) -> Any:
    import diffusers
    import torch
    import transformers
    from diffusers.quantizers.pipe_quant_config import PipelineQuantizationConfig

    # Ours is the only progress that is shown.
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()

    _check_kind(spec, path)
    dtype = getattr(torch, memory.dtype)
    options: dict[str, Any] = dict(LOAD_OPTIONS.get(spec.family, {}))
    if memory.is_quantised(spec):
        options["quantization_config"] = PipelineQuantizationConfig(
            quant_backend="bitsandbytes_4bit",
            quant_kwargs={"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": dtype},
            components_to_quantize=[c for c in LARGE_COMPONENTS if (path / c).is_dir()],
        )
    dtypes = {"default": dtype, "vae": torch.float32} if spec.family in FULL_PRECISION else dtype
    with _reading(spec.name):
        pipeline = diffusers.DiffusionPipeline.from_pretrained(
            path, dtype=dtypes, variant=spec.variant, local_files_only=True, use_safetensors=True, **options
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _check_kind(spec: ModelSpec, path: Path) -> None:
    with _reading(spec.name):
        found = json.loads((path / "model_index.json").read_text())["_class_name"]
    if found != PIPELINES[spec.family]:
        raise CorruptFile(
            f"{spec.name} is a {found}; expected a {PIPELINES[spec.family]}.", hint=f"perse models pull {spec.name}"
        )


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        raise CorruptFile(f"The files of {name} are not a model of its kind.", hint="perse models verify") from error


def _check_packages() -> None:
    lacking = [name for name in PACKAGES if find_spec(name) is None]
    if lacking:
        raise BackendMissing(
            f"Learned backends need {', '.join(lacking)}, not installed here.", hint="pip install 'perse[diffusion]'"
        )


def _free() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
