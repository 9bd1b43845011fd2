"""Profiles of cafés: shares, intervals, signature photos, and names that are awkward."""

import json

import numpy as np
import pandas as pd
import pytest
from made_runs import NAMES

from cafemood import runs
from cafemood.cafes import assigning, profiles
from cafemood.core.chunks import group_means
from cafemood.data.photos import Photo
from cafemood.errors import RunError


def test_shares_are_those_of_the_photos(made_cafe_run):
    table = profiles.load(made_cafe_run).table.set_index("cafe_id")
    photos = made_cafe_run.assignments
    for cafe_id, own in photos.groupby("cafe_id"):
        for j in range(2):
            assert table.loc[cafe_id, f"share_{j + 1}"] == pytest.approx((own["cluster"] == j).mean())
            assert table.loc[cafe_id, f"low_{j + 1}"] <= table.loc[cafe_id, f"high_{j + 1}"]
        assert table.loc[cafe_id, "n_photos"] == len(own)
        assert table.loc[cafe_id, "signature"] in set(own["file"])


def test_one_photo_has_a_wide_interval_and_no_spread(made_cafe_run):
    table = profiles.load(made_cafe_run).table.set_index("cafe_id")
    width = (table["high_1"] - table["low_1"]) + (table["high_2"] - table["low_2"])
    assert width["5"] > 1.2 * width["3"]
    assert np.isnan(table.loc["5", "spread"])
    photos, rows = made_cafe_run.photos, made_cafe_run.rows.astype(float)
    own = rows[(photos["cafe_id"] == "3").to_numpy()]
    expected = own.var(axis=0, ddof=1).sum() / rows.var(axis=0, ddof=1).sum()
    assert table.loc["3", "spread"] == pytest.approx(expected, rel=1e-3)


def test_the_nearest_cafes_share_the_light(made_cafe_run):
    table = profiles.load(made_cafe_run).table
    for record in table.to_dict("records"):
        near = json.loads(record["similar"])
        assert record["cafe_id"] not in near
        assert len(near) == 5
        assert int(near[0]) % 2 == int(record["cafe_id"]) % 2


def test_the_whitening_makes_photos_within_a_cafe_vary_alike():
    rng = np.random.default_rng(0)
    of_photo = np.repeat(np.arange(100), 10)
    means = rng.normal(size=(100, 4)).astype(np.float32)
    rows = (means[of_photo] + rng.normal(size=(1000, 4)) * [0.4, 1, 1, 3]).astype(np.float32)
    whitening = profiles._within_whitening(rows, group_means(rows, of_photo), of_photo)
    away = (rows - group_means(rows, of_photo)[of_photo]) @ whitening
    assert np.cov(away.T) == pytest.approx(np.eye(4), abs=0.15)


def test_the_files_are_read_back_and_a_damaged_one_is_made_again(cafe_run):
    before = profiles.load(cafe_run)
    (cafe_run.folder / "cafes.parquet").write_bytes(b"junk")
    after = profiles.load(runs.load(cafe_run.folder))
    pd.testing.assert_frame_equal(before.table, after.table)
    assert pd.read_csv(cafe_run.folder / "cafes.csv")["cafe_name"].dropna().tolist() == [n for n in NAMES.values() if n]


def test_a_cafe_is_found_by_id_and_by_its_one_name(made_cafe_run):
    found = profiles.load(made_cafe_run)
    assert found.row("3") == found.table.index[found.table["cafe_id"] == "3"][0]
    assert found.table["cafe_id"][found.row("مقهى الورد")] == "2"
    with pytest.raises(RunError, match=r"(?s)2 cafés are called '카페 나무'.*give an id: 3, 4"):
        found.row("카페 나무")
    with pytest.raises(RunError, match=r"(?s)There is no café '공릉동 카페 술'.*did you mean 공릉동 카페 숲"):
        found.row("공릉동 카페 술")


def test_no_cafe_ids_at_all_makes_every_photo_a_cafe(cafe_run):
    path = cafe_run.folder / "assignments.parquet"
    table = pd.read_parquet(path)
    table["cafe_id"] = table["photo_id"].str[:12]
    table["cafe_name"] = None
    table.to_parquet(path)
    facts = json.loads((cafe_run.folder / "run.json").read_text(encoding="utf-8"))
    facts["data"]["cafe_source"] = "none"
    (cafe_run.folder / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    run = runs.load(cafe_run.folder)
    found = profiles.build(run)
    assert not run.knows_cafes
    assert (found.table["n_photos"] == 1).all()
    assert found.whitening == pytest.approx(np.eye(len(found.whitening)))
    with pytest.raises(RunError, match=r"(?s)no café 'x'.*every photo counts as its own café"):
        found.row("x")


def test_impossible_coordinates_count_as_none(cafe_run):
    path = cafe_run.folder / "assignments.parquet"
    table = pd.read_parquet(path)
    table.loc[table["cafe_id"] == "0", "lat"] = 999.0
    table.to_parquet(path)
    found = profiles.build(runs.load(cafe_run.folder)).table.set_index("cafe_id")
    assert np.isnan(found.loc["0", "lat"])
    assert np.isnan(found.loc["0", "lon"])
    assert found.loc["1", "lat"] == pytest.approx(37.63)


def test_a_run_without_features_says_so(cafe_run):
    (cafe_run.folder / "features.safetensors").unlink()
    with pytest.raises(RunError, match=r"(?s)keeps no features.*an earlier cafemood.*run its command again"):
        profiles.build(runs.load(cafe_run.folder))


@pytest.fixture
def with_a_new_photo(cafe_run):
    """The run after `assign --keep` has added a photo of café 0; its profiles are still those without."""
    profiles.load(cafe_run)
    photo = Photo("f" * 64, "new.jpg", "0")
    row = cafe_run.rows[0].astype(np.float32)
    assert assigning.keep(cafe_run, [photo], [assigning.Answer("new.jpg", 0, 0.9, [0.9, 0.1], row=row)]) == 1
    return runs.load(cafe_run.folder)


def test_profiles_that_a_kill_left_behind_the_photos_are_made_again(with_a_new_photo):
    table = profiles.load(with_a_new_photo).table
    assert table["n_photos"].sum() == len(with_a_new_photo.photos)


def test_a_kill_between_the_two_files_mixes_no_old_with_new(with_a_new_photo, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(profiles, "write_tensors", killed)
        with pytest.raises(KeyboardInterrupt):
            profiles.build(with_a_new_photo)
    found = profiles.load(runs.load(with_a_new_photo.folder))
    again = profiles.build(with_a_new_photo)
    assert found.vectors == pytest.approx(again.vectors, abs=1e-3)
    assert found.whitening == pytest.approx(again.whitening)


def test_names_from_open_data_are_no_formulas_in_the_csv(cafe_run):
    path = cafe_run.folder / "assignments.parquet"
    pd.read_parquet(path).assign(cafe_name="=1+1").to_parquet(path)
    found = profiles.build(runs.load(cafe_run.folder))
    assert set(found.table["cafe_name"]) == {"=1+1"}
    assert set(pd.read_csv(cafe_run.folder / "cafes.csv")["cafe_name"]) == {"'=1+1"}


@pytest.mark.filterwarnings("error")
def test_a_cafe_in_the_middle_of_all_is_like_none():
    """Its vector is zero: half the squared distance to a unit vector is a half, and the cosine nought."""
    near, cosine = profiles._nearest(np.array([[0, 0], [1, 0], [-1, 0], [0.6, 0.8]], dtype=np.float32))
    by_name = [dict(zip(row.tolist(), values.tolist(), strict=True)) for row, values in zip(near, cosine, strict=True)]
    assert by_name[0] == pytest.approx({1: 0, 2: 0, 3: 0}, abs=1e-6)
    assert by_name[1] == pytest.approx({0: 0, 2: -1, 3: 0.6}, abs=1e-6)
    for one in (profiles._nearest(np.zeros((1, 2), np.float32)), profiles._nearest(np.zeros((2, 2), np.float32))):
        assert not one[1].any()
