"""`compare.html`, `compare.csv` and `compare.parquet`: the page and the table of a comparison."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from cafemood.cafes import moods
from cafemood.core.atomic import write_csv, writing
from cafemood.core.html import as_text, environment, for_script
from cafemood.core.names import path_of, text_of
from cafemood.core.parquet import write_parquet
from cafemood.evaluation.score_table import compare_columns, first_columns
from cafemood.report.comparison import COLUMNS, Comparison, is_noise
from cafemood.report.comparison_findings import findings, headline
from cafemood.report.style import COLORS, MARKS
from cafemood.runs import thumbnails

N_SHOWN = 600
"""Photos on the contact sheets of the page; above it, a sample drawn from every café in turn."""
SIDES = ((150, 288), (300, 192), (N_SHOWN, 128))
"""Pixels of a thumbnail's longer side, by the number of photos up to which it is taken: the page stays small."""

_LEADING = ("choice", "agreement", "cafes", "persistence", "z@features")
"""What a run's card shows first, where the window is too narrow for the table."""
_SETTINGS = ("backbone", "reduce", "method", "space", "unit", "k", "seed", "n_photos")


def write(comparison: Comparison, out: Path) -> Path:
    """Write `compare.html`, `compare.csv` and `compare.parquet`; returns the page's path."""
    write_csv(out / "compare.csv", comparison.table)
    write_parquet(out / "compare.parquet", comparison.table)
    page = out / "compare.html"
    html = environment("cafemood.report").get_template("compare.html.j2").render(**_context(comparison, out))
    with writing(page) as partial:
        partial.write_text(html, encoding="utf-8")
    return page


def _context(comparison: Comparison, out: Path) -> dict[str, Any]:
    shown = _shown(comparison)
    return {
        "n_photos": len(comparison.photo_ids),
        "n_shown": len(shown),
        "n_runs": len(comparison.runs),
        "n_unfinished": len(comparison.unfinished),
        "cafes_known": comparison.cafes is not None,
        "headline": headline(comparison),
        "findings": findings(comparison),
        "made": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        "asked": comparison.asked,
        "marks": MARKS,
        "payload": for_script(_payload(comparison, shown, out)),
        "title": out.name,
    }


def _payload(comparison: Comparison, shown: list[int], out: Path) -> dict[str, Any]:
    """What the page's script reads; runs in the order of the table, photos in that of `shown`."""
    table = comparison.table
    run = comparison.runs[0]
    paths = [run.where(comparison.photos["file"].iloc[i]) for i in shown]
    kept = dict(zip(run.photos["photo_id"], thumbnails.kept(run), strict=True))
    instead = [kept.get(comparison.photo_ids[i]) for i in shown]
    side = next(side for most, side in SIDES if len(paths) <= most)
    made = thumbnails.make_thumbnails(paths, [side] * len(paths), instead)
    pictures = [thumbnails.data_uri(data) if data else None for data in made]
    place = {text_of(run.folder): i for i, run in enumerate(comparison.runs)}
    order = [place[folder] for folder in table["folder"] if folder in place]
    same = _same_in_all(table)
    explained = COLUMNS | {"rank": "by choice"}
    if comparison.cafes is None:
        explained["choice"] = explained["choice"].removesuffix(" × what cafés say")
    return {
        "columns": [c for c in table.columns if c not in ("folder", "status", *same)],
        "same": [[name, str(value)] for name, value in same.items()],
        "leading": [c for c in _LEADING if c in table],
        "whole": [c for c in ("rank", "k", "seed", "n_photos") if c in table],
        "measured": [comparison.measured_in[place[f]] if f in place else {} for f in table["folder"]],
        "numeric": [c for c in table.columns if pd.api.types.is_numeric_dtype(table[c])],
        "lower": [name for name, score in compare_columns().items() if score.better == "lower"],
        "axes": first_columns("in_compare_plot"),
        "explained": explained,
        "rows": json.loads(table.to_json(orient="records")),
        "links": [_link(path_of(folder), out) for folder in table["folder"]],
        "noise": [folder in place and is_noise(comparison.runs[place[folder]]) for folder in table["folder"]],
        "names": [comparison.names[i] for i in order],
        "moods": [moods.known_names(comparison.runs[i]) for i in order],
        "labels": [[int(comparison.labels[i][row]) for row in shown] for i in order],
        "agreement": [[round(float(comparison.agreement[i, j]), 3) for j in order] for i in order],
        "spaces": list(comparison.spaces),
        "cross": [[_rounded(v) for v in comparison.cross_space[i]] for i in order] if comparison.spaces else [],
        "pictures": pictures,
        "cafe": [
            as_text(cafe["cafe_name"]) or str(cafe["file"] if comparison.cafes is None else cafe["cafe_id"])
            for _, cafe in comparison.photos.iloc[shown].iterrows()
        ],
        "colors": COLORS,
        "pick": order.index(comparison.silhouettes_pick) if comparison.silhouettes_pick is not None else None,
    }


def _same_in_all(table: pd.DataFrame) -> dict[str, Any]:
    """Settings that all finished runs share, which need no column."""
    done = table[table["status"] == "finished"]
    shared = [name for name in _SETTINGS if name in done and len(done) > 1 and done[name].nunique(dropna=False) == 1]
    whole = {name: int(done[name].iloc[0]) for name in shared if name in ("k", "seed", "n_photos")}
    return {name: whole.get(name, done[name].iloc[0]) for name in shared}


def _shown(comparison: Comparison) -> list[int]:
    """Rows of the photos on the contact sheets: all, or of every café in turn."""
    n = len(comparison.photo_ids)
    if n <= N_SHOWN:
        return list(range(n))
    nth = comparison.photos.groupby("cafe_id", sort=False).cumcount().to_numpy()
    mixed = np.random.default_rng(0).permutation(n)
    return sorted(int(i) for i in mixed[np.argsort(nth[mixed], kind="stable")][:N_SHOWN])


def _link(folder: Path, out: Path) -> str | None:
    """Link from the page to the run's report, if that lies below it."""
    page = folder / "report.html"
    inside = page.is_file() and page.resolve().is_relative_to(out.resolve())
    return quote(os.fsencode(page.resolve().relative_to(out.resolve()).as_posix())) if inside else None


def _rounded(value: float) -> float | None:
    return round(float(value), 3) if np.isfinite(value) else None
