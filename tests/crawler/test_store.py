"""The store: wherever it dies, a photo is there whole or not at all, and nothing complete is asked for again."""

import os
import sqlite3
import subprocess
import sys

import pytest
from crawler_helpers import add_photos, found, picture

from cafecrawl import store as store_module
from cafecrawl.checks import inspect
from cafecrawl.errors import ConfigError
from cafecrawl.store import Store, StoreError


def keep(store: Store, rows=None) -> None:
    """Stage and commit every pending photo as one batch; photo n is picture(n)."""
    rows = rows or store.ledger.pending("naver", 0, 99)
    bodies = {row["id"]: picture(row["id"]) for row in rows}
    store.commit([store.stage(row, bodies[row["id"]], inspect(bodies[row["id"]])) for row in rows])


def test_a_photo_is_kept_as_it_was_served(store):
    add_photos(store, found(2))
    keep(store)
    assert (store.root / "cafe_1_1.jpg").read_bytes() == picture(1)
    row = store.ledger.photo(1)
    assert (row["state"], row["file"], row["photo_id"]) == ("done", "cafe_1_1.jpg", inspect(picture(1)).photo_id)
    assert list(store.incoming.iterdir()) == []


CALLS = ("fsync", "replace", "open", "execute", "unlink")
CHILD = """
import os, sqlite3, sys
from pathlib import Path
sys.path[:0] = {paths!r}
import cafecrawl.store as module
from cafecrawl.ledger import Ledger
from test_store import keep
store = module.Store(Path({root!r}))
n = [{die_at}]
def step(*_):
    n[0] -= 1
    if n[0] == 0:
        os._exit(9)
def deadly(call):
    def called(*a, **k):
        step()
        done = call(*a, **k)
        step()
        return done
    return called
os.fsync, os.replace = deadly(os.fsync), deadly(os.replace)
Ledger.set_photos = deadly(Ledger.set_photos)
store.ledger._db.set_trace_callback(step)
keep(store)
print("lived", flush=True)
"""


@pytest.mark.slow
def test_dying_at_every_step_of_a_commit_loses_nothing(tmp_path):
    """A child dies at the 1st, 2nd, … system call or SQL statement of a commit of three photos."""
    paths = [p for p in sys.path if p]
    seen = set()
    for die_at in range(1, 200):
        root = tmp_path / str(die_at)
        store = Store(root)
        add_photos(store, found(3))
        store.close()
        pid = os.fork()
        if not pid:
            try:
                exec(CHILD.format(paths=paths, root=str(root), die_at=die_at), {})
            finally:
                os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        before = {p.name: p.read_bytes() for p in root.glob("cafe_*")}
        assert all(body == picture(int(name[7])) for name, body in before.items())
        store = Store(root)
        adopted = store.recover()
        counts = store.ledger.counts()
        assert counts["done"] >= len(before)  # what stood in the folder is not asked for again
        assert counts["storing"] == 0
        assert counts["done"] + counts["pending"] == 3
        seen.add((len(before), adopted))
        if counts["pending"]:
            keep(store)
        assert {p.name: p.read_bytes() for p in root.glob("cafe_*")} == {
            f"cafe_1_{i}.jpg": picture(i) for i in (1, 2, 3)
        }
        assert list(store.incoming.iterdir()) == []
        store.close()
        if code == 0:
            break
    assert code == 0
    assert die_at > 15
    assert {(0, 0), (0, 3), (2, 3), (3, 0)} <= seen


def test_a_second_crawl_into_the_folder_is_refused(store):
    with pytest.raises(ConfigError, match="Another crawl is working in this folder"):
        Store(store.root)


def test_other_peoples_files_stay_and_are_no_hindrance(store):
    (store.root / "notes.txt").write_text("내 메모")
    (store.root / "cafe_mine.jpg").write_bytes(b"mine")
    add_photos(store, found(1))
    store.recover()
    keep(store)
    assert (store.root / "notes.txt").read_text() == "내 메모"
    assert (store.root / "cafe_mine.jpg").read_bytes() == b"mine"


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_file_under_a_name_that_is_needed_is_never_written_over(store, when):
    add_photos(store, found(1))
    rows = store.ledger.pending("naver", 0, 9)
    (store.root / "cafe_1_1.jpg").write_bytes(b"mine")
    with pytest.raises(StoreError, match="A file that this crawl did not write") as caught:
        store.recover() if when == "before" else keep(store, rows)
    assert caught.value.exit_code == 2
    assert (store.root / "cafe_1_1.jpg").read_bytes() == b"mine"
    assert store.ledger.counts()["pending"] == 1


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_a_consistent_ledger(store, monkeypatch, call):
    add_photos(store, found(2))

    def full(*_):
        raise OSError(28, "of another language")

    monkeypatch.setattr(store_module.os, call, full)
    with pytest.raises(StoreError, match=r"could not be stored(.|\n)*the disk is full(.|\n)*free some space"):
        keep(store)
    monkeypatch.undo()
    assert list(store.root.glob("cafe_*")) == []
    store.recover()
    if store.ledger.counts()["pending"]:
        keep(store)
    assert store.ledger.counts()["done"] == 2


def test_a_full_disk_for_the_ledger_is_told(store, monkeypatch):
    add_photos(store, found(1))
    store.ledger._db.execute("PRAGMA max_page_count = 1")
    big = store.ledger.pending("naver", 0, 9)
    staged = store.stage(big[0], picture(1), inspect(picture(1)), reason="x")
    error = sqlite3.OperationalError("of another language")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    monkeypatch.setattr(store.ledger, "set_photos", lambda *_: (_ for _ in ()).throw(error))
    with pytest.raises(StoreError, match="why:   the disk is full"):
        store.commit([staged])


def test_a_read_only_folder_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="The photo folder cannot be written"):
        Store(tmp_path / "file" / "photos")


@pytest.mark.slow
def test_a_tiny_disk_fills_up_cleanly(tmp_path):
    """A file system of 600 KB, where the machine lets us mount one; else a limit on file size."""
    script = (
        "import resource, sys; from pathlib import Path;"
        f"sys.path[:0] = {[p for p in sys.path if p]!r};"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from cafecrawl.store import Store; from test_store import keep; from crawler_helpers import *;"
        f"s = Store(Path({str(tmp_path)!r})); add_photos(s, found(2));"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000));"
        "\ntry: keep(s)\nexcept Exception as e: print(type(e).__name__, e)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "StoreError" in done.stdout
    assert "a file would be larger than the disk allows" in done.stdout
    store = Store(tmp_path)
    store.recover()
    assert store.ledger.counts()["pending"] == 2
    store.close()
