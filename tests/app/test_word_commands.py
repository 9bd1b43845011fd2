"""From weights on a server to a search in Korean: fetch, embed, name, search, by the commands."""

import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_towers
from drawn_rooms import MOODS, draw_room
from drawn_things import KINDS, draw_thing
from photo_server import Site
from typer.testing import CliRunner

import cafemood
from cafemood import runs
from cafemood.app import cli, with_words
from cafemood.backbones import create_backbone, text_cards
from cafemood.backbones.weights import WeightFile
from cafemood.cafes import moods, searching
from cafemood.errors import CafemoodError, WeightsError
from cafemood.features import embedder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def towers(tmp_path_factory):
    """The files of a tiny network that knows dark and bright rooms, in English and Korean, and things."""
    return tiny_towers.trained(tmp_path_factory.mktemp("towers"), things=True)


@pytest.fixture
def served(towers, monkeypatch, tmp_path):
    """The card of SigLIP 2, its files on a server of this machine."""
    site = Site(Path(towers["weights"]).parent)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    card = replace(
        text_cards.TEXT_CARDS["siglip2_vit_b16"],
        network=towers["model"],
        source=WeightFile("tiny.safetensors", url=f"{site.address}/tiny.safetensors"),
        tokenizer=WeightFile("tokenizer.json", url=f"{site.address}/tokenizer.json"),
    )
    monkeypatch.setitem(text_cards.TEXT_CARDS, "siglip2_vit_b16", card)
    yield site
    site.shutdown()
    site.server_close()


def call(*words):
    result = CliRunner().invoke(cli.app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_from_a_server_to_a_search_in_korean(cafe_run, served, cache_dir):
    assert call("weights", "fetch", "siglip2_vit_b16").exit_code == 0
    assert served.asked == {"/tiny.safetensors": 1, "/tokenizer.json": 1}
    before = cafe_run.assignments
    cache = ("--cache-dir", cache_dir)
    done = call("words", cafe_run.folder, *cache)
    assert done.exit_code == 0
    assert "21 embedded now" in done.stdout
    assert served.asked == {"/tiny.safetensors": 1, "/tokenizer.json": 1}  # nothing is fetched twice
    after = runs.load(cafe_run.folder)
    assert after.assignments.equals(before)  # nothing was clustered
    words = json.loads((cafe_run.folder / "words.json").read_text(encoding="utf-8"))
    dark = next(m for m in words if any(w["english"] in ("dark", "dark wood") for w in m["words"]))
    assert dark["size"] == 12
    assert "어두운" in (cafe_run.folder / "report.html").read_text(encoding="utf-8")

    assert "dark" in (cafe_run.folder / "words_of_cafes.csv").read_text(encoding="utf-8")

    found = call("search", cafe_run.folder, "어두운", "카페", "--json", *cache)
    answer, *parts = [json.loads(line) for line in found.stdout.splitlines()]
    assert (answer["text"], answer["fits"]) == ("어두운 카페", True)
    assert {part["cafe_id"] for part in parts} == {"0", "2", "4"}
    assert {part["kind"] for part in parts} == {"cafe", "photo"}
    other = call("search", cafe_run.folder, "giraffe", *cache)
    assert other.exit_code == 0
    assert "Nothing fits" in other.stdout
    assert "cafe_" not in other.stdout
    again = call("words", cafe_run.folder, *cache)
    assert "0 embedded now" in again.stdout  # what the cache holds is not embedded again
    for words_of_the_user in ([""], ["☕"], ["word " * 50], ["тихое кафе", "--not", "ბუნება"]):
        with pytest.raises(CafemoodError):
            call("search", cafe_run.folder, *words_of_the_user, *cache)


def test_a_run_that_is_told_words_opens_each_photo_once_and_leaves_things_out_by_them(towers, tmp_path, monkeypatch):
    opened = []
    real = embedder.open_image
    monkeypatch.setattr(embedder, "open_image", lambda *a, **more: opened.append(a) or real(*a, **more))
    folder = tmp_path / "사진"
    folder.mkdir()
    for i in range(8):
        draw_room(i, list(MOODS)[i % 2]).save(folder / f"cafe_{i % 4}_{i}.jpg", quality=92)
        draw_thing(i, KINDS[i % 4]).save(folder / f"cafe_{i % 4}_{i + 20}.jpg", quality=92)
    options = {"backbone": create_backbone("random"), "k": 2, "nulls": 2, "baseline_seeds": 2, "resamples": 0}
    words = with_words.towers({"name": "siglip2_vit_b16"} | towers)
    run = cafemood.run(folder, keep="place", folder=tmp_path / "run", cache_dir=tmp_path / "c", words=words, **options)
    assert len(opened) <= 16 + 16  # twice only where the two networks take a photo at other sizes
    facts = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    assert facts["words"]["name"] == run.card.words["name"] == "siglip2_vit_b16"
    place = run.scores["photos"]["place"]
    assert {"words", "signs"} <= set(place["told_by"])
    by_words = [entry for entry in run.card.data.left_out if entry["reason"].endswith("by words")]
    assert len(by_words) >= 3
    assert all(int(entry["file"].split("_")[2].split(".")[0]) >= 20 for entry in by_words)  # things alone
    html = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "by words (things against places)" in html
    assert "<dt>Words</dt>" in html
    assert "h-ambiance" in html
    assert (run.folder / "words_of_photos.csv").exists()
    assert any(
        word.english in ("dark", "dark wood", "bright", "white walls") for m in moods.of_run(run) for word in m.words
    )
    answer = searching.search(run, "어두운", cache_dir=tmp_path / "c", rate=0.05)
    assert answer.fits


def test_a_run_without_text_features_is_one_message_and_exit_code_1(cafe_run, tmp_path):
    """In a process of its own: no traceback."""
    code = "from cafemood.app.cli import main; main()"
    command = [sys.executable, "-c", code, "search", str(cafe_run.folder), "조용한", "카페"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert f"cafemood words {cafe_run.folder.name}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_backbone_that_knows_no_words_and_your_own_files(cafe_run, towers, cache_dir):
    with pytest.raises(WeightsError, match="siglip2_vit_b16"):
        call("words", cafe_run.folder, "--backbone", "resnet50")
    own = [word for name, file in towers.items() for word in (f"--{name}", file)]
    assert call("words", cafe_run.folder, *own, "--cache-dir", cache_dir).exit_code == 0
    found = call("search", cafe_run.folder, "밝은", "--cache-dir", cache_dir)
    assert "cafe_1_" in found.stdout
