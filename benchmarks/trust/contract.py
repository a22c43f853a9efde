"""Requests that the OpenAPI document allows, and some that it does not, made up by schemathesis."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from app.keys import create_key
from benchmarks.trust.clients import add_ready_avatar
from benchmarks.trust.promise import Promise, exactly, figure, holds
from benchmarks.trust.stack import embedded

RUN = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"
LEFT_OUT = "unsupported_method,missing_required_header,positive_data_acceptance"
"""Not promised: what a schema cannot say (names of a catalogue, a face on the photo, rules between fields) is refused
with 422 too, and methods that a path does not have are answered 405 by the framework."""


def made_up(folder: Path, model: Path, examples: int, seed: int) -> list[Promise]:
    """Every route, `examples` requests each; a finding is an answer that the document does not know, or a 500."""
    limits = {"PERSE_RATE_LIMIT_PER_MIN": "0", "PERSE_MAX_UNFINISHED_JOBS": "3", "PERSE_REQUIRE_KEY": "true"}
    with embedded(folder, **limits) as stack:
        key = create_key(stack.sessions, "trust")
        add_ready_avatar(stack, model)
        options = {
            "--max-examples": str(examples), "--seed": str(seed), "--phases": "examples,fuzzing",
            "--exclude-checks": LEFT_OUT, "--exclude-path-regex": "/events$", "--request-timeout": "60",
            "--header": f"Authorization: Bearer {key}",
        }  # fmt: skip
        words = (word for option in options.items() for word in option)
        command = [sys.executable, "-c", RUN, "run", f"{stack.url}/openapi.json", "--no-color", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        (folder / "schemathesis.txt").write_text(done.stdout + done.stderr)
        cases = re.search(r"([\d,]+) generated", done.stdout)
        found = re.findall(r"^- (.+)$|^_+ (\S+ /\S+) _+$", done.stdout, re.MULTILINE)
        names = sorted({check or route for check, route in found})
        with stack.client() as client:
            ready = client.get("/readyz").status_code
        return [
            figure("requests", float(cases.group(1).replace(",", "")) if cases else float("nan")),
            holds("schemathesis finds nothing", done.returncode == 0, "; ".join(names)[:2000] or "nothing"),
            exactly("and the service is ready", ready, 200),
        ]
