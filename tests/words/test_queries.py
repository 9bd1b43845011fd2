"""Texts to look for: what is refused, and why."""

import pytest

from cafemood.errors import CafemoodError
from cafemood.words.queries import LONGEST, checked

KOREAN = ("en", "ko", "ja")


@pytest.mark.parametrize(
    ("text", "language", "calibrated"),
    [
        ("dark wood", "en", True),
        ("  dark \n wood ", "en", True),
        ("조용하고 따뜻한 나무 카페", "ko", True),
        ("LP판 듣는 카페", "ko", True),
        ("café ☕", "en", True),
        ("カフェ", "en", False),
        ("2", "en", True),
        ("ｃａｆｅ", "en", True),
    ],
)
def test_texts_that_can_be_looked_for(text, language, calibrated):
    found = checked(text, KOREAN, "tower")
    assert (found.language, found.calibrated) == (language, calibrated)
    assert found.text == " ".join(text.split())
    assert (len(found.phrasings) > 1) == calibrated


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        (" \n\x1b\x00", "empty"),
        ("☕🪴", "letter"),
        ("!?…", "letter"),
        ("x" * (LONGEST + 1), str(LONGEST)),
        ("ბუნება", "Georgian"),
        ("тихое кафе", "Cyrillic"),
        ("\ud83d", "empty"),
    ],
)
def test_texts_that_cannot(text, word):
    with pytest.raises(CafemoodError) as caught:
        checked(text, KOREAN, "tower")
    assert word in str(caught.value.why)
    assert caught.value.fix


def test_a_language_that_another_backbone_knows_names_it():
    with pytest.raises(CafemoodError) as caught:
        checked("조용한 카페", ("en",), "clip_vit_b32_laion2b", "--not")
    assert "cafemood words RUN --backbone siglip2_vit_b16" in str(caught.value.fix)
    assert "en" in str(caught.value.why)
    assert caught.value.where == "--not"
