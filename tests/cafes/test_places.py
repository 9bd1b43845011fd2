"""Where cafés lie for a taste, and which photos stand for them."""

import json

import numpy as np
import pytest
from made_runs import copy_run

from cafemood import runs
from cafemood.cafes import places
from cafemood.clustering.reduction import project
from cafemood.core.atomic import write_tensors
from cafemood.errors import TasteError

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(12, 4))
OF = np.repeat(np.arange(4), 3)


def test_the_most_typical_photo_comes_first():
    made = places.places_of(ROWS, OF)
    assert made.name == "pca4"
    assert [sorted(photos) for photos in made.typical] == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    means = np.stack([ROWS[cafe == OF].mean(axis=0) for cafe in range(4)])
    for cafe, photos in enumerate(made.typical):
        far = np.linalg.norm(ROWS[photos] - means[cafe], axis=1)
        assert (np.diff(far) >= -1e-6).all()


def test_photos_that_show_no_place_come_last():
    first = [photos[0] for photos in places.places_of(ROWS, OF).typical]
    last = np.isin(np.arange(12), first)
    made = places.places_of(ROWS, OF, last=last)
    assert [photos[-1] for photos in made.typical] == first
    every = places.places_of(ROWS, OF, last=np.ones(12, bool))  # there is no other
    assert [photos[0] for photos in every.typical] == first


def test_a_missing_look_is_the_mean():
    looks = np.array([[1.0, 2], [3, np.nan], [5, 4]])
    rows = places.with_looks(np.zeros((3, 2)), looks)
    assert rows[:, :2].tolist() == [[0, 0]] * 3
    assert rows[:, 2] == pytest.approx(places.LOOK * np.array([-1, 0, 1]) * np.sqrt(1.5))
    assert rows[1, 3] == 0


def test_one_cafe_is_no_choice():
    with pytest.raises(TasteError):
        places.places_of(ROWS, np.zeros(12, int))


def test_a_run_of_the_space_that_people_taught_is_placed_in_it(made_cafe_run, tmp_path):
    run = copy_run(made_cafe_run, tmp_path / "copy")
    taught = {
        "pca.mean": RNG.normal(size=48).astype(np.float32) / 20,
        "pca.components": RNG.normal(size=(3, 48)).astype(np.float32),
        "rows.unit": np.ones(1, np.float32),
    }
    write_tensors(run.folder / "model.safetensors", taught)
    facts = json.loads((run.folder / "run.json").read_text())
    (run.folder / "run.json").write_text(json.dumps(facts | {"reduce": {"name": "people"}}))
    run = runs.load(run.folder)
    made = places.load(run)
    colours = np.load(run.folder.parent / "colours.npz")
    row_of = {photo_id: i for i, photo_id in enumerate(colours["photo_id"])}
    x = colours["features"][[row_of[photo_id] for photo_id in run.photos["photo_id"]]]
    of = run.photos["cafe_id"].astype(int).to_numpy()
    means = np.stack([project(x[of == cafe], taught).mean(axis=0) for cafe in range(6)])
    assert made.name == "people3"
    assert made.features == pytest.approx(places.SmoothPrior().fit(means).features_, abs=5e-3)  # rows are float16
    new = places.of_photos(run, run.rows[of == 2], np.full((4, 6), np.nan))
    assert new == pytest.approx(made.features[2], abs=1e-3)


def test_kept_places_are_read_and_made_again_where_they_do_not_fit(made_cafe_run, tmp_path):
    run = copy_run(made_cafe_run, tmp_path / "copy")
    made = places.load(run)
    places.keep(run)
    opened = runs.load(run.folder)
    kept = places.load(opened)
    assert kept.of_new is None
    assert kept.name == made.name
    for name in ("features", "evidence"):
        assert getattr(kept, name).tolist() == getattr(made, name).tolist()
    assert [rows.tolist() for rows in kept.typical] == [rows.tolist() for rows in made.typical]
    looks = places.moods.looks_of(opened)[list(places.LOOKS)].to_numpy()
    assert places.of_photos(opened, opened.rows[:4], looks[:4]) == pytest.approx(made.features[0], abs=1e-3)
    damaged = bytearray((run.folder / places.FILE).read_bytes())
    damaged[-9] ^= 1
    (run.folder / places.FILE).write_bytes(damaged)
    assert places.load(runs.load(run.folder)).of_new is not None
