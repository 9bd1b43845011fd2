"""Findings go through JSON, those of an earlier cafemood too, and are sorted by their level."""

from cafemood.evaluation import Finding
from cafemood.evaluation.findings import gravest_first


def test_a_finding_goes_through_its_json():
    finding = Finding("few-photos", "warn", "20 photos are few for 4 groups.", {"n_photos": 20, "k": 4})
    assert finding.to_json() == {
        "code": "few-photos",
        "level": "warn",
        "text": "20 photos are few for 4 groups.",
        "figures": {"n_photos": 20, "k": 4},
    }
    assert Finding.from_json(finding.to_json()) == finding


def test_a_sentence_of_an_earlier_cafemood_has_no_code_and_no_figures():
    assert Finding.from_json({"level": "good", "text": "Stable."}) == Finding("", "good", "Stable.", {})


def test_the_gravest_comes_first_and_equals_keep_their_order():
    findings = [Finding(code, level, "") for code, level in [("a", "info"), ("b", "warn"), ("c", "bad"), ("d", "warn")]]
    assert [finding.code for finding in gravest_first(findings)] == ["c", "b", "d", "a"]
