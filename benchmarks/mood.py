"""Do groups follow the mood or the content? NMI with style and with room, on cafés that the space was not learnt from.

    python benchmarks/mood.py styles STYLES [--seeds 10]     (a folder with labels.csv: file, style, room)
    python benchmarks/mood.py houses HOUSES STYLES           (places.csv: file, cafe_id, room; then styles as above)
    python benchmarks/mood.py drawn ROOMS                    (scrapy rooms ROOMS --cafes 200 --views 4 --seed 0)

Simulated cafés: each style's photos are shuffled by a seed and cut into tens or fours, rooms mixed. The space is learnt
from the ids of one half of the cafés (the photos of the other half take part without ids); photos and cafés of the
other half are grouped by k-means, k = 5. `linear`: without a kernel; `permuted`: learnt from permuted ids; `of one half
alone`: the photos of the other half take no part. Cafés are grouped by the best guess of their place
(`CafeReduction.weights`).
"""

from __future__ import annotations

import argparse
import csv
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.metrics import normalized_mutual_info_score as nmi

from cafemood.backbones import create_backbone
from cafemood.clustering import CafeReduction, PCAReduction
from cafemood.clustering.kmeans import kmeans
from cafemood.core.chunks import group_means
from cafemood.data.images import file_digest
from cafemood.data.photos import Photo, PhotoSet
from cafemood.features import embed

Rows = dict[str, np.ndarray]
_K = 5


def read(
    folder: Path, table: str, cache: Path, outputs: tuple[str, ...] = ("features", "stages")
) -> tuple[list[dict[str, str]], Rows]:
    """The rows of a table and the features of their photos, by space."""
    with open(folder / table, encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    photos: dict[str, Photo] = {}
    for row in rows:
        row["photo_id"] = file_digest(folder / row["file"])
        photos.setdefault(row["photo_id"], Photo(row["photo_id"], row["file"], row.get("cafe_id", row["file"])))
    photo_set = PhotoSet("benchmark", folder, tuple(photos.values()))
    spaces = {}
    for output in outputs:
        backbone = create_backbone("mobilenet_v2", output=output)
        embedded = embed(photo_set, backbone, cache_dir=cache)
        place = {photo.photo_id: i for i, photo in enumerate(embedded.photos)}
        spaces[output] = embedded.X[[place[row["photo_id"]] for row in rows]]
    return rows, spaces


def simulate(styles: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Café of each photo (n,); -1 for those that are left over."""
    rng, cafes, n = np.random.default_rng(seed), np.full(len(styles), -1), 0
    for style in np.unique(styles):
        members = rng.permutation(np.flatnonzero(styles == style))
        for start in range(0, len(members) - size + 1, size):
            cafes[members[start : start + size]] = n
            n += 1
    return cafes


def scored(
    y: np.ndarray, cafes: np.ndarray, styles: np.ndarray, rooms: np.ndarray, seed: int, weights: np.ndarray | None
) -> tuple[float, float, float]:
    """NMI of photos with style and with room, and of cafés with style."""
    labels = kmeans(y, _K, seed).labels_
    of = np.unique(cafes, return_inverse=True)[1]
    means = group_means(y, of) * (1 if weights is None else weights)
    of_cafes = styles[np.unique(of, return_index=True)[1]]
    return nmi(styles, labels), nmi(rooms, labels), nmi(of_cafes, kmeans(means.astype(np.float32), _K, seed).labels_)


def styles_table(rows: list[dict[str, str]], spaces: Rows, seeds: int) -> None:
    """Print a row a space and size of simulated café."""
    styles = np.array([row["style"] for row in rows])
    rooms = np.array([row["room"] for row in rows])
    print("| cafés of | features | space | style | room | cafés: style |\n|---|---|---|---|---|---|")
    for size in (10, 4):
        for output, x in spaces.items():
            halved(f"{size} | {output}", x, lambda seed: simulate(styles, size, seed), styles, rooms, seeds)  # noqa: B023


def drawn_table(rows: list[dict[str, str]], spaces: Rows, seeds: int) -> None:
    """Print a row a space for drawn cafés, whose atmosphere is known; what a photo shows is its view."""
    atmospheres = np.array([row["atmosphere"] for row in rows])
    views = np.array([row["view"] for row in rows])
    cafes = np.unique([row["cafe_id"] for row in rows], return_inverse=True)[1]
    print("| cafés | features | space | atmosphere | view | cafés: atmosphere |\n|---|---|---|---|---|---|")
    for output, x in spaces.items():
        halved(f"drawn | {output}", x, lambda _: cafes, atmospheres, views, seeds)


def halved(
    title: str,
    x: np.ndarray,
    cafes_of: Callable[[int], np.ndarray],
    styles: np.ndarray,
    rooms: np.ndarray,
    seeds: int,
) -> None:
    """Print plain, PCA, café space, and that of permuted ids, learnt on half of the cafés and judged on the others."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for seed in range(seeds):
        cafes = cafes_of(seed)
        order = np.random.default_rng(seed).permutation(cafes.max() + 1)
        learnt = np.isin(cafes, order[: len(order) // 2])
        other = np.isin(cafes, order[len(order) // 2 :])
        about = cafes[other], styles[other], rooms[other], seed
        found.setdefault("plain", []).append(scored(x[other], *about, None))
        found.setdefault("PCA-64", []).append(scored(PCAReduction(64).fit_transform(x[other]), *about, None))
        ids = np.array([str(cafe) if of else "" for cafe, of in zip(cafes, learnt, strict=True)], dtype=object)
        permuted = ids.copy()
        permuted[learnt] = np.random.default_rng(seed).permutation(ids[learnt])
        for name, groups in (("cafe", ids), ("cafe, linear", ids), ("cafe, ids permuted", permuted)):
            kernel = "linear" if name == "cafe, linear" else "auto"
            space = CafeReduction(kernel=kernel, random_state=seed).fit(x, list(groups))  # "": not known
            sizes = np.unique(cafes[other], return_counts=True)[1]
            y = space.transform(x[other])
            found.setdefault(name, []).append(scored(y, *about, space.weights(sizes)))
        alone = CafeReduction(random_state=seed).fit(x[learnt], [str(cafe) for cafe in cafes[learnt]])
        weights = alone.weights(np.unique(cafes[other], return_counts=True)[1])
        found.setdefault("cafe, of one half alone", []).append(scored(alone.transform(x[other]), *about, weights))
    for name, values in found.items():
        print(f"| {title} | {name} | " + " | ".join(map(_mean_sd, zip(*values, strict=True))) + " |")


def houses_table(houses: list[dict[str, str]], of_houses: Rows, rows: list[dict[str, str]], spaces: Rows) -> None:
    """Print how a space that was learnt from houses alone groups the styles' photos, over ten starts."""
    styles = np.array([row["style"] for row in rows])
    rooms = np.array([row["room"] for row in rows])
    print("| learnt from houses | style | room |\n|---|---|---|")
    for output, x in spaces.items():
        matrices = {"plain": x}
        for kernel in ("auto", "linear"):
            space = CafeReduction(kernel=kernel).fit(of_houses[output], [house["cafe_id"] for house in houses])
            matrices[f"cafe, {kernel}: {space.kernel_}"] = space.transform(x)
        for name, matrix in matrices.items():
            labels = [kmeans(matrix, _K, seed).labels_ for seed in range(10)]
            values = [(nmi(styles, of), nmi(rooms, of)) for of in labels]
            print(f"| {output}, {name} | " + " | ".join(map(_mean_sd, zip(*values, strict=True))) + " |")


def _mean_sd(values: tuple[float, ...]) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"


def main() -> None:
    """Parse the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path("data/cache"))
    parser.add_argument("--seeds", type=int, default=10)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, folders in (("styles", ("styles",)), ("houses", ("houses", "styles")), ("drawn", ("rooms",))):
        command = commands.add_parser(name)
        for folder in folders:
            command.add_argument(folder, type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if given.command == "drawn":
        drawn_table(*read(given.rooms, "rooms.csv", given.cache), given.seeds)
        return
    rows, spaces = read(given.styles, "labels.csv", given.cache)
    if given.command == "styles":
        styles_table(rows, spaces, given.seeds)
    else:
        houses_table(*read(given.houses, "places.csv", given.cache), rows, spaces)


if __name__ == "__main__":
    main()
