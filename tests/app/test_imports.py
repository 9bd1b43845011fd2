"""What answers at once, and a run that trains nothing, import no package that takes seconds and is not needed."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from cafemood.data.folders import scan_folder

HEAVY = (
    "torch",
    "sklearn",
    "scipy",
    "pandas",
    "pytorch_lightning",
    "torchvision",
    "torchmetrics",
    "timm",
    "matplotlib",
)
TOLD = """
import sys
from cafemood.app import {module}
try:
    {call}
except SystemExit:
    pass
print("imported:", *sorted(set({heavy}) & set(sys.modules)))
"""


@pytest.fixture
def imported(tmp_path):
    """Run a command line in a process of its own; which of the heavy packages it has imported, and its whole text."""

    def run(*words: str, program: str = "train") -> tuple[set[str], str]:
        if program == "train":
            module, call = "train", f"train.main({list(words)!r})"
        else:
            module, call = "cli", f"sys.argv[1:] = {list(words)!r}; cli.main()"
        code = TOLD.format(module=module, call=call, heavy=HEAVY)
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
        names = done.stdout.rpartition("imported:")[2].split()
        assert "imported:" in done.stdout, done.stderr
        return set(names), done.stdout + done.stderr

    return run


@pytest.fixture
def kmeans(imported, tmp_path, photo_folder):
    """A k-means of features that are there already, and what it has imported."""
    ids = [photo.photo_id for photo in scan_folder(photo_folder).photos]
    np.savez(tmp_path / "m.npz", features=np.random.default_rng(0).normal(size=(len(ids), 6)), photo_id=np.array(ids))
    words = ["data=folder", f"data.root={photo_folder}", "backbone=precomputed", f"backbone.path={tmp_path / 'm.npz'}"]
    words += ["method=kmeans", "k=2", "nulls=2", "baseline_seeds=2", f"hydra.run.dir={tmp_path / 'run'}"]
    return lambda *more: imported(*words, *more)


@pytest.mark.parametrize(
    "words",
    [["k=abc"], ["k=1"], ["method=nope"], ["method.nope=1"], ["batch_size=0"], ["k_range=x", "k=auto"], ["seed=-1"]],
)
def test_a_mistake_in_the_settings_is_told_without_heavy_imports(imported, words):
    found, said = imported(*words)
    assert not found
    assert words[0].partition("=")[0].partition(".")[0] in said


def test_show_imports_nothing_heavy(imported, cafe_run):
    found, said = imported("show", str(cafe_run.folder), program="cafemood")
    assert "silhouette@features" in said
    assert not found


def test_a_kmeans_of_known_features_imports_no_pytorch(kmeans, tmp_path):
    found, said = kmeans()
    assert (tmp_path / "run" / "report.html").is_file(), said
    assert not found & {"torch", "pytorch_lightning", "torchvision", "torchmetrics", "timm"}


def test_a_missing_folder_of_photos_is_told_before_lightning_is_imported(imported):
    found, said = imported("data=folder", "data.root=gone", "method=kmeans")
    assert "gone" in said
    assert not found & {"pytorch_lightning", "torchvision", "torchmetrics"}


def test_a_run_without_lightning_keeps_the_settings_and_scores_that_lightnings_logger_keeps(kmeans, tmp_path):
    files = ("metrics.csv", "hparams.yaml")
    plain = Path(tmp_path / "run")
    kmeans()
    without = [(plain / name).read_text() for name in files]
    found, _ = kmeans("trainer.deterministic=true", f"hydra.run.dir={tmp_path / 'other'}")  # a trainer that is made
    assert "pytorch_lightning" in found
    with_it = [(tmp_path / "other" / name).read_text() for name in files]
    (header, own), (lightnings, theirs) = (list(csv.reader(text.splitlines())) for text in (without[0], with_it[0]))
    assert header == lightnings
    assert np.allclose([float(x or "nan") for x in own], [float(x or "nan") for x in theirs], equal_nan=True)
    ours, other = (yaml.safe_load(text) for text in (without[1], with_it[1]))
    differ = {key for key in ours if ours[key] != other[key]}
    assert ours.keys() == other.keys()
    assert differ == {"trainer", "logger"}
