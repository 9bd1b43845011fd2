"""How well cafés are found, how often intervals hold the truth, what is called unlike anything seen.

    python benchmarks/cafes.py find ROOMS        precision@5 on cafés of known atmosphere
    python benchmarks/cafes.py intervals ROOMS   coverage of the 90 % intervals of mood shares
    python benchmarks/cafes.py novelty ROOMS     photos unlike anything seen, and false alarms on new cafés
    python benchmarks/cafes.py speed             one answer of `cafemood similar` among 100,000 photos

ROOMS is a folder of labelled cafés, `<atmosphere>/cafe_<id>_<n>.jpg`, such as the crawler's replica draws
(`draw_cafe` and `draw_photo` in crawler/cafecrawl/replica/rooms.py). The labels are looked at for scoring only.
Photos are embedded with the default backbone; `--cache` keeps the features.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from cafemood import runs
from cafemood.backbones.backbone import Backbone
from cafemood.backbones.creating import create_backbone
from cafemood.cafes import looks, places, profiles, shares, similar
from cafemood.clustering.kmeans import kmeans
from cafemood.core import chunks
from cafemood.core.atomic import write_tensors
from cafemood.data.folders import demo_photos, scan_folder
from cafemood.features.embedding import embed
from cafemood.runs import compact, thumbnails

BACKBONE = {"name": "mobilenet_v2", "output": "features", "dim": 1280}


def load(rooms: Path, cache: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features (n, d), café of each photo from 0 (n,), atmosphere of each café (c,), looks (n, 6)."""
    kept, features, _ = embed(scan_folder(rooms, labels="subfolder"), create_backbone("mobilenet_v2"), cache)
    names, of_photo = np.unique([p.cafe_id for p in kept.photos], return_inverse=True)
    label = {p.cafe_id: str(p.label) for p in kept.photos}
    paths, ids = [kept.path(p) for p in kept.photos], [p.photo_id for p in kept.photos]
    pictures = thumbnails.make_thumbnails(paths, [thumbnails.kept_side(len(paths))] * len(paths), (), ids)
    looked = looks.measure_all(pictures)[list(looks.LOOKS)].to_numpy(dtype=float)
    return features.matrix(), of_photo, np.array([label[str(name)] for name in names]), looked


def find(rooms: Path, cache: Path, k_photos: int, draws: int = 10) -> None:
    """Precision@5: ours, mean-feature cosine, nearest photo; all photos, and draws of a few a café."""
    features, of_photo, labels, looked = load(rooms, cache)
    print(f"{len(features)} photos of {len(labels)} cafés, {len(set(labels))} atmospheres")
    print("| photos a café | cafemood | whitened cosine | mean-feature cosine | nearest photo |\n|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    everything = _precisions(features, of_photo, labels, looked)
    print("| all | " + " | ".join(f"{p:.3f}" for p in everything) + " |")
    found = []
    for _ in range(draws):
        chosen = [rng.choice(np.flatnonzero(of_photo == c), k_photos, replace=False) for c in range(len(labels))]
        rows = np.concatenate(chosen)
        found.append(_precisions(features[rows], of_photo[rows], labels, looked[rows]))
    mean, sd = np.mean(found, axis=0), np.std(found, axis=0)
    print(
        f"| {k_photos}, {draws} draws | "
        + " | ".join(f"{m:.3f} ± {s:.3f}" for m, s in zip(mean, sd, strict=True))
        + " |"
    )


def _precisions(features: np.ndarray, of_photo: np.ndarray, labels: np.ndarray, looked: np.ndarray) -> list[float]:
    ids = [str(c) for c in of_photo]
    rows = compact.compress(features, ids, BACKBONE)["rows"].astype(np.float32)
    liked = places.places_of(places.with_looks(rows, looked), of_photo).features
    ours = liked @ liked.T  # the order of `similar` where one café is liked
    vectors, _, _ = profiles.cafe_vectors(rows, chunks.group_means(rows, of_photo), of_photo)
    whitened = np.stack([similar.scores(vectors, vector) for vector in vectors])
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    means = np.stack([features[of_photo == c].mean(axis=0) for c in range(len(labels))])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    photos = unit @ unit.T
    by_cafe = [np.flatnonzero(of_photo == c) for c in range(len(labels))]
    nearest = np.array([[photos[np.ix_(a, b)].max() for b in by_cafe] for a in by_cafe])
    precisions = []
    for similarity in (ours, whitened, means @ means.T, nearest):
        np.fill_diagonal(similarity, -np.inf)
        best = np.argsort(-similarity, axis=1)[:, :5]
        precisions.append(float((labels[best] == labels[:, None]).mean()))
    return precisions


def intervals(rooms: Path, cache: Path, draws: int = 20) -> None:
    """Coverage: 1 to 5 photos of each café are seen; the truth is the share among the café's others."""
    features, of_photo, labels, _ = load(rooms, cache)
    k = 5
    clusters = kmeans(features, k, 0).labels_
    rng = np.random.default_rng(0)
    held = {"unseen photos of drawn cafés": [], "simulated cafés": []}
    prior = None
    for _ in range(draws):
        seen, truth = np.zeros((len(labels), k)), np.zeros((len(labels), k))
        for c in range(len(labels)):
            rows = rng.permutation(np.flatnonzero(of_photo == c))
            n = int(rng.integers(1, 6))
            seen[c] = np.bincount(clusters[rows[:n]], minlength=k)
            truth[c] = np.bincount(clusters[rows[n:]], minlength=k) / (len(rows) - n)
        prior = shares.fit_prior(seen)
        low, high = shares.intervals(seen, prior)
        held["unseen photos of drawn cafés"].append(((low <= truth) & (truth <= high)).mean())
        true = rng.dirichlet(prior, 2000)
        counts = np.array([rng.multinomial(rng.integers(1, 6), p) for p in true])
        low, high = shares.intervals(counts, shares.fit_prior(counts))
        held["simulated cafés"].append(((low <= true) & (true <= high)).mean())
    print(f"{len(features)} photos of {len(labels)} cafés, {len(features) / len(labels):.0f} each; prior {prior}")
    for name, found in held.items():
        print(f"{name}: {100 * np.mean(found):.1f} % ± {100 * np.std(found):.1f} ({draws} draws)")


def strange(n: int = 100) -> dict[str, list[Image.Image]]:
    """Pictures that are no café: noise, digits, text, and outdoor windows of scikit-learn's two photos."""
    from sklearn.datasets import load_digits, load_sample_images

    rng = np.random.default_rng(0)
    found: dict[str, list[Image.Image]] = {"noise": [], "digits": [], "text": [], "outdoors": []}
    words = [
        "Lorem",
        "ipsum",
        "dolor",
        "sit",
        "amet",
        "consectetur",
        "adipiscing",
        "elit",
        "sed",
        "do",
        "eiusmod",
        "tempor",
        "incididunt",
    ]
    outside = [Image.fromarray(array) for array in load_sample_images().images]
    digits = load_digits().images
    for i in range(n):
        size = (384, 512, 3) if i % 2 else (24, 32, 3)  # fine and coarse
        found["noise"].append(Image.fromarray(rng.integers(0, 255, size, dtype=np.uint8)).resize((512, 384)))
        ink = (255 - digits[i] / 16 * 255).astype(np.uint8) if i % 2 else (digits[i] / 16 * 255).astype(np.uint8)
        found["digits"].append(Image.fromarray(ink).resize((384, 384)).convert("RGB"))
        page = Image.new("RGB", (512, 384), (255, 255, 255) if i % 2 else tuple(rng.integers(200, 255, 3)))
        pen = ImageDraw.Draw(page)
        for line in range(10, 370, 22):
            pen.text((16, line), " ".join(rng.choice(words, 7)), fill=(20, 20, 20), font_size=int(rng.integers(12, 20)))
        found["text"].append(page)
        source = outside[i % 2]
        side = int(rng.uniform(0.5, 1) * min(source.size))
        left, top = int(rng.integers(source.width - side + 1)), int(rng.integers(source.height - side + 1))
        found["outdoors"].append(source.crop((left, top, left + side, top + side)))
    return found


def unlike(rooms: Path, cache: Path) -> None:
    """Half of the cafés are known; the other half must pass, and what is no café must not."""
    features, of_photo, labels, _ = load(rooms, cache)
    backbone = create_backbone("mobilenet_v2")
    assert isinstance(backbone, Backbone)
    order = np.random.default_rng(0).permutation(len(labels))
    half = np.isin(of_photo, order[: len(labels) // 2])
    odd = {
        name: np.concatenate(
            [backbone.embed(torch.stack([backbone.transform(i) for i in chunk])) for chunk in _in(images)]
        )
        for name, images in strange().items()
    }
    real = embed(demo_photos(), backbone, cache)[1].matrix()
    _flags("drawn cafés", features[half], of_photo[half], {"photos of new cafés": features[~half], **odd})
    rows = np.arange(len(real))
    alarms = [_rates(real[rows != i], rows[rows != i], {"": real[i : i + 1]})[""] for i in rows]
    print(f"demo photos, one left out at a time: {100 * np.mean(alarms):.1f} % false alarms")
    _flags("demo photos", real, rows, odd)


def _in(images: list[Image.Image], size: int = 25) -> list[list[Image.Image]]:
    return [images[i : i + size] for i in range(0, len(images), size)]


def _rates(known: np.ndarray, groups: np.ndarray, asked: dict[str, np.ndarray]) -> dict[str, float]:
    tensors = compact.compress(known, [str(g) for g in groups], BACKBONE)
    return {name: float((compact.novelty_of(x, tensors) > 1).mean()) for name, x in asked.items()}


def _flags(name: str, known: np.ndarray, groups: np.ndarray, asked: dict[str, np.ndarray]) -> None:
    told = _rates(known, groups, asked)
    print(
        f"{name} ({len(known)} known): " + ", ".join(f"{key} {100 * rate:.1f} % flagged" for key, rate in told.items())
    )


def made_run(n: int, base: Path, a_cafe: int = 8) -> runs.Run:
    """A run folder of n made-up photos, which have no files yet: `0.jpg`, `1.jpg`, …"""
    import pandas as pd

    rng = np.random.default_rng(0)
    folder, k, d = base / "run", 6, compact.WIDTH
    folder.mkdir()
    ids = [f"{i:064x}" for i in range(n)]
    kinds = rng.normal(size=(60, d))
    rows = kinds[rng.integers(60, size=n // a_cafe + 1).repeat(a_cafe)[:n]] + rng.normal(size=(n, d))
    table = pd.DataFrame({"photo_id": ids, "file": [f"{i}.jpg" for i in range(n)]})
    table["cafe_id"] = [f"{i // a_cafe:05d}" for i in range(n)]
    table["cafe_name"] = [f"카페 {i // a_cafe}" for i in range(n)]
    table["area"], table["lat"], table["lon"] = "성수동", 37.5 + np.arange(n) / n / 9, 127.0
    for column in ("licence", "attribution", "label"):
        table[column] = None
    table["cluster"], table["second_cluster"] = rng.integers(k, size=n), 0
    for column in ("probability", "second_probability", "silhouette", "distance", "x", "y"):
        table[column] = rng.random(n)
    table.to_parquet(folder / "assignments.parquet")
    measured = pd.DataFrame(rng.random((n, 6)), columns=list(looks.LOOKS)).assign(photo_id=ids)
    measured.to_parquet(folder / "looks.parquet")
    write_tensors(folder / "features.safetensors", {"rows": rows.astype(np.float16)})
    facts = {
        "schema_version": 1, "status": "finished", "k": k, "seed": 0, "backbone": BACKBONE | {"fingerprint": ""},
        "reduce": {"name": "none"}, "method": {"name": "kmeans"}, "space": {"clustering": "features"}, "stages": [],
        "data": {"root": str(base), "n_photos": n, "cafe_source": "manifest", "skipped": []},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(facts))
    return runs.load(folder)


def speed(n: int, base: Path) -> None:
    """Time `cafemood similar` as a command, in a run of n made-up photos, eight a café."""
    run = made_run(n, base)
    begin = time.perf_counter()
    profiles.build(run)
    print(f"{n:,} photos, {n // 8:,} cafés: profiles made once in {time.perf_counter() - begin:.1f} s")
    words = [
        sys.executable,
        "-c",
        "from cafemood.app.cli import main; main()",
        "similar",
        str(run.folder),
        "--cafe",
        "00042",
    ]
    took = []
    for _ in range(6):
        begin = time.perf_counter()
        subprocess.run([*words, "--near", "37.54,127.05"], check=True, capture_output=True)
        took.append(time.perf_counter() - begin)
    first, *later = took
    print(f"`cafemood similar --cafe`, the whole command: {first:.2f} s the first time, when places are learnt")
    print(f"then: median {sorted(later)[2]:.2f} s of {[round(t, 2) for t in later]}")


def main() -> None:
    """Run one of the four."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["find", "intervals", "novelty", "speed"])
    parser.add_argument("rooms", type=Path, nargs="?")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--photos", type=int, default=None, help="find: photos a café (4); speed: in all (100000)")
    given = parser.parse_args()
    if given.what != "speed" and given.rooms is None:
        parser.error("give a folder of labelled cafés")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as scratch:
        cache = given.cache or Path(scratch)
        if given.what == "find":
            find(given.rooms, cache, given.photos or 4)
        elif given.what == "intervals":
            intervals(given.rooms, cache)
        elif given.what == "novelty":
            unlike(given.rooms, cache)
        else:
            speed(given.photos or 100_000, Path(scratch))


if __name__ == "__main__":
    main()
