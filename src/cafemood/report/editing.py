"""What the pages need to edit a run's moods: the photos by their ids, what to filter them by, and near-duplicates."""

from __future__ import annotations

import shlex
from typing import Any

import numpy as np

from cafemood.cafes import moods, scales
from cafemood.cafes.editing import fingerprint_of
from cafemood.cafes.edits import KIND, VERSION
from cafemood.core.html import as_text
from cafemood.core.names import text_of
from cafemood.evaluation.photo_findings import LEAST_CONTRAST, NEAR_BITS
from cafemood.report.editing_words import WORDS
from cafemood.report.style import COLORS
from cafemood.runs import looked
from cafemood.runs.listing import OUTPUTS
from cafemood.runs.run import Run

_KOREAN = {word[0]: word[1] for pair in moods.LOOK_WORDS.values() for word in pair if word is not None}


def payload(run: Run, rows: np.ndarray) -> dict[str, Any]:
    """Data for `editing.js`: one entry a photo that the page holds.

    Args:
        run: The run.
        rows: Those photos, as rows of `run.photos` (m,).
    """
    photos = run.photos.iloc[rows]
    ids, cafe = np.unique(photos["cafe_id"].astype(str), return_inverse=True)
    named = {str(i): as_text(name) for i, name in zip(photos["cafe_id"], photos["cafe_name"], strict=True)}
    words, has = look_words(run, rows)
    name = run_name(run)
    return {
        "kind": KIND,
        "version": VERSION,
        "run": fingerprint_of(run),
        "run_name": text_of(run.folder.name),
        "command": f"cafemood apply {shlex.quote(name)} edits.json",
        "n": len(run.photos),
        "unit": run.card.unit,
        "ids": photos["photo_id"].tolist(),
        "cafe": cafe.tolist(),
        "cafes": [named[str(i)] or str(i) for i in ids],
        "cafes_known": bool(run.knows_cafes),
        "area": [as_text(area) for area in photos["area"]],
        "words": words,
        "words_korean": [_KOREAN[word] for word in words],
        "text": WORDS,
        "looks": has,
        "no_place": [as_text(why) for why in photos["no_place"]] if "no_place" in photos else [""] * len(photos),
        "near": near_duplicates(run, rows),
        "colors": list(COLORS),
        "moods": [
            {
                "number": mood.number,
                "name": mood.own_name or "",
                "words": ", ".join(word.english for word in mood.words),
                "korean": ", ".join(word.korean for word in mood.words),
                "color": COLORS[mood.cluster % len(COLORS)],
            }
            for mood in moods.of_run(run)
        ],
    }


def run_name(run: Run) -> str:
    """What a command takes for the run: its name below `outputs`, else its folder."""
    for base in (OUTPUTS / "runs", OUTPUTS / "sweeps"):
        if run.folder.resolve().is_relative_to(base.resolve()):
            return text_of(run.folder.resolve().relative_to(base.resolve()))
    return text_of(run.folder)


def look_words(run: Run, rows: np.ndarray) -> tuple[list[str], list[int]]:
    """The words about looks and rated scales (`dark`, `cozy`), and which each photo has: those of its thirds.


    Args:
        run: The run.
        rows: Photos, as rows of `run.photos` (m,).

    Returns:
        The words, and a number for each photo: its bit w says whether it has word w.
    """
    measured, rated = moods.looks_of(run), scales.read(run)
    ends = moods.LOOK_WORDS | {scale: scales.words(str(scale)) for scale in rated}
    words: list[str] = []
    has = np.zeros(len(measured), dtype=int)
    for name, (low, high) in ends.items():
        values = (rated if name in rated else measured)[name].round(4).to_numpy()
        if np.isnan(values).all():
            continue
        lower, upper = np.nanquantile(values, [1 / 3, 2 / 3])
        for word, there in ((low, values < lower), (high, values > upper)):
            if word is not None and there.any():
                has |= there.astype(int) << len(words)
                words.append(word[0])
    return words, has[rows].tolist()


def near_duplicates(run: Run, rows: np.ndarray) -> list[list[int]]:
    """Groups of photos that show the same view: their pHashes are linked by pairs of at most `NEAR_BITS` bits.

    Args:
        run: The run.
        rows: Photos, as rows of `run.photos` (m,).

    Returns:
        Groups of two and more, the largest first, as places in `rows`.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    seen = looked.of_run(run).rows(rows)
    contrast = seen.signs[:, looked.CONTRAST]
    there = np.flatnonzero(np.nan_to_num(contrast) >= LEAST_CONTRAST)
    bits = seen.phashes[there]
    one, other = [np.empty(0, int)], [np.empty(0, int)]
    for i in range(len(there) - 1):  # a row at a time: n numbers in memory, and not n²
        near = np.flatnonzero(np.bitwise_count(bits[i + 1 :] ^ bits[i]) <= NEAR_BITS) + i + 1
        one.append(np.full(len(near), i))
        other.append(near)
    pairs = (np.concatenate(one), np.concatenate(other))
    if not len(pairs[0]):
        return []
    linked = coo_matrix((np.ones(len(pairs[0]), bool), pairs), shape=(len(there), len(there)))
    group = connected_components(linked, directed=False)[1]
    order = np.argsort(group, kind="stable")
    groups = np.split(there[order], np.flatnonzero(np.diff(group[order])) + 1)
    return sorted((found.tolist() for found in groups if len(found) > 1), key=lambda found: (-len(found), found))
