"""Does a score without labels follow the truth? Ours beside others', on labelled data, in one run.

    python benchmarks/choice.py choice [DIR|FILE.npz …] [--seeds 10]   Spearman with the true NMI, and what is picked
    python benchmarks/choice.py k [DIR|FILE.npz …] [--seeds 10]        what k=auto takes, beside the true number
    python benchmarks/choice.py noise [--seeds 100]                    noise called noise, structure called structure

Sources and candidates as in `choice_sets.py`, rivals as in `choice_rivals.py`; all is kept in `--cache`: a changed
score takes seconds. *rho* is Spearman's over all candidates of a set, *pick* the NMI of the candidate with the best
score over that of the best candidate; both are means over seeds. The styles are judged by style with simulated cafés of
ten and of four (see `mood.py`), drawn cafés by their atmosphere with their own; everything else without cafés.
"""

from __future__ import annotations

import argparse
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from choice_rivals import rivals, view
from choice_sets import Made, Source, candidates, sources
from mood import simulate
from scipy.stats import spearmanr
from sklearn.datasets import load_digits, make_blobs
from sklearn.metrics import normalized_mutual_info_score

from cafemood.clustering.kmeans import kmeans
from cafemood.evaluation.certainty import weighted_agreement
from cafemood.evaluation.choosing_k import choose_k
from cafemood.evaluation.nulls import null_lift
from cafemood.evaluation.pipelines import KMeansPipeline
from cafemood.evaluation.selection import Candidate, choose

OURS, BEFORE = "ours", "W · sqrt(P), as before"
N_RIVALS = 500
"""Photos that the rivals' scores are computed on."""


@dataclass
class Labelled:
    """One truth of a source: classes (n,), and cafés (n,), if they are used; -1 for photos without one."""

    name: str
    truth: np.ndarray
    cafes: np.ndarray | None = None


def truths(source: Source, rows: np.ndarray, seed: int) -> Iterator[Labelled]:
    """What a source's candidates are judged by."""
    for name, classes in source.truths.items():
        if name == "style":
            for size in (10, 4):
                yield Labelled(f"style, cafés of {size}", classes[rows], simulate(classes[rows], size, seed))
        elif name == "atmosphere" and source.cafes is not None:
            yield Labelled("drawn cafés", classes[rows], source.cafes[rows])
        elif name != "view":
            title = source.name if len(source.truths) == 1 or name in source.name else f"{source.name}, {name}"
            yield Labelled(title, classes[rows])


def ours(made: Made, table: np.ndarray, cafes: np.ndarray | None) -> dict[str, np.ndarray]:
    """The product's score, the one before it, and their terms."""
    kept = np.arange(len(made.rows)) if cafes is None else np.flatnonzero(cafes >= 0)
    runs = [
        Candidate(one[kept].astype(int), int(k), f, w, None, str(s), "" if h.isdigit() else str(h), t)
        for one, k, f, w, s, h, t in zip(
            made.labels, made.k, made.family, made.width, made.space, made.how, made.trained, strict=True
        )
    ]
    known = None if cafes is None else [str(c) for c in cafes[kept]]
    found = choose(runs, known, agreement=table)
    untold = choose([replace(run, trained=run.family != "random") for run in runs], known, agreement=table)
    terms = {
        OURS: [c.score for c in found],
        "ours, told of the random network only": [c.score for c in untold],
        "agreement alone": [c.agreement for c in found],
        "persistence alone": [c.stability_across_k for c in found],
    }
    if cafes is not None:
        terms["cafés alone"] = [c.cafe_information for c in found]
    scores = {name: np.array(values, dtype=float) for name, values in terms.items()}
    evidence = [scores["agreement alone"], *([scores["cafés alone"]] if cafes is not None else [])]
    scores[BEFORE] = np.mean(evidence, axis=0) * np.sqrt(np.clip(scores["persistence alone"], 0, None))
    return scores


def others(made: Made, source: Source, seed: int, args: argparse.Namespace) -> dict[str, np.ndarray]:
    """The rivals' scores, from the cache or computed and kept there."""
    file = args.cache / f"rivals_{source.name}_{seed}_{len(made.k)}_{len(made.rows)}.npz"
    if args.cached and not file.is_file():
        return {}
    if not file.is_file():
        part = np.random.default_rng(seed).permutation(len(made.rows))[:N_RIVALS]
        few = Made(made.rows[part], made.labels[:, part], made.k, made.space, made.how)
        np.savez(file, **rivals(view(few, source, seed)))
    with np.load(file) as z:
        return {name: z[name] for name in z.files}


def choice(args: argparse.Namespace) -> None:
    """Print rho and pick of each score on each set, their means and the least."""
    table: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for source in sources(args.sources, args.cache):
        for seed in range(args.seeds):
            made = candidates(source, seed, args.cache)
            agreement = weighted_agreement(list(made.labels.astype(int)), np.ones(len(made.rows)))
            rival = others(made, source, seed, args) if seed < args.rival_seeds else {}
            for labelled in truths(source, made.rows, seed):
                nmi = np.array([normalized_mutual_info_score(labelled.truth, one) for one in made.labels])
                for name, values in (ours(made, agreement, labelled.cafes) | rival).items():
                    rho, pick = spearmanr(values, nmi).statistic, nmi[int(np.argmax(values))] / nmi.max()
                    table.setdefault(name, {}).setdefault(labelled.name, []).append((float(rho), float(pick)))
        print(f"{source.name}: done", flush=True)
    names = list(table[OURS])
    print("\n| score | " + " | ".join(names) + " | mean rho | least rho | mean pick | least pick |")
    print("|---" * (len(names) + 5) + "|")
    means = {score: {name: np.mean(rows, axis=0) for name, rows in found.items()} for score, found in table.items()}
    for score, found in sorted(means.items(), key=lambda item: -np.mean([rho for rho, _ in item[1].values()])):
        cells = [f"{found[name][0]:.2f}, {found[name][1]:.2f}" if name in found else "" for name in names]
        rho, pick = np.array(list(found.values())).T
        cells += [f"{value:.2f}" for value in (rho.mean(), rho.min(), pick.mean(), pick.min())]
        print(f"| {score} | {' | '.join(cells)} |")


def number(args: argparse.Namespace) -> None:
    """Print what `choose_k` takes from 2 to twice the true number, and the range over seeds."""
    print("| set | true k | k=auto, median (range) | silhouette's, median | seeds |\n|---|---|---|---|---|")
    for source in sources(args.sources, args.cache):
        space = "mobilenet_v2" if "mobilenet_v2" in source.spaces else "raw"
        found: dict[tuple[str, int], list[tuple[int, int]]] = {}
        for seed in range(args.seeds):
            rows = source.rows(seed)
            for labelled in truths(source, rows, seed):
                true = len(np.unique(labelled.truth))
                kept = np.arange(len(rows)) if labelled.cafes is None else np.flatnonzero(labelled.cafes >= 0)
                cafes = None if labelled.cafes is None else [str(c) for c in labelled.cafes[kept]]
                chosen = choose_k(source.spaces[space][rows[kept]], range(2, 2 * true + 1), cafes, seed=seed)
                found.setdefault((labelled.name, true), []).append((chosen.k, chosen.silhouettes_pick))
        for (name, true), taken in found.items():
            auto, silhouette = np.array(taken).T
            print(
                f"| {name} | {true} | {np.median(auto):.0f} ({auto.min()} to {auto.max()}) | "
                f"{np.median(silhouette):.0f} | {len(taken)} |",
                flush=True,
            )


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
    """Read the command line and run one of the three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name in ("choice", "k"):
        verb = verbs.add_parser(name)
        verb.add_argument("sources", nargs="*", metavar="DIR|FILE.npz")
        verb.add_argument("--seeds", type=int, default=10)
        verb.add_argument("--cache", type=Path, default=Path("data/choice"))
        verb.add_argument("--rival-seeds", type=int, default=10, help="seeds of the rivals, which take minutes each")
        verb.add_argument("--cached", action="store_true", help="no rivals but those that are in the cache")
    verbs.add_parser("noise").add_argument("--seeds", type=int, default=100)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    if arguments.verb == "noise":
        noise(arguments.seeds)
    else:
        {"choice": choice, "k": number}[arguments.verb](arguments)


if __name__ == "__main__":
    main()
