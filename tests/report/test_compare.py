"""The page of a comparison: the same table as its files, and nothing that a café's name could break."""

import json
import re

import numpy as np
import pandas as pd
from made_runs import HOSTILE

from cafemood.report import compare
from cafemood.report.comparison import compare_runs


def test_a_cafe_without_a_name_is_called_by_its_id(sweep):
    page = compare.write(compare_runs([sweep]), sweep).read_text(encoding="utf-8")
    payload = json.loads(re.search(r'id="payload"[^>]*>(.*?)</script>', page, re.S)[1])
    assert set(payload["cafe"]) == {HOSTILE, *(f"c{i}" for i in range(10))}


def test_files_and_page_hold_the_same_table_and_no_name_breaks_out(sweep):
    found = compare_runs([sweep])
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
    found = compare_runs([sweep])
    html = compare.write(found, sweep.parent / "elsewhere").read_text(encoding="utf-8")
    assert '"links":[null' in html


def test_moods_are_called_by_their_names(sweep):
    (sweep / "1_backbone=vgg16,k=3" / "names.json").write_text(json.dumps({"2": HOSTILE}))
    html = compare.write(compare_runs([sweep]), sweep).read_text(encoding="utf-8")
    payload = json.loads(re.search(r'id="payload">(.*?)</script>', html, re.DOTALL)[1])
    assert payload["moods"][payload["names"].index("vgg16 features k=3")] == {"1": HOSTILE}
