"""A foreign file is read in a process of its own, which is ended when it takes too much."""

import os
import sys

import numpy as np
import pytest

from cafemood.core.child import read_apart
from cafemood.core.reasons import Flaw

READERS = """
import os, time
import numpy as np

def good(path):
    return {"x": np.frombuffer(path.read_bytes(), np.uint8)}

def hangs(path):
    (path.parent / "pid").write_text(str(os.getpid()))
    time.sleep(600)

def crashes(path):
    os.abort()

def refuses(path):
    raise ValueError("of another language")

def takes_all_memory(path):
    return {"x": np.ones(20 << 30, np.uint8)}

def writes_too_much(path):
    return {"x": np.ones(64 << 20, np.uint8)}
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    (tmp_path / "readers_of_a_test.py").write_text(READERS)
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "공릉동 카페.h5"
    path.write_bytes(b"abc")
    return path


def test_arrays_come_back(file):
    found = read_apart("readers_of_a_test:good", file)
    np.testing.assert_array_equal(found["x"], [97, 98, 99])


def test_one_that_hangs_is_ended(file):
    with pytest.raises(Flaw, match="could not be read in"):
        read_apart("readers_of_a_test:hangs", file, seconds=8)
    pid = int((file.parent / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("reader", ["crashes", "refuses", "writes_too_much"])
def test_one_that_fails_is_a_flaw(reader, file):
    with pytest.raises(Flaw):
        read_apart(f"readers_of_a_test:{reader}", file)


@pytest.mark.skipif(sys.platform != "linux", reason="macOS does not limit the address space")
def test_memory_is_limited(file):
    with pytest.raises(Flaw):
        read_apart("readers_of_a_test:takes_all_memory", file)


def test_a_missing_file_is_told_by_this_process(file):
    with pytest.raises(FileNotFoundError):
        read_apart("readers_of_a_test:good", file.with_name("gone.h5"))
