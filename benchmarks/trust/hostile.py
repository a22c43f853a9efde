"""Files and URLs that mean harm: documented answers, nothing kept, and memory that does not grow with their claims."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from collections.abc import Mapping
from pathlib import Path

import httpx
import skimage.data
from PIL import Image

from benchmarks.trust.clients import checked, sample_portrait, upload
from benchmarks.trust.promise import Promise, at_most, exactly, figure, holds
from benchmarks.trust.stack import CONSENT, Stack, embedded

PEAK_MB = 1500.0
"""Of the API and its engine host together. Warm, they take half a gigabyte."""
REFUSED = (413, 415, 422)
URLS = (
    "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "https://127.0.0.1/",
    "https://localhost/", "https://0.0.0.0/", "https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/", "https://[fe80::1]/", "https://[fc00::1]/", "https://10.0.0.1/", "https://172.16.0.1/",
    "https://192.168.0.1/", "https://169.254.169.254/latest/meta-data/", "https://100.64.0.1/", "https://198.18.0.1/",
    "https://224.0.0.1/", "https://240.0.0.1/", "https://255.255.255.255/", "https://2130706433/", "https://0x7f.1/",
    "https://0177.0.0.1/", "https://127.1/", "https://user:pw@example.com/", "https://example.com:22/",
    "https://example.com#@127.0.0.1/", "https://127.0.0.1\\@example.com/", "https://exa mple.com/", "https:///x", "https://",
    "https://example.com\r\nX: y/", "https://metadata.google.internal/", "https://no-such-host.invalid/",
)  # fmt: skip


def uploads(folder: Path) -> list[Promise]:
    """Bombs, lies, polyglots, fragments; and odd files that are fine."""
    with embedded(folder, PERSE_RATE_LIMIT_PER_MIN="0") as stack, stack.client(timeout_s=120) as client:
        upload(client, sample_portrait())
        warm = stack.resident_bytes("api") / 1e6
        documented = {
            int(s) for s in checked(client.get("/openapi.json"))["paths"]["/v1/portraits"]["post"]["responses"]
        }
        with Peak(stack) as peak:
            bad = {name: _send(client, data) for name, data in bad_files().items()}
            odd = {name: _send(client, data) for name, data in odd_files().items()}
            bad["21 MB, chunked"] = _send_in_chunks(client, 21_000_000)
        kept = len(checked(client.get("/v1/portraits"))["data"])
        objects = sum(1 for _ in stack.storage.list("t"))
        wrong = {name: a.status_code for name, a in bad.items() if a.status_code not in REFUSED}
        wrong |= {name: a.status_code for name, a in odd.items() if a.status_code != 201}
        alien = {name: a.status_code for name, a in (bad | odd).items() if a.status_code not in documented}
        metadata = [word for word in (b"Exif", b"GPS", b"secret comment") if word in _stored(client)]
        return [
            figure("bad files", len(bad)),
            holds("bad ones are refused, odd ones accepted", not wrong, str(wrong) if wrong else "yes"),
            holds("every answer is documented", not alien, str(alien) if alien else "yes"),
            exactly("portraits kept", kept, 1 + len(odd)),
            exactly("objects kept", objects, 1 + len(odd)),
            holds("metadata is gone from what is kept", not metadata, str(metadata) if metadata else "yes"),
            figure("memory of the API and its host, warm", warm, "MB"),
            at_most("its peak", peak.megabytes, PEAK_MB, "MB"),
            exactly("and the service is ready", client.get("/readyz").status_code, 200),
        ]


def urls(folder: Path) -> list[Promise]:
    """Webhook URLs that lead into the network that the service stands in."""
    with embedded(folder, PERSE_RATE_LIMIT_PER_MIN="0") as stack, stack.client() as client:
        answers = {url: client.post("/v1/webhook-endpoints", json={"url": url}) for url in URLS}
        accepted = [url for url, a in answers.items() if a.status_code != 422]
        telling = {a.json()["detail"] for url, a in answers.items() if "host" in a.json()["detail"]}
        return [
            figure("URLs", len(URLS)),
            holds("all are refused with 422", not accepted, str(accepted) if accepted else "yes"),
            holds("a private host and one that is not there answer alike", len(telling) <= 2, f"{len(telling)} texts"),
        ]


class Peak:
    """The most memory that the API and what is below it held while the block ran."""

    def __init__(self, stack: Stack) -> None:
        self.megabytes = 0.0
        self._stack, self._stopping = stack, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.wait(0.02):
            self.megabytes = max(self.megabytes, self._stack.resident_bytes("api") / 1e6)


def bad_files() -> Mapping[str, bytes]:
    """By what is wrong with them."""
    jpeg, png = encoded("JPEG"), sample_portrait()
    return {
        "nothing": b"",
        "magic alone": b"\xff\xd8\xff",
        "noise after the magic": b"\xff\xd8\xff" + bytes(range(256)) * 40,
        "half a JPEG": jpeg[: len(jpeg) // 2],
        "half a PNG": png[: len(png) // 2],
        "a PNG that claims 2 Gpx": claims(png, 46_000, 46_000),
        "a PNG of 196 Mpx in few bytes": bomb(14_000, 14_000),
        "a PNG of no width": claims(png, 0, 512),
        "a text of 1 GB, compressed": with_chunk(png, b"zTXt", b"x\0\0" + zlib.compress(bytes(1_000_000_000), 9)),
        "a GIF": encoded("GIF"),
        "a TIFF": encoded("TIFF"),
        "a BMP": encoded("BMP"),
        "an SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "HTML": b"<html><script>alert(1)</script></html>",
        "a ZIP": b"PK\x03\x04" + bytes(100),
        "a pickle": b"\x80\x04\x95" + bytes(50),
        "no face": encoded("PNG", Image.new("RGB", (512, 512), "grey")),
        "sixteen pixels": encoded("PNG", Image.new("RGB", (16, 16))),
        "one pixel wide": encoded("PNG", Image.new("RGB", (1, 30_000))),
    }


def odd_files() -> Mapping[str, bytes]:
    """Unusual, but pictures of a person."""
    photo = Image.fromarray(skimage.data.astronaut())
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 29.0)
    turned = photo.rotate(90, expand=True)
    return {
        "metadata, and turned": encoded("JPEG", turned, exif=exif.tobytes(), comment=b"secret comment"),
        "CMYK": encoded("JPEG", photo.convert("CMYK")),
        "transparent WebP": encoded("WEBP", photo.convert("RGBA")),
        "a ZIP behind the JPEG": encoded("JPEG", photo) + b"PK\x03\x04" + bytes(2000),
    }


def encoded(format: str, image: Image.Image | None = None, **options: object) -> bytes:
    """A picture's file; the sample's by default."""
    file = io.BytesIO()
    (image or Image.fromarray(skimage.data.astronaut())).save(file, format, **options)  # type: ignore[arg-type]
    return file.getvalue()


def claims(png: bytes, width: int, height: int) -> bytes:
    """The PNG with another size in its header."""
    header = b"IHDR" + struct.pack(">II", width, height) + png[24:29]
    return png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:]


def bomb(width: int, height: int) -> bytes:
    """Black, and small until it is decoded."""
    row = zlib.compressobj(9)
    data = b"".join(row.compress(bytes(1 + width * 3)) for _ in range(height)) + row.flush()
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def with_chunk(png: bytes, kind: bytes, data: bytes) -> bytes:
    """The PNG with one chunk more, before its pixels."""
    return png[:33] + chunk(kind, data) + png[33:]


def chunk(kind: bytes, data: bytes) -> bytes:
    """Of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _send(client: httpx.Client, data: bytes) -> httpx.Response:
    return client.post("/v1/portraits", files={"file": ("x", data)}, data={"consent": CONSENT})


def _send_in_chunks(client: httpx.Client, size: int) -> httpx.Response:
    """Without saying how much will come."""
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n\xff\xd8\xff'
    parts = (head, *(bytes(100_000) for _ in range(size // 100_000)), b"\r\n--b--\r\n")
    return client.post(
        "/v1/portraits", content=iter(parts), headers={"Content-Type": "multipart/form-data; boundary=b"}
    )


def _stored(client: httpx.Client) -> bytes:
    rows = checked(client.get("/v1/portraits"))["data"]
    return b"".join(client.get(row["links"]["image"]).content for row in rows)
