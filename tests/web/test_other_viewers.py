"""Three.js and Spark, from npm's registry, show our files as docs/guides/engines.md says."""

from __future__ import annotations

import functools
import http.server
import io
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import BrowserContext

from perse_engine.avatar.avatar import Avatar
from perse_engine.export import write_glb
from perse_engine.export.avatar_files import ExportWish, export_avatar
from perse_engine.head.subject import Subject
from perse_engine.rendering.render import Renderer
from perse_engine.scene import Camera, Expression, Pose
from perse_engine.vocabulary import ARKIT_NAMES

GUIDE = (Path(__file__).parents[2] / "docs/guides/engines.md").read_text()
PACKAGES = ("three@0.187.0", "@sparkjsdev/spark@2.2.0")
SIDE_PX = 256
POSE, EXPRESSION = Pose(yaw_deg=20), Expression({"jawOpen": 0.3})
LOADER = """async () => {
  const {GLTFLoader} = await import("three/addons/loaders/GLTFLoader.js");
  const loaded = await new GLTFLoader().loadAsync("rig.glb");
  const names = new Set(), bones = [];
  loaded.scene.traverse(part => {
    Object.keys(part.morphTargetDictionary ?? {}).forEach(name => names.add(name));
    if (part.isBone) bones.push(part.name);
  });
  return [[...names], bones];
}"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page_of_the_guide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A served folder with the guide's page and what it imports, and its address."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm: scripts/setup dev")
    folder = tmp_path_factory.mktemp("viewers")
    command = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    if done.returncode:
        pytest.skip(f"needs npm's registry: {done.stderr[-300:]}")
    (block,) = re.findall(r"```html\n(.*?)```", GUIDE, re.DOTALL)
    seen = block.replace("alpha: true", "alpha: true, preserveDrawingBuffer: true")
    (folder / "index.html").write_text(f'<!doctype html><link rel="icon" href="data:,">\n<body style="margin:0">{seen}')
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_spark_draws_what_we_draw(
    page_of_the_guide: tuple[Path, str], browser: BrowserContext, tiny_avatar: Avatar
) -> None:
    folder, url = page_of_the_guide
    wish = ExportWish("spz", pose=POSE, expression=EXPRESSION)
    export_avatar(folder / "me.spz", tiny_avatar, wish)
    camera = Camera.orbit(width_px=SIDE_PX, height_px=SIDE_PX)
    ours = Renderer(tiny_avatar, "cpu").render(wish.look, POSE, EXPRESSION, camera, (1.0, 1.0, 1.0)).rgb
    page = browser.new_page()
    page.set_viewport_size({"width": SIDE_PX, "height": SIDE_PX})
    page.goto(url)
    page.wait_for_function(
        """() => {
          const canvas = document.querySelector("canvas");
          if (!canvas) return false;
          const small = new OffscreenCanvas(32, 32).getContext("2d");
          small.drawImage(canvas, 0, 0, 32, 32);
          return small.getImageData(16, 16, 1, 1).data[3] > 128;
        }"""
    )
    theirs = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"), np.float64) / 255
    page.close()
    assert _psnr_db(theirs, ours) >= 35
    assert _psnr_db(theirs[:, ::-1], ours) < 20, "a mirrored head would be seen"


def test_three_loads_the_rig_with_bones_and_shapes(
    page_of_the_guide: tuple[Path, str], browser: BrowserContext, astronaut_subject: Subject
) -> None:
    folder, url = page_of_the_guide
    write_glb(folder / "rig.glb", rig=astronaut_subject.look)
    page = browser.new_page()
    # The guide's page draws without a pause: small, so that software GL leaves time for the loader.
    page.set_viewport_size({"width": 64, "height": 64})
    page.goto(url)
    shapes, bones = page.evaluate(LOADER)
    page.close()
    assert {"jawOpen", "eyeBlinkLeft", "mouthSmileRight", "browDownLeft"} <= set(shapes) <= set(ARKIT_NAMES)
    assert {"head", "eyeLeft", "eyeRight"} <= set(bones)


def _psnr_db(a: np.ndarray, b: np.ndarray) -> float:
    return float(-10 * np.log10(((a - b) ** 2).mean()))
