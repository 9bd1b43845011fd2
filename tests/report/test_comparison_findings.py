"""Findings of a comparison under their conditions, with their figures, and their wording."""

import json
from dataclasses import replace

import numpy as np
import pytest
from made_findings import golden, written
from made_runs import TRUTH, scores_of, write_run

from cafemood.report import compare
from cafemood.report.comparison import compare_runs
from cafemood.report.comparison_findings import findings, headline


def coded(comparison):
    """The codes of a comparison's findings, each with its level."""
    return {(finding.code, finding.level) for finding in findings(comparison)}


def test_the_best_supported_run_and_silhouettes_pick_beside_it(sweep):
    by_code = {finding.code: finding for finding in findings(compare_runs([sweep]))}
    best, noise, pick = (by_code[code] for code in ("best-supported", "some-runs-noise", "silhouette-differs"))
    assert best.level == "good"
    assert (best.figures["run"], best.figures["is_noise"], best.figures["n_runs"]) == ("vgg16 features k=3", False, 4)
    assert 1 <= best.figures["rank_on_other_half"] <= 4
    assert all(0 < best.figures[term] <= 1 for term in ("agreement", "cafes", "persistence"))
    assert noise.level == "warn"
    assert noise.figures == {"runs": ["resnet50 features k=6"], "n_runs": 4}
    assert pick.level == "info"
    assert (pick.figures["run"], pick.figures["value"]) == ("resnet50 features k=6", 0.9)
    assert pick.figures["rank"] in (3, 4)


def test_with_nothing_to_choose_by_that_is_said(tmp_path):
    """Seeds or methods at one k, one backbone, no cafés: neither agreement nor stability across k can be measured."""
    for i in range(2):
        write_run(tmp_path / "sweep" / str(i), TRUTH, cafes=0, n_init=1 + i)
    found = compare_runs([tmp_path / "sweep"])
    assert found.best is None
    assert ("nothing-to-choose-by", "warn") in coded(found)
    assert ("one-family", "warn") not in coded(found)
    compare.write(found, tmp_path / "sweep")


@pytest.mark.parametrize("cafes", [6, 0])
def test_one_backbone_only_is_said(tmp_path, cafes):
    for k in (2, 3, 6):
        write_run(tmp_path / f"k{k}", np.arange(60) // (60 // k), k=k, cafes=cafes)
    (finding,) = [f for f in findings(compare_runs([tmp_path])) if f.code == "one-family"]
    assert (finding.level, finding.figures) == ("warn", {"family": "resnet", "cafes_known": cafes > 0})


def test_noise_alone_has_no_winner_in_green(tmp_path):
    for k in (2, 3):
        write_run(tmp_path / f"k{k}", np.arange(60) // (60 // k), k=k, scores=scores_of(z=0.5))
    first, *rest = findings(compare_runs([tmp_path]))
    assert (first.code, first.level) == ("all-runs-noise", "bad")
    (best,) = [finding for finding in rest if finding.code == "best-supported"]
    assert (best.level, best.figures["is_noise"]) == ("warn", True)
    assert "good" not in {finding.level for finding in rest}
    assert headline(compare_runs([tmp_path])).level == "bad"


def test_the_headline_names_a_run_only_if_it_is_better_than_noise(sweep, tmp_path):
    said = headline(compare_runs([sweep]))
    assert (said.code, said.level) == ("choice", "good")
    assert "vgg16 features k=3" in said.english[0]
    assert len(said.sentences) <= 3
    write_run(tmp_path / "one", TRUTH)
    assert headline(compare_runs([tmp_path / "one"])).code == "one-run"
    for name in ("0_backbone=resnet50,k=3", "1_backbone=vgg16,k=3"):  # those that have most for them
        scores = scores_of(z=0.5)
        (sweep / name / "scores.json").write_text(json.dumps(scores))
    said = headline(compare_runs([sweep]))
    assert (said.code, said.level) == ("first-is-noise", "warn")
    assert "vgg16 features k=6" in said.english[1]


def test_a_mixture_is_advised_where_none_was_tried(sweep):
    assert ("no-mixture", "info") in coded(compare_runs([sweep]))
    write_run(sweep / "13_method=gmm", TRUTH, name="gmm")
    assert "no-mixture" not in dict(coded(compare_runs([sweep])))


def test_a_first_that_nothing_bears_out_is_not_recommended(sweep):
    compared = compare_runs([sweep])
    best = compared.best
    weak = [replace(c, agreement=0.09, cafe_information=None) for c in compared.choices]
    compared.__dict__["choices"] = weak
    compared.__dict__["best"] = best
    said = headline(compared)
    assert (said.code, said.level) == ("choice-weak", "warn")
    compared.__dict__["choices"] = [replace(c, cafe_information=0.11) for c in weak]
    assert headline(compared).code == "choice"
    compared.__dict__["choices"] = [replace(c, agreement=None) for c in weak]  # nobody was heard: persistence decides
    assert headline(compared).code == "choice"


def test_the_wording(sweep, tmp_path):
    groups = [findings(compare_runs([sweep]))]
    (sweep / "11_k=9" / ".hydra").mkdir(parents=True)
    write_run(sweep / "12_k=3", TRUTH[:50], ids=[f"photo{i}" for i in range(10, 60)])
    groups.append(findings(compare_runs([sweep])))
    for k in (2, 3):
        noise = scores_of(z=0.5, silhouette=0.1 * k)
        write_run(tmp_path / "noise" / f"k{k}", np.arange(60) // (60 // k), k=k, scores=noise)
    write_run(tmp_path / "one", TRUTH)
    for i in range(2):
        write_run(tmp_path / "seeds" / str(i), TRUTH, cafes=0, n_init=1 + i)
    for k in (2, 3, 6):
        write_run(tmp_path / "no cafes" / f"k{k}", np.arange(60) // (60 // k), k=k, cafes=0)
    groups += [findings(compare_runs([tmp_path / name])) for name in ("noise", "one", "seeds", "no cafes")]
    assert written(groups) == golden("compare")


def test_two_truths_and_what_to_run_next_are_said(tmp_path):
    """Two backbones see the café's group, two see something else; without café ids nobody knows which is meant."""
    rng = np.random.default_rng(0)
    other = rng.integers(0, 3, len(TRUTH))
    for i, (backbone, labels) in enumerate(
        [("vgg16", TRUTH), ("resnet50", TRUTH), ("alexnet", other), ("googlenet", other)]
    ):
        wrong = rng.random(len(TRUTH)) < (0.05 if i < 2 else 0.15)
        write_run(
            tmp_path / str(i), np.where(wrong, rng.integers(0, 3, len(TRUTH)), labels), backbone=backbone, cafes=0
        )
    comparison = compare_runs([tmp_path])
    (found,) = [finding for finding in findings(comparison) if finding.code == "two-truths"]
    assert {name.split()[0] for name in found.figures["runs"]} == {"alexnet", "googlenet"}
    assert found.figures["agreement"] > found.figures["with_best"] + 0.3
    nexts = [finding for finding in findings(comparison) if finding.code == "next-run"]
    assert len(nexts) == (comparison.sureness.shares.max() < 0.8)
