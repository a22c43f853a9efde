"""Files in an S3-compatible store. Settings and reasons: research of 2026-11 on R2, MinIO's successors, moto."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from app.settings import Settings
from app.storage.base import ObjectInfo

CHUNK = 1 << 18
MISSING = ("404", "NoSuchKey", "NotFound")


class S3Storage:
    """See `Storage`. storage_url is s3://bucket/prefix."""

    def __init__(self, settings: Settings) -> None:
        bucket, _, prefix = (settings.storage_url or "").removeprefix("s3://").partition("/")
        self._bucket, self._prefix = bucket, prefix.strip("/") + "/" if prefix.strip("/") else ""
        self._ttl_s = settings.presign_ttl_s
        self._client = _client(settings, settings.s3_endpoint_url)
        public = settings.s3_public_endpoint_url
        # The host is signed: links for clients need the address that clients use.
        self._public = _client(settings, public) if public else None

    def create_bucket(self) -> None:
        """Make the bucket if it is not there."""
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except ClientError:
            self._client.create_bucket(Bucket=self._bucket)

    def put_file(self, key: str, path: Path, media_type: str) -> None:
        """See `Storage`."""
        self._client.upload_file(str(path), self._bucket, self._prefix + key, ExtraArgs={"ContentType": media_type})

    def put_bytes(self, key: str, data: bytes, media_type: str) -> None:
        """See `Storage`."""
        self._client.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=data, ContentType=media_type)

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """See `Storage`."""
        if length == 0:
            return iter(())
        end = "" if length is None else str(start + length - 1)
        ranged = {} if start == 0 and length is None else {"Range": f"bytes={start}-{end}"}
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key, **ranged)
        except ClientError as error:
            raise _missing(error, key) from error
        return iter(answer["Body"].iter_chunks(CHUNK))

    def head(self, key: str) -> ObjectInfo | None:
        """See `Storage`."""
        try:
            answer = self._client.head_object(Bucket=self._bucket, Key=self._prefix + key)
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise
        return ObjectInfo(int(answer["ContentLength"]), answer["LastModified"])

    def list(self, prefix: str) -> Iterator[str]:
        """See `Storage`."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix.rstrip("/") + "/"
        )
        for page in pages:
            for item in page.get("Contents", []):
                yield item["Key"].removeprefix(self._prefix)

    def delete(self, key: str) -> None:
        """See `Storage`."""
        self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def delete_prefix(self, prefix: str) -> int:
        """See `Storage`."""
        keys = list(self.list(prefix))
        for i in range(0, len(keys), 1000):
            objects = [{"Key": self._prefix + key} for key in keys[i : i + 1000]]
            self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})
        return len(keys)

    def erase_unfinished(self, before: datetime) -> int:
        """See `Storage`."""
        count = 0
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=self._prefix)
        for page in pages:
            for begun in page.get("Uploads", []):
                if begun["Initiated"] < before:
                    self._client.abort_multipart_upload(
                        Bucket=self._bucket, Key=begun["Key"], UploadId=begun["UploadId"]
                    )
                    count += 1
        return count

    def download(self, key: str, path: Path) -> None:
        """See `Storage`."""
        partial = path.with_name(path.name + ".part")
        try:
            self._client.download_file(self._bucket, self._prefix + key, str(partial))
        except ClientError as error:
            raise _missing(error, key) from error
        partial.replace(path)

    def presign_get(self, key: str, filename: str, media_type: str) -> str | None:
        """See `Storage`."""
        if self._public is None:
            return None
        parameters = {
            "Bucket": self._bucket,
            "Key": self._prefix + key,
            "ResponseContentDisposition": f'attachment; filename="{filename}"',
            "ResponseContentType": media_type,
        }
        return str(self._public.generate_presigned_url("get_object", Params=parameters, ExpiresIn=self._ttl_s))


def _client(settings: Settings, endpoint: str | None) -> Any:
    secret = settings.s3_secret_access_key
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=settings.s3_region,
        aws_access_key_id=settings.s3_access_key_id,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            retries={"mode": "standard", "max_attempts": 5},
            connect_timeout=3,
            read_timeout=30,
            # boto3's new default checksums are refused by many S3-compatible stores.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def _missing(error: ClientError, key: str) -> Exception:
    return KeyError(key) if error.response["Error"]["Code"] in MISSING else error
