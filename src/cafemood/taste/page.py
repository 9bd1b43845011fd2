"""The page that learns a taste: one HTML file, or with many photos a folder beside it; it needs no network."""

from __future__ import annotations

import base64
import hashlib
import shutil
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from cafemood.cafes import moods, preference
from cafemood.core.atomic import writing
from cafemood.core.html import as_text, environment, for_script
from cafemood.report.style import COLORS
from cafemood.runs import thumbnails
from cafemood.taste import questions, ranking
from cafemood.taste.answers import FORMAT
from cafemood.taste.space import TasteSpace
from cafemood.taste.words import WORDS

PAGE, PHOTOS = "taste.html", "taste_photos"
ONE_FILE_AT_MOST = 600
"""With more photos they lie in a folder beside the page."""
A_CAFE = 3
"""Photos of a café at most: the most typical is asked about."""
_SIDE = 480
TAPS = 10
"""Taps after which the list is shown."""


def write_page(space: TasteSpace, *, folder: bool | None = None, size: int = 4) -> tuple[Path, int]:
    """Write `taste.html` into the run's folder.

    Args:
        space: The run's cafés.
        folder: True for photos beside the page, False for all in one file, None by their number.
        size: Photos a question, 2 to 4.

    Returns:
        The page's path, and how many cafés have no photo that can be read.

    Raises:
        CafemoodError: A file cannot be written.
    """
    pictures = _pictures(space)
    n = sum(len(of_cafe) for of_cafe in pictures)
    apart = n > ONE_FILE_AT_MOST if folder is None else folder
    page = space.run.folder / PAGE
    beside = page.parent / PHOTOS
    if beside.exists():
        shutil.rmtree(beside)
    addresses = [
        [_beside(beside, f"{i}_{j}.webp", data) if apart else thumbnails.data_uri(data) for j, data in enumerate(some)]
        for i, some in enumerate(pictures)
    ]
    with writing(page) as partial:
        partial.write_text(_render(_payload(space, addresses, size)), encoding="utf-8")
    return page, sum(not of_cafe for of_cafe in pictures)


def _pictures(space: TasteSpace) -> list[list[bytes]]:
    """Of each café up to `A_CAFE` photos that can be read, the most typical first."""
    run, photos = space.run, space.run.photos
    kept = thumbnails.kept(run, [int(row) for rows in space.places.typical for row in rows[:A_CAFE]])
    found: list[list[bytes]] = [[] for _ in space.places.typical]
    left = [list(rows) for rows in space.places.typical]
    while wanted := [(i, left[i].pop(0)) for i in range(len(left)) if left[i] and len(found[i]) < A_CAFE]:
        rows = [row for _, row in wanted]
        places = [run.where(path) for path in photos["path"].to_numpy()[rows]]
        ids = list(photos["photo_id"].to_numpy()[rows])
        made = thumbnails.make_thumbnails(places, [_SIDE] * len(rows), [kept[row] for row in rows], ids)
        for (i, _), data in zip(wanted, made, strict=True):
            found[i] += [data] if data else []
    return found


def _beside(folder: Path, name: str, data: bytes) -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)  # the page that names them is written last
    return f"{PHOTOS}/{name}"


def _payload(space: TasteSpace, addresses: list[list[str]], size: int) -> dict[str, Any]:
    table, known = space.cafes.table, ranking.signs(space)
    names = [as_text(n) or str(i) for n, i in zip(table["cafe_name"], table["cafe_id"], strict=True)]
    return {
        "format": FORMAT,
        "run": space.run_id,
        "list": space.list_id,
        "size": size,
        "taps": TAPS,
        "features": space.places.features.tolist(),
        "evidence": space.places.evidence.tolist(),
        "looks": known.looks.tolist(),
        "shares": known.shares.tolist(),
        "id": table["cafe_id"].astype(str).tolist(),
        "name": names,
        "area": [as_text(area) for area in table["area"]],
        "lat": _coordinates(table["lat"]),
        "lon": _coordinates(table["lon"]),
        "photos": addresses,
        "moods": [
            {"ko": mood.korean, "en": mood.english, "color": COLORS[mood.cluster % len(COLORS)]}
            for mood in moods.of_run(space.run)
        ],
        "model": {
            "lapse": preference.LAPSE, "spread": preference.SPREAD, "nSamples": questions.SAMPLES,
            "candidates": questions.CANDIDATES, "best": questions.BEST, "least": questions.LEAST,
        },
        "rank": {"chanceSamples": preference.SAMPLES, "chanceSeed": preference.SEED, "fifth": preference.FIFTH},
        "reasons": {
            "told": known.names, "relation": ranking.LEAST_RELATION, "difference": ranking.LEAST_DIFFERENCE,
            "share": ranking.LEAST_SHARE,
        },
        "looked": {
            look: {"en": [low[0], high[0]], "ko": [low[1], high[1]]}
            for look in known.names
            for low, high in [known.ends_of(look)]
        },
        "words": WORDS,
    }  # fmt: skip


def _coordinates(column: Any) -> list[float | None]:
    return [round(float(v), 6) if np.isfinite(v) else None for v in np.asarray(column, dtype=float)]


def _render(payload: dict[str, Any]) -> str:
    from markupsafe import Markup

    made = environment("cafemood.taste").get_template("taste.html.j2")
    html: str = made.render(
        title=WORDS["ko"]["title"],
        scripts=" / ".join(words["scripts"] for words in WORDS.values()),
        policy=_policy(),
        payload=for_script(payload),
        style=Markup(_source("taste.css")),  # noqa: S704
        script=Markup(_script()),  # noqa: S704
    )
    return html


def _script() -> str:
    return _source("engine.js") + _source("taste.js")


@cache
def _source(name: str) -> str:
    return resources.files("cafemood.taste").joinpath("templates", name).read_text(encoding="utf-8")


def _policy() -> str:
    """Only this page's own style and script run, by their digests; nothing is asked of a network."""
    script, style = _digest(_script()), _digest(_source("taste.css"))
    parts = ["default-src 'none'", "img-src 'self' data: file:", f"script-src {script}", f"style-src {style}"]
    return "; ".join([*parts, "base-uri 'none'", "form-action 'none'"])


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
