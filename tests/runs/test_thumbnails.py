"""Small pictures: size, colours, contact sheets."""

import io

import numpy as np
import pandas as pd
from PIL import Image

from cafemood import runs
from cafemood.data.images import file_digest
from cafemood.runs import thumbnails


def solid(tmp_path, name, color, size=(300, 200)):
    path = tmp_path / name
    Image.new("RGB", size, color).save(path)
    return path


def test_a_file_that_became_another_photo_is_not_shown_in_its_place(tmp_path):
    path = solid(tmp_path, "a.png", "red", (600, 300))
    small = thumbnails.make_thumbnails([path], [100])
    photo_id = file_digest(path)
    (larger,) = thumbnails.make_thumbnails([path], [400], small, [photo_id])
    assert max(thumbnails.decoded(larger).size) == 400
    solid(tmp_path, "a.png", "blue", (600, 300))
    (instead,) = thumbnails.make_thumbnails([path], [400], small, [photo_id])
    assert max(thumbnails.decoded(instead).size) == 100
    red, _, blue = thumbnails.decoded(instead).getpixel((50, 20))
    assert red > 200 > 50 > blue
    path.unlink()
    assert thumbnails.make_thumbnails([path], [400], small, [photo_id]) == [instead]


def test_a_thumbnail_keeps_the_shape_and_has_the_side_asked_for(tmp_path):
    (data,) = thumbnails.make_thumbnails([solid(tmp_path, "a.png", "red", (600, 300))], [100])
    assert Image.open(io.BytesIO(data)).size == (100, 50)


def test_what_cannot_be_read_is_none_and_the_rest_goes_on(tmp_path):
    made = thumbnails.make_thumbnails([tmp_path / "gone.jpg", solid(tmp_path, "a.png", "red")], [64, 64])
    assert made[0] is None
    assert made[1] is not None


def test_the_palette_names_the_main_colours_most_frequent_first(tmp_path):
    paths = [
        solid(tmp_path, "a.png", "#c00000"),
        solid(tmp_path, "b.png", "#c00000"),
        solid(tmp_path, "c.png", "#0000c0"),
    ]
    colors = thumbnails.palette(thumbnails.make_thumbnails(paths, [64] * 3), 2)
    red, blue = (tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in colors)
    assert red[0] > 150 > red[2]
    assert blue[2] > 150 > blue[0]


def test_no_picture_no_palette():
    assert thumbnails.palette([]) == []


def test_a_contact_sheet_has_a_tile_each(tmp_path):
    made = thumbnails.make_thumbnails([solid(tmp_path, f"{i}.png", "green") for i in range(7)], [64] * 7)
    assert thumbnails.contact_sheet(made, columns=3, side=50).size == (3 * 54 - 4, 3 * 54 - 4)
    assert thumbnails.contact_sheet([]).size[1] > 0


def test_of_many_photos_the_most_typical_the_least_certain_and_the_added_are_shown(cafe_run, monkeypatch):
    photos = cafe_run.photos
    assert thumbnails.shown(cafe_run).tolist() == list(range(len(photos)))
    photos.loc[5, "added"] = True
    monkeypatch.setattr(thumbnails, "SHOWN_AT_MOST", 8)
    monkeypatch.setattr(thumbnails, "_OF_A_MOOD", 1)
    found = thumbnails.shown(cafe_run)
    assert (len(found), sorted(set(found))) == (8, found.tolist())
    lead = photos["probability"] - photos["second_probability"]
    wanted = {5}
    for _, own in photos.groupby("cluster"):
        wanted |= {own["distance"].idxmin(), lead[own.index].idxmin()}
    assert wanted <= set(found)


def test_rows_of_pixels_are_drawn_and_kept(cafe_run):
    n = len(cafe_run.photos)
    matrix = np.zeros((n, 6), np.float32)
    matrix[:, 2] = 16  # the right end of the first of two lines
    thumbnails.draw_rows(cafe_run, matrix, (2, 3))
    drawn = thumbnails.decoded(thumbnails.kept(cafe_run)[n - 1])
    assert drawn.size == (3 * 37, 2 * 37)
    assert [drawn.getpixel(at) for at in ((0, 0), (110, 0), (110, 73))] == [(0, 0, 0), (255, 255, 255), (0, 0, 0)]


def test_features_of_pictures_are_not_drawn(cafe_run):
    """The user's own matrix for the digits has other columns than pixels."""
    before = thumbnails.kept(cafe_run)
    thumbnails.draw_rows(cafe_run, np.ones((len(cafe_run.photos), 5), np.float32), (2, 3))
    assert thumbnails.kept(cafe_run) == before


def test_rows_without_any_ink_are_black(cafe_run):
    thumbnails.draw_rows(cafe_run, np.zeros((len(cafe_run.photos), 4), np.float32), (2, 2))
    assert thumbnails.decoded(thumbnails.kept(cafe_run)[0]).getextrema() == ((0, 0),) * 3


def test_only_what_is_shown_or_asked_for_gets_a_thumbnail(cafe_run, monkeypatch):
    (cafe_run.folder / "thumbnails.parquet").unlink()
    monkeypatch.setattr(thumbnails, "SHOWN_AT_MOST", 8)
    monkeypatch.setattr(thumbnails, "_OF_A_MOOD", 1)
    shown = thumbnails.shown(cafe_run)
    hidden = next(i for i in range(len(cafe_run.photos)) if i not in shown)
    made = thumbnails.kept(cafe_run)
    assert [i for i, data in enumerate(made) if data] == shown.tolist()
    thumbnails.write(cafe_run)
    assert len(pd.read_parquet(cafe_run.folder / "thumbnails.parquet")) == 8
    more = thumbnails.kept(runs.load(cafe_run.folder), [hidden])
    assert [i for i, data in enumerate(more) if data] == np.union1d(shown, [hidden]).tolist()
