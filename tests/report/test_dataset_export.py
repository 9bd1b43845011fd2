"""The data set: a table that others open, and cards that say what is in it and can be read by programs."""

import hashlib
import io
import json

import pandas as pd
import pytest
import yaml
from made_runs import HOSTILE
from PIL import Image

from cafemood.cafes import moods, profiles
from cafemood.report import dataset_export, export


@pytest.fixture
def written(cafe_run, tmp_path):
    moods.give_name(cafe_run, 1, "a | `b` <b>나무</b>")
    known = profiles.load(cafe_run)
    done = export.export(known, "dataset", tmp_path / "out")
    return known.run, tmp_path / "out", done


def test_the_table_has_every_photo_with_its_mood_place_and_picture(written):
    run, out, done = written
    table = pd.read_parquet(out / "photos.parquet")
    assert list(table["photo_id"]) == list(run.photos["photo_id"])
    assert list(table["mood"] - 1) == list(run.photos["cluster"])
    assert set(table.loc[table["mood"] == 1, "mood_name"]) == {"a | `b` <b>나무</b>"}
    assert list(table) == list(dataset_export.COLUMNS)
    first = table["image"].iloc[0]
    with Image.open(io.BytesIO(first["bytes"])) as picture:
        assert picture.format == "WEBP"
    assert HOSTILE in set(table["cafe_name"])
    assert done.notes == [f"{len(table)} photos have no known licence: look before you publish them."]


def test_the_card_has_a_header_for_hugging_face_and_says_how_far_to_trust_it(written):
    _, out, _ = written
    card = (out / "README.md").read_text(encoding="utf-8")
    header, body = card.removeprefix("---\n").split("\n---\n", 1)
    facts = yaml.safe_load(header)
    assert facts["configs"] == [{"config_name": "default", "data_files": "photos.parquet"}]
    types = {feature["name"]: feature["dtype"] for feature in facts["dataset_info"]["features"]}
    assert (types["mood"], types["image"], types["x"]) == ("int64", "image", "float64")
    assert "**May the moods be used?**" in body
    assert "a \\| \\`b\\` &lt;b>나무" in body  # no markup of its own


def test_croissant_names_the_file_by_its_checksum_and_every_column(written):
    _, out, _ = written
    facts = json.loads((out / "croissant.json").read_text(encoding="utf-8"))
    assert facts["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    (file,), (records,) = facts["distribution"], facts["recordSet"]
    assert file["sha256"] == hashlib.sha256((out / file["contentUrl"]).read_bytes()).hexdigest()
    columns = [field["source"]["extract"]["column"] for field in records["field"]]
    assert columns == list(pd.read_parquet(out / "photos.parquet"))
    assert {field["source"]["fileObject"]["@id"] for field in records["field"]} == {file["@id"]}
