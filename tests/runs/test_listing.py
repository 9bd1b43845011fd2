"""The list of runs, and the run that a short name means."""

import json
from datetime import datetime, timedelta
from io import StringIO

import numpy as np
import pytest
from made_runs import scores_of, write_run
from rich.console import Console

from cafemood.errors import RunError
from cafemood.report.run_table import ago, print_runs
from cafemood.runs import listing

A = "2026-11-27_03-13-05_243670_mobilenet_v2_dec_k4"
B = "2026-11-27_03-13-05_999999_mobilenet_v2_dec_k4"
C = "2026-11-28_10-00-00_000001_resnet50_kmeans_k10"
SWEEP = "2026-11-29_09-00-00_000001"


@pytest.fixture
def outputs(tmp_path):
    """Three runs, and a sweep of eleven jobs, of which the last has failed."""

    def made(folder, created, code="groups-blend", **more):
        scores = scores_of() | {"verdict": [{"level": "warn", "text": "…", "code": code}]}
        write_run(folder, np.arange(12) % 3, scores=scores, **more)
        facts = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps(facts | {"created": created}))

    made(tmp_path / "runs" / A, "2026-11-27T03:13:05+00:00", "noise-not-beaten", backbone="mobilenet_v2")
    made(tmp_path / "runs" / B, "2026-11-27T03:13:05+00:00")
    made(tmp_path / "runs" / C, "2026-11-28T10:00:00+00:00", "groups-apart", reduce=2, k=10)
    for job in range(11):
        made(tmp_path / "sweeps" / SWEEP / f"{job}_k={job + 2}", f"2026-11-29T09:00:{job:02}+00:00")
    failed = tmp_path / "sweeps" / SWEEP / "10_k=12" / "run.json"
    failed.write_text(json.dumps(json.loads(failed.read_text()) | {"status": "failed"}))
    return tmp_path


def test_runs_of_sweeps_are_listed_too_and_the_newest_is_first(outputs):
    found = listing.below(outputs)
    assert [run.name for run in found[:2]] == [f"{SWEEP}/10_k=12", f"{SWEEP}/9_k=11"]
    assert [run.name for run in found[-3:]] == [C, B, A]  # of one second the later microsecond
    assert [run.verdict for run in found[-3:]] == ["apart", "blend", "noise"]
    assert found[0].verdict == found[0].status == "failed"
    facts = found[-3].to_json()
    assert (facts["backbone"], facts["reduce"], facts["method"], facts["k"]) == ("resnet50", "pca", "kmeans", 10)
    assert facts["n_photos"] == 12


def test_every_short_name_is_taken_for_its_run(outputs):
    found = listing.below(outputs)
    short = listing.short_names(found)
    assert [listing.find(name, outputs) for name in short] == [run.folder for run in found]
    assert short[-3:] == ["2026-11-28_10-00-00", "2026-11-27_03-13-05_999999", "2026-11-27_03-13-05_243670"]
    assert short[0] == "2026-11-29_09-00-00/10_"
    assert short[9] == "2026-11-29_09-00-00/1_"  # and not /1, which begins 10 too
    assert listing.short_names(found[-1:], found) == short[-1:]


@pytest.mark.parametrize(
    ("word", "folder"),
    [
        ("latest", f"sweeps/{SWEEP}/9_k=11"),  # the newest that finished
        ("2026-11-28", f"runs/{C}"),
        (C, f"runs/{C}"),
        (f"{SWEEP}/3", f"sweeps/{SWEEP}/3_k=5"),
        ("2026-11-29/3_", f"sweeps/{SWEEP}/3_k=5"),
    ],
)
def test_a_name_means_one_run(outputs, word, folder):
    assert listing.find(word, outputs) == outputs / folder


def test_folders_and_files_in_them_are_what_they_are(outputs, tmp_path):
    assert listing.find(outputs / "runs" / A, tmp_path / "elsewhere") == outputs / "runs" / A
    assert listing.find(outputs / "runs" / A / "report.html", outputs) == outputs / "runs" / A
    assert listing.find(outputs / "runs" / "latest", outputs) == outputs / "runs" / C
    assert listing.find(outputs / "runs" / "2026-11-28", outputs) == outputs / "runs" / C
    assert listing.find(tmp_path / "no" / "where", outputs) == tmp_path / "no" / "where"


def test_a_whole_name_means_itself_though_another_begins_with_it(outputs):
    write_run(outputs / "runs" / "mine", np.arange(12) % 2)
    write_run(outputs / "runs" / "mine2", np.arange(12) % 2)
    assert listing.find("mine", outputs) == outputs / "runs" / "mine"


def test_a_comparison_takes_sweeps_by_their_names(outputs):
    assert listing.find("latest", outputs, sweeps=True) == outputs / "sweeps" / SWEEP
    assert listing.find("2026-11-29", outputs, sweeps=True) == outputs / "sweeps" / SWEEP
    assert listing.find("2026-11-28", outputs, sweeps=True) == outputs / "runs" / C


def test_an_ambiguous_name_is_told_with_all_that_it_fits(outputs):
    with pytest.raises(RunError) as caught:
        listing.find("2026-11-27", outputs)
    assert A in str(caught.value.why)
    assert B in str(caught.value.why)
    assert C not in str(caught.value.why)


def test_the_beginning_of_a_sweeps_name_fits_its_jobs(outputs):
    with pytest.raises(RunError) as caught:
        listing.find("2026-11-29/", outputs)
    assert f"{SWEEP}/9_k=11" in str(caught.value.why)
    assert "and 3 more" in str(caught.value.why)


def test_an_unknown_name_is_told_with_the_nearest(outputs):
    with pytest.raises(RunError) as caught:
        listing.find("2026-12-28", outputs)
    assert C in caught.value.fix


@pytest.mark.parametrize("word", ["latest", "2026"])
def test_where_no_run_is_that_is_said(tmp_path, word):
    with pytest.raises(RunError) as caught:
        listing.find(word, tmp_path / "outputs")
    assert caught.value.why == "no run is there yet"


def test_a_damaged_card_is_listed_as_that(outputs):
    (outputs / "runs" / A / "run.json").write_text("{")
    (damaged,) = (run for run in listing.below(outputs) if run.name == A)
    assert (damaged.status, damaged.verdict, damaged.to_json()["k"]) == ("damaged", "damaged", None)


def test_the_table_fits_80_columns(outputs):
    long = outputs / "runs" / "2026-11-30_00-00-00_000001_vgg16"
    write_run(long, np.arange(12) % 2, backbone="densenet161_places365", reduce=50)
    found = listing.below(outputs)
    console = Console(width=80, record=True, file=StringIO())
    names = listing.short_names(found)
    print_runs(found, names, console)
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= 80
    assert all(any(line.startswith(name) for line in lines) for name in names)
    assert lines[0].rstrip().endswith("verdict")
    told = " ".join(" ".join(lines).split())
    assert "groups with" in told  # a phrase, and not the word that programs read
    assert "blend" not in told


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=59), "0 min ago"),
        (timedelta(minutes=59), "59 min ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=13), "13 d ago"),
        (timedelta(days=14), "2026-11-13"),
        (-timedelta(days=1), "2026-11-28"),
    ],
)
def test_ago(passed, words):
    now = datetime(2026, 11, 27, 12).astimezone()
    assert ago(now - passed, now) == words
