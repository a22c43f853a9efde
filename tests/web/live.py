"""The live view in tests: open it, put it in a state, take its pixels, and the engine's for the same state."""

from __future__ import annotations

import base64
import io
import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page

if TYPE_CHECKING:
    from tests.web.conftest import Studio

Pixels = npt.NDArray[np.float64]
GREY = [0.82, 0.84, 0.86]
POLL_S = 0.05
REST = """async () => {
  const { restState } = await import("/web/viewer/viewer.js");
  perse.session.set(restState(), true);
}"""


def open_avatar(page: Page, studio: Studio, query: str = "") -> None:
    """The avatar's page, when its base is drawn."""
    page.goto(f"{studio.url}/#/avatar/{studio.avatar_id}{query}")
    page.wait_for_selector("body[data-live]")
    page.evaluate(f"perse.viewer.setBackground({GREY})")


def rest_again(page: Page) -> None:
    """What is on screen is what was there when the page was opened."""
    page.evaluate(REST)
    settle(page)


def settle(page: Page) -> None:
    """Until the state last set is drawn whole, without an error of GL's."""
    page.evaluate("perse.viewer.settled()")
    assert page.evaluate("perse.viewer.glError()") == 0


def set_state(page: Page, part: dict[str, Any]) -> None:
    """Change what is on screen, as a control does."""
    page.evaluate("part => perse.session.set(part, true)", part)
    settle(page)


def pixels(page: Page) -> Pixels:
    """The canvas, [H, W, 3] in 0..1."""
    text = page.evaluate("perse.viewer.canvas.toDataURL()")
    image = Image.open(io.BytesIO(base64.b64decode(text.partition(",")[2])))
    return np.asarray(image.convert("RGB"), np.float64) / 255


def engine_pixels(page: Page, studio: Studio) -> Pixels:
    """The service's own render of what is on screen, at the same size."""
    size = page.evaluate("({width_px: perse.viewer.canvas.width, height_px: perse.viewer.canvas.height})")
    body = json.loads(page.evaluate("JSON.stringify(perse.session.state)")) | size | {"background": GREY}
    answer = studio.service.client.post(f"/v1/avatars/{studio.avatar_id}/renders", json=body)
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"), np.float64) / 255


def psnr_db(a: Pixels, b: Pixels) -> float:
    return float(-10 * np.log10(np.mean((a - b) ** 2) + 1e-12))


def serious_faults(page: Page) -> list[str]:
    """What axe finds on the page as it is, light and dark, and calls serious or worse."""
    faults = []
    for theme in ("light", "dark"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        found = Axe().run(page).response["violations"]
        serious = [v for v in found if v["impact"] in ("serious", "critical")]
        faults += [f"{theme}: {v['id']}: {v['nodes'][0]['html']}" for v in serious]
    return faults


def until(page: Page, expression: str, timeout_s: float = 120.0) -> None:
    """Poll; the page's policy forbids what Playwright's own waiting does."""
    deadline = time.monotonic() + timeout_s
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {expression}"
        page.wait_for_timeout(1000 * POLL_S)


def artifact_named(studio: Studio, name: str) -> dict[str, Any]:
    """One of the avatar's files, as the API tells it."""
    stored = studio.service.client.get(f"/v1/avatars/{studio.avatar_id}/artifacts").json()["data"]
    return next(one for one in stored if one["name"] == name)
