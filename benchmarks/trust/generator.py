"""A load generator that costs little: HTTP/1.1 over kept connections, in a process of its own.

Requests are sent at fixed times whatever the answers do, and are timed from when they were due: a service that stalls
is not spared the requests that it held up. Without a rate each connection sends as soon as it has its answer.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np


@dataclass(frozen=True)
class Load:
    """What came of it; times in seconds."""

    seconds: float
    latencies: list[float]
    statuses: dict[str, int]

    @property
    def per_s(self) -> float:
        """Answers below 400 in a second."""
        return sum(n for status, n in self.statuses.items() if status < "4") / self.seconds

    def percentile_ms(self, share: float) -> float:
        """Of the latencies."""
        return 1000 * float(np.percentile(self.latencies, share)) if self.latencies else float("inf")

    @property
    def refused(self) -> int:
        """Answers of 400 and more, and connections that broke."""
        return sum(n for status, n in self.statuses.items() if status >= "4")


def request(method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> str:
    """As it goes over the wire."""
    own = {"Host": "127.0.0.1", **(headers or {})} | ({"Content-Length": str(len(body))} if body else {})
    lines = "".join(f"{name}: {value}\r\n" for name, value in own.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n" + body.decode()


def generate(url: str, requests: Sequence[str], seconds: float, connections: int, rate: float = 0.0) -> Load:
    """Send these in turn, in a process of its own; `rate` per second, or as fast as they are answered."""
    plan = {"url": url, "requests": list(requests), "seconds": seconds, "connections": connections, "rate": rate}
    done = subprocess.run(
        [sys.executable, "-m", __name__], input=json.dumps(plan), capture_output=True, text=True, check=True
    )
    return Load(**json.loads(done.stdout))


async def _run(url: str, requests: Sequence[str], seconds: float, connections: int, rate: float) -> Load:
    latencies: list[float] = []
    statuses: Counter[str] = Counter()
    turns = itertools.cycle(r.encode() for r in requests)
    start = time.perf_counter()
    due = _due(start, seconds, rate)
    port = urlsplit(url).port
    await asyncio.gather(*(_connection(port, turns, due, latencies, statuses) for _ in range(connections)))
    return Load(time.perf_counter() - start, latencies, dict(statuses))


def _due(start: float, seconds: float, rate: float) -> Iterator[float]:
    """When each request is due; shared by the connections."""
    if rate:
        yield from (start + n / rate for n in range(int(seconds * rate)))
    else:
        while (now := time.perf_counter()) < start + seconds:
            yield now


async def _connection(
    port: int | None, turns: Iterator[bytes], due: Iterator[float], latencies: list[float], statuses: Counter[str]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for at in due:
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        writer.write(next(turns))
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = _length(head)
            if length:
                await reader.readexactly(length)
            status = head[9:12].decode()
        except (asyncio.IncompleteReadError, ConnectionError):
            status = "broken"
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        latencies.append(time.perf_counter() - at)
        statuses[status] += 1
    writer.close()


def _length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    return int(head[at + 15 : head.index(b"\r", at)]) if at >= 0 else 0


if __name__ == "__main__":
    load = asyncio.run(_run(**json.loads(sys.stdin.read())))
    print(json.dumps({"seconds": load.seconds, "latencies": load.latencies, "statuses": load.statuses}))
