"""One contract, every store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from botocore.exceptions import ClientError
from pydantic import SecretStr

from app.database.models import now
from app.settings import Settings
from app.storage import LocalStorage, S3Storage, Storage
from tests.servers import wait_until
from tests.swift import ACCESS_KEY, SECRET_KEY, SwiftStore


@pytest.fixture(params=["local", "moto", "swift"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    if request.param == "local":
        yield LocalStorage(tmp_path / "store")
        return
    if request.param == "moto":
        url, keys = request.getfixturevalue("s3_url"), ("id", "secret")
    else:
        url, keys = request.getfixturevalue("swift").url, (ACCESS_KEY, SECRET_KEY)
    with s3_storage(url, *keys) as storage:
        storage.create_bucket()
        storage.delete_prefix("t")
        yield storage


@contextmanager
def s3_storage(url: str, access_key: str, secret_key: str, ttl_s: int = 300) -> Iterator[S3Storage]:
    storage = S3Storage(
        Settings(
            storage_url="s3://perse-test/objects", s3_endpoint_url=url, s3_public_endpoint_url=url,
            s3_access_key_id=access_key, s3_secret_access_key=SecretStr(secret_key), presign_ttl_s=ttl_s,
        )
    )  # fmt: skip
    yield storage
    storage._client.close()
    storage._public.close()


def begin_write(store: Storage, key: str) -> None:
    """As a process leaves it that is killed in the middle."""
    if isinstance(store, S3Storage):
        place = {"Bucket": store._bucket, "Key": store._prefix + key}
        upload = store._client.create_multipart_upload(**place)["UploadId"]
        store._client.upload_part(**place, UploadId=upload, PartNumber=1, Body=b"x" * 1000)
    else:
        assert isinstance(store, LocalStorage)
        (store._partial / "0123").write_bytes(b"x" * 1000)


def test_what_was_put_is_read_back_whole_and_in_part(store: Storage) -> None:
    store.put_bytes("t/a/file", b"0123456789", "text/plain")
    assert b"".join(store.read("t/a/file")) == b"0123456789"
    assert b"".join(store.read("t/a/file", 3, 4)) == b"3456"
    assert b"".join(store.read("t/a/file", 8)) == b"89"


def test_files_go_in_and_out(store: Storage, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"x" * 600_000)
    store.put_file("t/a/big", tmp_path / "in", "application/octet-stream")
    store.download("t/a/big", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"x" * 600_000
    info = store.head("t/a/big")
    assert info is not None and info.size_bytes == 600_000


def test_what_is_not_there_is_said(store: Storage, tmp_path: Path) -> None:
    assert store.head("t/none") is None
    with pytest.raises(KeyError):
        store.read("t/none")
    with pytest.raises(KeyError):
        store.download("t/none", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_deleting_an_object_leaves_its_neighbours(store: Storage) -> None:
    for key in ("t/a/1", "t/a/12"):
        store.put_bytes(key, b"x", "text/plain")
    for _ in range(2):
        store.delete("t/a/1")
    assert list(store.list("t")) == ["t/a/12"]


def test_deleting_a_prefix_leaves_its_neighbours(store: Storage) -> None:
    for key in ("t/a/1", "t/a/b/2", "t/ab/3"):
        store.put_bytes(key, b"x", "text/plain")
    assert store.delete_prefix("t/a") == 2
    assert list(store.list("t/a")) == []
    assert list(store.list("t/ab")) == ["t/ab/3"]


def test_a_store_knows_when_an_object_was_written(store: Storage) -> None:
    start = now()
    store.put_bytes("t/a/1", b"x", "text/plain")
    info = store.head("t/a/1")
    # Swift tells whole seconds.
    assert info is not None and start - timedelta(seconds=2) < info.written_at < now() + timedelta(seconds=2)


def test_writes_that_never_ended_are_erased(store: Storage) -> None:
    store.put_bytes("t/a/whole", b"x", "text/plain")
    begin_write(store, "t/a/part")
    assert list(store.list("t")) == ["t/a/whole"]
    assert store.erase_unfinished(now() + timedelta(minutes=1)) == 1
    assert store.erase_unfinished(now() + timedelta(minutes=1)) == 0
    assert list(store.list("t")) == ["t/a/whole"]


# moto tells one time of all uploads.
@pytest.mark.parametrize("store", ["local", "swift"], indirect=True)
def test_writes_that_go_on_are_not_erased(store: Storage) -> None:
    store.put_bytes("t/a/whole", b"x", "text/plain")
    begin_write(store, "t/a/part")
    assert store.erase_unfinished(now() - timedelta(minutes=1)) == 0
    assert store.erase_unfinished(now() + timedelta(minutes=1)) == 1


@pytest.mark.parametrize("key", ["../x", "t/../../x", "/etc/passwd", "t//x", "t/a\x00b", "t/.partial/x"])
def test_local_keys_cannot_leave_the_store(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="storage key"):
        LocalStorage(tmp_path).put_bytes(key, b"x", "text/plain")


def test_s3_links_are_signed_for_the_public_address(s3_url: str) -> None:
    settings = Settings(
        storage_url="s3://perse-test", s3_endpoint_url=s3_url, s3_public_endpoint_url="https://files.example",
        s3_access_key_id="id", s3_secret_access_key=SecretStr("secret"),
    )  # fmt: skip
    link = S3Storage(settings).presign_get("t/a", "a.ply", "application/octet-stream")
    assert link is not None and link.startswith("https://files.example/perse-test/t/a?") and "Signature" in link


@pytest.mark.parametrize("keys", [(ACCESS_KEY, "guessed"), ("test:nobody", SECRET_KEY)])
def test_a_store_that_checks_signatures_refuses_other_keys(swift: SwiftStore, keys: tuple[str, str]) -> None:
    with s3_storage(swift.url, *keys) as storage, pytest.raises(ClientError, match=r"Signature|AccessKey"):
        storage.put_bytes("t/a/file", b"x", "text/plain")


def test_a_link_is_good_for_its_object_and_for_its_time(swift: SwiftStore) -> None:
    with s3_storage(swift.url, ACCESS_KEY, SECRET_KEY, ttl_s=600) as storage, httpx.Client(timeout=60) as anybody:
        storage.create_bucket()
        for key in ("t/a/one", "t/a/two"):
            storage.put_bytes(key, key.encode(), "text/plain")
        link = storage.presign_get("t/a/one", "one.txt", "text/plain")
        assert link is not None
        answer = anybody.get(link)
        assert answer.content == b"t/a/one" and answer.headers["content-disposition"].endswith('"one.txt"')
        for other in (link.replace("/one?", "/two?"), link.replace("Expires=600&", "Expires=900&"), link.split("?")[0]):
            assert other != link and anybody.get(other).status_code in (400, 403)
    with s3_storage(swift.url, ACCESS_KEY, SECRET_KEY, ttl_s=1) as storage, httpx.Client(timeout=60) as anybody:
        short = storage.presign_get("t/a/one", "one.txt", "text/plain")
        assert short is not None
        wait_until(lambda: anybody.get(short).status_code == 403, 60, "the link ends")


def test_large_objects_leave_no_part_behind(swift: SwiftStore, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(bytes(12_000_000))
    with s3_storage(swift.url, ACCESS_KEY, SECRET_KEY) as storage:
        storage.create_bucket()
        storage.delete_prefix("t")
        before = swift.bytes_of_objects()
        storage.put_file("t/a/large", tmp_path / "in", "application/octet-stream")
        assert swift.bytes_of_objects() >= before + 12_000_000
        assert storage.delete_prefix("t/a") == 1
        assert swift.bytes_of_objects() == before
        begin_write(storage, "t/a/large")
        assert storage.erase_unfinished(now() + timedelta(minutes=1)) == 1
        assert swift.bytes_of_objects() == before
