"""What a run costs whose photos are embedded already, beside the k-means that it is for.

    python benchmarks/run_cost.py [--rows 4467] [--columns 1280] [--ks 4,5,6] [--rounds 1] [--src DIR]

The data are made here: rows of 24 overlapping groups in 16 dimensions, through a random layer with a ReLU (n, d), as
the user's own features, and as many drawn JPEGs of 640 x 480. In one run, each in a process of its own:

- *bare*: scikit-learn's `KMeans(k, n_init=10).fit` of the same rows, its import not counted, for each k;
- *first*: `train.py method=kmeans` with an empty cache: thumbnails and looks are made, all is judged;
- *cached*: another k with that cache: the photos are known, this k has not been judged;
- *again*: that run once more: nothing is left to judge;
- *one*, *sweep*: a sweep over the first k alone, and one over all, each with the photos known and nothing judged. What
  the second takes longer, by its further jobs, is what a further job costs.

Every process but *bare* is timed from its start to its end, imports and pages included. Ratios are to the median
*bare*, by the clock and by the processor's seconds: on a machine that others use, threads that wait for each other
lose time that no one has spent, and only the second means something (with OMP_NUM_THREADS=1, so that none waits).
Memory is the peak of the process.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent


def made_features(n: int, d: int) -> np.ndarray:
    """Rows (n, d) like a network's: not negative, of a spectrum that falls, of groups that overlap."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(24, 16))[rng.integers(24, size=n)] + 0.9 * rng.normal(size=(n, 16))
    layer = rng.normal(size=(16, d)) / 4
    return np.maximum(z @ layer + 0.5 * rng.normal(size=(n, d)) - 0.3, 0).astype(np.float32)


def made_photos(folder: Path, n: int) -> list[str]:
    """n JPEGs of 640 x 480, each with bytes of its own; their names."""
    sys.path.insert(0, str(ROOT / "tests"))
    from drawn_rooms import MOODS, draw_room

    folder.mkdir(parents=True)
    rooms = []
    for i in range(40):
        draw_room(i, list(MOODS)[i % 2], (640, 480)).save(folder / "room.jpg", quality=88)
        rooms.append((folder / "room.jpg").read_bytes())
    (folder / "room.jpg").unlink()
    names = [f"cafe_{i // 6}_{i % 6}.jpg" for i in range(n)]
    for i, name in enumerate(names):
        (folder / name).write_bytes(rooms[i % len(rooms)] + i.to_bytes(4, "big"))
    assert Image.open(folder / names[0]).size == (640, 480)
    return names


def bare(path: str, k: int) -> None:
    """Print the seconds of scikit-learn's k-means, by the clock and of the processor."""
    from sklearn.cluster import KMeans

    x = np.load(path)["features"]
    begin, before = time.perf_counter(), time.process_time()
    KMeans(k, n_init=10, random_state=0).fit(x)
    print(time.perf_counter() - begin, time.process_time() - before)


def process(words: list[str], src: str, folder: Path) -> tuple[float, float, float]:
    """Run a process; its seconds by the clock, those of the processor, and its peak memory in MiB."""
    begin = time.perf_counter()
    with open(folder / "log.txt", "ab") as log:
        started = subprocess.Popen(words, env=os.environ | {"PYTHONPATH": src}, cwd=folder, stdout=log, stderr=log)
        _, status, used = os.wait4(started.pid, 0)
    if status:
        raise SystemExit((folder / "log.txt").read_text(encoding="utf-8", errors="replace")[-3000:])
    return time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def stages(folder: Path) -> str:
    """Where the newest run's seconds went, as its run.json has it."""
    newest = max(folder.rglob("run.json"), key=lambda path: path.stat().st_mtime)
    record = json.loads(newest.read_text(encoding="utf-8"))["stages"]
    return ", ".join(f"{stage['name']} {stage['seconds']:.1f}" for stage in record)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=4467)
    parser.add_argument("--columns", type=int, default=1280)
    parser.add_argument("--ks", default="4,5,6", help="of the sweep; the first is also that of the single runs")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--src", default=str(ROOT / "src"), help="the package that is measured (default: this one)")
    parser.add_argument("--reduce", default="none", help="auto: in the space of cafés, as a run does by default")
    parser.add_argument("--data", type=Path, help="keep the made data here, or take it from here")
    parser.add_argument("--only", default="first,cached,again,one,sweep")
    parser.add_argument("--bare", nargs=2, metavar=("FILE", "K"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.bare:
        return bare(chosen.bare[0], int(chosen.bare[1]))
    ks = [int(k) for k in chosen.ks.split(",")]
    with tempfile.TemporaryDirectory() as name:
        work, data = Path(name), chosen.data or Path(name) / "data"
        features = data / "features.npz"
        if not features.exists():
            names = made_photos(data / "photos", chosen.rows)
            np.savez(features, features=made_features(chosen.rows, chosen.columns), photo_id=np.array(names))
        took: dict[str, list[tuple[float, float]]] = {}
        peak: dict[str, float] = {}
        for i in range(chosen.rounds):
            by_k = []
            for k in ks:
                words = [sys.executable, __file__, "--bare", str(features), str(k)]
                done = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
                by_k.append((float(done[0]), float(done[1])))
                print(
                    f"round {i + 1}: bare k={k} {by_k[-1][0]:.1f} s, of the processor {by_k[-1][1]:.1f} s", flush=True
                )
            took.setdefault("bare", []).append(
                (statistics.mean(c for c, _ in by_k), statistics.mean(p for _, p in by_k))
            )
            cache = work / f"cache{i}"
            train = [sys.executable, str(Path(chosen.src).parent / "train.py"), "data=folder"]
            train += [f"data.root={data / 'photos'}", "backbone=precomputed", f"backbone.path={features}"]
            train += ["method=kmeans", f"reduce={chosen.reduce}", f"cache_dir={cache}"]
            jobs = {
                "first": [f"k={ks[-1] + 1}"],
                "cached": [f"k={ks[0]}"],
                "again": [f"k={ks[0]}"],
                "one": ["-m", f"k={ks[0]}"],
                "sweep": ["-m", f"k={','.join(map(str, ks))}"],
            }
            for kind in chosen.only.split(","):
                if kind in ("one", "sweep"):
                    shutil.rmtree(cache / "judging", ignore_errors=True)
                clock, cpu, memory = process([*train, *jobs[kind]], chosen.src, work)
                took.setdefault(kind, []).append((clock, cpu))
                peak[kind] = max(peak.get(kind, 0), memory)
                print(f"  {kind:6} {clock:6.1f} s, of the processor {cpu:6.1f} s  ({stages(work)})", flush=True)
            shutil.rmtree(cache, ignore_errors=True)
        print(f"{chosen.rows} x {chosen.columns}, load {os.getloadavg()[0]:.1f}")
        median = {kind: [statistics.median(each) for each in zip(*pairs, strict=True)] for kind, pairs in took.items()}
        if {"one", "sweep"} <= set(median) and len(ks) > 1:
            pairs = zip(median["sweep"], median["one"], strict=True)
            median["a further job"] = [(sweep - one) / (len(ks) - 1) for sweep, one in pairs]
        for kind, (clock, cpu) in median.items():
            ratios = (
                f"{clock / median['bare'][0]:5.1f} x bare by the clock, {cpu / median['bare'][1]:5.1f} x by the other"
            )
            memory = f", peak {peak[kind]:,.0f} MiB" if kind in peak else ""
            print(f"  {kind:13} {clock:6.1f} s, {cpu:6.1f} s of the processor  {ratios}{memory}")
    return None


if __name__ == "__main__":
    main()
