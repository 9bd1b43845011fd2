"""Which method groups photos best from a frozen network's features? k-means, mixtures on UMAP and what is trained.

    python benchmarks/heads.py run HOUSES ROOMS mnist.npz --seeds 10 [--systems gmm,k-means] [--accelerator gpu]
    python benchmarks/heads.py table [--out benchmarks/heads.jsonl]

Sources as in `choice_sets.py`: MobileNetV2's features of up to 700 pictures; the true number of classes is given.
Each figure is appended to a JSON-lines file as soon as it is known; what is there is not measured again.
"""

from __future__ import annotations

import argparse
import logging
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
from choice_sets import sources
from dec import SCORES, Results, timed

from cafemood.clustering import DEC, IDEC, N2D, TEMI, KMeans, PCAReduction, UMAPConsensus, UMAPDensity, UMAPMixture
from cafemood.evaluation.scores import external

SPACE = "mobilenet_v2"
MADE: dict[str, Any] = {
    "k-means": KMeans,
    "PCA-64 + k-means": KMeans,
    "gmm": UMAPMixture,
    "consensus": UMAPConsensus,
    "hdbscan": UMAPDensity,
    "TEMI": TEMI,
    "TEMI mutual": partial(TEMI, neighbors="mutual"),
    "DEC": DEC,
    "DEC from k-means": partial(DEC, start="kmeans"),
    "DEC from gmm": partial(DEC, start="gmm"),
    "IDEC": IDEC,
    "IDEC from gmm": partial(IDEC, start="gmm"),
    "N2D": N2D,
}
TRUTH = {"houses": "room", "rooms": "atmosphere", "mnist": "class", "digits": "digit", "styles": "room"}
"""What the classes of a source are: that which MobileNetV2 sees first, where there are several."""


def labels_of(system: str, x: np.ndarray, k: int, seed: int, cache: Path, accelerator: str) -> np.ndarray:
    """Clusters (n,) of the features by a system."""
    rows = PCAReduction(64).fit_transform(x) if system.startswith("PCA") else x
    method = MADE[system](k, random_state=seed)
    options = {"trainer": partial(pl.Trainer, accelerator=accelerator, devices=1), "cache_dir": cache}
    method.set_params(**{name: options[name] for name in options.keys() & method.get_params()})
    return np.asarray(method.fit(rows).labels_)


def run(args: argparse.Namespace, kept: Results) -> None:
    """Every system from every seed on every source that has a truth."""
    for source in sources(args.sources, args.cache):
        if source.name not in {Path(path).stem for path in args.sources} or source.name not in TRUTH:
            continue
        x, truth = source.spaces[SPACE], source.truths[TRUTH[source.name]]
        for system in args.systems.split(","):
            for seed in range(args.seeds):
                about = {"kind": "head", "data": source.name, "n": len(x), "system": system, "seed": seed}
                if kept.has(**about):
                    continue
                with timed() as seconds:
                    labels = labels_of(system, x, len(np.unique(truth)), seed, args.cache, args.accelerator)
                scores = external([str(label) for label in truth], labels)
                kept.add(**about, **{name: scores[name] for name in SCORES}, seconds=seconds[0], on=args.accelerator)


def table(kept: Results) -> None:
    """Mean ± sd over seeds, as Markdown."""
    print("| data | system | seeds | ACC | NMI | ARI | seconds |\n|---|---|---|---|---|---|---|")
    groups: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
    for row in kept.rows:
        groups.setdefault((row["data"], row["n"], row["system"]), []).append(row)
    for (data, n, system), rows in sorted(groups.items(), key=lambda g: (g[0][0], list(MADE).index(g[0][2]))):
        cells = []
        for name in SCORES:
            values = [row[name] for row in rows]
            cells.append(
                f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else f"{values[0]:.3f}"
            )
        seconds = np.median([row["seconds"] for row in rows])
        print(f"| {data} ({n}) | {system} | {len(rows)} | {' | '.join(cells)} | {seconds:.0f} |")


def main() -> None:
    """Read the command line and run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["run", "table"])
    parser.add_argument("sources", nargs="*", metavar="DIR|FILE.npz")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--accelerator", default="cpu", help="of what trains a network: cpu or gpu")
    parser.add_argument("--systems", default=",".join(MADE))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/heads.jsonl"))
    parser.add_argument("--cache", type=Path, default=Path("data/choice"))
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    kept = Results(args.out)
    if args.verb == "run":
        run(args, kept)
    else:
        table(kept)


if __name__ == "__main__":
    main()
