"""Every kind of error in our own words, made by hand and from what really raises it."""

import asyncio
import errno
import gzip
import io
import json
import os
import re
import socket
import sqlite3
import ssl
import struct
import tarfile
import zipfile
import zlib
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest
import requests
import torch
import urllib3
from PIL import Image
from safetensors.torch import load_file
from scrapy import exceptions as scrapy

from cafemood.core import reasons
from cafemood.core.reasons import Flaw, of_image, quoted, reason_of
from cafemood.errors import PhotoError


def raised(act):
    try:
        act()
    except Exception as error:
        return error
    pytest.fail("nothing was raised")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOENT, "there is no such file or folder"),
        (errno.EACCES, "its rights do not allow it"),
        (errno.EPERM, "the system does not allow it"),
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "the disk is read-only"),
        (errno.ENAMETOOLONG, "its name is too long"),
        (errno.EISDIR, "it is a folder, not a file"),
        (errno.ENOTDIR, "a file stands where a folder should be"),
        (errno.ELOOP, "its links lead in a circle"),
        (errno.EIO, "the disk fails to read or to write"),
        (errno.EMFILE, "this program has too many files open"),
        (errno.EADDRINUSE, "another program uses the port"),
        (errno.ENOTTY, "the system answers ENOTTY"),
        (98765, "the system answers error 98765"),
    ],
)
def test_what_the_system_answers_is_told_by_its_number(number, words):
    assert reason_of(OSError(number, "in another language", "/x")) == words


def test_what_the_system_really_answers(tmp_path, monkeypatch):
    file, loop = tmp_path / "file", tmp_path / "loop"
    file.write_text("x")
    loop.symlink_to(loop)
    found = {
        "gone": raised((tmp_path / "gone").read_bytes),
        "folder": raised(tmp_path.read_bytes),
        "below": raised((file / "x").read_bytes),
        "long": raised((tmp_path / ("x" * 300)).read_bytes),
        "loop": raised(loop.read_bytes),
        "there": raised(tmp_path.mkdir),
    }
    assert {name: reason_of(error, tmp_path, "otherwise") for name, error in found.items()} == {
        "gone": "there is no such file or folder",
        "folder": "it is a folder, not a file",
        "below": "a file stands where a folder should be",
        "long": "its name is too long",
        "loop": "its links lead in a circle",
        "there": "it is there already",
    }


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_is_really_full():
    def fill():
        with open("/dev/full", "wb") as stream:
            stream.write(b"x")

    assert reason_of(raised(fill)) == "the disk is full"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (FileNotFoundError, "there is no such file or folder"),
        (PermissionError, "its rights do not allow it"),
        (ConnectionRefusedError, "the connection is refused: nothing answers at that address"),
        (ConnectionResetError, "the connection broke off"),
        (TimeoutError, "no answer in time"),
        (MemoryError, "there is too little memory"),
        (OSError, "the system gives no reason"),
    ],
)
def test_a_library_raises_the_systems_errors_without_a_number(kind, words):
    assert reason_of(kind("said by a library")) == words


@pytest.mark.parametrize("path", ["a\0b.jpg", Path("a\0b.jpg"), b"a\0b.jpg"])
def test_a_zero_byte_is_found_in_the_name_and_not_in_the_text(path):
    assert reason_of(raised(lambda: os.stat(path)), path) == "its name holds a zero byte"
    assert reason_of(ValueError("embedded null byte"), "a.jpg") != "its name holds a zero byte"


def test_encodings():
    assert reason_of(raised(b"caf\xe9".decode)) == "it is not UTF-8: byte 0xE9 at position 3"
    assert reason_of(raised(lambda: b"caf\xe9".decode("ascii"))) == "it is not ASCII: byte 0xE9 at position 3"
    assert reason_of(raised("a\ud800".encode)) == "U+D800 at position 1 cannot be written as UTF-8"
    assert reason_of(raised(lambda: "é".encode("ascii"))) == "U+00E9 at position 0 cannot be written as ASCII"


def test_json():
    assert reason_of(raised(lambda: json.loads('{\n "a": x}'))) == "it is no JSON: line 2, column 7"
    assert reason_of(RecursionError("maximum depth")) == "its brackets are nested too deep"


def picture(kind="JPEG"):
    stream = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_that_is_cut_off(kind):
    error = raised(lambda: Image.open(io.BytesIO(picture(kind)[:-200])).load())
    assert of_image(error) == "the image is damaged, cut off, or of a kind that Pillow cannot decode"


def test_what_is_no_picture(tmp_path, monkeypatch):
    error = raised(lambda: Image.open(io.BytesIO(b"<html>")))
    assert of_image(error) == "not an image, or a kind Pillow does not know"
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert of_image(raised(lambda: Image.open(io.BytesIO(picture())))) == "the image has too many pixels"
    gone = tmp_path / "x.jpg"
    assert of_image(raised(lambda: Image.open(gone)), gone) == "there is no such file or folder"
    assert of_image(raised(lambda: Image.open("a\0b.jpg")), "a\0b.jpg") == "its name holds a zero byte"


def test_damaged_files_of_every_kind(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"junk" * 20)
    found = {
        "zlib": raised(lambda: zlib.decompress(b"junk")),
        "struct": raised(lambda: struct.unpack("<I", b"x")),
        "end": raised(lambda: gzip.decompress(gzip.compress(b"x" * 99)[:-9])),
        "gzip": raised(lambda: gzip.decompress(b"junk")),
        "zip": raised(lambda: zipfile.ZipFile(path)),
        "tar": raised(lambda: tarfile.TarFile(path)),
        "tensors": raised(lambda: load_file(path)),
    }
    assert {name: reason_of(error) for name, error in found.items()} == dict.fromkeys(found, reasons.DAMAGED)
    assert reason_of(found["zip"], path, "it is no .npz") == "it is no .npz"
    assert reason_of(raised(lambda: torch.load(path, weights_only=True)), path, "no tensors") == "no tensors"
    h5py = pytest.importorskip("h5py")
    assert reason_of(raised(lambda: h5py.File(path, "r")), path, "no HDF5") == "no HDF5"
    assert reason_of(raised(lambda: h5py.File(tmp_path / "gone", "r"))) == "there is no such file or folder"


@pytest.fixture
def closed_port():
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]  # bound and not listening: nobody else takes it, and nobody answers


def test_a_refused_connection_is_the_same_words_from_every_library(closed_port):
    url, refused = f"http://127.0.0.1:{closed_port}/x", "the connection is refused: nothing answers at that address"

    async def ask():
        async with aiohttp.ClientSession() as session, session.get(url):
            pass

    assert reason_of(raised(lambda: socket.create_connection(("127.0.0.1", closed_port)))) == refused
    assert reason_of(raised(lambda: requests.get(url, timeout=5)), otherwise="otherwise") == refused
    assert reason_of(raised(lambda: urllib3.PoolManager(retries=False).request("GET", url))) == refused
    assert reason_of(raised(lambda: asyncio.run(ask()))) == refused
    assert reason_of(scrapy.DownloadConnectionRefusedError()) == refused


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "the host's name cannot be found (is there a network?)"),
        (scrapy.CannotResolveHostError(), "the host's name cannot be found (is there a network?)"),
        (requests.ConnectTimeout("x"), "no connection could be made in time"),
        (requests.ReadTimeout("x"), "no answer in time"),
        (scrapy.DownloadTimeoutError(), "no answer in time"),
        (aiohttp.ServerTimeoutError("x"), "no answer in time"),
        (requests.ConnectionError(urllib3.exceptions.ProtocolError("x")), "the connection broke off"),
        (aiohttp.ClientPayloadError("x"), "the connection broke off"),
        (aiohttp.ServerDisconnectedError(), "the connection broke off"),
        (scrapy.ResponseDataLossError(), "the connection broke off"),
        (requests.TooManyRedirects("x"), "it redirects for ever"),
        (requests.exceptions.InvalidURL("x"), "it is no address"),
        (requests.ConnectionError("x"), "no connection could be made"),
        (requests.exceptions.SSLError("x"), "the server's certificate cannot be trusted"),
        (ssl.SSLError(1, "x"), "no safe connection could be made"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)  # fmt: skip
def test_connections(error, words):
    assert reason_of(error) == words


def test_a_certificate_says_what_is_wrong_with_it():
    error = ssl.SSLCertVerificationError(1, "x")
    error.verify_code = 10
    assert reason_of(requests.exceptions.SSLError(error)) == "the server's certificate has expired"
    error.verify_code = 5
    assert reason_of(error) == "the server's certificate cannot be trusted"


def test_sqlite(tmp_path):
    path = tmp_path / "x.sqlite"
    path.write_bytes(b"no database" * 100)
    with closing(sqlite3.connect(path)) as junk:
        assert reason_of(raised(lambda: junk.execute("PRAGMA user_version"))) == "it is no SQLite database"
    with closing(sqlite3.connect(":memory:")) as memory:
        assert reason_of(raised(lambda: memory.execute("no SQL"))) == "SQLite answers SQLITE_ERROR"
    assert reason_of(sqlite3.OperationalError("x"), otherwise="y") == "y"


def test_a_package_that_is_not_there():
    assert (
        reason_of(raised(lambda: __import__("no_such_package.part"))) == "the package no_such_package is not installed"
    )


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: {}["people"], "it has no 'people'"),
        (lambda: [][1], "a list in it is shorter than it should be"),
        (lambda: None.x, "a value in it is of another kind than it should be"),
        (lambda: len(5), "a value in it is of another kind than it should be"),
        (lambda: int("x"), "a value in it cannot be used"),
    ],
)
def test_what_the_interpreter_says_of_a_value_is_not_repeated(act, words):
    assert reason_of(raised(act)) == words
    assert reason_of(raised(act), otherwise="otherwise") == "otherwise"


def test_our_own_words_stay_as_they_are():
    assert reason_of(Flaw("over 16 blobs"), otherwise="otherwise") == "over 16 blobs"
    assert reason_of(PhotoError("A photo", why="it is empty")) == "it is empty"
    assert reason_of(PhotoError("A photo is gone")) == "A photo is gone"
    assert reason_of(RuntimeError("x")) == "nobody foresaw this error (RuntimeError)"


def test_nobody_hands_the_text_of_an_error_on():
    root = Path(__file__).parents[2]
    texts = re.compile(
        r"\.strerror|\bwhy=(error|exc|cause)(?![.\w])|str\((error|exc)\)\.(strip|splitlines)|__name__}: {(error|exc)}"
    )
    files = [*(root / "src").rglob("*.py"), *(root / "crawler").rglob("*.py"), root / "train.py"]
    found = [f"{path.name}: {text[0]}" for path in files for text in texts.finditer(path.read_text())]
    assert [text for text in found if not text.startswith("reasons.py")] == []


def test_what_only_a_library_knows_is_quoted_as_its_own():
    error = RuntimeError("\n first line\nlast line \n")
    assert quoted(error, "Ray") == 'Ray says: "first line"'
    assert quoted(error, last=True) == 'RuntimeError says: "last line"'
    assert quoted(RuntimeError(), "Ray") == "Ray says no more than RuntimeError"
    assert quoted(RuntimeError()) == "RuntimeError"
    assert reason_of(error, otherwise=quoted(error, "Ray")) == 'Ray says: "first line"'
    long = quoted(RuntimeError("x" * 195 + "secret"), "it", tidy=lambda text: text.replace("secret", "***"))
    assert long == f'it says: "{"x" * 195}***"'
