"""The arrows of docs/architecture.md, read from the code itself."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("app", "worker", "perse_engine", "migrations")

ALLOWED: dict[str, tuple[str, ...]] = {
    "app": ("app", "perse_engine.vocabulary"),
    "worker": ("worker", "app", "perse_engine"),
    "perse_engine": ("perse_engine",),
    "migrations": ("migrations", "app"),
}

ENGINE_ROOMS: dict[str, tuple[str, ...]] = {
    # A room may import the rooms named here, itself, and the single modules at the top of the engine.
    "vocabulary": (),
    "portrait": (),
    "head": ("portrait",),
    "models": (),
    "perception": (),
    "splatting": (),
    "synthesis": ("portrait", "head", "models", "perception"),
    "avatar": ("head", "synthesis", "splatting", "perception"),
    "rendering": ("head", "avatar", "splatting"),
    "export": ("head", "avatar", "splatting"),
    "motion": ("portrait", "head", "rendering"),
    "evaluation": ("portrait", "head", "synthesis", "avatar", "rendering", "splatting", "perception"),
}
ENGINE_TOP = ("vocabulary", "errors", "progress", "scene", "look", "recipe", "compiled")

HEAVY = ("torch", "cv2", "numba", "mediapipe", "PIL", "numpy", "scipy", "skimage", "av", "gsplat", "diffusers")


LEARNED = ("diffusers", "transformers", "accelerate", "peft", "huggingface_hub", "tokenizers", "bitsandbytes")
LEARNED_ROOMS = ("perse_engine/models", "perse_engine/synthesis/learned")
"""The only places that import them, and only inside functions: an extra brings them, and loading takes seconds."""


def modules() -> list[Path]:
    return [p for name in OURS for p in sorted((ROOT / name).rglob("*.py"))]


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the full name"
            found.add(node.module or "")
    return found


def within(name: str, roots: tuple[str, ...]) -> bool:
    return any(name == root or name.startswith(root + ".") for root in roots)


def test_there_are_modules_to_look_at() -> None:
    assert len(modules()) > 60


@pytest.mark.parametrize("top", OURS)
def test_top_level_packages_import_only_what_their_arrow_allows(top: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules()
        if path.relative_to(ROOT).parts[0] == top
        for name in imports(path)
        if name.split(".")[0] in OURS and not within(name, ALLOWED[top])
    ]
    assert wrong == []


@pytest.mark.parametrize("room", sorted(ENGINE_ROOMS))
def test_engine_rooms_import_only_earlier_rooms(room: str) -> None:
    allowed = tuple(f"perse_engine.{r}" for r in (room, *ENGINE_ROOMS[room], *ENGINE_TOP))
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / "perse_engine" / room).rglob("*.py"))
        for name in imports(path)
        if name.startswith("perse_engine.") and not within(name, allowed)
    ]
    assert wrong == []


def test_every_engine_room_is_known_to_this_test() -> None:
    rooms = {p.name for p in (ROOT / "perse_engine").iterdir() if p.is_dir() and not p.name.startswith("_")}
    assert rooms == set(ENGINE_ROOMS)


def test_the_api_process_imports_no_numerical_or_image_library() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in [*sorted((ROOT / "app").rglob("*.py")), *sorted((ROOT / "perse_engine/vocabulary").rglob("*.py"))]
        for name in imports(path)
        if name.split(".")[0] in HEAVY
    ]
    assert wrong == []


def test_model_libraries_are_imported_by_functions_of_their_rooms_only() -> None:
    found = 0
    wrong = []
    for path in modules():
        tree = ast.parse(path.read_text())
        inside = {id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for n in ast.walk(f)}
        for node in ast.walk(tree):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if not any(n.split(".")[0] in LEARNED for n in names):
                continue
            found += 1
            place = path.relative_to(ROOT).as_posix()
            if id(node) not in inside or not place.startswith(LEARNED_ROOMS):
                wrong.append(f"{place}:{node.lineno}")
    assert wrong == []
    assert found > 5
