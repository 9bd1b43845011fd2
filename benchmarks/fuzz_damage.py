"""Damage a feature cache and a run folder at random: each damage is named, and none gives a wrong row or label.

    python benchmarks/fuzz_damage.py [--damages 20000] [--seed 0]

A real run on drawn pictures is made once. Then one file of its folder or of the cache is flipped in a bit, cut,
lengthened, zeroed in part, exchanged for another file or deleted; the cache and the whole run are read, now and then
a page is made; what comes back must be what was there, or one `CafemoodError`. Prints how often each outcome came.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from cafemood import runs
from cafemood.backbones.creating import create_backbone
from cafemood.cafes import moods, profiles
from cafemood.core.atomic import keep, read_cached
from cafemood.errors import CafemoodError
from cafemood.features.cache import FeatureCache
from cafemood.report import report, terminal
from cafemood.runs import thumbnails

ROOT = Path(__file__).parent.parent
KINDS = ("flip", "flip", "flip", "cut", "append", "zero", "swap", "delete")
MADE_AGAIN = ("looks.parquet", "words.json", "thumbnails.parquet", "cafes.parquet", "cafes.safetensors")
READ = ("run.json", "scores.json", "assignments.parquet", "model.safetensors", "features.safetensors", *MADE_AGAIN)
_PAGE_EVERY = 200


def make_run(base: Path) -> Path:
    """A finished run of 30 drawn pictures of ten cafés."""
    (base / "photos").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(30):
        pixels = rng.integers(0, 255, 3) + rng.integers(-30, 30, (48, 64, 3))
        image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).resize((256, 192))
        image.save(base / "photos" / f"cafe{i // 3}_{i}.jpg")
    words = ["data=folder", f"data.root={base / 'photos'}", "backbone=random", "method=kmeans", "k=3"]
    words += ["baseline_seeds=2", "nulls=4", "resamples=4", f"hydra.run.dir={base / 'run'}"]
    made = subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *words], cwd=base, capture_output=True, text=True, check=False
    )
    if made.returncode:
        sys.exit(made.stderr)
    return base / "run"


def damage(path: Path, kind: str, rng: random.Random, other: Path) -> None:
    """Do one damage to a file; `swap` puts another file in its place."""
    data = bytearray(path.read_bytes())
    if kind == "delete":
        path.unlink()
        return
    if kind == "flip":
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == "cut":
        del data[rng.randrange(len(data)) :]
    elif kind == "append":
        data += rng.randbytes(rng.randint(1, 100))
    elif kind == "zero":
        start = rng.randrange(len(data))
        end = min(len(data), start + rng.randint(1, 500))
        data[start:end] = bytes(end - start)
    else:
        data = bytearray(other.read_bytes())
    path.write_bytes(data)


def read(folder: Path) -> dict[str, object]:
    """What a run says: its labels, rows, model, scores, looks, words and cafés."""
    run = runs.load(folder)
    cafes = profiles.load(run)
    with contextlib.redirect_stdout(io.StringIO()):
        terminal.print_summary(run)
    return {
        "labels": run.assignments[["photo_id", "cluster", "probability"]].to_numpy().tolist(),
        "rows": run.rows.tolist(),
        "model": {name: value.tolist() for name, value in run.model[0].items()},
        "scores": run.scores["scores"],
        "looks": moods.looks_of(run).round(9).to_numpy().tolist(),
        "moods": [str(mood) for mood in moods.of_run(run)],
        "cafes": cafes.table.drop(columns="spread").round(6).astype(str).to_numpy().tolist(),
        "vectors": cafes.vectors.round(2).tolist(),
        "pictures": len(thumbnails.kept(run)),
    }


def fuzz(damages: int, seed: int, base: Path) -> Counter[str]:
    """Do so many damages, and check what is read after each.

    Returns:
        How often each kind had which outcome, by `KIND WHAT: OUTCOME`.

    Raises:
        AssertionError: A wrong row or label was read; any error but a `CafemoodError` passes through.
    """
    rng, counts = random.Random(seed), Counter[str]()
    folder = make_run(base)
    sure = ("labels", "rows", "model", "scores")
    before = read(folder)
    other = base / "other"
    shutil.copytree(folder, other)
    for path in other.glob("*.safetensors"):
        path.write_bytes(path.read_bytes()[::-1])
    backbone = create_backbone("random")
    rows = np.random.default_rng(seed).normal(size=(6, backbone.dim)).astype(np.float32)
    ids = [f"{i:064x}" for i in range(6)]
    cache = FeatureCache(base / "cache", backbone)
    cache.append(ids[:3], rows[:3], [(f"{9:064x}", ids[0])])
    cache.append(ids[3:], rows[3:])
    keep(base / "kept" / "a.safetensors", {"x": rows, "y": np.arange(5)})
    keep(base / "kept" / "b.safetensors", {"x": rows + 1, "y": np.arange(5)})
    shards = sorted(cache.folder.glob("*.npy"))
    address = next((cache.folder / "addresses").glob("*.npy"))
    targets = [
        ("shard", shards[0], shards[1]),
        ("addresses", address, shards[0]),
        ("kept arrays", base / "kept" / "a.safetensors", base / "kept" / "b.safetensors"),
        *((name, folder / name, other / name) for name in READ if (folder / name).exists()),
    ]
    whole = {path: path.read_bytes() for _, path, _ in targets}
    for number in range(damages):
        (what, path, instead), kind = rng.choice(targets), rng.choice(KINDS)
        damage(path, kind, rng, instead)
        outcome = "read as it was"
        try:
            if what in ("shard", "addresses"):
                again = FeatureCache(base / "cache", backbone)
                known = [i for i in range(6) if ids[i] in again]
                if known:
                    np.testing.assert_array_equal(again.features([ids[i] for i in known]).matrix(), rows[known])
                assert set(again.addresses.items()) <= {(f"{9:064x}", ids[0])}
                outcome = outcome if len(known) == 6 and again.addresses else "made again"
            elif what == "kept arrays":
                kept = read_cached(path, ("x", "y"))
                outcome = "made again" if kept is None else outcome
                if kept is not None:
                    np.testing.assert_array_equal(kept["x"], rows)
            else:
                after = read(folder)
                for name in sure if what in ("run.json", *MADE_AGAIN) else before:
                    assert after[name] == before[name], f"{kind} {what}: other {name} were read"
                if number % _PAGE_EVERY == 0:
                    report.write_report(runs.load(folder))
        except CafemoodError:
            outcome = "refused"
        counts[f"{what}: {kind}: {outcome}"] += 1
        path.write_bytes(whole[path])
        for aside in path.parent.glob("*.damaged*"):
            aside.unlink()
    return counts


def main() -> None:
    """Parse the command line, fuzz, print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--damages", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    base = Path(tempfile.mkdtemp(prefix="cafemood-fuzz-"))
    try:
        counts = fuzz(given.damages, given.seed, base)
    finally:
        shutil.rmtree(base)
    for line, count in sorted(counts.items()):
        print(f"{count:6d}  {line}")
    print(json.dumps({"damages": sum(counts.values()), "wrong rows": 0, "tracebacks": 0}))


if __name__ == "__main__":
    main()
