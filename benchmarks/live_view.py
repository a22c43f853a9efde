"""The live view of an avatar's folder in Chromium: bytes, dB against the engine, milliseconds of sort and frame.

    python -m benchmarks.live_view me/ --size 512

Without a GPU Chromium draws in software: the worker's milliseconds hold for any machine, those of whole frames do not.
"""

from __future__ import annotations

import argparse
import base64
import http.server
import io
import json
import re
import shutil
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from app.pages import WEB
from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.storage import load_avatar
from perse_engine.export import write_bundle
from perse_engine.export.bundle import EXTENSION
from perse_engine.export.gltf import parse_glb
from perse_engine.look import Look
from perse_engine.rendering.render import Renderer
from perse_engine.scene import Camera, Expression, Gaze, Pose

GREY = (0.82, 0.84, 0.86)
PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<style>body { margin: 0 } canvas { display: block; width: SIZEpx; height: SIZEpx }</style><canvas></canvas>
<script type="module">
import { Viewer } from "/viewer/viewer.js";
window.viewer = new Viewer(document.querySelector("canvas"), { background: [0.82, 0.84, 0.86], ratio: 1 });
const began = performance.now();
viewer.open("/bundle.glb").then(() => { window.firstMs = performance.now() - began; document.body.dataset.live = "1" });
</script>"""
TIME = """async state => {
  const { gl } = viewer, times = [], work = [], sort = [];
  for (let i = 0; i < FRAMES; i++) {
    state.pose.yaw_deg = i;
    const began = performance.now();
    viewer.show(structuredClone(state));
    await viewer.settled();
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    times.push(performance.now() - began);
    work.push(viewer.timing.work_ms);
    sort.push(viewer.timing.sort_ms);
  }
  return [times, work, sort];
}"""


DRAWN_BY = """() => {
  const info = viewer.gl.getExtension("WEBGL_debug_renderer_info");
  return viewer.gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : viewer.gl.RENDERER);
}"""


def states(avatar: Avatar) -> dict[str, dict[str, Any]]:
    """Name -> state: at rest, lids, mouth, a mixed look half way, all categories full on."""
    half = {c: {ids[0]: 0.5, **({ids[1]: 0.3} if len(ids) > 1 else {})} for c, ids in avatar.variants().items()}
    full = {c: {ids[-1]: 1.0} for c, ids in avatar.variants().items()}
    smile = {"jawOpen": 0.6, "mouthSmileLeft": 0.7, "mouthSmileRight": 0.5}
    return {
        "neutral": state(),
        "eyelids": state({"eyeBlinkLeft": 0.8, "eyeBlinkRight": 1.0}, gaze=(10, -8)),
        "mouth": state(smile, yaw=15),
        "mixed look, half way": state({"mouthSmileLeft": 0.5, "browInnerUp": 0.4}, yaw=-20, look=half),
        "every category at 1": state(smile, yaw=10, look=full),
    }


def state(
    expression: dict[str, float] | None = None, *, yaw: float = 0, gaze: tuple[float, float] = (0, 0), look: Any = None
) -> dict[str, Any]:
    """As the viewer takes it."""
    pose = {"yaw_deg": yaw, "pitch_deg": 0, "roll_deg": 0, "gaze": {"yaw_deg": gaze[0], "pitch_deg": gaze[1]}}
    camera = {"yaw_deg": 0, "pitch_deg": 0, "distance": 1, "fov_deg": 18}
    return {"camera": camera, "pose": pose, "expression": expression or {}, "look": look or {}}


def engine_picture(renderer: Renderer, state: dict[str, Any], size: int) -> np.ndarray:
    """[size, size, 3] 0..1."""
    pose = state["pose"]
    head = Pose(pose["yaw_deg"], pose["pitch_deg"], pose["roll_deg"], Gaze(**pose["gaze"]))
    camera = Camera.orbit(width_px=size, height_px=size)
    look = Look.from_json(state["look"])
    return renderer.render(look, head, Expression(state["expression"]), camera, GREY).rgb


def report_bytes(bundle: Path) -> None:
    document, _ = parse_glb(bundle.read_bytes())
    extension = document["extensions"][EXTENSION]
    blocks = {"base": extension["base"]} | {c["name"]: c for c in extension["categories"]}
    blocks |= {f"{a['category']}/{a['variant']}": a for a in extension["added"]}
    print(f"{'whole bundle':<28}{bundle.stat().st_size / 1e6:8.2f} MB")
    for name, entry in blocks.items():
        print(f"{'  ' + name:<28}{document['bufferViews'][entry['bufferView']]['byteLength'] / 1e6:8.2f} MB")


@contextmanager
def opened(bundle: Path, size: int) -> Iterator[Page]:
    """A page with nothing but the viewer."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        extensions_map = {".js": "text/javascript", ".glb": "model/gltf-binary"}  # noqa: RUF012

        def do_GET(self) -> None:
            own = {"/": PAGE.replace("SIZE", str(size)).encode(), "/bundle.glb": None}
            body = own.get(self.path, b"") or (bundle if self.path in own else WEB / self.path[1:]).read_bytes()
            part = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if part is not None:
                first, last = int(part[1]), min(int(part[2]), len(body) - 1)
                span, body = f"bytes {first}-{last}/{len(body)}", body[first : last + 1]
            self.send_response(200 if part is None else 206)
            if part is not None:
                self.send_header("Content-Range", span)
            kind = self.extensions_map.get(Path(self.path).suffix, "text/html")
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return None

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    flags = ["--no-sandbox", "--use-gl=angle", "--enable-unsafe-swiftshader", "--force-device-scale-factor=1"]
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=shutil.which("chromium"), headless=True, args=flags,
            viewport={"width": size, "height": size},
        )  # fmt: skip
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_selector("body[data-live]")
        yield page
        context.close()
    server.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--frames", type=int, default=12, help="drawn per state; the medians are told")
    arguments = parser.parse_args()
    avatar = load_avatar(arguments.folder)
    renderer = Renderer(avatar, "cpu")
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle.glb"
        write_bundle(bundle, avatar)
        print(f"{len(avatar):,} Gaussians, {arguments.size} px")
        report_bytes(bundle)
        with opened(bundle, arguments.size) as page:
            print(f"drawn by {page.evaluate(DRAWN_BY)}")
            fetched = page.evaluate("viewer.about.fetched_bytes") / 1e6
            print(f"opened and drawn after {page.evaluate('firstMs'):.0f} ms and {fetched:.2f} MB")
            print(f"{'':<28}{'PSNR':>9}{'worker':>11}{'of it sort':>13}{'frame':>12}")
            for name, wanted in states(avatar).items():
                page.evaluate("async s => { viewer.show(s); await viewer.settled(); }", wanted)
                text = page.evaluate("viewer.canvas.toDataURL()")
                image = Image.open(io.BytesIO(base64.b64decode(text.partition(",")[2]))).convert("RGB")
                off = np.asarray(image, np.float64) / 255 - engine_picture(renderer, wanted, arguments.size)
                copy = json.loads(json.dumps(wanted))
                times, work, sort = page.evaluate(TIME.replace("FRAMES", str(arguments.frames)), copy)
                assert page.evaluate("viewer.glError()") == 0
                frame_ms, work_ms, sort_ms = (statistics.median(ms) for ms in (times, work, sort))
                db = -10 * np.log10(np.mean(off**2))
                print(f"{name:<28}{db:6.1f} dB{work_ms:8.1f} ms{sort_ms:10.1f} ms{frame_ms:9.0f} ms")


if __name__ == "__main__":
    main()
