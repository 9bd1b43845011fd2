"""What each stage costs as the photos grow: seconds, peak memory, and how fast both grow with n.

    python benchmarks/scale.py [--rows 100000] [--dim 512] [--k 8] [--out data/scale.jsonl] [--figure FILE.svg]

Features are simulated: 32 Gaussian groups with heavy-tailed spreads, written to disk as float16 by pieces. Every
(stage, n) runs in a process of its own that maps the file and runs the product's own code; its peak memory is that
process's, imports included. What is there in --out is not measured again, so that a cut run goes on. Growth is the
slope of log seconds over log n above 10^5 rows (below, start-up hides it, and k-means takes another path).

Stages: `k-means` (10 starts on a sample, then all rows), `scikit-learn` (its KMeans from one k-means++ start on all
rows, for time and inertia), `PCA` (50 components), `scores` (all of them, nulls and refits included), `DEC` (one
pretraining epoch and three target updates, hidden layers of 64, 64, 128: what an epoch costs, not a result).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from cafemood.clustering import base

STAGES = ("k-means", "scikit-learn", "PCA", "scores", "DEC")
STEPS = (10_000, 30_000, 100_000, 300_000, 1_000_000, 2_000_000)
PIECE = 50_000


def write_features(path: Path, n: int, d: int) -> None:
    """Simulated features (n, d), float16, a piece at a time."""
    rng = np.random.default_rng(0)
    middles = rng.normal(size=(32, d)).astype(np.float32)
    stored = np.lib.format.open_memmap(path, "w+", np.float16, (n, d))
    for start in range(0, n, PIECE):
        rows = min(PIECE, n - start)
        spread = np.minimum(rng.standard_t(4, (rows, 1)).astype(np.float32).__abs__() + 0.5, 6)
        group = rng.choice(32, rows, p=np.arange(1, 33) / 528)
        stored[start : start + rows] = middles[group] + spread * rng.standard_normal((rows, d), dtype=np.float32)
    stored.flush()


def run_stage(stage: str, path: str, k: int) -> dict[str, Any]:
    """Run one stage in this process; seconds, peak and resident megabytes, and its inertia where it has one."""
    import pytorch_lightning as pl

    from cafemood.clustering import dec, reduction
    from cafemood.clustering.kmeans import kmeans

    x = np.load(path, mmap_mode="r")
    found: dict[str, Any] = {"before_mb": peak_mb()}
    begun = time.perf_counter()
    if stage == "k-means":
        found["inertia"] = float(kmeans(x, k, 0).inertia_)
    elif stage == "scikit-learn":
        from sklearn import cluster

        found["inertia"] = float(cluster.KMeans(k, n_init=1, random_state=0).fit(np.asarray(x, np.float32)).inertia_)
    elif stage == "PCA":
        reduction.PCAReduction(50).fit_transform(x)
    elif stage == "scores":
        from cafemood.clustering.kmeans import KMeans
        from cafemood.evaluation.assessment import assess
        from cafemood.evaluation.resampling import ReliabilityOptions

        method = KMeans(k)
        model = kmeans(x, k, 0, 1)
        member = np.eye(k, dtype=np.float32)[model.labels_]
        clustering = base.Clustering(model.labels_, model.cluster_centers_, member, x, "features", 1, True, "")
        plane, _ = reduction.display_plane(x)
        begun = time.perf_counter()
        assess(x, plane, clustering, [], ReliabilityOptions.of(method, k, None, "auto"))
    elif stage == "DEC":
        small = {"hidden": (64, 64, 128), "pretrain_epochs": 1, "pretrain_min_steps": 1, "max_updates": 2}
        dec.DEC(k, **small, batch_size=4096, trainer=partial(pl.Trainer, accelerator="cpu")).fit(x)
    return found | {"seconds": time.perf_counter() - begun, "peak_mb": peak_mb()}


def peak_mb() -> float:
    """The most that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def apart(work: Callable[..., dict[str, Any]], *args: Any) -> dict[str, Any]:
    """Call in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, args)


def growth(rows: list[dict[str, Any]], value: str) -> float | None:
    """Slope of log value over log n above 10^5 rows."""
    late = [(row["n"], row[value]) for row in rows if row["n"] > 100_000]
    if len(late) < 2:
        return None
    n, y = np.log(np.array(late, dtype=float)).T
    return float(np.polyfit(n, y, 1)[0])


def tell(measured: list[dict[str, Any]]) -> None:
    """The table, and what more rows would cost."""
    print("\n| stage | " + " | ".join(f"{n:,}" for n in sorted({row["n"] for row in measured})) + " | growth |")
    print("|---" * (len({row["n"] for row in measured}) + 2) + "|")
    for stage in STAGES:
        rows = sorted((row for row in measured if row["stage"] == stage), key=lambda row: row["n"])
        cells = {row["n"]: f"{row['seconds']:.1f} s, {row['peak_mb'] / 1024:.1f} GB" for row in rows}
        exponent = growth(rows, "seconds")
        line = [cells.get(n, "") for n in sorted({row["n"] for row in measured})]
        print(f"| {stage} | {' | '.join(line)} | {'' if exponent is None else f'n^{exponent:.2f}'} |")
    for n in sorted({row["n"] for row in measured}):
        both = {row["stage"]: row for row in measured if row["n"] == n and "inertia" in row}
        if len(both) == 2:
            ratio = both["k-means"]["inertia"] / both["scikit-learn"]["inertia"]
            faster = both["scikit-learn"]["seconds"] / both["k-means"]["seconds"]
            print(f"k-means at {n:,}: {ratio:.4f} of scikit-learn's inertia, {faster:.2f} x as fast")
    print()
    for stage in ("k-means", "PCA", "DEC"):
        rows = sorted((row for row in measured if row["stage"] == stage), key=lambda row: row["n"])
        if rows:
            last = rows[-1]
            minutes = [last["seconds"] * n / last["n"] / 60 for n in (10**7, 10**8)]
            what = "One epoch and three updates of DEC" if stage == "DEC" else stage
            print(
                f"{what}: passes over the rows; in proportion to {last['n']:,}, 10^7 photos take {minutes[0]:.0f} min, "
                f"10^8 {minutes[1]:.0f} min."
            )
    disk = [n * measured[0]["d"] * 2 / 1024**3 for n in (10**7, 10**8)]
    print(f"All read float16 from a disk that should be fast: {disk[0]:.0f} and {disk[1]:.0f} GB.")
    print("scores are of a sample of 10,000 rows, and named so: more photos cost no more.")
    print(
        "Memory of these stages is bounded by working_memory, but for what each photo leaves: its label, its "
        "probabilities (4 bytes a cluster), DEC's embedding (40 bytes): 10 GB at 10^8 photos of 8 clusters. A whole "
        "run also holds its list of photos and the rows that it keeps of them, 4.7 GB at 10^6: 10^7 want a machine "
        "of 64 GB, 10^8 a run on a part of them, and `cafemood assign` for the rest."
    )


def draw(measured: list[dict[str, Any]], path: Path) -> None:
    """Seconds and memory over n, both axes logarithmic."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for stage, color in zip(STAGES, ("#0072b2", "#999999", "#009e73", "#e69f00", "#cc79a7"), strict=True):
        rows = sorted((row for row in measured if row["stage"] == stage), key=lambda row: row["n"])
        n = [row["n"] for row in rows]
        left.loglog(n, [row["seconds"] for row in rows], "o-", color=color, label=stage)
        right.loglog(n, [row["peak_mb"] / 1024 for row in rows], "o-", color=color, label=stage)
    right.axhline(4, color="#666666", linewidth=1, linestyle=":")
    right.text(min(row["n"] for row in measured), 4.2, "4 GB", color="#666666", fontsize=9)
    seconds, memory = (0.5, 1, 2, 5, 10, 20, 50, 100), (1, 2, 4, 8)
    for axes, what, ticks in ((left, "seconds", seconds), (right, "peak memory, GB", memory)):
        low, high = axes.get_ylim()
        axes.set_yticks([tick for tick in ticks if low <= tick <= high])
        axes.yaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.minorticks_off()
        axes.set(xlabel=f"photos (features of {measured[0]['d']} numbers)", ylabel=what)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    left.legend(frameon=False, fontsize=9)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure what is missing, then tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000, help="the most")
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--k", type=int, default=8)
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--out", type=Path, default=Path("data/scale.jsonl"))
    parser.add_argument("--figure", type=Path)
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    lines = args.out.read_text(encoding="utf-8").splitlines() if args.out.is_file() else []
    measured = [row for line in lines if (row := json.loads(line))["d"] == args.dim and row["k"] == args.k]
    known = {(row["stage"], row["n"]) for row in measured}
    wanted = [(n, stage) for n in STEPS if n <= args.rows for stage in args.stages if (stage, n) not in known]
    with tempfile.TemporaryDirectory() as folder:
        path, written = Path(folder, "features.npy"), 0
        for n, stage in tqdm(wanted, desc="stages", unit="stage"):
            if written != n:
                write_features(path, n, args.dim)
                written = n
            row = {"stage": stage, "n": n, "d": args.dim, "k": args.k} | apart(run_stage, stage, str(path), args.k)
            measured.append(row | {"machine": platform.machine()})
            tqdm.write(f"{stage} {n:,}: {row['seconds']:.1f} s, peak {row['peak_mb'] / 1024:.2f} GB")
            with open(args.out, "a", encoding="utf-8") as stream:
                stream.write(json.dumps(measured[-1]) + "\n")
    tell(measured)
    if args.figure and measured:
        draw(measured, args.figure)
        print(f"Figure: {args.figure}")


if __name__ == "__main__":
    main()
