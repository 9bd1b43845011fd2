"""Web addresses of lists: which can never work, which host they name, and whether an IP address is a private one."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urlsplit

from cafemood.core.reasons import NO_ADDRESS

_HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
_WIRE_SERVER = ipaddress.ip_address("168.63.129.16")
"""Azure's virtual public address, which only its own machines reach
(learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16)."""

_IPV4_INSIDE = (("64:ff9b::/96", 0), ("64:ff9b:1::/48", 0), ("::/96", 0), ("::ffff:0:0:0/96", 0), ("2002::/16", 80))
"""Networks of IPv6 that stand for addresses of IPv4, and how many bits stand behind those (RFC 6052, 4291, 3056)."""


_RESERVED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "198.18.0.0/15",
        "240.0.0.0/4",
        "fec0::/10",
        "fc00::/7",
    )
)
"""Of which Python's versions do not all say that they are none of the internet's (Oracle's metadata: 192.0.0.192)."""


def is_web(address: str) -> bool:
    """Whether an address is `http://` or `https://`."""
    return address.partition("://")[0].lower() in ("http", "https") and "://" in address


def flaw(address: str) -> str:
    """Why a web address can never work, whoever asks; nothing if it may."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        letters = "a letter in its host's name stands for a sign such as / or @"
        netloc = re.split(r"[/?#]", address.split("://", 1)[-1], maxsplit=1)[0]
        return f"{NO_ADDRESS} ({'its brackets hold no IPv6 address' if set(netloc) & set('[]') else letters})"
    try:
        wrong_port = parts.port == 0
    except ValueError:
        wrong_port = True
    if not host:
        why = "it names no host"
    elif re.search(r"[\s\x00-\x1f\x7f]", parts.netloc):
        why = "its host has a space in it"
    elif wrong_port:
        why = "its port is none of 1 to 65535"
    else:
        why = _host_flaw(host)
    return f"{NO_ADDRESS} ({why})" if why else ""


def _host_flaw(host: str) -> str:
    if ":" in host:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            return "its brackets hold no IPv6 address"
        return ""
    try:
        ascii_host = host.encode("idna").decode().lower() if not host.isascii() else host.lower()
        for label in ascii_host.split("."):
            if label.startswith("xn--"):
                label[4:].encode().decode("punycode")
    except UnicodeError:
        return "its host is no name in any script"
    if not _HOST.fullmatch(ascii_host) or len(ascii_host) > 253:
        return "its host is no name"
    last = ascii_host.rstrip(".").rpartition(".")[2]
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last) and literal_ip(ascii_host) is None:
        return "its host is no IPv4 address"
    return ""


def host_of(address: str) -> str:
    """The host that a web address names, in lower case and without its port; nothing if it names none."""
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""


def literal_ip(host: str) -> str | None:
    """The IP address that a host is written as, in any of the forms that systems take (`2130706433`, `0x7f.1`)."""
    host = host.strip("[]").rstrip(".").partition("%")[0]
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host)) if re.fullmatch(r"[0-9a-fx.]+", host.lower()) else None
    except (OSError, ValueError):
        return None


def is_private(ip: str) -> bool:
    """Whether an IP address is not of the public internet: private, of this machine or link, a cloud's metadata.

    Forms of IPv6 that stand for one of IPv4 count as that.
    """
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return True
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return is_private(str(address.ipv4_mapped))
        for network, behind in _IPV4_INSIDE:
            if address in ipaddress.ip_network(network):
                return is_private(str(ipaddress.IPv4Address((int(address) >> behind) & 0xFFFFFFFF)))
        if address.teredo:
            return True
    reserved = any(address in network for network in _RESERVED) or address == _WIRE_SERVER
    return reserved or address.is_multicast or not address.is_global


def unnamed(host: str, ip: str) -> str:
    """Why a private address that no list names is not asked."""
    return f"it leads to {host if host == ip else f'{host} ({ip})'}, a private address that the list does not name"
