"""How long an animation takes: by `perse animate`, and through a running service.

python -m benchmarks.animation me/                                                        two cores, three runs
python -m benchmarks.animation me/ --url http://127.0.0.1:8000 --avatar ava_...           and over HTTP
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from app.client import Drive, Perse

FPS = 25


def by_command(folder: Path, seconds: float, size_px: int, cores: int) -> tuple[float, float]:
    """Wall and CPU seconds of `perse animate`, with starting and loading."""
    with tempfile.TemporaryDirectory() as out:
        command = [
            sys.executable,
            "-m",
            "worker.cli",
            "animate",
            str(folder),
            "-o",
            f"{out}/talk.mp4",
            "--clip",
            "talk",
        ]
        command += ["--seconds", f"{seconds:g}", "--size", str(size_px), "--fps", str(FPS)]
        before, began = _children_s(), time.monotonic()
        environment = os.environ | {"OMP_NUM_THREADS": str(cores), "OMP_WAIT_POLICY": "PASSIVE"}
        subprocess.run(command, check=True, env=environment, capture_output=True)
        return time.monotonic() - began, _children_s() - before


def by_http(url: str, avatar_id: str, seconds: float, size_px: int) -> float:
    """Wall seconds from the request until the video's last byte is here."""
    with Perse(url) as perse, tempfile.TemporaryDirectory() as out:
        avatar = perse.avatar(avatar_id)
        began = time.monotonic()
        # The seed is another one each time: an equal wish might be answered by what was made before.
        talk = Drive(clip="talk", seconds=seconds, seed=time.time_ns() % 2**32)
        job = avatar.animate(talk, fps=FPS, width_px=size_px, height_px=size_px).wait()
        job.artifacts()[0].save(out)
        return time.monotonic() - began


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print each run, and what else the machine did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("avatar_folder", type=Path, help="a folder as `perse create` leaves it")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--cores", type=int, default=2, help="no more than these are used by the command")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--url", help="of a running service, with --avatar")
    parser.add_argument("--avatar", help="the id of an avatar there")
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[: arguments.cores]
    os.sched_setaffinity(0, cores)
    what = f"{arguments.seconds:g} s, {arguments.size} px, {FPS} frames a second"
    print(f"{what}; {len(cores)} cores, load average before {os.getloadavg()[0]:.1f}")
    for _ in range(arguments.runs):
        wall_s, cpu_s = by_command(arguments.avatar_folder, arguments.seconds, arguments.size, len(cores))
        print(f"perse animate   {wall_s:6.1f} s, {cpu_s:.1f} s of CPU")
    for _ in range(arguments.runs if arguments.url else 0):
        print(f"over HTTP       {by_http(arguments.url, arguments.avatar, arguments.seconds, arguments.size):6.1f} s")


if __name__ == "__main__":
    main()
