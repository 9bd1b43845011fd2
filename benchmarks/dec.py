"""DEC, IDEC, N2D and TEMI beside k-means on labelled data, over seeds; and what an epoch costs.

    python benchmarks/dec.py results digits --seeds 10
    python benchmarks/dec.py results mnist.npz --seeds 10                 (hours on two cores: cut it, run it again)
    python benchmarks/dec.py results ROOMS --seeds 10                     photos: MobileNetV2's features
    python benchmarks/dec.py results digits --seeds 1 --mode paper        the authors' schedule
    python benchmarks/dec.py speed mnist.npz --clustpy clustpy/bin/python seconds an epoch: ClustPy, a plain loop, ours
    python benchmarks/dec.py versus digits --clustpy clustpy/bin/python   ClustPy's whole DEC beside ours
    python benchmarks/dec.py sweep digits                                 k = 2..10 against its dearest single run
    python benchmarks/dec.py rows                                         10^6 x 64 rows: time and peak memory
    python benchmarks/dec.py table                                        what has been measured, as Markdown
    python benchmarks/dec.py table --out benchmarks/dec.jsonl             that of docs/dec.md, seed by seed

DATA is `digits`, an .npz with X and Y, or a folder with a sub-folder of photos for each class, such as
`scrapy rooms` draws. Each figure is appended to a JSON-lines file (--out) as soon as it is
known; what is there is not measured again, and `table` reads it. DEC and IDEC read the autoencoder that
"AE + k-means" has made: their seconds are those of the start and the refinement.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from tqdm import tqdm

from cafemood.app import config
from cafemood.backbones.creating import create_backbone
from cafemood.clustering.autoencoder import Autoencoder
from cafemood.clustering.dec import DEC, IDEC
from cafemood.clustering.functional import input_scale, reconstruction_loss
from cafemood.clustering.kmeans import kmeans
from cafemood.clustering.n2d import N2D
from cafemood.clustering.pretraining import Pretraining, embed, scaled
from cafemood.clustering.reduction import PCAReduction
from cafemood.clustering.rows import Rows
from cafemood.clustering.temi import TEMI
from cafemood.clustering.training import TrainingContext
from cafemood.data.folders import scan_folder
from cafemood.data.labelled import read_labelled
from cafemood.evaluation.scores import external
from cafemood.features.embedding import embed as embed_photos

SCORES = ("accuracy", "nmi", "ari")
SYSTEMS = ("k-means", "PCA-10 + k-means", "AE + k-means", "DEC", "IDEC", "N2D", "TEMI")


class Results:
    """The figures so far: one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path.is_file() else []
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in lines if line.strip()]

    def has(self, **wanted: Any) -> bool:
        """Whether a figure is there."""
        return any(all(row.get(key) == value for key, value in wanted.items()) for row in self.rows)

    def add(self, **row: Any) -> None:
        """Keep a figure, and say it."""
        self.rows.append(row)
        with open(self.path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        shown = {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items() if k not in ("machine", "kind")}
        tqdm.write(" ".join(f"{key}={value}" for key, value in shown.items()))


def machine() -> str:
    """What the figures belong to."""
    return f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"


@contextmanager
def timed() -> Iterator[list[float]]:
    """Seconds of the block, in the list that it yields."""
    seconds: list[float] = []
    start = time.perf_counter()
    yield seconds
    seconds.append(time.perf_counter() - start)


def read(args: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, d) and their labels (n,); of photos MobileNetV2's features and their folders."""
    if not Path(args.data).is_dir():
        return read_labelled(args.data)[:2]
    kept, features, _ = embed_photos(
        scan_folder(Path(args.data), labels="subfolder"), create_backbone("mobilenet_v2"), args.cache
    )
    return features.matrix(), np.array([str(photo.label) for photo in kept.photos])


def results(args: argparse.Namespace, kept: Results) -> None:
    """Every system from every seed."""
    x, y = read(args)
    truth, k, name = [str(label) for label in y], len(np.unique(y)), Path(args.data).stem
    trainer = partial(pl.Trainer, accelerator=args.accelerator)
    deep = {"mode": args.mode, "literal": args.literal, "pretrain_epochs": args.pretrain_epochs}
    made: dict[str, Any] = {"DEC": partial(DEC, **deep), "IDEC": partial(IDEC, **deep), "N2D": N2D, "TEMI": TEMI}
    wanted = SYSTEMS if args.mode == "fast" else ("AE + k-means", "DEC", "IDEC")
    for seed in range(args.first, args.first + args.seeds):
        for system in wanted if args.systems is None else args.systems:
            about = {"kind": "result", "data": name, "mode": args.mode, "seed": seed, "system": system}
            if args.pretrain_epochs:
                about["pretrain_epochs"] = args.pretrain_epochs
            if kept.has(**about):
                continue
            more: dict[str, Any] = {}
            with timed() as seconds:
                if system in made:
                    method = made[system](k, random_state=seed)
                    options = {"trainer": trainer, "cache_dir": args.cache}
                    method.set_params(**{n: options[n] for n in options.keys() & method.get_params()}).fit(x)
                    labels, more = method.labels_, {"n_iter": method.n_iter_, "stop": method.stop_reason_}
                elif system == "AE + k-means":
                    with timed() as pretraining:
                        z = embedding(x, seed, deep, trainer, args.cache)
                    labels, more = kmeans(z, k, seed, n_init=20).labels_, {"pretraining_seconds": pretraining[0]}
                else:
                    rows = PCAReduction(min(10, *x.shape)).fit_transform(x) if system.startswith("PCA") else x
                    labels = kmeans(rows, k, seed).labels_
            scores = external(truth, labels)
            kept.add(**about, **{s: scores[s] for s in SCORES}, seconds=seconds[0], **more, machine=machine())


def embedding(x: np.ndarray, seed: int, deep: dict[str, Any], trainer: Any, cache: Path) -> np.ndarray:
    """The autoencoder's embedding, trained or read from the cache that the deep methods use too."""
    method = DEC(2, random_state=seed, **deep)
    rows, _ = scaled(x, method.n_clusters, "features", method.mean_square)
    autoencoder, _ = method.pretraining.run(rows, 256, TrainingContext(trainer, cache_dir=cache))
    return embed(autoencoder, rows)


class EpochSeconds(pl.Callback):
    """The duration of each epoch."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_train_epoch_start(self, *args: Any) -> None:
        """Start the clock."""
        self._start = time.perf_counter()

    def on_train_epoch_end(self, *args: Any) -> None:
        """Stop it."""
        self.seconds.append(time.perf_counter() - self._start)


def our_epochs(x: Rows, batch_size: int, epochs: int, accelerator: str) -> list[float]:
    """Seconds of each pretraining epoch, through the product itself."""
    clock = EpochSeconds()

    def trainer(callbacks: list[pl.Callback] = (), **options: Any) -> pl.Trainer:  # type: ignore[assignment]
        return pl.Trainer(accelerator=accelerator, callbacks=[*callbacks, clock], **options)

    pretraining = Pretraining(epochs=epochs, min_steps=1)
    factor = max(1, pretraining.batch_size(len(x), 256) // 256)
    pretraining.run(x, batch_size // factor, TrainingContext(trainer))
    return clock.seconds


def plain_epochs(x: torch.Tensor, epochs: int) -> list[float]:
    """Seconds of each epoch of a plain loop: float32, DataLoader, Adam, batches of 256."""
    torch.manual_seed(0)
    network, found = Autoencoder(x.shape[1]), []
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x), batch_size=256, shuffle=True)
    for _ in range(epochs):
        start = time.perf_counter()
        for (batch,) in loader:
            loss = reconstruction_loss(network(batch)[1], batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        found.append(time.perf_counter() - start)
    return found


def clustpy(args: argparse.Namespace, *words: str) -> dict[str, Any]:
    """Ask ClustPy, in its own environment."""
    if not args.clustpy:
        sys.exit("Give the Python of an environment with ClustPy: --clustpy clustpy/bin/python")
    script = Path(__file__).with_name("clustpy_side.py")
    env = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}  # ours: see cafemood
    done = subprocess.run([args.clustpy, str(script), *words], capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        sys.exit(f"ClustPy failed: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def speed(args: argparse.Namespace, kept: Results) -> None:
    """Seconds an autoencoder epoch takes, in alternating rounds; ratios of the medians."""
    x, _ = read(args)
    rows = Rows(x, input_scale([torch.from_numpy(x)]))
    shipped = Pretraining().batch_size(len(x), 256)
    rounds: dict[str, list[float]] = {}
    for _ in range(args.rounds):
        found = {
            f"cafemood, batches of {size}": our_epochs(rows, size, 3, args.accelerator)[1:] for size in {shipped, 256}
        }
        found["plain PyTorch loop"] = plain_epochs(rows[torch.arange(len(x))], 2)[1:]
        found["ClustPy"] = clustpy(args, "epoch", args.data)["seconds"][1:]
        for system, seconds in found.items():
            rounds.setdefault(system, []).append(statistics.median(seconds))
            tqdm.write(f"{system}: {statistics.median(seconds):.2f} s")
    reference = statistics.median(rounds["ClustPy"])
    for system, seconds in rounds.items():
        middle = statistics.median(seconds)
        about = {"kind": "speed", "data": Path(args.data).stem, "system": system}
        kept.add(**about, seconds=middle, rounds=seconds, of_clustpy=middle / reference, machine=machine())


def versus(args: argparse.Namespace, kept: Results) -> None:
    """ClustPy's whole DEC (its defaults) beside ours, and our time to its accuracy."""
    x, y = read(args)
    truth, k, name = [str(label) for label in y], len(np.unique(y)), Path(args.data).stem
    for seed in range(args.first, args.first + args.seeds):
        theirs = clustpy(args, "dec", args.data, str(seed), *map(str, args.clustpy_epochs))
        with tempfile.TemporaryDirectory() as empty, timed() as seconds:
            trainer = partial(pl.Trainer, accelerator=args.accelerator)
            ours = DEC(k, random_state=seed, trainer=trainer, cache_dir=empty).fit(x)
        for system, labels, took in (
            ("ClustPy DEC", np.array(theirs["labels"]), theirs["seconds"]),
            ("DEC", ours.labels_, seconds[0]),
        ):
            scores = external(truth, labels)
            row = {"kind": "versus", "data": name, "seed": seed, "system": system, "seconds": took}
            kept.add(**row, **{s: scores[s] for s in SCORES}, machine=machine())


def sweep(args: argparse.Namespace, kept: Results) -> None:
    """A sweep over k = 2..10 with one cache, against the dearest of the same runs without one."""
    x, _ = read(args)
    trainer = partial(pl.Trainer, accelerator=args.accelerator)

    def run(k: int, cache: str) -> float:
        with timed() as seconds:
            DEC(k, trainer=trainer, cache_dir=cache).fit(x)
        return seconds[0]

    small = {"hidden": (16,), "pretrain_epochs": 1, "pretrain_min_steps": 1, "max_updates": 1}
    DEC(3, **small, trainer=trainer).fit(x)  # what the first run of a process pays is no sweep's
    with tempfile.TemporaryDirectory() as shared:
        together = [run(k, shared) for k in range(2, 11)]
    single = [together[0]]  # nothing was cached yet
    for k in (int(np.argmax(together[1:])) + 3, 10):  # the slowest refinement, and the largest k
        with tempfile.TemporaryDirectory() as own:
            single.append(run(k, own))
    about = {"kind": "sweep", "data": Path(args.data).stem, "sweep": sum(together), "single": max(single)}
    kept.add(**about, ratio=sum(together) / max(single), each=together, machine=machine())


def rows(args: argparse.Namespace, kept: Results) -> None:
    """10^6 x 64 rows: the memory beside the matrix should not grow with the network's widths."""
    rng = np.random.default_rng(0)
    middles = rng.normal(size=(8, 64)).astype(np.float32) * 2
    x = middles[rng.integers(8, size=args.rows)] + rng.standard_normal((args.rows, 64), dtype=np.float32)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    with timed() as seconds:
        trainer = partial(pl.Trainer, accelerator=args.accelerator)
        small = {"hidden": (64, 64, 128), "pretrain_epochs": 1, "max_updates": 2}
        DEC(8, **small, batch_size=4096, trainer=trainer).fit(x)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    row = {"kind": "rows", "data": f"{args.rows} x 64", "seconds": seconds[0], "matrix_gib": x.nbytes / 1024**3}
    kept.add(**row, gib_before=before, gib_peak=peak, machine=machine())


def table(kept: Results) -> None:
    """Mean ± sd over seeds, as Markdown."""
    found = [row for row in kept.rows if row["kind"] == "result"]
    for data, mode in sorted({(row["data"], row["mode"]) for row in found}):
        print(f"\n**{data}**, mode {mode}\n\n| system | seeds | ACC | NMI | ARI | seconds |\n|---|---|---|---|---|---|")
        for system in SYSTEMS:
            own = [r for r in found if (r["data"], r["mode"], r["system"]) == (data, mode, system)]
            if own:
                cells = [_mean_sd([row[score] for row in own]) for score in SCORES]
                took = [row["seconds"] for row in own if "seconds" in row]
                cells.append(f"{statistics.median(took):.0f}" if took else "–")
                print(f"| {system} | {len(own)} | {' | '.join(cells)} |")
    for row in kept.rows:
        if row["kind"] != "result":
            print({key: value for key, value in row.items() if key != "machine"})


def _mean_sd(values: list[float]) -> str:
    return f"{statistics.mean(values):.3f} ± {statistics.stdev(values) if len(values) > 1 else float('nan'):.3f}"


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = {"results": results, "speed": speed, "versus": versus, "sweep": sweep, "rows": rows}
    parser.add_argument("verb", choices=[*verbs, "table"])
    parser.add_argument("data", nargs="?", default="digits", help="digits, an .npz with X and Y, or labelled photos")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS)
    parser.add_argument("--mode", choices=["fast", "paper"], default="fast")
    parser.add_argument("--literal", action="store_true", help="mode paper: the iterations as printed")
    parser.add_argument("--pretrain-epochs", type=int, help="instead of the mode's own")
    parser.add_argument("--accelerator", default="cpu", help="cpu, gpu or auto")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--clustpy", help="the Python of an environment with ClustPy")
    parser.add_argument("--clustpy-epochs", type=int, nargs=2, default=(100, 150), help="pretraining, clustering")
    parser.add_argument("--out", type=Path, default=Path("data/bench_dec.jsonl"))
    parser.add_argument("--cache", type=Path, default=Path("data/cache"))
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.basicConfig(level=logging.WARNING)
    config.quiet()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    kept = Results(args.out)
    if args.verb == "table":
        table(kept)
    else:
        verbs[args.verb](args, kept)


if __name__ == "__main__":
    main()
