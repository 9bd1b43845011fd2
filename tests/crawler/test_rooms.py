"""Drawn rooms: repeatable, balanced, the same room from several places, and not told apart by colour alone."""

from collections import Counter

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cafecrawl.replica.rooms import ATMOSPHERES, FACTORS, PALETTES, draw_cafe, draw_photo, furnish

SMALL = (96, 72)


@pytest.fixture(scope="module")
def drawn():
    """Pixels (n, h, w, 3) of two views of 50 cafés, their atmospheres and their cafés."""
    cafes = [draw_cafe(0, n) for n in range(50)]
    pixels = np.stack([np.asarray(draw_photo(c, view, SMALL)) for c in cafes for view in (0, 1)])
    return pixels / 255.0, [c.atmosphere for c in cafes for _ in (0, 1)], [c.number for c in cafes for _ in (0, 1)]


def test_a_photo_is_a_function_of_its_seed():
    one, two = (np.asarray(draw_photo(draw_cafe(3, 4), 1, SMALL)) for _ in range(2))
    assert (one == two).all()
    assert not (one == np.asarray(draw_photo(draw_cafe(4, 4), 1, SMALL))).all()


def test_views_of_a_cafe_share_the_room_and_differ_in_the_camera():
    cafe = draw_cafe(0, 7)
    assert furnish(cafe).size == furnish(cafe).size
    assert len(furnish(cafe).shapes) == len(furnish(cafe).shapes)
    assert (
        np.abs(np.asarray(draw_photo(cafe, 0, SMALL), float) - np.asarray(draw_photo(cafe, 1, SMALL), float)).mean() > 5
    )


def test_atmospheres_are_balanced_and_prefer_their_factors():
    cafes = [draw_cafe(1, n) for n in range(500)]
    assert set(Counter(c.atmosphere for c in cafes).values()) == {100}
    followed = np.mean([c.factors[f] == ATMOSPHERES[c.atmosphere][f] for c in cafes for f in FACTORS])
    assert 0.8 < followed < 0.92
    assert all(set(prefers) == set(FACTORS) for prefers in ATMOSPHERES.values())


def test_the_palette_has_no_say():
    cafes = [draw_cafe(2, n) for n in range(600)]
    table = Counter((c.atmosphere, c.palette) for c in cafes)
    share = np.array([[table[a, p] for p in PALETTES] for a in ATMOSPHERES]) / (600 / len(ATMOSPHERES) / len(PALETTES))
    assert 0.4 < share.min() < share.max() < 1.7


def held_out_accuracy(features, labels, cafes) -> float:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, C=0.1))
    return float(
        cross_val_score(
            model, features, labels, groups=cafes, cv=StratifiedGroupKFold(5, shuffle=True, random_state=0)
        ).mean()
    )


def test_colour_alone_gives_less_away_than_structure(drawn):
    """Of cafés not seen in training: mean colour, spread and hues against edges by direction and place."""
    pixels, labels, cafes = drawn
    chroma = pixels / (pixels.sum(-1, keepdims=True) + 1e-6)
    colour = np.concatenate([chroma.mean((1, 2)), chroma.std((1, 2))], axis=1)
    grey = pixels.mean(-1)
    dy, dx = np.gradient(grey, axis=(1, 2))
    cells = [
        np.abs(d)[:, i * 24 : (i + 1) * 24, j * 24 : (j + 1) * 24].mean((1, 2))
        for d in (dx, dy)
        for i in range(3)
        for j in range(4)
    ]
    structure = np.stack(cells, axis=1)
    by_colour, by_structure = held_out_accuracy(colour, labels, cafes), held_out_accuracy(structure, labels, cafes)
    assert by_colour < 0.6
    assert by_structure > by_colour
