"""A consensus of Gaussian mixtures on several UMAPs of the features: what most of them put together."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np

from cafemood.clustering import umap_space
from cafemood.clustering.base import Clustering
from cafemood.clustering.umap_methods import UMAPMethod

MOST_LINKED = 5_000
"""Rows that are linked: their n x n matrix and scikit-learn's linkage of it take up to 550 MB and two seconds."""


class UMAPConsensus(UMAPMethod):
    """A consensus of several runs of `UMAPMixture`, each with a UMAP and a mixture of its own seed.

    Evidence accumulation (Fred and Jain, "Combining Multiple Clusterings Using Evidence Accumulation", IEEE PAMI 27(6),
    2005): rows are joined by average linkage of the share of runs that put them together, their co-association; see
    `linked`. A row's membership in a cluster is its mean co-association with the cluster's rows, divided by the sum
    over the clusters; see `memberships_of_runs`. Its label is the cluster of the greatest; a few rows leave the one
    that they were linked to (none to 17 of the 700 to 1,044 rows in `benchmarks/heads.py`, with the same accuracy).
    ICCE, a consensus of trained heads, is related (https://arxiv.org/abs/2511.16213).

    All runs see all rows. Of more than `MOST_LINKED` rows a sample is linked; the others need only their memberships,
    which take no n x n matrix.

    The clustering space is the UMAP of the run that agrees best with the consensus. A new row has the memberships of
    its nearest rows in the principal components, weighted by 1/distance².

    Args:
        n_clusters: k, of each run and of the consensus.
        n_runs: Runs. Run i has the seed 1000 · `random_state` + i.
        n_neighbors: UMAP's, at most one less than there are photos.
        n_components: Dimensions of UMAP's space.
        n_principal: Principal components that neighbours are looked for in, at most the features' own dimensions.
        n_init: Starts of each mixture; the best likelihood wins.
        random_state: Seed.
        cache_dir: Folder that keeps the UMAPs by content: they serve every k, and a stopped `fit` goes on; None:
            nothing is kept.
        verbose: Whether a progress bar is shown.
    """

    name = "consensus"

    def __init__(
        self,
        n_clusters: int = 4,
        *,
        n_runs: int = 10,
        n_neighbors: int = 20,
        n_components: int = 10,
        n_principal: int = 64,
        n_init: int = 5,
        random_state: int | np.random.RandomState | None = 0,
        cache_dir: str | Path | None = None,
        verbose: bool = False,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_runs = n_runs
        self.n_neighbors = n_neighbors
        self.n_components = n_components
        self.n_principal = n_principal
        self.n_init = n_init
        self.random_state = random_state
        self.cache_dir = cache_dir
        self.verbose = verbose

    def _fit(self, x: np.ndarray, seed: int) -> Clustering:
        tensors = self._principal(x)
        found = self._runs(tensors["neighbours.z"], seed)
        runs = np.stack([run.labels for run in found])
        probabilities = consensus(runs, self.n_clusters, seed)
        labels = probabilities.argmax(axis=1)
        best = int(np.argmax([_agreement(run, labels) for run in runs]))
        coordinates = found[best].embedding
        among = np.mean([_agreement(one, other) for one, other in combinations(runs, 2)])
        return Clustering(
            labels=labels,
            centers=umap_space.means(coordinates, labels, self.n_clusters),
            probabilities=probabilities,
            embedding=coordinates,
            space=f"UMAP of the features ({coordinates.shape[1]}-d)",
            n_iter=len(runs),
            converged=all(run.converged for run in found),
            stop_reason=f"joined all runs, whose ARI with each other is {among:.2f} on the mean",
            tensors=tensors
            | {
                "neighbours.coordinates": coordinates,
                "consensus.memberships": probabilities,
                "kernel_scale": np.ones(1, np.float32),
            },
        )

    def _runs(self, z: np.ndarray, seed: int) -> list[Clustering]:
        """A mixture on a UMAP of rows z (n, d) from each run's seed."""
        from tqdm import tqdm

        cache_dir, found = Path(self.cache_dir) if self.cache_dir else None, []
        with tqdm(total=self.n_runs, desc="UMAP and mixture", unit="run", disable=not self.verbose) as bar:
            for i in range(self.n_runs):
                own = (1000 * seed + i) % 2**32
                placed = umap_space.coordinates(z, self.n_neighbors, self.n_components, own, cache_dir)
                tensors = {"neighbours.coordinates": placed}
                found.append(umap_space.mixture_clustering(tensors, self.n_clusters, self.n_init, own, "the features"))
                bar.update()
        return found

    def _soft_assign(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z, tensors = self._projected(x), self._tensors
        known = tensors["consensus.memberships"]
        of_known = np.hstack([known, tensors["neighbours.coordinates"]])  # both from one search
        found = umap_space.among_neighbours(z, tensors["neighbours.z"], of_known)
        return found[:, : known.shape[1]], found[:, known.shape[1] :]


def consensus(runs: np.ndarray, n_clusters: int, seed: int = 0) -> np.ndarray:
    """Memberships (n, k) of rows by several clusterings of them.

    Args:
        runs: The cluster of each row in each run (m, n), by any numbers.
        n_clusters: k.
        seed: Of the sample that is linked, of more than `MOST_LINKED` rows.
    """
    n = runs.shape[1]
    rows = np.arange(n)
    if n > MOST_LINKED:
        rows = np.sort(np.random.default_rng(seed).choice(n, MOST_LINKED, replace=False))
    return memberships_of_runs(runs, rows, linked(runs[:, rows], n_clusters), n_clusters)


def linked(runs: np.ndarray, n_clusters: int) -> np.ndarray:
    """Clusters (n,) of rows by average linkage of how many runs part two rows (scikit-learn's).

    Args:
        runs: The cluster of each row in each run (m, n), by any numbers.
        n_clusters: k, at most n.
    """
    from sklearn.cluster import AgglomerativeClustering

    member = np.hstack([(run[:, None] == np.unique(run)).astype(np.float32) for run in runs])
    apart = member @ member.T
    np.subtract(len(runs), apart, out=apart)  # whole numbers: equal ones stay equal
    model = AgglomerativeClustering(n_clusters, metric="precomputed", linkage="average")
    return np.asarray(model.fit_predict(apart))


def memberships_of_runs(runs: np.ndarray, rows: np.ndarray, labels: np.ndarray, n_clusters: int) -> np.ndarray:
    """Memberships (n, k) of all rows in clusters of some of them: the mean share of runs that put a row with the
    cluster's rows, divided by the sum over the clusters.

    A row of which no run says anything (it is with none of them in any) belongs to all alike.

    Args:
        runs: The cluster of each row in each run (m, n).
        rows: Those that the clusters have (n',).
        labels: Theirs (n',).
        n_clusters: k; a cluster without rows has no members.
    """
    member = np.eye(n_clusters)[labels]
    sizes = np.maximum(member.sum(axis=0), 1)
    together = np.zeros((runs.shape[1], n_clusters))
    for run in runs:
        names, of_row = np.unique(run, return_inverse=True)
        share = np.zeros((len(names), n_clusters))
        np.add.at(share, of_row[rows], member)
        together += (share / sizes)[of_row]
    total = together.sum(axis=1, keepdims=True)
    together[total[:, 0] == 0] = 1
    return np.asarray(together / together.sum(axis=1, keepdims=True), dtype=np.float32)


def _agreement(one: np.ndarray, other: np.ndarray) -> float:
    """The adjusted Rand index of two clusterings (n,)."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(one, other))
