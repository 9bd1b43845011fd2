"""Does a score without labels follow the truth? Ours beside silhouette's, on labelled data, in one run.

    python benchmarks/choice.py choice [DIR|mnist.npz …]     Spearman with the true NMI, and what each score picks
    python benchmarks/choice.py noise [--seeds 100]          noise called noise, structure called structure

Labelled sets: scikit-learn's digits, blobs of three shapes, and any number of folders of photos whose sub-folders are
the labels (`cafe_<id>_<n>.jpg` gives the café) or `.npz` files with `X` and `Y`. Each set is seen through several
feature spaces (pixels; random projections or, for photos and digits, MobileNetV2, an untrained ResNet18 and oriented
gradients; colours), each as it is and as its PCA of 2, 10 and 50, and grouped by k-means at 0.5 to 2 times the true
number of classes. *rho* is Spearman's over all candidates of a set; *pick* the NMI of the candidate with the best
score over that of the best candidate.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.stats import spearmanr
from sklearn.datasets import load_digits, make_blobs
from sklearn.decomposition import PCA
from sklearn.metrics import (
    calinski_harabasz_score,
    davies_bouldin_score,
    normalized_mutual_info_score,
    silhouette_score,
)

from cafemood.backbones.registry import create_backbone
from cafemood.clustering.kmeans import kmeans
from cafemood.data.folders import scan_folder
from cafemood.data.images import open_image
from cafemood.evaluation.nulls import null_lift
from cafemood.evaluation.pipelines import KMeansPipeline
from cafemood.evaluation.resampling import stability
from cafemood.evaluation.selection import Candidate, choose

FACTORS = (0.5, 0.75, 1, 1.5, 2)
MAX_ROWS = 1500


@dataclass
class Labelled:
    """A labelled set: its feature spaces (n, d) by family, its classes (n,), its cafés if there are any."""

    name: str
    spaces: dict[str, np.ndarray]
    truth: np.ndarray
    cafes: list[str] | None = None


def sets(given: list[str]) -> Iterator[Labelled]:
    """Digits, blobs, and what was given."""
    digits = load_digits()
    rows = np.random.default_rng(0).choice(len(digits.target), MAX_ROWS, replace=False)
    images = [Image.fromarray((i * 15).astype(np.uint8)).convert("RGB") for i in digits.images[rows]]
    yield Labelled("digits", {"pixels": digits.data[rows], **networks(images)}, digits.target[rows])
    for j, (k, d, spread) in enumerate([(6, 10, 3.0), (8, 20, 5.0), (5, 8, [1.0, 2.0, 3.0, 4.0, 5.0])]):
        x, truth = make_blobs(1000, d, centers=k, cluster_std=spread, random_state=j)
        yield Labelled(f"blobs, {('round', 'stretched', 'unequal')[j]}", views(x, j, stretched=j == 1), truth)
    for path in map(Path, given):
        if path.suffix == ".npz":
            with np.load(path) as stored:
                x, y = stored["X"].reshape(len(stored["Y"]), 28, 28), stored["Y"]
            rows = np.random.default_rng(0).choice(len(y), MAX_ROWS, replace=False)
            images = [Image.fromarray(i).convert("RGB") for i in x[rows]]
            yield Labelled(path.stem, {"pixels": x[rows].reshape(len(rows), -1), **networks(images)}, y[rows])
        else:
            photo_set = scan_folder(path)
            photos = photo_set.photos[:: -(-len(photo_set.photos) // MAX_ROWS)]
            images = [open_image(path / p.file, shortest=256) for p in photos]
            small = np.stack([np.asarray(i.resize((24, 18)), dtype=np.float32).ravel() for i in images])
            colours = np.stack([np.asarray(i.resize((64, 64)).histogram(), dtype=np.float32) for i in images])
            truth = np.unique([Path(p.file).parts[0] for p in photos], return_inverse=True)[1]
            spaces = {"pixels": small, "colours": colours.reshape(len(images), 48, 16).sum(axis=2), **networks(images)}
            yield Labelled(path.name, spaces, truth, [str(p.cafe_id) for p in photos])


def views(x: np.ndarray, seed: int, *, stretched: bool) -> dict[str, np.ndarray]:
    """Blobs as they are, through two random layers with noise, and beside 100 columns of noise."""
    rng = np.random.default_rng(seed)
    if stretched:
        x = x @ rng.normal(size=(x.shape[1], x.shape[1]))
    x = (x - x.mean(axis=0)) / x.std()
    found = {"raw": x, "noisy": np.hstack([x, rng.normal(size=(len(x), 100))])}
    for i in range(2):
        layer = rng.normal(size=(x.shape[1], 64)) / x.shape[1] ** 0.5
        found[f"layer {i}"] = np.tanh(1.5 * x @ layer) + 0.15 * rng.normal(size=(len(x), 64))
    return found


def networks(images: list[Image.Image]) -> dict[str, np.ndarray]:
    """MobileNetV2's features, an untrained network's, and oriented gradients in an 8 x 8 grid."""
    import torch

    found = {}
    for name in ("mobilenet_v2", "random"):
        backbone = create_backbone(name, precision="float32")
        batches = (images[start : start + 32] for start in range(0, len(images), 32))
        chunks = [backbone.embed(torch.stack([backbone.transform(i) for i in batch])) for batch in batches]
        found[name] = np.concatenate(chunks)
    return found | {"gradients": np.stack([gradients(i) for i in images])}


def gradients(image: Image.Image) -> np.ndarray:
    """Histograms of 8 directions in an 8 x 8 grid (Dalal and Triggs, CVPR 2005, without overlap)."""
    grey = np.asarray(image.convert("L").resize((64, 64)), dtype=np.float32) / 255
    dy, dx = np.gradient(grey)
    direction = np.minimum((np.arctan2(dy, dx) % np.pi) / np.pi * 8, 7).astype(int)
    rows, columns = np.mgrid[0:64, 0:64] // 8
    found = np.zeros((8, 8, 8), dtype=np.float32)
    np.add.at(found, (rows, columns, direction), np.hypot(dx, dy))
    return (found / (np.linalg.norm(found, axis=2, keepdims=True) + 0.05)).ravel()


def choice(given: list[str]) -> None:
    """Print rho and pick of each score on each set, and their means."""
    table: dict[str, list[tuple[float, float]]] = {}
    names = []
    for labelled in sets(given):
        names.append(labelled.name)
        for score, (rho, pick) in judged(labelled).items():
            table.setdefault(score, []).append((rho, pick))
        print(f"{labelled.name}: done", flush=True)
    print("\n| score | " + " | ".join(f"{name}: rho, pick" for name in names) + " | mean rho | mean pick |")
    print("|---" * (len(names) + 3) + "|")
    for score, found in sorted(table.items(), key=lambda item: -np.mean([rho for rho, _ in item[1]])):
        cells = " | ".join(f"{rho:.2f}, {pick:.2f}" for rho, pick in found)
        rho, pick = np.mean(found, axis=0)
        print(f"| {score} | {cells} | {rho:.2f} | {pick:.2f} |")


def judged(labelled: Labelled) -> dict[str, tuple[float, float]]:
    """Rho and pick of each score over all candidates of a set."""
    k = len(np.unique(labelled.truth))
    ks = sorted({max(2, round(k * factor)) for factor in FACTORS})
    rows = np.random.default_rng(0).permutation(len(labelled.truth))[:800]
    candidates, spaces, widths = [], [], []
    for family, x in labelled.spaces.items():
        x = (x - x.mean(axis=0)).astype(np.float32)
        for width in (None, 2, 10, 50):
            if width is not None and width >= x.shape[1]:
                continue
            space = x if width is None else PCA(width, random_state=0).fit_transform(x)
            for each in ks:
                labels = kmeans(space, each, 0, n_init=5).labels_
                candidates.append(Candidate(labels, each, family, width))
                spaces.append((x, space))
                widths.append(width)
    truth = np.array([normalized_mutual_info_score(labelled.truth, c.labels) for c in candidates])
    choices = choose(candidates, labelled.cafes)
    pairs = list(zip(candidates, spaces, strict=True))

    def internal(score: Callable[[np.ndarray, np.ndarray], float]) -> list[float]:
        return [score(space[rows], c.labels[rows]) for c, (_, space) in pairs]

    same_k = [
        np.mean(
            [
                normalized_mutual_info_score(c.labels, o.labels)
                for o in candidates
                if o.family != c.family and o.k == c.k
            ]
        )
        for c in candidates
    ]
    steady = [
        stability(x, c.labels, KMeansPipeline(c.k, width, 1), 4, cafes=labelled.cafes, max_rows=800)["ari"]["mean"]
        for (c, (x, _)), width in zip(pairs, widths, strict=True)
    ]
    scores = {
        "ours: W · sqrt(P)": [c.score for c in choices],
        "agreement alone (AMI, any k)": [c.agreement for c in choices],
        "agreement (NMI, same k)": same_k,
        "stability (ARI over bootstraps)": steady,
        "silhouette, own space": internal(silhouette_score),
        "silhouette@features": [silhouette_score(x[rows], c.labels[rows]) for c, (x, _) in pairs],
        "Davies-Bouldin (negative)": internal(lambda x, labels: -davies_bouldin_score(x, labels)),
        "Calinski-Harabasz": internal(calinski_harabasz_score),
    }
    return {
        name: (float(spearmanr(values, truth).statistic), float(truth[int(np.argmax(values))] / truth.max()))
        for name, values in scores.items()
    }


def noise(n_seeds: int) -> None:
    """Print how often z < 2 over seeds, for data without and with structure."""
    digits = load_digits().data
    makers: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
        "noise: Gaussian, 500 x 50": lambda rng: rng.normal(size=(500, 50)),
        "noise: Gaussian, spectrum of features, 500 x 100": lambda rng: (
            (rng.normal(size=(500, 100)) * np.arange(1, 101) ** -0.7) @ np.linalg.qr(rng.normal(size=(100, 100)))[0]
        ),
        "noise: uniform, 500 x 10": lambda rng: rng.random((500, 10)),
        "noise: digits, columns permuted, 500 x 64": lambda rng: rng.permuted(
            digits[rng.choice(len(digits), 500, replace=False)], axis=0
        ),
        "structure: blobs, 4 in 10-d": lambda rng: make_blobs(
            500, 10, centers=4, cluster_std=4, random_state=int(rng.integers(2**31))
        )[0],
        "structure: digits, 500 x 64": lambda rng: digits[rng.choice(len(digits), 500, replace=False)],
        "structure: two along one axis of 5": lambda rng: np.c_[
            rng.choice([-2.5, 2.5], 500) + rng.normal(size=500), rng.normal(size=(500, 4))
        ],
    }
    print("| data | called noise (z < 2) | z, mean ± sd |\n|---|---|---|")
    for name, make in makers.items():
        zs = []
        for seed in range(n_seeds):
            x = make(np.random.default_rng(seed)).astype(np.float32)
            k = 2 if "two" in name else 4
            labels = kmeans(x, k, seed, n_init=10).labels_
            zs.append(null_lift(x, labels, {}, KMeansPipeline(k), 20, seed=seed)["silhouette@features"]["z"])
        print(
            f"| {name} | {sum(z < 2 for z in zs)} of {n_seeds} | {np.mean(zs):.1f} ± {np.std(zs, ddof=1):.1f} |",
            flush=True,
        )


def main() -> None:
    """Read the command line and run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("choice").add_argument("sets", nargs="*", metavar="DIR|FILE.npz")
    verbs.add_parser("noise").add_argument("--seeds", type=int, default=100)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    if arguments.verb == "choice":
        choice(arguments.sets)
    else:
        noise(arguments.seeds)


if __name__ == "__main__":
    main()
