"""The vocabulary and the unrelated texts: whole, in both languages, and apart."""

import unicodedata

from cafemood.words.vocabulary import NAMELESS, PHRASINGS, unrelated, vocabulary


def hangul(text):
    return any("HANGUL" in unicodedata.name(letter, "") for letter in text)


def test_the_vocabulary_is_whole():
    terms = vocabulary()
    assert 400 <= sum(term.kind != NAMELESS for term in terms) <= 450
    kinds = {"atmosphere", "light", "materials", "colour", "furniture", "decoration", "space", "use", NAMELESS}
    assert {term.kind for term in terms} == kinds
    for column in ("english", "korean"):
        words = [getattr(term, column) for term in terms]
        assert len(set(words)) == len(words)
    assert all(hangul(term.korean) and not hangul(term.english) for term in terms)
    assert {"cup of coffee close up", "menu", "receipt", "face of a person", "building facade", "slice of cake"} <= {
        term.english for term in terms if term.kind == NAMELESS
    }


def test_unrelated_texts_are_none_of_the_vocabulary():
    texts = unrelated()
    assert set(texts) == set(PHRASINGS)
    assert len(texts["en"]) == len(texts["ko"]) >= 300
    assert all(hangul(text) for text in texts["ko"])
    assert not any(hangul(text) for text in texts["en"])
    assert not {t.english for t in vocabulary()} & set(texts["en"])
    assert not {t.korean for t in vocabulary()} & set(texts["ko"])
    assert all(len(set(part)) == len(part) for part in texts.values())


def test_every_phrasing_has_a_place_for_the_text():
    assert all(pattern.count("{}") == 1 for patterns in PHRASINGS.values() for pattern in patterns)
