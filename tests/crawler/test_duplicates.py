"""Duplicates: found whatever the order of fetching, dropped at home, flagged abroad."""

import io

import imagehash
from crawler_helpers import picture
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cafecrawl.duplicates import NEAR_BITS, Twin, find_twins

A, B, C = "0000000000000000", "ffffffffffffffff", "0000ffff0000ffff"
NEAR_A = "000000000000003f"


def test_same_bytes_near_at_home_and_near_abroad():
    twins = find_twins(["p", "q", "p", "r", "s"], [A, NEAR_A, A, NEAR_A, B], ["1", "1", "2", "2", "2"])
    assert twins == {1: Twin("near", 0, True), 2: Twin("same", 0, False), 3: Twin("near", 0, False)}


def test_what_is_dropped_is_nobodys_first():
    further = "0000000000000fff"  # near to NEAR_A, which is dropped, not to A
    assert find_twins(["p", "q", "r"], [A, NEAR_A, further], ["1", "1", "1"]) == {1: Twin("near", 0, True)}


def test_nothing_gives_nothing():
    assert find_twins([], [], []) == {}


def test_a_resized_and_recoloured_picture_is_near_and_another_is_not():
    def phash(body: bytes) -> imagehash.ImageHash:
        return imagehash.phash(Image.open(io.BytesIO(body)))

    original = Image.open(io.BytesIO(picture(1, (640, 480), quality=95)))
    out = io.BytesIO()
    original.resize((400, 300)).point(lambda v: min(255, v + 12)).save(out, "JPEG", quality=60)
    assert phash(picture(1, (640, 480), quality=95)) - phash(out.getvalue()) <= NEAR_BITS
    assert phash(picture(1)) - phash(picture(2)) > NEAR_BITS


@given(
    st.lists(st.tuples(st.sampled_from("pqrs"), st.sampled_from([A, B, C, NEAR_A]), st.sampled_from("12")), max_size=12)
)
def test_kept_photos_of_a_cafe_are_never_near_each_other(rows):
    ids, hashes, cafes = zip(*rows, strict=True) if rows else ((), (), ())
    twins = find_twins(ids, hashes, cafes)
    kept = [i for i in range(len(rows)) if i not in twins or (twins[i].kind == "near" and not twins[i].same_cafe)]
    assert len({ids[i] for i in kept}) == len(kept)
    for i in kept:
        for j in kept:
            if i < j and cafes[i] == cafes[j]:
                assert (int(hashes[i], 16) ^ int(hashes[j], 16)).bit_count() > NEAR_BITS
    for i, twin in twins.items():
        assert twin.of < i
