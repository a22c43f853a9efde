"""One model at a time, from the store alone, freed after; what is missing is said before any work."""

from __future__ import annotations

import shutil
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from perse_engine.errors import BackendMissing, CorruptFile, InvalidValue, UnknownName
from perse_engine.models.loading import ModelLoader
from perse_engine.models.memory import MEMORY_PRESETS, MemoryPreset, find_memory
from perse_engine.models.store import ModelStore
from perse_engine.models.table import MODELS, find_model
from tests.perse_engine.models.tiny_models import SAVERS

PIPELINES = [m.name for m in MODELS if m.name in SAVERS and m.role in ("image-editor", "face-interpolator")]


@pytest.fixture
def loader(tiny_store: ModelStore, cpu_tiny: MemoryPreset) -> ModelLoader:
    return ModelLoader(tiny_store, cpu_tiny)


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_is_loaded_and_freed(loader: ModelLoader, name: str) -> None:
    with loader.pipeline(name) as loaded:
        pipeline = loaded.pipeline
        assert isinstance(pipeline.vae, torch.nn.Module)
        assert (loaded.device, loaded.steps, loaded.guidance) == ("cpu", 2, find_model(name).guidance)
    assert pipeline.vae is None


def test_text_encoders_are_freed_once_words_are_encoded(loader: ModelLoader) -> None:
    with loader.pipeline("sdxl-inpaint") as loaded:
        with loaded.encode_once(("text_encoder", "text_encoder_2")):
            assert loaded.pipeline.text_encoder is not None
        assert loaded.pipeline.text_encoder is None and loaded.pipeline.text_encoder_2 is None
        assert loaded.pipeline.unet is not None


def test_a_second_model_has_to_wait(loader: ModelLoader) -> None:
    with (
        loader.pipeline("sd15"),
        pytest.raises(InvalidValue, match="sd15 is still loaded"),
        loader.pipeline("sdxl-base"),
    ):
        pass
    with loader.pipeline("sdxl-base"):
        pass


def test_a_distilled_preset_fuses_the_lora_and_takes_its_steps(tiny_store: ModelStore, cpu_tiny: MemoryPreset) -> None:
    def weights(memory: MemoryPreset) -> tuple[np.ndarray, int, float]:
        with ModelLoader(tiny_store, memory).pipeline("sdxl-inpaint") as loaded:
            name, value = next((n, p) for n, p in loaded.pipeline.unet.named_parameters() if n.endswith("to_q.weight"))
            assert "lora" not in name
            return value.detach().numpy().copy(), loaded.steps, loaded.guidance

    plain, _, _ = weights(cpu_tiny)
    fused, steps, guidance = weights(replace(cpu_tiny, is_distilled=True, steps=None))
    assert not np.allclose(plain, fused)
    assert (steps, guidance) == (find_model("sdxl-lcm-lora").steps, 1.0)


def test_group_offload_gives_the_same_weights_a_place(tiny_store: ModelStore, cpu_tiny: MemoryPreset) -> None:
    with ModelLoader(tiny_store, replace(cpu_tiny, offload="group")).pipeline("flux2-klein-4b") as loaded:
        loaded.place()
        assert next(loaded.pipeline.transformer.parameters()).device.type == "cpu"


def test_weights_have_the_presets_type(tiny_store: ModelStore, cpu_tiny: MemoryPreset) -> None:
    with ModelLoader(tiny_store, replace(cpu_tiny, dtype="bfloat16")).pipeline("flux2-klein-4b") as loaded:
        assert loaded.pipeline.transformer.dtype == loaded.pipeline.vae.dtype == torch.bfloat16


def test_a_missing_model_is_said_before_anything_loads(tmp_path: Path, cpu_tiny: MemoryPreset) -> None:
    with pytest.raises(BackendMissing) as missing:
        ModelLoader(ModelStore(tmp_path), cpu_tiny).check({"image-editor": "flux2-klein-4b"})
    assert missing.value.hint == "perse models pull flux2-klein-4b"


def test_a_missing_lora_is_said_too(tiny_store: ModelStore, cpu_tiny: MemoryPreset, tmp_path: Path) -> None:
    shutil.copytree(tiny_store.folder / "sdxl-inpaint", tmp_path / "sdxl-inpaint")
    with pytest.raises(BackendMissing, match="sdxl-lcm-lora"):
        ModelLoader(ModelStore(tmp_path), replace(cpu_tiny, is_distilled=True)).check({"image-editor": "sdxl-inpaint"})


@pytest.mark.parametrize("memory", ["12GB", "24GB", "48GB", "80GB"])
def test_presets_refuse_a_machine_without_a_gpu(
    tiny_store: ModelStore, memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BackendMissing, match="needs an NVIDIA GPU"):
        ModelLoader(tiny_store, find_memory(memory)).check({"image-editor": "flux2-klein-4b"})


def test_a_missing_package_names_the_extra(
    tiny_store: ModelStore, cpu_tiny: MemoryPreset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perse_engine.models.loading.PACKAGES", ("diffusers", "no_such_package"))
    with pytest.raises(BackendMissing, match="no_such_package") as missing:
        ModelLoader(tiny_store, cpu_tiny).check({"image-editor": "flux2-klein-4b"})
    assert "perse[diffusion]" in str(missing.value.hint)


def test_weights_that_are_none_are_an_error(tiny_store: ModelStore, cpu_tiny: MemoryPreset, tmp_path: Path) -> None:
    shutil.copytree(tiny_store.folder / "sd15", tmp_path / "sd15")
    weights = tmp_path / "sd15" / "unet" / "diffusion_pytorch_model.fp16.safetensors"
    weights.write_bytes(b"\xff" * weights.stat().st_size)
    with pytest.raises(CorruptFile, match="sd15"), ModelLoader(ModelStore(tmp_path), cpu_tiny).pipeline("sd15"):
        pass


def test_a_model_of_another_kind_is_an_error(tiny_store: ModelStore, cpu_tiny: MemoryPreset, tmp_path: Path) -> None:
    shutil.copytree(tiny_store.folder / "sdxl-base", tmp_path / "sdxl-inpaint")
    loader = ModelLoader(ModelStore(tmp_path), cpu_tiny)
    with pytest.raises(CorruptFile, match="is a StableDiffusionXLPipeline"), loader.pipeline("sdxl-inpaint"):
        pass


def test_four_bits_without_their_package_are_refused_before_any_work(
    tiny_store: ModelStore, cpu_tiny: MemoryPreset
) -> None:
    if find_spec("bitsandbytes") is not None:
        return
    small = ModelLoader(tiny_store, replace(cpu_tiny, memory_gb=10))
    with pytest.raises(BackendMissing, match="needs bitsandbytes"):
        small.check({"image-editor": "flux2-klein-4b"})


def test_large_models_are_held_in_four_bits_on_small_gpus() -> None:
    smallest, small, large = find_memory("12GB"), find_memory("24GB"), find_memory("48GB")
    assert smallest.is_quantised(find_model("flux2-klein-4b"))
    assert not smallest.is_quantised(find_model("sdxl-inpaint"))
    assert not small.is_quantised(find_model("flux2-klein-4b"))
    assert small.is_quantised(find_model("flux2-klein-9b"))
    assert not large.is_quantised(find_model("flux2-klein-9b"))
    assert small.is_quantised(find_model("wan-animate-14b")) and small.is_quantised(find_model("qwen-image-edit"))


def test_models_that_do_not_fit_are_refused_before_any_work(tiny_store: ModelStore, cpu_tiny: MemoryPreset) -> None:
    with pytest.raises(BackendMissing, match="wan-animate-14b needs 16 GB of GPU memory"):
        ModelLoader(tiny_store, replace(cpu_tiny, memory_gb=16)).check({"portrait-animator": "wan-animate-14b"})
    # Where blocks come from main memory, it does, in 16-bit.
    find_memory("12GB").check_room(find_model("wan-animate-14b"))
    assert not find_memory("12GB").is_quantised(find_model("wan-animate-14b"))


def test_a_model_in_another_models_place_is_refused(loader: ModelLoader) -> None:
    with pytest.raises(UnknownName, match="no face-interpolator model 'sdxl-inpaint'"):
        loader.check({"face-interpolator": "sdxl-inpaint"})


def test_an_unknown_memory_preset_lists_the_known() -> None:
    with pytest.raises(UnknownName, match=", ".join(MEMORY_PRESETS)):
        find_memory("8GB")


def test_used_tells_where_weights_came_from(loader: ModelLoader, tiny_store: ModelStore) -> None:
    used = loader.used(["clip-vit-large"])["clip-vit-large"]
    assert used["source"] == find_model("clip-vit-large").source and used["licence"] == "mit"
    assert used["sha256"] == tiny_store.manifest("clip-vit-large").digest()
