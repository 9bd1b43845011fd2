"""Labelled sets for `choice.py`: their feature spaces, and the clusterings to choose among, both kept on disk.

A source is scikit-learn's digits, blobs of three shapes, an `.npz` with `X` and `Y` (28 x 28 grey values), or a folder
of photos with one table that has `file`, and perhaps `cafe_id`; its other columns of 2 to 30 values, or those that are
named in `TRUTHS`, are the truths. Each source is seen through several spaces (pixels, colours, oriented gradients, an
untrained ResNet18, MobileNetV2's features and the channel statistics of its stages), and each space is grouped as it is
and as its PCA of 2, 10 and 50; MobileNetV2 also through DEC and a Gaussian mixture on UMAP.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
from mood import read
from PIL import Image
from sklearn.datasets import load_digits, make_blobs
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from cafemood.backbones.creating import create_backbone
from cafemood.clustering import DEC
from cafemood.clustering.kmeans import kmeans
from cafemood.data.images import open_image

FACTORS = (0.5, 0.75, 1, 1.5, 2)
N_ROWS = 1000
"""Photos of a seed, drawn from the source's."""
N_KEPT = 700
"""Digits of a source whose features are computed; of photos all."""
SIDE = 96
"""Pixels of what the untrained network sees, and MobileNetV2 of digits; of photos it sees what the product gives it."""
FAMILIES = {"mobilenet_v2": "mobilenet", "stages": "mobilenet"}
"""Of the spaces that share a network; the others are their own."""
UNTRAINED = ("pixels", "colours", "gradients", "random")
TRUTHS = ("style", "room", "atmosphere", "view")


@dataclass
class Source:
    """Photos by their feature spaces (n, d), and what is true of them: classes (n,) by name, cafés if there are any."""

    name: str
    spaces: dict[str, np.ndarray]
    truths: dict[str, np.ndarray]
    cafes: np.ndarray | None = None
    deep: tuple[str, ...] = ()

    def rows(self, seed: int) -> np.ndarray:
        """The photos of a seed; of a source with cafés whole cafés."""
        rng, n = np.random.default_rng(seed), len(next(iter(self.truths.values())))
        if n <= N_ROWS:
            return np.arange(n)
        if self.cafes is None:
            return np.sort(rng.choice(n, N_ROWS, replace=False))
        order = rng.permutation(self.cafes.max() + 1)[self.cafes]
        return np.sort(np.argsort(order, kind="stable")[:N_ROWS])


@dataclass
class Made:
    """A source's clusterings of one seed.

    Attributes:
        rows: Photos (n,).
        labels: Clusters (m, n).
        k: Clusters of each (m,).
        space: The space of each (m,), and `how` it was reduced: the PCA's width, 0 for none, or the method.
    """

    rows: np.ndarray
    labels: np.ndarray
    k: np.ndarray
    space: np.ndarray
    how: np.ndarray
    extra: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def family(self) -> np.ndarray:
        """Family of each clustering's backbone (m,)."""
        return np.array([FAMILIES.get(space, space) for space in self.space])

    @property
    def trained(self) -> list[bool]:
        """Whether training has made the space of each (m,)."""
        return [str(space) not in UNTRAINED for space in self.space]

    @property
    def width(self) -> list[int | None]:
        """Dimensions that a PCA left (m,)."""
        return [int(how) if how.isdigit() and int(how) else None for how in self.how]


def sources(given: list[str], cache: Path) -> Iterator[Source]:
    """Digits, blobs, and what was given."""
    yield kept("digits", cache, digits)
    for j, (k, d, spread) in enumerate([(6, 10, 3.0), (8, 20, 5.0), (5, 8, [1.0, 2.0, 3.0, 4.0, 5.0])]):
        x, truth = make_blobs(1000, d, centers=k, cluster_std=spread, random_state=j)
        shape = ("round", "stretched", "unequal")[j]
        yield Source(f"blobs {shape}", views(x, j, stretched=j == 1), {"blob": truth})
    for path in map(Path, given):
        make = partial(matrix, path) if path.suffix == ".npz" else partial(photos, path, cache)
        yield kept(path.stem, cache, make)


def kept(name: str, cache: Path, make: Callable[[], Source]) -> Source:
    """A source from the cache, or made and kept there."""
    file = cache / f"source_{name}.npz"
    if not file.is_file():
        source = make()
        arrays = {f"space {k}": v for k, v in source.spaces.items()} | {
            f"truth {k}": v for k, v in source.truths.items()
        }
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(file, **arrays, **({} if source.cafes is None else {"cafes": source.cafes}))
    with np.load(file) as z:
        spaces = {k.removeprefix("space "): z[k] for k in z.files if k.startswith("space ")}
        truths = {k.removeprefix("truth "): z[k] for k in z.files if k.startswith("truth ")}
        return Source(name, spaces, truths, z["cafes"] if "cafes" in z.files else None, ("mobilenet_v2",))


def digits() -> Source:
    """A sample of scikit-learn's digits of 8 x 8 pixels."""
    x, y = load_digits(return_X_y=True)
    rows = np.random.default_rng(0).choice(len(y), N_KEPT, replace=False)
    x, y = x[rows], y[rows]
    images = [Image.fromarray((i.reshape(8, 8) * 15).astype(np.uint8)).convert("RGB") for i in x]
    return Source("digits", {"pixels": x.astype(np.float32), **networks(images)}, {"digit": y})


def matrix(path: Path) -> Source:
    """A sample of an `.npz` of 28 x 28 pictures."""
    with np.load(path) as stored:
        x, y = stored["X"], stored["Y"]
    rows = np.random.default_rng(0).choice(len(y), min(N_KEPT, len(y)), replace=False)
    images = [Image.fromarray(i).convert("RGB") for i in x[rows].reshape(-1, 28, 28)]
    pixels = x[rows].reshape(len(rows), -1).astype(np.float32)
    return Source(path.stem, {"pixels": pixels, **networks(images)}, {"class": y[rows]})


def photos(path: Path, cache: Path) -> Source:
    """A folder of photos with a table."""
    (table,) = path.glob("*.csv")
    rows, of_network = read(path, table.name, cache)
    images = [open_image(path / row["file"], shortest=256) for row in rows]
    truths = {c: np.unique([row[c] for row in rows], return_inverse=True)[1] for c in rows[0] if c in TRUTHS}
    cafes = np.unique([row["cafe_id"] for row in rows], return_inverse=True)[1] if "cafe_id" in rows[0] else None
    colours = np.stack([np.asarray(i.resize((64, 64)).histogram(), dtype=np.float32) for i in images])
    spaces = {
        "pixels": np.stack([np.asarray(i.resize((24, 18)), dtype=np.float32).ravel() for i in images]),
        "colours": colours.reshape(len(images), 48, 16).sum(axis=2),
        "mobilenet_v2": of_network["features"],
        "stages": of_network["stages"],
    }
    return Source(path.name, spaces | networks(images, ("random",)), truths, cafes)


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


def networks(
    images: list[Image.Image], names: tuple[str, ...] = ("mobilenet_v2", "stages", "random")
) -> dict[str, np.ndarray]:
    """MobileNetV2's features and stages, an untrained network's features, and oriented gradients in an 8 x 8 grid."""
    import torch
    from torch.nn.functional import interpolate

    found = {}
    for name in names:
        options = {"output": "stages"} if name == "stages" else {}
        backbone = create_backbone("mobilenet_v2" if name == "stages" else name, precision="float32", **options)
        batches = (images[start : start + 32] for start in range(0, len(images), 32))
        chunks = [
            backbone.embed(interpolate(torch.stack([backbone.transform(i) for i in batch]), (SIDE, SIDE)))
            for batch in batches
        ]
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


def classes(source: Source) -> list[int]:
    """The true numbers of groups."""
    return sorted({len(np.unique(truth)) for truth in source.truths.values()})


def ks_of(source: Source) -> list[int]:
    """Half to twice the number of classes, of every truth."""
    return sorted({max(2, round(len(np.unique(t)) * factor)) for t in source.truths.values() for factor in FACTORS})


def reduced(x: np.ndarray, how: str, seed: int) -> np.ndarray:
    """The rows (n, d) that a clustering was made of (n, d')."""
    x = (x - x.mean(axis=0)).astype(np.float32)
    if how == "umap":
        from umap import UMAP

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(UMAP(20, 10, min_dist=0.0, random_state=seed).fit_transform(x), dtype=np.float32)
    if how == "0":
        return x
    width = min(64, *x.shape) if how == "dec" else int(how)
    return np.asarray(PCA(width, random_state=0).fit_transform(x), dtype=np.float32)


def candidates(source: Source, seed: int, cache: Path) -> Made:
    """The clusterings to choose among, from the cache or made and kept there."""
    recipe = [source.name, seed, N_ROWS, ks_of(source), sorted(source.spaces)]
    file = cache / f"made_{source.name}_{hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:12]}.npz"
    if not file.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        made = clusterings(source, seed, cache)
        np.savez(file, rows=made.rows, labels=made.labels, k=made.k, space=made.space, how=made.how)
    with np.load(file) as z:
        return Made(**{name: z[name] for name in z.files})


def clusterings(source: Source, seed: int, cache: Path) -> Made:
    """Every space, reduction and k by k-means; MobileNetV2 by DEC and by a mixture on UMAP too."""
    rows, found = source.rows(seed), []
    trainer = partial(pl.Trainer, accelerator="cpu")
    for space, whole in source.spaces.items():
        x = whole[rows]
        for how in ("0", "2", "10", "50", *(("umap", "dec") if space in source.deep else ())):
            if how.isdigit() and int(how) >= x.shape[1]:
                continue
            z = reduced(x, how, seed)
            for k in ks_of(source) if how != "dec" else classes(source):
                if how == "umap":
                    mixture = GaussianMixture(k, n_init=3, reg_covar=1e-4, random_state=seed)
                    labels = mixture.fit_predict(z.astype(np.float64))
                elif how == "dec":
                    deep = DEC(k, hidden=(256, 256), pretrain_min_steps=400, max_updates=20, random_state=seed)
                    labels = deep.set_params(trainer=trainer, cache_dir=cache).fit(z).labels_
                else:
                    labels = kmeans(z, k, seed, n_init=5).labels_
                found.append((labels, k, space, how))
    labels, k, space, how = zip(*found, strict=True)
    return Made(rows, np.array(labels, dtype=np.int16), np.array(k), np.array(space), np.array(how))
