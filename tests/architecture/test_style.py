"""House rules that a machine can check. docs/contributing.md gives the reasons."""

from __future__ import annotations

import ast
import re
import statistics
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = [p for name in ("app", "worker", "perse_engine") for p in sorted((ROOT / name).rglob("*.py"))]
CATCH_ALL_NAMES = {"utils.py", "util.py", "helpers.py", "common.py", "misc.py"}
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 100


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def is_kernel(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Numba kernels are long on purpose: a call inside would cost more than the lines."""
    return any(re.search(r"\b(njit|jit|kernel)\b", ast.unparse(d)) for d in node.decorator_list)


def test_there_is_code_to_look_at() -> None:
    assert len(SOURCES) > 60
    assert sum(len(functions(p)) for p in SOURCES) > 300


def test_no_file_is_a_catch_all() -> None:
    assert [p for p in SOURCES if p.name in CATCH_ALL_NAMES] == []


def test_files_stay_short_enough_to_read() -> None:
    lines = {p: len(p.read_text().splitlines()) for p in SOURCES}
    assert {str(p.relative_to(ROOT)): n for p, n in lines.items() if n > MAX_FILE_LINES} == {}
    assert statistics.median(n for n in lines.values() if n > 5) <= 150


def test_functions_fit_in_one_view() -> None:
    long = {
        f"{p.relative_to(ROOT)}:{f.name}": (f.end_lineno or 0) - f.lineno + 1
        for p in SOURCES
        for f in functions(p)
        if (f.end_lineno or 0) - f.lineno + 1 > MAX_FUNCTION_LINES and not is_kernel(f)
    }
    assert long == {}


def test_every_module_says_why_it_exists() -> None:
    silent = [
        str(p.relative_to(ROOT))
        for p in SOURCES
        if p.read_text().strip() and not ast.get_docstring(ast.parse(p.read_text()))
    ]
    assert silent == []


def test_nothing_is_left_for_later() -> None:
    words = ("TODO", "FIXME", "XXX", "NotImplementedError")
    assert [f"{p.relative_to(ROOT)}: {w}" for p in SOURCES for w in words if w in p.read_text()] == []
