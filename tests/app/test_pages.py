"""The web page's files, their policy, and that an installed package has them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.pages import WEB, content_policy
from app.settings import Settings

ROOT = Path(__file__).parents[2]
MODULES = sorted(WEB.rglob("*.js"))
MAX_LINES = 400


def test_the_page_is_served_under_a_strict_policy(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200 and "text/html" in page.headers["content-type"]
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert "frame-ancestors *" in client.get("/embed").headers["content-security-policy"]


def test_modules_are_served_as_modules_and_answered_304(client: TestClient) -> None:
    first = client.get("/web/viewer/viewer.js")
    assert first.headers["content-type"].startswith("text/javascript")
    assert client.get("/web/viewer/viewer.js", headers={"If-None-Match": first.headers["etag"]}).status_code == 304


@pytest.mark.parametrize("path", ["/web/../main.py", "/web/%2e%2e/main.py", "/web/none.js", "/web/"])
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_store_may_be_reached_where_it_presigns() -> None:
    settings = Settings(s3_public_endpoint_url="https://files.example:9000/x")
    assert "connect-src 'self' https://files.example:9000;" in content_policy(settings, "'none'")


@pytest.mark.parametrize("module", MODULES, ids=lambda p: p.relative_to(WEB).as_posix())
def test_modules_are_short_say_why_and_import_only_what_is_there(module: Path) -> None:
    text = module.read_text()
    assert text.startswith("/**") and len(text.splitlines()) <= MAX_LINES
    for name in re.findall(r'^import .*?"([^"]+)";$', text, re.MULTILINE):
        assert name.startswith(".") and (module.parent / name).is_file(), name


def test_the_package_carries_the_page() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["app"]
    carried = {p for pattern in data for p in (ROOT / "app").glob(pattern) if p.is_file()}
    assert {p for p in WEB.rglob("*") if p.is_file()} <= carried
