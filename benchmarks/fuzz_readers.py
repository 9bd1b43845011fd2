"""Give every reader of foreign files mutated ones: each is read or refused with an error of ours, in time.

    python benchmarks/fuzz_readers.py [--seconds 3600] [--seed 0] [--only photo,csv]

Each reader begins with whole files of its formats; a mutation flips bytes, cuts, doubles or moves a part, puts in
what breaks parsers (long numbers, brackets, zero bytes, quotes), or joins two files. The time is shared among the
readers. A stray exception or a read of over 20 seconds ends it with status 1 and names the file that was kept.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from safetensors.numpy import save_file

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "crawler")]

import tiny_towers  # noqa: E402
from weight_files import write_caffemodel, write_keras  # noqa: E402

from cafecrawl.checks import Rejected, inspect  # noqa: E402
from cafecrawl.parsers import TryLater, commons, naver_photos, naver_search, openverse, overpass  # noqa: E402
from cafemood.backbones import open_clip_files, weights  # noqa: E402
from cafemood.backbones.precomputed import read_matrix  # noqa: E402
from cafemood.backbones.weights.caffe import read_caffemodel  # noqa: E402
from cafemood.backbones.weights.keras import read_keras  # noqa: E402
from cafemood.clustering import KMeans, stored  # noqa: E402
from cafemood.data.folders import scan_folder  # noqa: E402
from cafemood.data.images import file_digest, open_image  # noqa: E402
from cafemood.data.manifests import read_listing, read_manifest, write_manifest  # noqa: E402
from cafemood.data.photos import Photo  # noqa: E402
from cafemood.errors import CafemoodError  # noqa: E402
from cafemood.report.mapping import read_streets  # noqa: E402
from cafemood.words import text_features  # noqa: E402

OURS = (CafemoodError, Rejected, TryLater)
SLOW = 20
DICTIONARY = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"'", b",", b";", b"\t", b"\r", b"\n", b"{", b"[" * 2000, b"]", b"}",
    b"9" * 400, b"-1", b"1e999", b"NaN", b"null", b"true", b"=cmd|' /C calc'!A0", b"../../etc/passwd", b"\x80" * 20,
    b"\xff" * 8, "공릉동 카페".encode("cp949"), "카페".encode("utf-16"), b"\x1b[2J", b"http://", b"\\", b"%00",
)  # fmt: skip


def mutated(rng: random.Random, seeds: list[bytes]) -> bytes:
    """A whole file with one to six mutations."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + int(rng.expovariate(1 / 40)) + 1)
        match rng.randrange(8):
            case 0 | 1 if data:
                data[min(at, len(data) - 1)] ^= 1 << rng.randrange(8)
            case 2:
                del data[at:end]
            case 3:
                data[at:at] = data[at:end] * rng.randint(1, 5)
            case 4:
                data[at:end] = rng.choice(DICTIONARY)
            case 5:
                data[at:at] = rng.choice(DICTIONARY)
            case 6 if rng.random() < 0.2:
                del data[at:]
            case 7 if rng.random() < 0.2:
                other = rng.choice(seeds)
                data[at:] = other[rng.randrange(len(other)) :]
    return bytes(data)


def images(side: int) -> list[bytes]:
    """A photo in each format that is read."""
    pixels = np.random.default_rng(0).integers(0, 255, (40, 56, 3), dtype=np.uint8)
    image, found = Image.fromarray(pixels).resize((side * 7 // 5, side)), list[bytes]()
    options: list[tuple[str, dict[str, Any]]] = [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {})]
    for name, more in [*options, ("WEBP", {}), ("GIF", {}), ("BMP", {}), ("TIFF", {}), ("AVIF", {})]:
        buffer = io.BytesIO()
        with contextlib.suppress(OSError, KeyError):  # a Pillow without this format
            image.save(buffer, name, **more)
            found.append(buffer.getvalue())
    cmyk = io.BytesIO()
    image.convert("CMYK").save(cmyk, "JPEG")
    return [*found, cmyk.getvalue()]


def tables(folder: Path) -> dict[str, list[bytes]]:
    """Lists of three photos, by kind of file."""
    (folder / "photos").mkdir()
    for name in ("a.jpg", "공릉동 카페.jpg", "c.jpg"):
        Image.new("RGB", (32, 32), "red").save(folder / "photos" / name)
    table = pd.DataFrame(
        {
            "file": ["photos/a.jpg", "photos/공릉동 카페.jpg", "photos/c.jpg"],
            "cafe_id": ["001", "NA", "12345678901234567890"],
            "lat": [37.6, None, 37.7],
            "label": ["boho", None, "모던"],
        }
    )
    text = table.to_csv(index=False)
    kinds = {
        ".csv": [text.encode(), text.encode("utf-8-sig"), text.replace(",", ";").encode("cp949")],
        ".tsv": [text.replace(",", "\t").encode("utf-16")],
        ".jsonl": [table.to_json(orient="records", lines=True, force_ascii=False).encode()],
    }
    table.to_parquet(folder / "x.parquet")
    kinds[".parquet"] = [(folder / "x.parquet").read_bytes()]
    with contextlib.suppress(ImportError):  # the extra `excel`
        table.to_excel(folder / "x.xlsx", index=False)
        kinds[".xlsx"] = [(folder / "x.xlsx").read_bytes()]
    return kinds


def readers(folder: Path) -> Iterator[tuple[str, str, list[bytes], Callable[[Path], object]]]:
    """Of each reader: its name, a suffix, whole files, and what reads one."""
    rng = np.random.default_rng(0)
    made = images(40)
    yield "photo", ".jpg", made, lambda path: open_image(path, shortest=20)
    yield "crawled photo", ".jpg", images(320)[:4], lambda path: inspect(path.read_bytes())
    yield "folder of photos", ".png", made, lambda path: scan_folder(path.parent)
    for suffix, seeds in tables(folder).items():
        yield suffix[1:], suffix, seeds, lambda path: read_listing(path, labels="label")
    addresses = b"file,cafe_id\nhttps://a.example/a.jpg,1\nhttps://b.example:8080/%EA%B3%B5/b.jpg?w=1,2\n"
    yield "list of addresses", ".csv", [addresses], read_listing
    photos = [Photo(file_digest(folder / "photos" / "a.jpg"), "photos/a.jpg", "001")]
    write_manifest(folder / "manifest.parquet", photos)
    yield "manifest", ".parquet", [(folder / "manifest.parquet").read_bytes()], read_manifest
    arrays = [rng.normal(size=(2, 3, 1, 1)).astype("f4"), np.ones(2, "f4"), np.ones((4, 8), "f4"), np.ones(4, "f4")]
    caffe = [("conv", arrays[:2]), ("fc", arrays[2:])]
    seeds = [write_caffemodel(folder / "x", caffe, version=version).read_bytes() for version in (1, 2)]
    yield "caffemodel", ".caffemodel", seeds, read_caffemodel
    yield "keras", ".h5", [write_keras(folder / "x.h5", arrays).read_bytes()], read_keras
    state = {"conv.weight": torch.ones(2, 3), "conv.bias": torch.ones(2)}
    torch.save(state, folder / "new.pth")
    torch.save(state, folder / "old.pth", _use_new_zipfile_serialization=False)
    seeds = [(folder / name).read_bytes() for name in ("new.pth", "old.pth")]
    yield "state", ".pth", seeds, weights.read_state_dict
    save_file({"conv.weight": np.ones((2, 3), np.float32)}, folder / "x.safetensors")
    yield "safetensors", ".safetensors", [(folder / "x.safetensors").read_bytes()], weights.read_tensors
    np.save(folder / "x.npy", rng.normal(size=(6, 4)))
    np.savez(folder / "x.npz", photo_id=np.array([f"{i:064x}" for i in range(6)]), features=rng.normal(size=(6, 4)))
    yield "matrix npz", ".npz", [(folder / "x.npz").read_bytes()], lambda path: read_matrix(str(path))
    (folder / "ids.txt").write_text("\n".join(f"{i:064x}" for i in range(6)))
    yield (
        "matrix npy", ".npy", [(folder / "x.npy").read_bytes()],
        lambda path: read_matrix(str(path), str(folder / "ids.txt")),
    )  # fmt: skip
    KMeans(2).fit(rng.normal(size=(20, 3)).astype(np.float32)).save(folder / "x.model")
    yield "clusterer", ".safetensors", [(folder / "x.model").read_bytes()], stored.load
    line = {"type": "LineString", "coordinates": [[127.0, 37.6], [127.1, 37.7, 3]]}
    streets = {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": line}]}
    yield "streets", ".geojson", [json.dumps(streets).encode(), json.dumps(line).encode()], read_streets
    pages = {
        "openverse": (
            {"results": [{"id": "a", "url": "https://a.example/a.jpg"}], "page": 1, "page_count": 2},
            openverse,
        ),
        "commons": ({"query": {"pages": [{"pageid": 1, "title": "File:A.jpg", "imageinfo": [{}]}]}}, commons),
        "overpass": ({"elements": [{"type": "node", "id": 1, "lat": 37.6, "tags": {"name": "카페"}}]}, overpass),
    }
    for name, (page, parser) in pages.items():
        yield (
            name,
            ".json",
            [json.dumps(page).encode()],
            lambda path, parser=parser: parser.parse_page(path.read_bytes()),
        )
    row = {"id": "s1234567890", "name": "<b>카페</b>", "address": "공릉동 1-1", "x": "127.073", "y": "37.625"}
    classic = f"<script>var searchResult = {json.dumps({'site': {'list': [row]}})};</script>".encode()
    links = b'<a href="https://m.place.naver.com/cafe/1234567890">x</a>'
    yield "search page", ".html", [classic, links], lambda path: naver_search.parse_page(path.read_bytes())
    viewer = {"data": {"photoViewer": {"photos": [{"originalUrl": "https://a.example/a.jpg"}], "cursors": []}}}
    yield (
        "viewer page",
        ".json",
        [json.dumps([viewer]).encode()],
        lambda path: naver_photos.parse_viewer(path.read_bytes(), "1"),
    )


def word_readers(folder: Path) -> Iterator[tuple[str, str, list[bytes], Callable[[Path], object]]]:
    """As `readers`: what `cafemood words` reads, and writes."""
    config = json.dumps(tiny_towers.siglip_config(300)).encode()
    yield "open_clip configuration", ".json", [config], lambda path: open_clip_files.configuration(str(path))
    whole = tiny_towers.write_tokenizer(folder / "tokenizer.json", ["dark wood", "나무 카페"]).read_bytes()
    yield (
        "tokenizer", ".json", [whole],
        lambda path: open_clip_files.read_tokenizer(path, "canonicalize")[0]("a dark 카페"),
    )  # fmt: skip
    photos = pd.DataFrame({"photo_id": [f"{i:064x}" for i in range(3)]})
    rows = np.eye(3, dtype=np.float32)
    tensors = {"photos": rows, "words": rows, "unrelated_en": rows, "ids": text_features.packed(list(photos.photo_id))}
    about = {"options": '{"name": "siglip2_vit_b16"}', "fingerprint": "f", "languages": '["en"]'}
    about["terms"] = json.dumps([["light", "dark", "어두운"]] * 3)
    save_file(tensors, folder / text_features.FILE, about)
    seeds = [(folder / text_features.FILE).read_bytes()]

    def read(path: Path) -> object:
        shutil.copy(path, folder / text_features.FILE)
        return text_features.load(SimpleNamespace(folder=folder, photos=photos))  # type: ignore[arg-type]

    yield "text features", ".safetensors", seeds, read


def fuzz(seconds: float, seed: int, folder: Path, only: set[str]) -> dict[str, tuple[int, int]]:
    """Fuzz each reader for its share of the time.

    Returns:
        By reader, how many files were given and how many of them it refused.

    Raises:
        SystemExit: One raised an error that is not ours, or took too long; the file is named.
    """
    chosen = [reader for reader in (*readers(folder), *word_readers(folder)) if not only or reader[0] in only]
    counts = {}
    for name, suffix, seeds, read in chosen:
        rng = random.Random(f"{name} {seed}")
        at = folder / "given"
        at.mkdir(exist_ok=True)
        if (folder / "photos").is_dir():
            shutil.copytree(folder / "photos", at / "photos", dirs_exist_ok=True)
        path = at / f"x{suffix}"
        for whole in seeds:  # else nothing behind the first check is tried
            path.write_bytes(whole)
            read(path)
        until, n, refused = time.monotonic() + seconds / len(chosen), 0, 0
        while time.monotonic() < until:
            path.write_bytes(mutated(rng, seeds))
            n += 1
            try:
                signal.alarm(SLOW)
                read(path)
            except OURS:
                refused += 1
            except BaseException:
                signal.alarm(0)
                kept = Path(tempfile.gettempdir()) / f"fuzz-{name.replace(' ', '-')}-{seed}-{n}{suffix}"
                shutil.copy(path, kept)
                traceback.print_exc()
                sys.exit(f"{name}: file {n} of seed {seed} gave an error that is not ours; kept: {kept}")
            finally:
                signal.alarm(0)
        shutil.rmtree(at)
        counts[name] = (n, refused)
        print(f"{name:18s} {n:8,d} files, {refused:8,d} refused", flush=True)
    return counts


def main() -> None:
    """Parse the command line and fuzz."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="readers, parted by commas")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, _too_long)
    with tempfile.TemporaryDirectory(prefix="cafemood-fuzz-") as folder:
        counts = fuzz(given.seconds, given.seed, Path(folder), set(filter(None, given.only.split(","))))
    print(f"{sum(n for n, _ in counts.values()):,} files, no stray error")


def _too_long(*_: object) -> None:
    raise TimeoutError(f"over {SLOW} seconds")


if __name__ == "__main__":
    main()
