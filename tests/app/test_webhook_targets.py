"""Which URLs webhooks may go to: a corpus of what reaches into private networks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.settings import Settings
from app.webhooks.targets import UnsafeTarget, is_public, look_up, parse_target, safe_addresses

STRICT = Settings()
OPEN = Settings(webhook_allow_http=True, webhook_allow_private=True)

PRIVATE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.8", "192.0.0.10", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8", "64:ff9b::8.8.8.8",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1",
    "2002:7f00:1::", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0",
    "fec0::1", "ff02::1", "4000::1", "not an address", "",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.215.14", "100.63.255.255", "172.32.0.1", "2606:4700:4700::1111", "2a00::1"]

WRONG_URLS = [
    "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "//example.com/",
    "example.com", "", "https://", "https:///path", "https://user@example.com/", "https://user:pw@example.com/",
    "https://@example.com/", "https://example.com@127.0.0.1/", "https://example.com#@127.0.0.1/",
    "https://example.com/#part", "https://example.com#", "https://example.com\\@127.0.0.1/", "https:\\\\example.com/",
    "https://example.com:22/", "https://example.com:80/", "https://example.com:0/", "https://example.com:65536/",
    "https://example.com:-443/", "https://example.com:abc/", "https://exa mple.com/", "https://example.com/ HTTP/1.1",
    "https://example.com/\r\nX: y", "https://exam\tple.com/", "https://example.com/\x00", "https://bücher.example/",
    "https://１２７.0.0.1/", "https://127。0。0。1/", "https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/",
    "https://0177.0.0.1/", "https://127.1/", "https://127.0.0.1./", "https://1.2.3.4.5/", "https://256.1.1.1/",
    "https://example.com./", "https://.example.com/", "https://a..b/", "https://-a.com/", "https://a-.com/",
    "https://[::1%25lo]/", "https://[::1/", "https://::1/", "https://[v1.x]/", "https://a[::1]/", "https://[::1]a/",
    "https://a:/", "https://a:0443/", "https://%31%32%37.0.0.1/",
    "https://example.com%00.internal/", f"https://{'a' * 64}.com/", f"https://{'a.' * 130}com/",
    "https://example.com/" + "a" * 2048,
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_no_address_of_a_private_or_special_network_is_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_open_internet_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("url", WRONG_URLS)
def test_what_can_be_misread_is_refused(url: str) -> None:
    with pytest.raises(UnsafeTarget):
        parse_target(url, STRICT)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://example.com", ("https", "example.com", 443, "/")),
        ("https://Example.COM:8443/a/b?c=d", ("https", "example.com", 8443, "/a/b?c=d")),
        ("https://xn--bcher-kva.example/hook", ("https", "xn--bcher-kva.example", 443, "/hook")),
        ("https://example.xn--p1ai/", ("https", "example.xn--p1ai", 443, "/")),
        ("https://8.8.8.8?q", ("https", "8.8.8.8", 443, "/?q")),
        ("https://[2606:4700:4700::1111]/", ("https", "2606:4700:4700::1111", 443, "/")),
    ],
)
def test_a_good_url_is_taken_apart(url: str, parts: tuple[str, str, int, str]) -> None:
    target = parse_target(url, STRICT)
    assert (target.scheme, target.host, target.port, target.path) == parts


def test_settings_open_http_and_private_networks() -> None:
    target = parse_target("http://localhost:9000/hook", OPEN)
    assert "127.0.0.1" in safe_addresses(target, OPEN)
    with pytest.raises(UnsafeTarget):
        parse_target("http://localhost:0/", OPEN)


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://[fe80::1]/"])
def test_this_machine_is_no_target(url: str) -> None:
    with pytest.raises(UnsafeTarget, match="does not lead to a public address"):
        safe_addresses(parse_target(url, STRICT), STRICT)


@pytest.mark.parametrize("answer", [[], ["10.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["8.8.8.8", "::1"], ["fe80::1%eth0"]])
def test_one_private_address_among_many_is_enough(answer: list[str]) -> None:
    target = parse_target("https://example.com/", STRICT)
    with pytest.raises(UnsafeTarget) as refused:
        safe_addresses(target, STRICT, lambda host, port: answer)
    # A host that is not there and one that is private answer alike: nobody learns names of the network.
    assert str(refused.value) == "The webhook's host does not lead to a public address."


def test_a_name_without_an_address_has_none() -> None:
    assert look_up("name.invalid", 443) == []


@given(st.text(max_size=60) | st.text("htps:/@.[]%#?\\0123456789abcdefx-", max_size=40).map("https://".__add__))
def test_any_text_is_taken_apart_or_refused(url: str) -> None:
    try:
        target = parse_target(url, STRICT)
    except UnsafeTarget:
        return
    assert target.port in (443, 8443) and target.path[0] in "/?" and "@" not in target.host


@given(st.integers(0, 2**32 - 1))
def test_no_form_of_an_ipv4_address_inside_ipv6_is_public(number: int) -> None:
    high, low = number >> 16, number & 0xFFFF
    for form in ("::{:x}:{:x}", "::ffff:{:x}:{:x}", "64:ff9b::{:x}:{:x}", "2002:{:x}:{:x}::1", "2001:0:{:x}:{:x}::"):
        assert not is_public(form.format(high, low))
