"""Addresses that can never work, and IP addresses that are not of the public internet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cafemood.core import addresses


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://", "it names no host"),
        ("https:///a.jpg", "it names no host"),
        ("http://:80/a.jpg", "it names no host"),
        ("http://ann:pw@/a.jpg", "it names no host"),
        ("http://a b/c.jpg", "its host has a space in it"),
        ("http://a\u3000b/c.jpg", "its host has a space in it"),
        ("http://h\x00/a.jpg", "its host has a space in it"),
        ("http://host:99999/a.jpg", "its port is none of 1 to 65535"),
        ("http://host:0/a.jpg", "its port is none of 1 to 65535"),
        ("http://host:photos/a.jpg", "its port is none of 1 to 65535"),
        ("http://host:-1/a.jpg", "its port is none of 1 to 65535"),
        ("http://a..b/c.jpg", "its host is no name"),
        (f"http://{'a' * 64}.kr/c.jpg", "its host is no name"),
        (f"http://{'a.' * 130}kr/c.jpg", "its host is no name"),
        (f"http://{'카' * 64}.kr/c.jpg", "its host is no name in any script"),
        ("http://카페..kr/c.jpg", "its host is no name in any script"),
        ("http://xn--a-\x7f.kr/c.jpg", "its host has a space in it"),
        ("http://xn--99999999999.kr/c.jpg", "its host is no name in any script"),
        ("http://a!b/c.jpg", "its host is no name"),
        ("http://<host>/c.jpg", "its host is no name"),
        ("http://%20/c.jpg", "its host is no name"),
        ("http://256.1.1.1/c.jpg", "its host is no IPv4 address"),
        ("http://1.2.3.4.5/c.jpg", "its host is no IPv4 address"),
        ("http://[::1/c.jpg", "its brackets hold no IPv6 address"),
        ("http://[::g]/c.jpg", "its brackets hold no IPv6 address"),
        ("http://ho\u2100st/c.jpg", "a letter in its host's name stands for a sign such as / or @"),
    ],
)
def test_what_can_never_work_says_why(address, why):
    assert addresses.flaw(address) == f"it is no address ({why})"


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/a b.jpg", "https://카페.kr/사진.jpg", "https://xn--hq1bm8jm9l.kr/",
        "http://a_b.example.org:8080/x?y=z z",
        "http://127.0.0.1:9/a.jpg", "http://[::1]:80/a.jpg", "http://2130706433/", "http://0x7f.1/",
        "http://host./", "http://3com.com/",
        "https://ann:p w@host/a.jpg".replace(" ", "%20"), "HTTP://HOST/", "http://-a-.tumblr.com/x.jpg",
        "https://☕.example/",
    ],
)  # fmt: skip
def test_what_may_work_has_no_flaw(address):
    assert addresses.flaw(address) == ""


@given(st.text(max_size=30))
def test_any_text_has_a_flaw_or_none_and_a_host_or_none(text):
    assert isinstance(addresses.flaw(f"http://{text}"), str)
    assert isinstance(addresses.host_of(f"http://{text}"), str)
    addresses.literal_ip(text)
    assert addresses.is_private(text) in (True, False)


@pytest.mark.parametrize(
    ("host", "ip"),
    [
        ("127.0.0.1", "127.0.0.1"), ("2130706433", "127.0.0.1"), ("0x7f000001", "127.0.0.1"), ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"), ("127.1", "127.0.0.1"), ("[::1]", "::1"),
        ("fe80::1%eth0", "fe80::1"), ("10.0.0.1.", "10.0.0.1"), ("example.org", None), ("cafe", None), ("a.bc",
        None), ("", None),
    ],
)  # fmt: skip
def test_an_ip_address_in_any_form(host, ip):
    assert addresses.literal_ip(host) == ip


PRIVATE = [
    "127.0.0.1", "127.255.0.9", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200",
    "0.0.0.0", "192.0.0.192",
    "255.255.255.255", "224.0.0.1", "168.63.129.16", "::", "::1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::", "2002:a00:1::1",
    "2001:0:7f00:1::1", "::ffff:0:127.0.0.1", "nonsense", "",
]  # fmt: skip


@pytest.mark.parametrize("ip", PRIVATE)
def test_private_addresses(ip):
    assert addresses.is_private(ip)


@pytest.mark.parametrize(
    "ip",
    ["8.8.8.8", "1.1.1.1", "198.35.26.96", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
)
def test_public_addresses(ip):
    assert not addresses.is_private(ip)
