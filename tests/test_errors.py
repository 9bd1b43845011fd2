"""An error says what, where, why and what to do."""

from cafemood.errors import CafemoodError, PhotoError


def test_all_four_parts_stand_on_lines_of_their_own():
    error = PhotoError("It broke", where="a/b", why="it was old", fix="buy another")
    assert str(error).splitlines() == ["It broke.", "  where: a/b", "  why:   it was old", "  do:    buy another"]
    assert isinstance(error, CafemoodError)


def test_parts_that_are_not_known_are_left_out():
    assert str(CafemoodError("It broke")) == "It broke."
