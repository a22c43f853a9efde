"""The main job on a real photo, over HTTP: upload, build, watch, render, download.

    python scripts/demo.py                       the public-domain sample portrait, draft preset
    python scripts/demo.py --portrait me.jpg     your own photo

Starts the embedded service on a free loopback port, talks to it as any client would, and writes everything that one
can look at to demo-output/, with an index.html.
"""

from __future__ import annotations

import argparse
import html
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
START_TIMEOUT_S = 90.0
BUILD_TIMEOUT_S = 1800.0


@dataclass(frozen=True)
class View:
    """One render request: a file name, a caption and the request's body."""

    name: str
    caption: str
    body: dict[str, object]


SMILE = {"mouthSmileLeft": 0.7, "mouthSmileRight": 0.7}
VIEWS = (
    View("front", "neutral", {}),
    View("left", "yaw 25", {"pose": {"yaw_deg": 25}}),
    View("right", "yaw -25, pitch 8", {"pose": {"yaw_deg": -25, "pitch_deg": 8}}),
    View("orbit", "camera 30 to the side", {"camera": {"yaw_deg": 30}}),
    View("smile", "smile", {"expression": SMILE}),
    View("open", "jawOpen 0.6", {"expression": {"jawOpen": 0.6}}),
    View("blink", "eyes closed", {"expression": {"eyeBlinkLeft": 1, "eyeBlinkRight": 1}}),
    View("gaze", "gaze to the left", {"pose": {"gaze": {"yaw_deg": 25}}}),
    View("hair", "hair: long-wavy-blonde", {"look": {"hair": {"long-wavy-blonde": 1}}}),
    View("hair-half", "hair: half way", {"look": {"hair": {"long-wavy-blonde": 0.5}}, "pose": {"yaw_deg": 20}}),
    View("beard", "beard: full-brown", {"look": {"beard": {"full-brown": 1}}, "pose": {"yaw_deg": -15}}),
    View("glasses", "eyeglasses: round-black", {"look": {"eyeglasses": {"round-black": 1}}, "pose": {"yaw_deg": 20}}),
    View("hat", "hat: beanie-grey", {"look": {"hat": {"beanie-grey": 1}}, "pose": {"yaw_deg": -20}}),
    View("nose", "nose: wide", {"look": {"nose": {"wide": 1}}}),
    View("lips", "mouth: full-red, smiling", {"look": {"mouth": {"full-red": 1}}, "expression": SMILE}),
    View(
        "mixed",
        "ginger hair, half a beard, eyeglasses, smiling",
        {
            "look": {
                "hair": {"source-length-straight-ginger": 1},
                "beard": {"full-brown": 0.5},
                "eyeglasses": {"square-red": 1},
            },
            "expression": SMILE,
            "pose": {"yaw_deg": 15},
        },
    ),
)


def sample_portrait() -> bytes:
    """NASA's portrait of Eileen Collins, public domain, from scikit-image."""
    import skimage.data
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(skimage.data.astronaut()).save(file, "PNG")
    return file.getvalue()


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextmanager
def service(data: Path, log: Path) -> Iterator[httpx.Client]:
    """The embedded service in a process of its own; stopped at the end."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "worker.cli", "serve", "--port", str(port)]
    environment = os.environ | {"PERSE_DATA_DIR": str(data)}
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        with httpx.Client(base_url=url, timeout=120.0) as client:
            deadline = time.monotonic() + START_TIMEOUT_S
            while True:
                if process.poll() is not None:
                    raise SystemExit(f"The service stopped while starting; {log} says why.")
                try:
                    if client.get("/readyz").status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                if time.monotonic() > deadline:
                    raise SystemExit(f"The service was not ready after {START_TIMEOUT_S:.0f} s; see {log}.")
                time.sleep(0.2)
            yield client
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def check(response: httpx.Response) -> httpx.Response:
    """The response, or an end with the service's own words."""
    if response.is_error:
        raise SystemExit(f"{response.request.method} {response.request.url.path}: {response.text}")
    return response


def watch(client: httpx.Client, job_id: str) -> None:
    """Print stage, fraction and ETA until the job ends."""
    deadline = time.monotonic() + BUILD_TIMEOUT_S
    shown = ""
    while time.monotonic() < deadline:
        job = check(client.get(f"/v1/jobs/{job_id}", headers={"Prefer": "wait=1"})).json()
        progress = job.get("progress") or {}
        eta = progress.get("eta_s")
        line = f"  {job['status']:<9} {100 * (progress.get('fraction') or 0):5.1f} %  {progress.get('stage') or '':<12}"
        line += f"  {eta:4.0f} s left" if eta is not None else ""
        if line != shown:
            print(line, end="\r" if sys.stdout.isatty() else "\n", flush=True)
            shown = line
        if job["status"] in ("succeeded", "failed", "canceled", "expired"):
            print()
            if job["status"] != "succeeded":
                raise SystemExit(f"The job {job['status']}: {json.dumps(job.get('error'))}")
            return
        time.sleep(0.3)
    raise SystemExit("The job did not end in time.")


def render_all(client: httpx.Client, avatar_id: str, folder: Path) -> list[float]:
    """Save every view; returns the seconds that each took over HTTP."""
    seconds = []
    for view in VIEWS:
        start = time.perf_counter()
        body = view.body | {"width_px": 512, "height_px": 512}
        response = check(client.post(f"/v1/avatars/{avatar_id}/renders", json=body))
        seconds.append(time.perf_counter() - start)
        (folder / f"{view.name}.png").write_bytes(response.content)
    return seconds


def download_artifacts(client: httpx.Client, avatar_id: str, folder: Path) -> list[str]:
    """Save every artifact under its own name."""
    names = []
    for artifact in check(client.get(f"/v1/avatars/{avatar_id}/artifacts", params={"limit": 100})).json()["data"]:
        content = check(client.get(f"/v1/artifacts/{artifact['id']}/content", follow_redirects=True)).content
        name = Path(artifact["name"]).name
        (folder / name).write_bytes(content)
        names.append(name)
    return sorted(names)


def write_index(folder: Path, artifacts: list[str], facts: dict[str, str]) -> None:
    """A page that shows it all; plain HTML, opens from disk."""
    figures = "".join(
        f'<figure><img src="renders/{v.name}.png" width="256">'
        f"<figcaption>{html.escape(v.caption)}</figcaption></figure>"
        for v in VIEWS
    )
    files = "".join(f'<li><a href="artifacts/{html.escape(n)}">{html.escape(n)}</a></li>' for n in artifacts)
    rows = "".join(f"<tr><th>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in facts.items())
    (folder / "index.html").write_text(
        f"""<!doctype html><meta charset="utf-8"><title>Perse demo</title>
<style>body{{font:15px system-ui;margin:2em;max-width:1150px}}figure{{display:inline-block;margin:4px}}
figcaption{{font-size:12px;max-width:256px}}th{{text-align:left;padding-right:1em}}img{{background:#ddd}}</style>
<h1>One photo in, an editable animatable avatar out</h1>
<figure><img src="portrait.png" width="256"><figcaption>the photo</figcaption></figure>
<video src="artifacts/turntable.mp4" width="256" controls loop muted autoplay></video>
<table>{rows}</table><h2>Renders over HTTP</h2>{figures}
<h2>Contact sheet</h2><img src="artifacts/preview.png" width="1100"><h2>Files</h2><ul>{files}</ul>"""
    )


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portrait", type=Path, help="JPEG, PNG or WebP; default: the sample portrait")
    parser.add_argument("--preset", default="draft", choices=("draft", "standard", "high"))
    parser.add_argument("--output", type=Path, default=ROOT / "demo-output")
    arguments = parser.parse_args()
    output: Path = arguments.output
    if output.exists():
        shutil.rmtree(output)
    (output / "renders").mkdir(parents=True)
    (output / "artifacts").mkdir()
    portrait = arguments.portrait.read_bytes() if arguments.portrait else sample_portrait()

    print("Starting the service.", flush=True)
    with service(output / "service-data", output / "service.log") as client:
        start = time.perf_counter()
        upload = check(
            client.post(
                "/v1/portraits",
                files={"file": ("portrait", portrait)},
                data={"consent": json.dumps({"version": "1", "subject": "authorised"})},
            )
        ).json()
        print(f"Portrait {upload['id']}: {upload['width_px']} x {upload['height_px']} px")
        for warning in upload.get("warnings", []):
            print(f"  note: {warning['message']}")
        (output / "portrait.png").write_bytes(check(client.get(f"/v1/portraits/{upload['id']}/image")).content)
        created = check(
            client.post("/v1/avatars", json={"portrait_id": upload["id"], "preset": arguments.preset, "name": "demo"})
        ).json()
        avatar_id = created["avatar"]["id"]
        watch(client, created["job"]["id"])
        build_s = time.perf_counter() - start
        seconds = render_all(client, avatar_id, output / "renders")
        warm_s = sorted(seconds)[len(seconds) // 2]
        artifacts = download_artifacts(client, avatar_id, output / "artifacts")
    facts = {
        "upload to finished avatar": f"{build_s:.0f} s",
        "render at 512 px over HTTP, median": f"{1000 * warm_s:.0f} ms",
        "preset": arguments.preset,
    }
    write_index(output, artifacts, facts)
    for name, value in facts.items():
        print(f"{name}: {value}")
    print(f"Look at {output / 'index.html'}")


if __name__ == "__main__":
    main()
