"""Many runs on one page: which is best supported, what failed, and nothing that a café's name could break."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from made_runs import HOSTILE, TRUTH, scores_of, write_run

from cafemood.errors import RunError
from cafemood.report import compare, terminal
from cafemood.runs.run import clear_unfinished, why_unfinished


def text_of(sentences):
    return "\n".join(f"{said['level']}: {said['text']}" for said in sentences)


def test_the_best_supported_run_comes_first_and_silhouettes_pick_beside_it(sweep):
    found = compare.find([sweep])
    assert [run.folder.name[:2] for run in found.runs] == ["0_", "1_", "2_", "10"]
    assert found.names == [
        f"{b} features k={k}" for b, k in [("resnet50", 3), ("vgg16", 3), ("vgg16", 6), ("resnet50", 6)]
    ]
    table = found.table
    assert table["rank"].tolist() == sorted(table["rank"])
    assert table["run"][0] == "vgg16 features k=3"
    assert table["run"].tolist()[-1] == "resnet50 features k=6"
    words = text_of(found.verdict())
    assert "good: Best supported: vgg16 features k=3: other backbones agree with it" in words
    assert re.search(r"would have picked resnet50 features k=6, which is number [34] of 4 here", words)
    assert "warn: 1 of 4 runs are no better than noise: resnet50 features k=6." in words
    assert re.search(r"The run chosen on one half of the cafés is number \d of 4 on the other half", words)


def test_runs_that_differ_in_a_setting_of_their_method_alone_have_names_of_their_own(tmp_path):
    for i, more in enumerate([{"n_init": 1, "n_iter": 7}, {"n_init": 10}, {"name": "dec", "lr": 0.01}]):
        write_run(tmp_path / "sweep" / str(i), TRUTH, **more)
    names = compare.find([tmp_path / "sweep"]).names
    assert names == ["kmeans n_init=1", "kmeans n_init=10", "dec"]


def test_two_matrices_of_ones_own_are_two_spaces(tmp_path):
    for i, name in enumerate(["precomputed", "precomputed", "own"]):
        folder = write_run(tmp_path / "sweep" / str(i), TRUTH)
        facts = json.loads((folder / "run.json").read_text())
        own = {"name": "precomputed", "options": {"path": f"/{name}.npz"}, "fingerprint": f"{i}" * 64}
        facts["backbone"] |= own
        (folder / "run.json").write_text(json.dumps(facts))
    found = compare.find([tmp_path / "sweep"])
    assert list(found.spaces) == ["precomputed features", "precomputed features 111111", "own features"]
    assert found.cross_space.shape == (3, 3)


def test_with_nothing_to_choose_by_that_is_said(tmp_path):
    """Seeds or methods at one k, one backbone, no cafés: neither agreement nor persistence can be measured."""
    for i in range(2):
        write_run(tmp_path / "sweep" / str(i), TRUTH, cafes=0, n_init=1 + i)
    found = compare.find([tmp_path / "sweep"])
    assert found.best is None
    words = text_of(found.verdict())
    assert "warn: Nothing to choose by: one family of backbones, one k, and no cafés." in words
    assert "rests on" not in words
    compare.write(found, tmp_path / "sweep")


def test_a_cafe_without_a_name_is_called_by_its_id(sweep):
    page = compare.write(compare.find([sweep]), sweep).read_text(encoding="utf-8")
    payload = json.loads(re.search(r'id="payload"[^>]*>(.*?)</script>', page, re.S)[1])
    assert set(payload["cafe"]) == {HOSTILE, *(f"c{i}" for i in range(10))}


def test_failed_and_unfinished_jobs_have_a_row_with_their_reason(sweep):
    failed = sweep / "3_backbone=alexnet,k=900"
    failed.mkdir()
    (failed / "run.json").write_text(
        json.dumps({"status": "failed", "reason": "60 photos cannot be put into 900 groups.\nmore"})
    )
    killed = sweep / "4_backbone=alexnet,k=3"
    killed.mkdir()
    (killed / "run.json").write_text(json.dumps({"status": "running"}))
    early = sweep / "5_backbone=alexnet,k=x"
    (early / ".hydra").mkdir(parents=True)
    (early / "train.log").write_text("INFO a\nERROR k=x is not a whole number.\n  where: k\n")
    (sweep / "6_backbone=alexnet" / ".hydra").mkdir(parents=True)
    found = compare.find([sweep])
    rows = found.table[found.table["status"] == "no result"].set_index("reason")["run"]
    assert rows.to_dict() == {
        "60 photos cannot be put into 900 groups.": "3 k=900",
        "unfinished: killed, or still running": "4 k=3",
        "k=x is not a whole number.": "5 k=x",
        "stopped before it began": "6",
    }
    assert found.table["rank"].isna().sum() == 4
    assert "4 jobs left no result; the table says why." in text_of(found.verdict())


def test_files_and_page_hold_the_same_table_and_no_name_breaks_out(sweep):
    found = compare.find([sweep])
    page = compare.write(found, sweep)
    assert len(pd.read_csv(sweep / "compare.csv")) == len(pd.read_parquet(sweep / "compare.parquet")) == 4
    html = page.read_text(encoding="utf-8")
    assert "alert(1)</script>" not in html
    payload = json.loads(re.search(r'id="payload">(.*?)</script>', html, re.DOTALL)[1])
    assert payload["rows"][0]["rank"] == 1
    assert payload["cafe"][0] == HOSTILE
    assert payload["links"][0] == "1_backbone%3Dvgg16%2Ck%3D3/report.html"
    assert np.array(payload["agreement"]).shape == (4, 4)
    assert payload["spaces"] == ["resnet50 features", "vgg16 features"]
    assert np.array(payload["cross"]).shape == (4, 2)
    assert all(picture.startswith("data:image/webp") for picture in payload["pictures"])
    assert not re.search(r"""(src|href)=["']https?:""", html)
    assert not list(sweep.glob(".*partial*"))


def test_photos_that_are_gone_leave_an_empty_frame(sweep):
    (sweep.parent / "sweep").mkdir(exist_ok=True)
    found = compare.find([sweep])
    html = compare.write(found, sweep.parent / "elsewhere").read_text(encoding="utf-8")
    assert '"links":[null' in html


def test_runs_of_different_photos_are_compared_on_what_they_share(tmp_path):
    write_run(tmp_path / "a", TRUTH)
    write_run(tmp_path / "b", TRUTH[:50], ids=[f"photo{i}" for i in range(10, 60)], backbone="vgg16")
    found = compare.find([tmp_path])
    assert len(found.photo_ids) == 50
    np.testing.assert_array_equal(found.labels[0], TRUTH[10:])
    assert "compared on the 50 that all of them share" in text_of(found.verdict())


def test_runs_that_share_too_little_are_refused(tmp_path):
    write_run(tmp_path / "a", TRUTH)
    write_run(tmp_path / "b", TRUTH, ids=[f"other{i}" for i in range(60)])
    with pytest.raises(RunError, match=r"(?s)cannot be compared.*share 0 photos.*compare runs of the same photos"):
        compare.find([tmp_path])


def test_one_run_is_nothing_to_choose_from(tmp_path):
    write_run(tmp_path / "a", TRUTH, features=False, cafes=0)
    found = compare.find([tmp_path])
    assert "one finished run only" in text_of(found.verdict())
    assert "Best supported" not in text_of(found.verdict())
    assert found.table[["rank", "choice"]].isna().all(axis=None)
    assert compare.write(found, tmp_path).is_file()
    assert found.spaces == {}


@pytest.mark.parametrize(("cafes", "rest"), [(6, "the cafés and persistence"), (0, "persistence over k alone")])
def test_one_backbone_only_is_said(tmp_path, cafes, rest):
    for k in (2, 3, 6):
        write_run(tmp_path / f"k{k}", np.arange(60) // (60 // k), k=k, cafes=cafes)
    words = text_of(compare.find([tmp_path]).verdict())
    assert "warn: All runs use one family of backbones (resnet)" in words
    assert rest in words


def test_noise_alone_has_no_winner_in_green(tmp_path):
    for k in (2, 3):
        write_run(tmp_path / f"k{k}", np.arange(60) // (60 // k), k=k, scores=scores_of(z=0.5))
    words = text_of(compare.find([tmp_path]).verdict())
    assert words.startswith("bad: All runs are no better than noise.")
    assert "being first among these runs makes it no finding" in words
    assert "good:" not in words


def test_scores_that_are_undefined_do_not_end_it(tmp_path):
    undefined = scores_of(z=None, silhouette=None)
    write_run(tmp_path / "a", np.zeros(60, int), k=2, scores=undefined)
    write_run(tmp_path / "b", TRUTH, scores=undefined)
    found = compare.find([tmp_path])
    assert found.silhouettes_pick is None
    assert compare.write(found, tmp_path).is_file()


def test_a_folder_without_runs(tmp_path):
    with pytest.raises(RunError, match="There is no such folder"):
        compare.find([tmp_path / "none"])
    with pytest.raises(RunError, match=r"(?s)no finished run.*no run is in there"):
        compare.find([tmp_path])


def test_the_terminal_says_it_too(sweep, capsys):
    from rich.console import Console

    terminal.print_comparison(compare.find([sweep]), Console(width=160), n_rows=2)
    out = capsys.readouterr().out
    assert "Best supported: vgg16 features k=3" in out
    assert "… and 2 more in the table." in out


def test_a_folder_is_freed_only_if_nobody_is_at_it(tmp_path):
    import os
    import platform

    path = tmp_path / "run.json"
    clear_unfinished(tmp_path)  # nothing there is fine
    alive = {"status": "running", "process": {"pid": os.getppid(), "host": platform.node()}}
    path.write_text(json.dumps(alive))
    with pytest.raises(RunError, match=r"(?s)still going on.*is alive"):
        clear_unfinished(tmp_path)
    path.write_text(json.dumps({"status": "finished"}))
    with pytest.raises(RunError, match="already holds a run"):
        clear_unfinished(tmp_path)
    path.write_text(json.dumps({"status": "failed", "reason": "full disk"}))
    assert why_unfinished(tmp_path) == "full disk"
    clear_unfinished(tmp_path)
    assert not path.exists()
    path.write_text("{half")  # whatever it was, it is not for us to delete
    with pytest.raises(RunError, match="cannot be read"):
        clear_unfinished(tmp_path)
    path.write_text("")  # killed between the claim and the facts
    assert why_unfinished(tmp_path) == "its run.json cannot be read"
    clear_unfinished(tmp_path)
    assert not path.exists()
