"""OpenStack Swift with its S3 interface: a store that checks signatures, expiry and whose bucket it is."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers import Server, free_port, running

ACCESS_KEY, SECRET_KEY = "test:tester", "testing"
DEVICE = "disk"
KINDS = ("account", "container", "object")
PROXY = """
[DEFAULT]
{common}
[pipeline:main]
pipeline = catch_errors gatekeeper s3api tempauth bulk slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:s3api]
use = egg:swift#s3api
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = {secret} .admin
[filter:bulk]
use = egg:swift#bulk
[filter:slo]
use = egg:swift#slo
# Else segments of large objects wait for a daemon that does not run here.
allow_async_delete = false
[filter:dlo]
use = egg:swift#dlo
"""
BACKEND = """
[DEFAULT]
{common}
devices = {devices}
mount_check = false
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""
SWIFT = """
[swift-hash]
swift_hash_path_suffix = tests
[storage-policy:0]
name = only
default = yes
"""
RUN = "import sys; from swift.common.wsgi import run_wsgi; sys.exit(run_wsgi(sys.argv[1], sys.argv[2]))"


@dataclass(frozen=True)
class SwiftStore:
    """Where it listens; its keys are `ACCESS_KEY` and `SECRET_KEY`."""

    url: str
    folder: Path
    """Objects lie below `disk/objects` as files `*.data`: what is there can be counted without asking the store."""

    def bytes_of_objects(self) -> int:
        """On the disk, of all objects of all buckets."""
        return sum(f.stat().st_size for f in (self.folder / DEVICE / "objects").rglob("*.data"))


@contextmanager
def swift_server(folder: Path) -> Iterator[SwiftStore]:
    """Four processes with one replica in `folder`, whose file system must keep user attributes."""
    (folder / DEVICE).mkdir()
    try:
        os.setxattr(folder / DEVICE, "user.perse", b"1")
    except (AttributeError, OSError):
        pytest.skip("needs a temporary folder whose file system keeps user attributes: ext4, xfs, btrfs")
    (folder / "swift.conf").write_text(SWIFT)
    ports = {kind: free_port() for kind in KINDS}
    for kind, port in ports.items():
        _ring(folder, kind, port)
    with ExitStack() as stack:
        for kind, port in ports.items():
            text = BACKEND.format(common=_common(folder, port), devices=folder, kind=kind)
            stack.enter_context(_server(folder, f"{kind}-server", text, port))
        port = free_port()
        text = PROXY.format(common=_common(folder, port), secret=SECRET_KEY)
        stack.enter_context(_server(folder, "proxy-server", text, port))
        yield SwiftStore(f"http://127.0.0.1:{port}", folder)


def _server(folder: Path, name: str, text: str, port: int) -> AbstractContextManager[Server]:
    path = folder / f"{name}.conf"
    path.write_text(text)
    return running(Server([sys.executable, "-W", "ignore", "-c", RUN, str(path), name], port, cwd=folder))


def _common(folder: Path, port: int) -> str:
    own = {"bind_ip": "127.0.0.1", "bind_port": port, "swift_dir": folder, "user": getpass.getuser(), "workers": 0}
    return "\n".join(f"{name} = {value}" for name, value in own.items())


def _ring(folder: Path, kind: str, port: int) -> None:
    from swift.common.ring import RingBuilder

    builder = RingBuilder(4, 1, 0)
    place = {"region": 1, "zone": 1, "weight": 1.0, "ip": "127.0.0.1", "port": port, "device": DEVICE}
    builder.add_dev(place | {"replication_ip": "127.0.0.1", "replication_port": port, "meta": ""})
    builder.rebalance()
    builder.get_ring().save(str(folder / f"{kind}.ring.gz"))
