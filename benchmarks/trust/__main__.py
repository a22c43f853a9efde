"""Does the service keep what it promises?

Starts real servers on this machine (Postgres, Redis, Swift with its S3 interface, the API, Celery workers), does to
them what the world does, and prints what came of it. Every row with a bar is a promise; a broken one makes the exit
status 1. Needs what the tests need: `make setup`, and postgres and redis-server.

    python -m benchmarks.trust chaos --jobs 100 --seed 0 --parts
    python -m benchmarks.trust load soak --avatar me/ --json figures.json
    python -m benchmarks.trust all
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.trust.chaos import chaos
from benchmarks.trust.clients import sample_portrait
from benchmarks.trust.contract import made_up
from benchmarks.trust.hostile import uploads, urls
from benchmarks.trust.load import polls, renders
from benchmarks.trust.lost import flush, same_key, zombie
from benchmarks.trust.privacy import erase, strangers
from benchmarks.trust.promise import Promise
from benchmarks.trust.soak import soak
from benchmarks.trust.whole import whole


@dataclass(frozen=True)
class Plan:
    """What was asked for on the command line, and a folder for what servers write."""

    arguments: argparse.Namespace
    folder: Path

    @cached_property
    def model(self) -> Path:
        """The folder of a small avatar; built when none was given."""
        if self.arguments.avatar is not None:
            return Path(self.arguments.avatar)
        photo, made = self.folder / "portrait.png", self.folder / "avatar"
        photo.write_bytes(sample_portrait())
        say("building an avatar (preset preview)")
        command = [sys.executable, "-m", "worker.cli", "create", str(photo), "--preset", "preview", "--out", str(made)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return made

    def room(self, name: str) -> Path:
        """A new folder of one scenario."""
        room = self.folder / name
        room.mkdir()
        return room


Scenario = Callable[[Plan], list[Promise]]

SCENARIOS: Mapping[str, tuple[str, Scenario]] = {
    "chaos": (
        "kill -9 of API, workers, their children, Redis and Postgres at random while jobs run",
        lambda p: chaos(p.room("chaos"), p.model, p.arguments.jobs, p.arguments.seed, in_parts=p.arguments.parts),
    ),
    "flush": (
        "Redis forgets everything while 50 jobs wait and no worker runs",
        lambda p: flush(p.room("flush"), p.model, 50),
    ),
    "zombie": (
        "a worker is stopped in the middle of a job, loses it, and goes on",
        lambda p: zombie(p.room("zombie"), p.model, 5, p.arguments.seed),
    ),
    "samekey": (
        "50 requests at once with the same Idempotency-Key",
        lambda p: same_key(p.room("samekey"), p.model, 50),
    ),
    "strangers": ("every route with another tenant's ids", lambda p: strangers(p.room("strangers"), p.model)),
    "uploads": ("files that mean harm, and odd ones that do not", lambda p: uploads(p.room("uploads"))),
    "urls": ("webhook URLs that lead inside", lambda p: urls(p.room("urls"))),
    "erase": (
        "a real avatar is erased; what is left on the store's disk",
        lambda p: erase(p.room("erase"), p.arguments.preset),
    ),
    "polls": ("job polls while a job trains", lambda p: polls(p.room("polls"), p.arguments.seconds)),
    "renders": (
        "renders of a warm avatar, and how they grow with workers",
        lambda p: renders(p.room("renders"), p.model, p.arguments.seconds),
    ),
    "soak": ("many small jobs, memory over time", lambda p: soak(p.room("soak"), p.model, p.arguments.soak_jobs)),
    "contract": (
        "schemathesis against the OpenAPI document",
        lambda p: made_up(p.room("contract"), p.model, p.arguments.examples, p.arguments.seed),
    ),
    "whole": ("the sample becomes an avatar on the full stack", lambda p: whole(p.room("whole"), p.arguments.preset)),
}


GROUPS = {"load": ("polls", "renders"), "all": tuple(SCENARIOS)}


def main() -> int:
    """See `--help`."""
    arguments = _parser().parse_args()
    names = [name for word in arguments.scenarios for name in GROUPS.get(word, (word,))]
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Whoever stops this stops its servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    told: dict[str, list[Promise]] = {}
    with tempfile.TemporaryDirectory(prefix="perse-trust-", ignore_cleanup_errors=True) as temporary:
        plan = Plan(arguments, Path(temporary))
        for name in names:
            start = time.monotonic()
            say(f"{name}: {SCENARIOS[name][0]}")
            told[name] = _run(plan, name)
            _print_table(name, told[name], time.monotonic() - start)
    broken = [f"{name}: {p.what}" for name, promises in told.items() for p in promises if p.is_kept is False]
    if arguments.json is not None:
        figures = {name: [asdict(p) for p in promises] for name, promises in told.items()}
        arguments.json.write_text(json.dumps({"commit": _commit(), "scenarios": figures, "broken": broken}, indent=1))
    print("\nevery promise was kept" if not broken else "\nBROKEN\n  " + "\n  ".join(broken))
    return 1 if broken else 0


def say(text: str) -> None:
    """On stderr: what is going on."""
    print(text, file=sys.stderr, flush=True)


def _run(plan: Plan, name: str) -> list[Promise]:
    """A scenario that cannot be brought to its end has kept no promise."""
    try:
        return SCENARIOS[name][1](plan)
    except Exception as error:  # noqa: BLE001
        traceback.print_exc()
        if plan.arguments.keep:
            say(f"kept: {plan.folder}")
            os._exit(1)
        return [Promise("the scenario comes to its end", f"{type(error).__name__}: {error}"[:300], "yes", False)]


def _print_table(name: str, promises: list[Promise], seconds: float) -> None:
    width = max(len(p.what) for p in promises)
    print(f"\n{name} ({seconds:.0f} s)")
    for p in promises:
        mark = {None: " ", True: "+", False: "!"}[p.is_kept]
        print(f"  {mark} {p.what:<{width}}  {p.measured}" + (f"  (asked: {p.asked})" if p.asked else ""))
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    lines = [f"  {name:<10} {what}" for name, (what, _) in SCENARIOS.items()]
    lines += [f"  {name:<10} {', '.join(names)}" for name, names in GROUPS.items()]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.trust", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="scenarios:\n" + "\n".join(lines),
    )  # fmt: skip
    parser.add_argument("scenarios", nargs="+", choices=[*SCENARIOS, *GROUPS], metavar="SCENARIO", help="one or more")
    parser.add_argument("--jobs", type=int, default=100, help="of chaos (100)")
    parser.add_argument("--parts", action="store_true", help="of chaos: avatars are built in job parts, by two workers")
    parser.add_argument("--seed", type=int, default=0, help="of what is random (0)")
    parser.add_argument("--soak-jobs", type=int, default=200, help="of soak (200)")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each measurement of load (15)")
    parser.add_argument("--examples", type=int, default=20, help="of contract, requests per route (20)")
    parser.add_argument("--preset", default="draft", help="of erase and whole (draft)")
    parser.add_argument("--avatar", help="folder of an avatar, as `perse create` leaves it; else a small one is built")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    parser.add_argument("--keep", action="store_true", help="when a scenario breaks off, leave logs and data behind")
    return parser


def _commit() -> str:
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
