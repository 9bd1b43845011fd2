"""Words of single photos and cafés: against their definition, and not by chance."""

import numpy as np
import pytest

from cafemood.words import tags
from cafemood.words.naming import limit_of
from cafemood.words.text_features import TextFeatures
from cafemood.words.vocabulary import NAMELESS, Term


@pytest.fixture
def features(drawn):
    photos, _, texts, unrelated = drawn
    terms = tuple(Term(NAMELESS if i == 3 else "light", f"word {i}", f"낱말 {i}") for i in range(40))
    shows = photos.copy()
    shows[:15] += 0.5 * texts[0]
    shows[50:52] += texts[3]  # two photos of café 10 show what is no place
    shows /= np.linalg.norm(shows, axis=1, keepdims=True)
    made = {"rows": np.arange(60), "photos": shows, "words": texts, "unrelated": {"en": unrelated}, "terms": terms}
    return TextFeatures(**made, languages=("en",), options={"name": "x"}, fingerprint="", n_lacking=0)


def test_by_the_definition(features):
    cosine = features.photos @ features.unrelated["en"].T
    z = (features.photos @ features.words.T - cosine.mean(1)[:, None]) / cosine.std(1, ddof=1)[:, None]
    limit = limit_of(200, 0.05 / 40)
    for row, found in zip(z, tags.of_photos(features, most=40), strict=True):
        expected = {f"word {i}" for i in np.flatnonzero(row > limit) if i != 3}
        assert {term.english for term in found.words} == expected
        assert (found.shows is not None) == (row.argmax() == 3 and row[3] > limit)


def test_what_is_there_and_what_is_no_place(features, drawn):
    found = tags.of_photos(features)
    has = ["word 0" in [term.english for term in tag.words] for tag in found]
    assert sum(has[:15]) == 15
    assert sum(has[15:]) == 0
    assert [i for i, tag in enumerate(found) if tag.shows is not None] == [50, 51]
    assert found[50].shows.english == "word 3"
    cafes = tags.of_groups(features, drawn[1])
    assert [i for i, tag in enumerate(cafes) if "word 0" in [t.english for t in tag.words]] == [0, 1, 2]


def test_words_by_chance_are_rare(features):
    chance = [tag for tag in tags.of_photos(features)[15:50] if tag.words]
    assert len(chance) <= 5  # 5 % of 35 photos are 1.75


def test_most(features):
    assert all(len(tag.words) <= 1 for tag in tags.of_photos(features, most=1))
