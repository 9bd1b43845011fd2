"""`report.html`: whole, escaped, small enough, and honest about what is missing."""

import json
import re
import shutil

import numpy as np
import pytest

from cafemood import report, runs, thumbnails
from cafemood.datamodule import PhotoDataModule
from cafemood.methods import KMeans, baselines
from cafemood.photos import Photo, PhotoSet, file_digest, scan_folder
from cafemood.reduction import NoReduction, display_plane
from cafemood.verdict import judge

HOSTILE = '</script><img src=x onerror="alert(1)">공릉동 카페 ☕'


def make_run(folder, photo_set, k=2):
    """A finished run of colour features, by the same calls as train.py."""
    ids = [p.photo_id for p in photo_set.photos]
    rows = [
        np.asarray(report.thumbnails.open_image(photo_set.path(p)).resize((4, 4)), np.float32) for p in photo_set.photos
    ]
    matrix = np.stack(rows).reshape(len(rows), -1) / 255
    np.savez(folder.parent / "colours.npz", features=matrix, photo_id=np.array(ids))
    from cafemood.backbones import create

    backbone = create("precomputed", path=str(folder.parent / "colours.npz"))
    data = PhotoDataModule(photo_set, backbone, NoReduction(), cache_dir=folder.parent / "cache")
    data.setup()
    facts = {"command": "python train.py", "k": k, "seed": 0, "reduce": {"name": "none"}, "method": {"name": "kmeans"}}
    with runs.RunWriter(folder, facts) as run:
        clustering = KMeans(k).fit(data)
        plane, explained = display_plane(matrix)
        compared = baselines(matrix, clustering, k, n_seeds=2)
        cafes = [p.cafe_id for p in photo_set.photos]
        run.record(data, clustering, judge(matrix, plane, clustering, compared, cafes=cafes), plane, explained)
    return runs.load(folder)


def copy_run(made, to):
    """The run and its photos (the folder 사진 beside it), copied, so that a test may change both."""
    shutil.copytree(made.folder.parent, to)
    facts = json.loads((to / "run" / "run.json").read_text(encoding="utf-8"))
    facts["data"]["root"] = str(to / "사진")
    (to / "run" / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    return runs.load(to / "run")


@pytest.fixture
def run(tmp_path, photo_folder):
    found = scan_folder(photo_folder)
    first, *rest = found.photos
    hostile = Photo(first.photo_id, first.file, HOSTILE, cafe_name=HOSTILE, attribution="<b>Kim & 이</b>")
    broken = photo_folder / "어두운 나무" / "zero.jpg"
    broken.write_bytes(b"")
    photo_set = PhotoSet("folder", found.root, (hostile, *rest), scan_folder(photo_folder).skipped, "filename")
    return make_run(tmp_path / "run", photo_set)


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
    judged = json.loads(path.read_text(encoding="utf-8"))
    del judged["labelled"]
    for null in judged["null"].values():
        del null["limit"], null["n_tried"]
    path.write_text(json.dumps(judged), encoding="utf-8")
    assert "Scores" in report.write_report(runs.load(run.folder)).read_text(encoding="utf-8")


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
    run.facts["data"]["has_files"] = False
    (run.folder / "thumbnails.parquet").unlink()
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
