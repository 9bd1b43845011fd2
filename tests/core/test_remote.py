"""Files behind addresses: read whole, with bounds, and never named with their secrets."""

import hashlib
import logging
import socket
import sys

import fsspec
import pytest
from photo_server import PASSWORD, SIGNATURE, serving

from cafemood.core import guarded_http, remote
from cafemood.data.manifests import read_listing
from cafemood.errors import PhotoError


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setattr(remote, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(remote, "STALL_SECONDS", 0.3)
    (tmp_path / "a b.jpg").write_bytes(b"bytes " * 1000)
    with serving(tmp_path) as found:
        yield found


@pytest.mark.parametrize("path", ["/a b.jpg", "/a%20b.jpg", "/moved/a%20b.jpg", "/busy/a%20b.jpg"])
def test_a_file_comes_whole_also_redirected_and_after_a_busy_server(site, path):
    assert remote.fetch(site.address + path) == b"bytes " * 1000


def test_other_stores_are_opened_by_fsspec(tmp_path):
    fsspec.filesystem("memory").pipe("/bucket/x#1?.jpg", b"in memory")
    assert remote.fetch("memory://bucket/x#1?.jpg") == b"in memory"
    (tmp_path / "x.jpg").write_bytes(b"on disk")
    assert remote.fetch(f"file://{tmp_path}/x.jpg") == b"on disk"
    with pytest.raises(PhotoError, match=r"(?s)memory://bucket/gone\.jpg.*it is not there"):
        remote.fetch("memory://bucket/gone.jpg")


@pytest.mark.parametrize(
    ("path", "why", "asked"),
    [
        ("/gone.jpg", "it is not there", 1),
        ("/signed/a b.jpg", "its store does not allow it", 1),
        ("/locked/a b.jpg", "its store does not allow it", 1),
        ("/stall/a b.jpg", "no answer in time (3 tries)", 3),
        ("/cut/a b.jpg", "the connection broke off (3 tries)", 3),
        ("/loop", "it redirects for ever", 10),
    ],
)
def test_what_does_not_come_says_why_and_only_what_may_pass_is_tried_again(site, path, why, asked):
    with pytest.raises(PhotoError) as caught:
        remote.fetch(site.address + path)
    assert why in str(caught.value)
    assert sum(site.asked.values()) == asked


def test_a_server_that_is_gone_is_tried_three_times(site, monkeypatch):
    pauses = []
    monkeypatch.setattr(remote.time, "sleep", pauses.append)
    with pytest.raises(PhotoError, match=r"the connection is refused: nothing answers at that address \(3 tries\)"):
        remote.fetch("http://127.0.0.1:9/x.jpg")
    assert pauses == [0.01, 0.02]


def test_what_is_too_long_is_not_read_on(site, monkeypatch):
    monkeypatch.setattr(remote, "MAX_BYTES", 5999)
    with pytest.raises(PhotoError, match="too large"):
        remote.fetch(f"{site.address}/a b.jpg")
    fsspec.filesystem("memory").pipe("/long", b"x" * 6000)
    with pytest.raises(PhotoError, match="too large"):
        remote.fetch("memory://long")
    monkeypatch.setattr(remote, "MAX_BYTES", 6000)
    assert len(remote.fetch(f"{site.address}/a b.jpg")) == len(remote.fetch("memory://long")) == 6000


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://ann:pw@host:81/a/b.jpg", "https://host:81/a/b.jpg"),
        ("https://tok3n@host/b.jpg#part", "https://host/b.jpg"),
        ("https://host/b.jpg?X-Amz-Credential=AK/1&X-Amz-Signature=ab&w=300", "https://host/b.jpg?w=300"),
        ("https://host/b.jpg?sv=2024&sig=ab%3D&se=2030", "https://host/b.jpg"),
        ("HTTPS://host/get?photo=사진 1&key=AIza", "https://host/get?photo=%EC%82%AC%EC%A7%84+1"),
        ("s3://AKIA:s3cret@bucket/a/b?c#d.jpg", "s3://bucket/a/b?c#d.jpg"),
        ("s3://bucket/a@b.jpg", "s3://bucket/a@b.jpg"),
        ("memory://x.jpg", "memory://x.jpg"),
        ("https://ann:pw@[host/a.jpg?sig=x#y", "https://[host/a.jpg"),
    ],
)
def test_an_address_is_shown_without_its_secrets(address, name):
    assert remote.shown(address) == name
    assert remote.shown(name) == name


@pytest.mark.parametrize(
    ("address", "other"),
    [
        ("https://host/p?photo_reference=1", "https://host/p?photo_reference=2"),
        ("https://host/p?photo_reference=1&key=K", "https://host/p?photo_reference=2&key=K"),
        ("https://host/p?1", "https://host/p?2"),
        ("https://host/p?n=%FE", "https://host/p?n=%FF"),
        ("https://host/p?n=a%26b", "https://host/p?n=a&b"),
        ("https://host/p?se=1", "https://host/p?se=2"),  # Azure's word, but nothing is signed
        ("https://host/get?key=1.jpg", "https://host/get?key=2.jpg"),
        ("https://host/get?w=300&key=a/1.jpg", "https://host/get?w=300&key=a/2.jpg"),
        ("https://host/get?token=a", "https://host/get?token=b"),
        ("s3://bucket/a?b=1", "s3://bucket/a?b=2"),
        ("abfs://one@account/a.jpg", "abfs://two@account/a.jpg"),
    ],
)
def test_different_photos_never_share_an_id_nor_a_name(address, other):
    assert remote.address_id(address) != remote.address_id(other)
    assert remote.name_of(address) != remote.name_of(other)


@pytest.mark.parametrize(
    ("address", "again"),
    [
        (
            "https://host/a.jpg?X-Amz-Credential=AK%2F1&X-Amz-Expires=60&X-Amz-Signature=ab&versionId=3",
            "https://host/a.jpg?versionId=3&X-Amz-Signature=cd&x-amz-date=20300101",
        ),
        (
            "https://host/a.jpg?Expires=1&Signature=x%3D&Key-Pair-Id=K&Policy=p",
            "https://host/a.jpg?Expires=2&Signature=y",
        ),
        ("https://host/a.jpg?X-Goog-Signature=a&GoogleAccessId=b", "https://host/a.jpg"),
        ("https://host/a.jpg?AWSAccessKeyId=1&Expires=2&Signature=3", "https://host/a.jpg"),
        ("https://host/a?sv=2024&st=1&se=2&sr=b&sp=r&skoid=o&sig=a%3D", "https://host/a?sv=2025&se=3&sig=b"),
        ("https://host/p?photo_reference=1&key=K1", "https://host/p?photo_reference=1&key=K2"),
        ("https://host/o/a.jpg?alt=media&token=1", "https://host/o/a.jpg?alt=media&token=2"),
        ("https://ann:pw@host/a.jpg?access_token=1#top", "https://host/a.jpg"),
        ("https://host/p?name=사진 1", "https://host/p?name=%EC%82%AC%EC%A7%84+1"),
        ("s3://AKIA:s3cret@bucket/a.jpg", "s3://bucket/a.jpg"),
    ],
)
def test_an_address_that_is_signed_anew_keeps_its_id_and_its_name(address, again):
    assert remote.address_id(address) == remote.address_id(again)
    assert remote.name_of(address) == remote.name_of(again)


def test_an_id_is_none_of_those_that_older_caches_hold():
    assert remote.address_id("https://host/a.jpg") != hashlib.sha256(b"address https://host/a.jpg").hexdigest()


@pytest.mark.parametrize(
    "path", ["/gone.jpg", "/stall/x.jpg", "/cut/a b.jpg", "/loop", "/signed/a b.jpg", "/busy/gone.jpg"]
)
def test_no_error_holds_a_secret(site, path, caplog):
    caplog.set_level("DEBUG")
    address = site.address.replace("//", f"//ann:{PASSWORD}@") + f"{path}?X-Amz-Signature={SIGNATURE}x&token={PASSWORD}"
    with pytest.raises(PhotoError) as caught:
        remote.fetch(address)
    told = str(caught.value) + caplog.text
    assert site.address + path.replace(" ", "%20").split("%")[0] in told.replace(" ", "%20")
    assert PASSWORD not in told
    assert SIGNATURE not in told
    assert caught.value.__cause__ is None
    assert not logging.getLogger("botocore.endpoint").isEnabledFor(logging.DEBUG)  # it would log signed headers
    assert not logging.getLogger("fsspec.http").isEnabledFor(logging.DEBUG)


def test_secrets_open_what_they_are_for(site):
    locked = site.address.replace("//", f"//ann:{PASSWORD}@") + "/locked/a b.jpg"
    signed = f"{site.address}/signed/a b.jpg?X-Amz-Signature={SIGNATURE}"
    assert len(remote.fetch(locked)) == len(remote.fetch(signed)) == 6000
    remote.remember({f"{site.address}/signed/a b.jpg": signed})
    assert len(remote.fetch(f"{site.address}/signed/a b.jpg")) == 6000


def test_a_name_that_leaves_the_photo_out_is_not_fetched_once_its_address_is_forgotten(site):
    """The server would answer with another photo, or the site's front page."""
    address = f"{site.address}/a%20b.jpg?photo_reference=50"
    name = remote.name_of(address)
    with pytest.raises(PhotoError, match=r"cannot be fetched again[\s\S]*was not stored"):
        remote.fetch(name)
    assert not site.asked
    remote.remember({name: address})
    ends_alike = f"{site.address}/a%20b.jpg#0123456789ab"
    remote.remember({remote.shown(ends_alike): ends_alike})
    assert remote.fetch(ends_alike) == b"bytes " * 1000
    assert remote.fetch(name) == b"bytes " * 1000


@pytest.mark.parametrize(("scheme", "package"), [("s3", "s3fs"), ("gs", "gcsfs")])
def test_without_the_extra_one_line_names_it(scheme, package, monkeypatch):
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, scheme, raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        PhotoError, match=rf"(?s){scheme}://.*{package} is not installed.*pip install 'cafemood\[cloud\]'"
    ):
        remote.check_schemes(["https", scheme])


def test_an_unknown_kind_of_address_says_which_are_known():
    with pytest.raises(PhotoError, match=r"(?s)Unknown kind of address.*nope://.*s3://"):
        remote.check_schemes(["https", "nope"])


REDIRECTS = [
    "http://127.0.0.2:{port}/a%20b.jpg",
    "http://localhost:{port}/a%20b.jpg",
    "http://[::ffff:127.0.0.1]:{port}/x",
]
REDIRECTS += [
    "http://2130706433:{port}/a%20b.jpg",
    "http://0x7f.1:{port}/a%20b.jpg",
    "http://0177.0.0.1:{port}/a%20b.jpg",
]
REDIRECTS += [
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/",
    "http://[::1]:{port}/",
    "http://intranet.example/",
]
REDIRECTS += ["http://rebinds.example:{port}/a%20b.jpg", "http://app.localhost:{port}/", "http://[fd00:ec2::254]/"]


@pytest.fixture
def names(monkeypatch):
    """What names resolve to, one answer after the other."""
    resolver = guarded_http.aiohttp.ThreadedResolver
    own, known = resolver.resolve, {"intranet.example": ["10.0.0.7"], "rebinds.example": ["127.0.0.1", "8.8.8.8"]}

    async def resolve(self, host, port=0, family=socket.AF_UNSPEC):
        if host in known:
            ip = known[host].pop(0) if len(known[host]) > 1 else known[host][0]
            return [{"hostname": host, "host": ip, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}]
        return await own(self, host, port, family)

    monkeypatch.setattr(resolver, "resolve", resolve)
    monkeypatch.setattr(guarded_http, "_named", set())
    return known


@pytest.mark.parametrize("target", REDIRECTS)
def test_no_redirect_leads_into_a_private_network(site, names, target):
    """And nobody there is asked for anything."""
    site.elsewhere = target.format(port=site.server_address[1])
    with pytest.raises(PhotoError, match="a private address that the list does not name"):
        remote.fetch(f"{site.address}/elsewhere")
    assert list(site.asked) == ["/elsewhere"]


@pytest.mark.parametrize("target", [REDIRECTS[1], REDIRECTS[4]])
def test_a_host_that_the_list_names_is_gone_to(site, names, target):
    site.elsewhere = target.format(port=site.server_address[1])
    remote.name_hosts([site.elsewhere])
    assert remote.fetch(f"{site.address}/elsewhere") == b"bytes " * 1000


def test_a_list_names_the_hosts_of_all_its_rows(site, names, tmp_path):
    site.elsewhere = f"http://localhost:{site.server_address[1]}/a%20b.jpg"
    (tmp_path / "t.csv").write_text(
        f"file\n{site.address}/elsewhere\nhttp://localhost/other.jpg\nhttp://\nhttp://a b/c\n"
    )
    found = read_listing(tmp_path / "t.csv")
    assert [skipped.reason for skipped in found.skipped] == [
        "it is no address (it names no host)", "it is no address (its host has a space in it)"
    ]  # fmt: skip
    assert remote.fetch(found.photos[0].file) == b"bytes " * 1000


def test_a_proxy_may_be_in_a_private_network(site, names, monkeypatch):
    """Names are its to resolve then; private addresses are refused as they are written."""
    monkeypatch.setenv("http_proxy", site.address)
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(PhotoError, match="it is not there"):
        remote.fetch("http://photos.example/gone.jpg")
    assert site.asked
