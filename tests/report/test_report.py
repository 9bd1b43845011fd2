"""`report.html`: whole, escaped, small enough, and honest about what is missing."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from made_runs import HOSTILE

from cafemood import runs
from cafemood.data.images import file_digest
from cafemood.report import report
from cafemood.runs import thumbnails


def payload(html):
    return json.loads(re.search(r'<script type="application/json" id="payload">(.*?)</script>', html, re.S)[1])


def test_hostile_and_korean_names_are_text(run):
    html = report.write_report(run).read_text(encoding="utf-8")
    assert "<img src=x" not in html
    assert "<b>Kim" not in html
    assert html.count("</script>") == 2
    assert HOSTILE in payload(html)["cafe"]
    assert "<b>Kim & 이</b>" in payload(html)["credit"][0]


def test_every_photo_is_embedded_once_and_nothing_comes_from_outside(run):
    html = report.write_report(run).read_text(encoding="utf-8")
    assert html.count("data:image/") == len(run.assignments)
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", html)
    assert "default-src 'none'" in html


def test_no_nan_or_none_is_shown(run):
    html = report.write_report(run).read_text(encoding="utf-8")
    body = re.sub(r"<script.*?</script>|<style.*?</style>", "", html, flags=re.S)
    assert not re.findall(r"\b(?:nan|NaN|None|inf|undefined)\b", body)


def test_skipped_files_are_named_with_their_reason(run):
    html = report.write_report(run).read_text(encoding="utf-8")
    assert "zero.jpg" in html
    assert "the file is empty" in html


def test_every_score_names_its_space_beside_baseline_and_null(run):
    html = report.write_report(run).read_text(encoding="utf-8")
    assert "silhouette<wbr>@features" in html
    assert "k-means on the features" in html
    assert re.search(r"\d\.\d{3} ± \d\.\d{3}", html)


def test_a_photo_that_is_gone_leaves_an_empty_frame_and_a_count(run):
    (run.photos_root / run.assignments["file"][1]).unlink()
    html = report.write_report(runs.load(run.folder)).read_text(encoding="utf-8")
    assert payload(html)["pictures"][1] is None
    assert "1 photo could no longer be read" in html


def test_all_photos_gone_still_gives_a_report(run):
    shutil.rmtree(run.photos_root)
    page = report.write_report(runs.load(run.folder))
    assert "could no longer be read" in page.read_text(encoding="utf-8")


def test_many_photos_lie_in_a_folder_beside_the_page(run, monkeypatch):
    monkeypatch.setattr(thumbnails, "EMBED_AT_MOST", 5)
    page = report.write_report(run)
    pictures = payload(page.read_text(encoding="utf-8"))["pictures"]
    assert "data:image/" not in page.read_text(encoding="utf-8")
    assert all((run.folder / picture).is_file() for picture in pictures)


def test_a_run_of_an_older_version_still_gets_its_page(run):
    path = run.folder / "scores.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    del record["labelled"]
    for null in record["null"].values():
        del null["limit"], null["n_tried"]
    for sentence in record["verdict"]:
        del sentence["code"], sentence["figures"]
    path.write_text(json.dumps(record), encoding="utf-8")
    card = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    del card["files"]
    (run.folder / "run.json").write_text(json.dumps(card), encoding="utf-8")
    html = report.write_report(runs.load(run.folder)).read_text(encoding="utf-8")
    assert "Scores" in html
    assert "The groups are apart in the feature space" in html


def test_of_too_many_photos_the_page_shows_some_and_says_so(run, monkeypatch):
    monkeypatch.setattr(thumbnails, "SHOWN_AT_MOST", 8)
    monkeypatch.setattr(thumbnails, "_OF_A_MOOD", 2)
    for name in ("N_TYPICAL", "N_BORDERLINE", "N_SHEET"):
        monkeypatch.setattr(report, name, 1)
    n = len(run.assignments)
    html = report.write_report(run).read_text(encoding="utf-8")
    assert f"8 of the {n} photos" in html
    assert f"{n} photos, 2 moods" in html
    assert "could no longer be read" not in html
    found = payload(html)
    assert len(found["pictures"]) == len(found["file"]) == 8
    assert None not in found["pictures"]
    table = run.assignments
    medoids = re.findall(r'class="medoid"><button type="button" class="photo" data-photo="(\d+)"', html)
    assert len(medoids) == 2
    for j, place in enumerate(medoids):
        nearest = table[table["cluster"] == j]["distance"].idxmin()
        assert found["file"][int(place)] == table["file"][nearest]


def test_rows_of_a_matrix_get_no_empty_frames(run):
    """Photos that have gone leave an empty frame, and are counted; rows never had a picture."""
    shutil.rmtree(run.photos_root)
    (run.folder / "thumbnails.parquet").unlink(missing_ok=True)
    gone = report.write_report(run).read_text(encoding="utf-8")
    assert "could no longer be read" in gone
    assert "<h4>Typical</h4>" in gone
    data = replace(run.card.data, has_files=False)
    run.__dict__["card"] = replace(run.card, data=data)
    rows = report.write_report(run).read_text(encoding="utf-8")
    assert "could no longer be read" not in rows
    assert "<h4>Typical</h4>" not in rows
    assert "Mean silhouette@features" in rows


def updates(*values):
    """A health record whose smallest cluster goes through these values, 20 steps apart."""
    shared = {"label_change": 1.0, "loss": 0.5, "least_centre_distance": None}
    return [shared | {"step": 20 * i, "smallest_cluster": value} for i, value in enumerate(values)]


def test_the_course_of_a_training_is_drawn_from_zero_up():
    panels = {panel["title"]: panel for panel in report.health_panels(updates(8, 4, 0))}
    assert list(panels) == ["Photos that changed group", "KL(P‖Q)", "Smallest group"]  # no distance is known
    smallest = panels["Smallest group"]
    assert smallest["points"] == [(0, 1), (0.5, 0.5), (1, 0)]
    assert (smallest["first"], smallest["last"], smallest["steps"]) == ("8", "0", (0, 40))
    changed = panels["Photos that changed group"]  # the first update has nothing to compare with
    assert (changed["points"], changed["first"], changed["steps"]) == ([(0, 1), (1, 1)], "100.0 %", (20, 40))


@pytest.mark.parametrize(("record", "drawn"), [([], 0), (updates(3), 2), (updates(0, 0), 3)])
def test_short_and_dead_trainings_are_drawn_too(record, drawn):
    panels = report.health_panels(record)
    assert len(panels) == drawn
    assert all(0 <= share <= 1 for panel in panels for pair in panel["points"] for share in pair)


def test_the_figures_are_there(run):
    report.write_report(run)
    names = {path.name for path in (run.folder / "figures").iterdir()}
    assert names == {"cluster_0.jpg", "cluster_1.jpg", "silhouette.svg", "sizes.svg"}


def test_contact_sheets_are_made_once(run):
    first = report.contact_sheets(run)
    before = {path: file_digest(path) for path in first.values()}
    assert {path: file_digest(path) for path in report.contact_sheets(run).values()} == before


def test_ten_thousand_photos_stay_under_30_mb(tmp_path):
    from drawn_rooms import MOODS, draw_room

    paths = []
    for i in range(60):
        paths.append(tmp_path / f"{i}.jpg")
        draw_room(i, list(MOODS)[i % 2], (480, 360)).save(paths[-1], quality=92)
    made = thumbnails.make_thumbnails(paths, [thumbnails.map_side(10_000)] * len(paths))
    each = np.mean([len(thumbnails.data_uri(data)) for data in made])
    row = 400  # file, café and numbers in the payload
    cards = 12 * 11 * 60_000
    assert 10_000 * (each + row) + cards < 30e6


@pytest.mark.parametrize(("n", "side"), [(1, 256), (500, 256), (501, 128), (2_000, 128), (2_001, 64)])
def test_thumbnails_shrink_with_the_number_of_photos(n, side):
    assert thumbnails.map_side(n) == side
