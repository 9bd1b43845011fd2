"""Licences: what sources write is recognised, and the unknown is never taken for free."""

import pytest

from cafecrawl.licences import KNOWN, RESERVED, code_of, read_licence, reserved


@pytest.mark.parametrize(
    ("text", "version", "name"),
    [
        ("by-sa", "2.0", "CC BY-SA 2.0"),
        ("cc-by-sa-4.0", None, "CC BY-SA 4.0"),
        ("CC BY-SA 4.0", None, "CC BY-SA 4.0"),
        ("cc-by-sa-3.0-migrated", None, "CC BY-SA 3.0"),
        ("by", "4.0", "CC BY 4.0"),
        ("cc-by-nc-nd-4.0", None, "CC BY-NC-ND 4.0"),
        ("cc0", "1.0", "CC0 1.0"),
        ("cc-zero", None, "CC0 1.0"),
        ("pd", None, "Public Domain Mark"),
        ("pd-old-100", None, "Public Domain Mark"),
        ("Public Domain Mark 1.0", None, "Public Domain Mark"),
        ("CC0 1.0 Universal", None, "CC0 1.0"),
        ("CC BY 4.0 International", None, "CC BY 4.0"),
        ("cc-by-2.0-fr", None, "CC BY 2.0"),
        ("CC BY-SA 3.0 IGO", None, "CC BY-SA 3.0"),
        ("cc-by-sa-3.0-igo", None, "CC BY-SA 3.0"),
        ("CC BY 2.5 Scotland", None, "CC BY 2.5"),
        ("CC BY-SA 3.0 United States", None, "CC BY-SA 3.0"),
        ("CC BY 2.0 UK: England & Wales", None, "CC BY 2.0"),
        ("CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", None, "CC0 1.0"),
    ],
)
def test_sources_spell_licences_in_their_own_ways(text, version, name):
    assert read_licence(text, version).name == name


@pytest.mark.parametrize(
    "text", ["", None, "fair use", "gfdl", "all rights reserved", "by-sa-evil", "sampling+", "copyrighted"]
)
def test_the_unknown_is_never_free(text):
    assert read_licence(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "CC BY 4.0 (non-commercial use only)",
        "CC BY 4.0 NC",
        "cc-by-4.0-nd",
        "CC BY-SA 3.0 IGO NC",
        "CC BY 2.5 Scotland, not for sale",
        "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication, without the logos",
        "CC BY 4.0 except people",
        "CC0 except logos",
        "CC0 1.0 without the logos",
        "Public Domain Mark, but ask first",
        "pd-old but for the frame",
    ],
)
def test_a_licence_with_a_restriction_behind_it_is_not_that_licence(text):
    assert read_licence(text) is None


@pytest.mark.parametrize("code", KNOWN)
def test_a_name_leads_back_to_its_code(code):
    assert code_of(read_licence(code, "4.0").name) == code


def test_reserved_photos_are_told_apart():
    assert code_of(reserved("with permission").name) == RESERVED
