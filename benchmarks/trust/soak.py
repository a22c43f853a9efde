"""Many small jobs one after the other, and what the service weighs meanwhile."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.trust.clients import add_ready_avatar, checked, wait_for
from benchmarks.trust.promise import Promise, at_most, exactly, figure
from benchmarks.trust.stack import full_stack

LANES = (("files",), ("render", "io"))
PARTS = ("api", "worker-files", "worker-render")
EVERY = 5
"""Of the jobs, one is an export, in a process of its own; the others are renders."""
WARM_SHARE = 0.3
FLAT_MB = 15.0
UNLIMITED = {"PERSE_RATE_LIMIT_PER_MIN": "0", "PERSE_MAX_UNFINISHED_JOBS": "0"}


def soak(folder: Path, model: Path, jobs: int) -> list[Promise]:
    """Resident memory of API and workers after each job; its slope is taken after the first third."""
    with full_stack(folder, LANES, **UNLIMITED) as stack, stack.client() as client:
        avatar = add_ready_avatar(stack, model)
        weights: dict[str, list[float]] = {part: [] for part in PARTS}
        succeeded = 0
        for number in range(jobs):
            kind = "exports" if number % EVERY == 0 else "renders"
            own = {"format": "ply"} if kind == "exports" else {"width_px": 64, "height_px": 64}
            body = own | {"expression": {"jawOpen": (number + 1) / (jobs + 1)}}
            answer = client.post(f"/v1/avatars/{avatar}/{kind}", json=body, headers={"Prefer": "respond-async"})
            succeeded += wait_for(client, checked(answer)["job"]["id"])["status"] == "succeeded"
            for part in PARTS:
                weights[part].append(stack.resident_bytes(part) / 1e6)
        rows = [exactly("jobs that succeeded", succeeded, jobs)]
        for part, curve in weights.items():
            begin = int(WARM_SHARE * jobs)
            slope = 100 * float(np.polyfit(np.arange(begin, jobs), curve[begin:], 1)[0])
            rows += [
                figure(f"{part}: at the end of warming up", curve[begin], "MB"),
                figure(f"{part}: at the end", curve[-1], "MB"),
                at_most(f"{part}: growth in 100 jobs", slope, FLAT_MB, "MB"),
            ]
        return rows
