"""How much faster two processes embed than one, for the same photos, and whether any photo is embedded twice.

    python benchmarks/spread.py [--photos DIR] [--copies 160] [--rounds 3] [--backbone mobilenet_v2]
                               [--kinds one,ddp,ray]

Each measurement is a Python of its own, with an empty cache: *one* is a single process held to one core;
*ddp* is `trainer=ddp` with two processes and *ray* `trainer=ray` with two actors, on two cores, a thread each.
The clock runs from the call of `cafemood.features.embedding.embed` to its end: starting the processes, compiling and
writing are in it. The rounds alternate, since a shared machine has good and bad minutes; ratios are of the
medians. The rows in the shards are counted: more rows than photos means that some were embedded twice.

On a machine that others use too, two processes get less of two cores than one gets of one. What the program itself
loses is in the processor's seconds: the last column is the ratio that they allow, cpu of one / (cpu of two / 2),
which two cores reach that do nothing else. It is not known for Ray, whose processes are not this one's to count.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

from cafemood.backbones.creating import create_backbone
from cafemood.data import folders, photos
from cafemood.features import embedding

KINDS = {"one": 1, "ddp": 2, "ray": 2}


def measure(kind: str, folder: Path, cache: Path, backbone: str) -> None:
    """Embed a folder in one of the ways and print the seconds, the photos and the rows."""
    import pytorch_lightning as pl

    from cafemood.features.ray_trainer import RayTrainer

    trainers = {
        "one": partial(pl.Trainer, accelerator="cpu", devices=1),
        "ddp": partial(pl.Trainer, accelerator="cpu", devices=2, strategy="ddp_spawn"),
        "ray": partial(RayTrainer, accelerator="cpu", devices=1, workers=2),
    }
    photo_set, network = folders.scan_folder(folder), create_backbone(backbone)
    trainer = embedding.several(trainers[kind])
    begin, before = time.perf_counter(), processor()
    kept, _, _ = embedding.embed(photo_set, network, cache, trainer=trainer)
    seconds, spent = time.perf_counter() - begin, processor() - before
    ids = np.concatenate([np.load(path)["photo_id"] for path in cache.rglob("*.npy")])
    print(seconds, spent, len(kept.photos), len(ids), len(set(ids)))


def processor() -> float:
    """Seconds of the processor's that this process and those it has started and ended took."""
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def copied(source: photos.PhotoSet, folder: Path, copies: int) -> None:
    """The same photos several times over, each with bytes of its own behind the picture."""
    for copy in range(copies):
        for photo in source.photos:
            data = (source.root / photo.file).read_bytes()
            (folder / f"{copy:03}_{Path(photo.file).name}").write_bytes(data + copy.to_bytes(2))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="a folder of JPEGs (default: the demo photos)")
    parser.add_argument("--copies", type=int, default=160, help="how often each photo is taken (default 160)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--kinds", default="one,ddp,ray")
    parser.add_argument("--one", nargs=3, metavar=("KIND", "FOLDER", "CACHE"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        return measure(chosen.one[0], Path(chosen.one[1]), Path(chosen.one[2]), chosen.backbone)
    cores = sorted(os.sched_getaffinity(0))[:2]
    kinds = {kind: KINDS[kind] for kind in chosen.kinds.split(",")}
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    spent: dict[str, list[float]] = {kind: [] for kind in kinds}
    twice = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "photos"
        folder.mkdir()
        copied(folders.scan_folder(chosen.photos) if chosen.photos else folders.demo_photos(), folder, chosen.copies)
        for i in range(chosen.rounds):
            for kind, n_cores in kinds.items():
                words = [sys.executable, __file__, "--backbone", chosen.backbone, "--one", kind]
                held = partial(os.sched_setaffinity, 0, cores[:n_cores])
                done = subprocess.run(
                    [*words, str(folder), str(Path(name) / f"{kind}{i}")],
                    stdout=subprocess.PIPE, text=True, check=True, preexec_fn=held,
                )  # fmt: skip
                took, cpu, n, rows, different = map(float, done.stdout.split()[-5:])
                seconds[kind].append(took)
                spent[kind].append(cpu)
                twice += int(rows - different)
                print(f"  round {i + 1}  {kind}  {took:6.1f} s  {cpu:6.1f} s of the processor", flush=True)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{int(n)} photos, {chosen.backbone}, {platform.machine()}, {chosen.rounds} rounds; load {load}")
    for kind, values in seconds.items():
        median = statistics.median(values)
        ratio = statistics.median(seconds["one"]) / median
        alone = statistics.median(spent["one"]) / (statistics.median(spent[kind]) / KINDS[kind])
        allowed = f"  {alone:.2f} x by the processor's seconds" if kind == "ddp" else ""
        print(f"  {kind:4} {median:6.1f} s  {n / median:6.1f} photos/s  {ratio:.2f} x one{allowed}")
    print(f"  embedded twice: {twice}")
    return None


if __name__ == "__main__":
    main()
