"""Every protocol runs on a tiny avatar and says what its document promises."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from perse_engine.avatar.avatar import Avatar
from perse_engine.evaluation.evaluate import evaluate, table
from perse_engine.evaluation.protocols import heldout, interpolation, leakage
from perse_engine.head.subject import Subject
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.rendering.render import Renderer
from perse_engine.synthesis.dataset import Dataset
from tests.perse_engine.synthesis.tiny import CancelAt


@pytest.fixture(scope="module")
def renderer(tiny_avatar: Avatar) -> Renderer:
    return Renderer(tiny_avatar, "cpu")


@pytest.fixture(scope="module")
def progress() -> CancelAt:
    """Remembers what the evaluation reported."""
    return CancelAt("nothing", 0)


@pytest.fixture(scope="module")
def metrics(
    renderer: Renderer,
    astronaut_subject: Subject,
    tiny_dataset: Dataset,
    astronaut_analysis: PortraitAnalysis,
    progress: CancelAt,
) -> dict[str, Any]:
    oval = astronaut_analysis.regions.face_oval > 0.9
    return evaluate(renderer, astronaut_subject, tiny_dataset, oval, progress)


def numbers(value: object) -> Iterator[float]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from numbers(inner)
    elif isinstance(value, int | float):
        yield float(value)


def test_metrics_have_the_documented_keys(metrics: dict[str, Any]) -> None:
    assert set(metrics) == {
        "source_view", "heldout", "pose", "expression", "leakage", "interpolation", "render_ms", "gaussians",
        "peak_memory_mb", "provenance",
    }  # fmt: skip


def test_metrics_are_plain_json_and_finite(metrics: dict[str, Any]) -> None:
    json.dumps(metrics, allow_nan=False)
    assert all(math.isfinite(n) for n in numbers(metrics))


def test_gaussians_are_counted(metrics: dict[str, Any], tiny_avatar: Avatar) -> None:
    assert metrics["gaussians"] == len(tiny_avatar)


def test_provenance_names_no_folder(metrics: dict[str, Any]) -> None:
    assert "/" not in metrics["provenance"]["command"]


def test_every_expression_is_judged(metrics: dict[str, Any]) -> None:
    assert set(metrics["expression"]) == {
        "jawOpen", "eyeBlinkRight", "eyeBlinkLeft", "mouthSmile", "browInnerUp", "gaze_yaw", "gaze_pitch",
    }  # fmt: skip


def test_the_table_has_a_line_per_number(metrics: dict[str, Any]) -> None:
    lines = table(metrics).splitlines()
    assert any(line.startswith("heldout.psnr_db.mean ") for line in lines)
    assert len(lines) >= len(list(numbers(metrics)))


def test_the_worst_variant_is_no_better_than_the_mean(renderer: Renderer, tiny_dataset: Dataset) -> None:
    psnr: Any = heldout(renderer, tiny_dataset)["psnr_db"]
    assert psnr["worst_variant_path"] in {c.path for c in tiny_dataset.clips if c.kind == "variant"}
    assert psnr["worst_variant"] <= max(psnr["mean"], psnr["source"]) + 1e-9


def test_an_edit_changes_little_outside_its_region(renderer: Renderer, tiny_dataset: Dataset) -> None:
    found = leakage(renderer, tiny_dataset)
    assert set(found) == {"hair", "eyeglasses"}
    assert all(0 <= m["mean"] <= m["worst_1_percent"] <= 255 for m in found.values())


def test_the_way_to_a_variant_is_never_shorter_than_straight(renderer: Renderer, tiny_dataset: Dataset) -> None:
    found = interpolation(renderer, tiny_dataset)
    assert found["hair"]["path_over_straight"] >= 1 - 1e-6
    assert found["hair"]["largest_step_over_mean"] >= 1


def test_progress_ends_whole(progress: CancelAt, metrics: dict[str, Any]) -> None:
    steps = [step for _, step, _ in progress.seen]
    assert steps == sorted(steps)
    assert progress.seen[-1][1] == progress.seen[-1][2]
