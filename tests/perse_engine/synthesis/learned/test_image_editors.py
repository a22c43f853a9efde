"""Image editors on tiny models: sizes, seeds, words; through the code that users run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from perse_engine.errors import UnknownName
from perse_engine.models.loading import ModelLoader
from perse_engine.models.memory import MemoryPreset
from perse_engine.models.store import ModelStore
from perse_engine.synthesis.learned.image_editor import ImageEditor, open_image_editor
from tests.perse_engine.models.loads import networks

# Of diffusers' own arithmetic with numpy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

WORDS = ("a person with a red hat", "a person with a blue hat")


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Qwen-Image-Edit looks at a picture in a megapixel, whatever its own size."""
    module = "diffusers.pipelines.qwenimage.pipeline_qwenimage_edit_plus"
    monkeypatch.setattr(f"{module}.VAE_IMAGE_SIZE", 64 * 64)
    monkeypatch.setattr(f"{module}.CONDITION_IMAGE_SIZE", 64 * 64)


@pytest.fixture(params=["flux2-klein-4b", "sdxl-inpaint", "qwen-image-edit"])
def editor(request: pytest.FixtureRequest, tiny_store: ModelStore, cpu_tiny: MemoryPreset) -> Iterator[ImageEditor]:
    with open_image_editor(ModelLoader(tiny_store, cpu_tiny), request.param, [*WORDS, WORDS[0]]) as opened:
        yield opened


@pytest.mark.parametrize("model", ["flux2-klein-4b", "sdxl-inpaint", "qwen-image-edit"])
def test_an_editor_that_is_kept_holds_no_weights(model: str, tiny_store: ModelStore, cpu_tiny: MemoryPreset) -> None:
    before = networks()
    with open_image_editor(ModelLoader(tiny_store, cpu_tiny), model, WORDS) as editor:
        editor.edit(portrait(64), upper_half(64), WORDS[0], 0)
        assert networks() - before
    assert not networks() - before
    assert editor is not None


def portrait(size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (size, size, 3), np.uint8)


def upper_half(size: int) -> np.ndarray:
    return np.repeat(np.arange(size)[:, None] < size // 2, size, 1).astype(np.float32)


def test_pictures_keep_their_size_at_any_size_of_the_model(editor: ImageEditor) -> None:
    for size in (64, 96):
        made = editor.edit(portrait(size), upper_half(size), WORDS[0], 0)
        assert made.shape == (size, size, 3) and made.dtype == np.uint8


def test_a_seed_gives_the_same_picture_and_another_another(editor: ImageEditor) -> None:
    first, again, other = (editor.edit(portrait(64), upper_half(64), WORDS[0], seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_words_matter(editor: ImageEditor) -> None:
    first, second = (editor.edit(portrait(64), upper_half(64), words, 0) for words in WORDS)
    assert not np.array_equal(first, second)


def test_without_a_mask_the_whole_picture_is_edited(editor: ImageEditor) -> None:
    made = editor.edit(portrait(64), None, WORDS[0], 0)
    assert made.shape == (64, 64, 3)
    assert (made != portrait(64)).any(-1).mean() > 0.9


@pytest.mark.parametrize("model", ["flux2-klein-4b", "sdxl-inpaint", "qwen-image-edit"])
def test_editing_runs_in_the_type_of_gpu_presets(model: str, tiny_store: ModelStore, cpu_tiny: MemoryPreset) -> None:
    loader = ModelLoader(tiny_store, replace(cpu_tiny, dtype="bfloat16"))
    with open_image_editor(loader, model, WORDS) as editor:
        for mask in (None, upper_half(64)):
            assert editor.edit(portrait(64), mask, WORDS[0], 0).std() > 0
        pipeline = editor._inner._loaded.pipeline  # type: ignore[attr-defined]
        assert {c.dtype for c in pipeline.components.values() if isinstance(c, torch.nn.Module)} == {torch.bfloat16}


@pytest.mark.parametrize(("model", "steps"), [("sdxl-inpaint", 8), ("qwen-image-edit", 4)])
def test_distilled_editors_run_in_their_few_steps(
    model: str, steps: int, tiny_store: ModelStore, cpu_tiny: MemoryPreset
) -> None:
    loader = ModelLoader(tiny_store, replace(cpu_tiny, is_distilled=True, steps=None))
    with open_image_editor(loader, model, WORDS) as editor:
        loaded = editor._inner._loaded  # type: ignore[attr-defined]
        assert (loaded.steps, loaded.guidance) == (steps, 1.0)
        for mask in (None, upper_half(64)):
            assert editor.edit(portrait(64), mask, WORDS[0], 0).std() > 0


@pytest.mark.parametrize("model", ["flux2-klein-4b", "sdxl-inpaint", "qwen-image-edit"])
def test_offloading_changes_no_picture(model: str, tiny_store: ModelStore, cpu_tiny: MemoryPreset) -> None:
    made = []
    for offload in ("none", "group"):
        with open_image_editor(ModelLoader(tiny_store, replace(cpu_tiny, offload=offload)), model, WORDS) as editor:
            made.append(editor.edit(portrait(64), upper_half(64), WORDS[0], 0))
    assert np.array_equal(*made)


def test_a_model_of_another_role_is_refused(tiny_store: ModelStore, cpu_tiny: MemoryPreset) -> None:
    loader = ModelLoader(tiny_store, cpu_tiny)
    with pytest.raises(UnknownName, match="image-editor"), open_image_editor(loader, "sd15", WORDS):
        pass
