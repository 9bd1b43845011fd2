"""Evaluation of whole clusterings: scores, baselines and findings of clear groups, of noise, and of odd inputs."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from threadpoolctl import threadpool_limits

from cafemood.clustering.kmeans import KMeans
from cafemood.clustering.reduction import PCAReduction, display_plane
from cafemood.clustering.rows import MatrixDataModule
from cafemood.core.atomic import write_json
from cafemood.evaluation import scores
from cafemood.evaluation.assessment import assess
from cafemood.evaluation.baselines import baselines
from cafemood.evaluation.resampling import ReliabilityOptions
from cafemood.evaluation.verdict import noise_limit
from cafemood.runs import Run

ORDER = ["bad", "warn", "good", "info"]


@pytest.fixture(autouse=True)
def one_thread():
    """On a machine shared with others, tiny k-means runs lose seconds to waiting threads."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def blobs():
    x, truth = make_blobs(90, 6, centers=3, cluster_std=1, random_state=0)
    return x.astype(np.float32), [f"mood {t}" for t in truth]


def evaluated(x, k=3, reduction=None, **options):
    space = reduction.space if reduction else "features"
    data = MatrixDataModule(reduction.fit_transform(x) if reduction else x)
    clustering = KMeans(k).fit(data.matrix).clustering(data.matrix, space)
    return clustering, assess(x, display_plane(x)[0], clustering, baselines(x, clustering, k, n_seeds=2), **options)


def coded(evaluation):
    """The codes of an evaluation's findings, each with its level."""
    return {(finding.code, finding.level) for finding in evaluation.findings}


def test_clear_groups(blobs):
    x, truth = blobs
    cafes = [f"cafe {i % 3}" if i % 2 else "one" for i in range(90)]
    clustering, evaluation = evaluated(x, truth=truth, cafes=cafes)
    values = evaluation.scores
    assert values["accuracy"] == values["nmi"] == pytest.approx(1)
    assert evaluation.silhouettes.mean() == pytest.approx(values["silhouette@features"], rel=1e-5)
    assert not any("clustering" in name for name in values)  # it would be the features again
    assert evaluation.details["sizes"].sum() == 90
    assert evaluation.details["sample"] is None
    assert evaluation.details["health"] == clustering.health()
    (baseline,) = evaluation.details["baselines"]
    assert baseline["n_seeds"] == 2
    assert set(baseline["scores"]) == {name for name in values if "pca2" not in name}


def test_scores_json_holds_all_of_it_and_gives_the_findings_back(blobs, tmp_path):
    _, evaluation = evaluated(blobs[0], cafes=[str(i // 3) for i in range(90)])
    write_json(tmp_path / "scores.json", evaluation.to_json())
    run = Run(tmp_path, {})
    assert list(run.scores) == ["scores", *evaluation.details, "verdict"]
    assert [(f.code, f.level, f.text) for f in run.findings] == [(f.code, f.level, f.text) for f in evaluation.findings]
    assert run.findings[0].figures == pytest.approx(evaluation.findings[0].figures)


def test_clusters_of_one_cafe_stand_among_the_cautions(blobs):
    x, _ = blobs
    clustering = KMeans(3).fit(x).clustering(x)
    _, evaluation = evaluated(x, cafes=[f"cafe {label}" for label in clustering.labels])
    levels = [finding.level for finding in evaluation.findings]
    assert levels == sorted(levels, key=ORDER.index)
    figures = [finding.figures for finding in evaluation.findings if finding.code == "one-cafe-cluster"]
    assert figures == [{"cluster": j, "cafe": f"cafe {j}", "share": 1} for j in range(3)]


def test_truth_may_be_any_sequence(blobs):
    x, truth = blobs
    expected = evaluated(x, truth=truth)[1].details["baselines"]
    assert evaluated(x, truth=np.array(truth))[1].details["baselines"] == expected


def test_external_scores_are_of_the_labelled_photos_and_say_how_many(blobs):
    x, truth = blobs
    _, evaluation = evaluated(x, truth=[label if i % 3 else None for i, label in enumerate(truth)])
    assert evaluation.scores["nmi"] == pytest.approx(1)
    assert evaluation.scores["accuracy"] == 1
    assert evaluation.details["baselines"][0]["scores"]["ari"]["mean"] == pytest.approx(1)
    assert evaluation.details["labelled"] == {"n": 60, "of": 90}
    (finding,) = [f for f in evaluation.findings if f.code == "partly-labelled"]
    assert (finding.level, finding.figures) == ("info", {"n": 60, "of": 90})
    assert ("partly-labelled", "info") not in coded(evaluated(x, truth=truth)[1])


def test_labels_that_are_all_missing_are_none(blobs):
    _, evaluation = evaluated(blobs[0], truth=[None] * 90)
    assert "accuracy" not in evaluation.scores
    assert evaluation.details["labelled"] == {"n": 0, "of": 90}


def test_without_a_truth_there_are_no_external_scores(blobs):
    _, evaluation = evaluated(blobs[0])
    assert not {"accuracy", "nmi", "ami", "ari"} & set(evaluation.scores)


def test_the_clustering_space_is_named(blobs):
    _, evaluation = evaluated(blobs[0], reduction=PCAReduction(4))
    assert np.isfinite(evaluation.scores["silhouette@clustering"])
    (finding,) = [f for f in evaluation.findings if f.code == "own-space-silhouette"]
    assert finding.figures == {"space": "pca4", "value": evaluation.scores["silhouette@clustering"]}


def test_noise_in_the_plane_is_called_noise():
    noise = np.random.default_rng(1).normal(size=(300, 50)).astype(np.float32)
    _, evaluation = evaluated(noise, k=4, reduction=PCAReduction(2))
    assert {("noise-not-beaten", "bad"), ("groups-overlap", "warn")} <= coded(evaluation)


def test_blobs_in_the_plane_are_not():
    x, _ = make_blobs(200, 20, centers=3, random_state=2)
    _, evaluation = evaluated(x.astype(np.float32), reduction=PCAReduction(2))
    assert "bad" not in {finding.level for finding in evaluation.findings}


def test_a_sample_is_named(blobs, monkeypatch):
    x, truth = blobs
    monkeypatch.setattr(scores, "sample_rows", lambda labels: scores.Sample(np.arange(0, 90, 2), 90))
    _, evaluation = evaluated(x, truth=truth)
    how = "drawn from every cluster in proportion"
    assert evaluation.details["sample"] == {"n": 45, "of": 90, "how": how}
    assert np.isnan(evaluation.silhouettes).sum() == 45
    assert evaluation.scores["accuracy"] == 1  # external scores take all rows


@pytest.mark.parametrize("k", [2, 5])
def test_where_no_silhouette_is_defined_that_is_said(k):
    x = np.ones((5, 3), np.float32) if k == 2 else np.eye(5, dtype=np.float32)
    _, evaluation = evaluated(x, k=k)
    assert ("silhouette-undefined", "bad") in coded(evaluation)
    assert not any("nan" in finding.text for finding in evaluation.findings)


def test_the_number_of_groups_asked_for_counts_not_those_in_use(blobs):
    x, _ = blobs
    labels = np.arange(90) % 2
    clustering = SimpleNamespace(
        labels=labels,
        centers=np.zeros((4, 6)),
        embedding=x,
        space="features",
        health=lambda: {"clusters_in_use": 2, "smallest_cluster": 0},
    )
    evaluation = assess(x, x[:, :2], clustering, [])
    np.testing.assert_array_equal(evaluation.details["sizes"], [45, 45, 0, 0])
    assert evaluation.findings[0].code == "collapsed"
    assert evaluation.findings[0].figures == {"clusters_in_use": 2, "k": 4}


def test_the_limit_of_noise_follows_the_number_of_candidates():
    x = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    clustering = KMeans(3).fit(x).clustering(x)
    options = ReliabilityOptions.of(KMeans(3), 3, None, 0, n_nulls=2, n_candidates=5)
    nulls = assess(x, x[:, :2], clustering, [], options).details["null"]
    assert {(null["limit"], null["n_tried"]) for null in nulls.values()} == {(noise_limit(5), 5)}
