"""What was judged is computed once: by content, whole or not at all, whoever asks."""

import multiprocessing
import time

import numpy as np
import pytest
from sklearn.datasets import make_blobs

from cafemood.clustering.kmeans import KMeans
from cafemood.evaluation import judged, nulls, resampling
from cafemood.evaluation.assessment import assess
from cafemood.evaluation.baselines import baselines
from cafemood.evaluation.judged import JudgedRows
from cafemood.evaluation.resampling import ReliabilityOptions
from cafemood.evaluation.store import JudgingStore, digest_of


def three(i):
    return {"numbers": np.full(3, i)}


def ask(store, recipes, calls):
    names = [["numbers"]] * len(recipes)
    found = store.several(
        "kind", recipes, names, lambda missing: calls.append(list(missing)) or list(map(three, missing))
    )
    return [arrays["numbers"].tolist() for arrays, _ in found], [reused for _, reused in found]


def test_only_what_is_missing_is_made(tmp_path):
    store, calls = JudgingStore(tmp_path), []
    assert ask(store, [{"k": 0}, {"k": 1}], calls) == ([[0] * 3, [1] * 3], [False, False])
    assert ask(store, [{"k": 0}, {"k": 1}, {"k": 2}], calls) == ([[0] * 3, [1] * 3, [2] * 3], [True, True, False])
    assert calls == [[0, 1], [2]]
    assert not list(tmp_path.rglob("*.lock"))


def test_without_a_cache_all_is_made_each_time():
    calls = []
    for _ in range(2):
        assert ask(JudgingStore(None), [{"k": 0}], calls) == ([[0] * 3], [False])
    assert calls == [[0], [0]]


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"{" * 99])
def test_a_damaged_entry_is_made_again(tmp_path, damage):
    store, calls = JudgingStore(tmp_path), []
    ask(store, [{"k": 0}], calls)
    path = store.path("kind", {"k": 0})
    path.write_bytes(damage(path.read_bytes()))
    assert ask(store, [{"k": 0}], calls) == ([[0] * 3], [False])
    assert ask(store, [{"k": 0}], calls) == ([[0] * 3], [True])


def test_what_a_killed_process_has_left_counts_for_nothing(tmp_path):
    store, calls = JudgingStore(tmp_path), []
    path = store.path("kind", {"k": 0})
    path.parent.mkdir(parents=True)
    half = path.with_name(f".{path.name}.1.partial")
    half.write_bytes(b"half")
    path.with_suffix(".lock").touch()
    assert ask(store, [{"k": 0}], calls) == ([[0] * 3], [False])
    assert not half.exists()


def test_a_cache_that_cannot_be_written_costs_no_result(tmp_path, caplog):
    (tmp_path / "judging").write_text("a file where the folder should be")
    assert ask(JudgingStore(tmp_path), [{"k": 0}], []) == ([[0] * 3], [False])
    assert "cannot be shared" in caplog.text


def test_an_error_while_making_keeps_nothing(tmp_path):
    store = JudgingStore(tmp_path)
    with pytest.raises(ZeroDivisionError):
        store.several("kind", [{"k": 0}], [["numbers"]], lambda missing: 1 / 0)
    assert ask(store, [{"k": 0}], [])[1] == [False]


def slow(folder, log, value):
    def make(missing):
        with open(log, "a") as stream:
            stream.write("made\n")
        time.sleep(0.5)
        return [three(7) for _ in missing]

    found = JudgingStore(folder).several("kind", [{"k": 0}, {"k": 1}], [["numbers"]] * 2, make)
    value.put([arrays["numbers"].tolist() for arrays, _ in found])


def test_of_two_processes_one_makes_it(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    log, values = tmp_path / "log", spawn.Queue()
    both = [spawn.Process(target=slow, args=(tmp_path, log, values)) for _ in range(2)]
    for process in both:
        process.start()
    assert [values.get(timeout=120) for _ in both] == [[[7] * 3] * 2] * 2
    for process in both:
        process.join()
    assert log.read_text() == "made\n"


def test_digests_tell_values_types_and_order_apart():
    some = np.arange(4)
    digests = [digest_of(v) for v in (some, some.astype(float), some.reshape(2, 2), some[::-1], ["a", "b"], ["ab"])]
    assert len(set(digests)) == len(digests)
    assert JudgedRows(np.eye(2)).digest == JudgedRows(np.eye(2, dtype=np.float16)).digest  # judged as float32 anyway


@pytest.fixture
def counted(monkeypatch):
    """How often k-means was fitted for the judging, and nulls were drawn."""
    counts = []

    def count(module, name):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, **k: counts.append(name) or real(*a, **k))

    count(judged, "kmeans")
    count(judged, "kmeans_of_distances")
    count(nulls, "_scored")
    count(resampling, "_refit")
    return counts


@pytest.mark.parametrize("d", [6, 80])
def test_a_second_run_computes_none_of_it_and_says_so(tmp_path, counted, d):
    x = make_blobs(90, d, centers=3, random_state=0)[0].astype(np.float32)
    store = JudgingStore(tmp_path)

    def run(k):
        clustering = KMeans(k).fit(x).clustering(x)
        options = ReliabilityOptions.of(KMeans(k), k, None, 3, n_nulls=2)
        return assess(
            x, x[:, :2], clustering, baselines(x, clustering, k, n_seeds=2, store=store), options, store=store
        )

    first = run(3)
    assert counted
    assert not any(null["reused"] for null in first.details["null"].values())
    counted.clear()
    again = run(3)
    assert counted == []
    assert again.scores == first.scores
    assert all(null["reused"] for null in again.details["null"].values())
    assert again.details["stability"]["reused"]
    assert first.details["reused"] == []
    named = ["k-means on the features (2 of 2 seeds)", "noise of silhouette@pca2", "noise of silhouette@features"]
    assert again.details["reused"] == [*named, "stability"]
    assert [baseline["n_reused"] for baseline in again.details["baselines"]] == [2]
    for name, null in first.details["null"].items():
        assert again.details["null"][name] == null | {"reused": True}
    run(4)
    assert counted
