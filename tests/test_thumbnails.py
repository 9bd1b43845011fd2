"""Small pictures: size, colours, contact sheets."""

import io

from PIL import Image

from cafemood import thumbnails


def solid(tmp_path, name, color, size=(300, 200)):
    path = tmp_path / name
    Image.new("RGB", size, color).save(path)
    return path


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
