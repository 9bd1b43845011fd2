"""What the photos themselves allow to say of a run: which show no place, one camera a café, two ids for one café."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cafemood.data.place_signs import LIMIT, NAMES
from cafemood.evaluation.findings import Finding

NEAR_BITS = 6
"""Bits of a 64-bit pHash in which two pictures of the same view may differ, as the crawler counts them."""
LEAST_CONTRAST = 5.0
"""Standard deviation of L* below which a picture is too even for its pHash to say anything."""
ONE_CAMERA = 0.5
"""Share of the variance of light, or of its colour, between cafés from which on moods may follow cameras."""
LEAST_CAFES = 8
"""With fewer cafés of two photos and more, no share is told."""
TWO_IDS = 2
"""Photos that two cafés must share to be told as one; or all photos of one of them."""
MOST_PAIRS = 500
"""Pairs that are kept; their number is kept too. A crawl in which all cafés share pictures has one for any two."""
_AT_ONCE = 4_000_000
"""Pairs of near photos that wait before those that name the same photo and café become one."""
_NAMED = 3


def light_by_cafe(signs: np.ndarray, cafes: Sequence[str], labels: np.ndarray) -> dict[str, Any] | None:
    """How far brightness and white balance belong to the café, and how far they tell its photos' moods.

    The share of variance between cafés is the intraclass correlation of a one-way random-effects model, ICC(1) of
    Shrout and Fleiss (1979), with n0 of Searle (1971) in the place of the number of photos, as it differs.

    Args:
        signs: Rows of `data.place_signs` (n, 7); NaN where a picture could not be read.
        cafes: Café of each photo (n,).
        labels: Group of each photo (n,).

    Returns:
        `brightness` (of mean L*) and `colour` (of mean a* and b* together), from below 0 to 1; `told_by_moods`: the
        share of the variance of brightness that groups explain (eta squared); `n_cafes`, `n_photos`. None where
        fewer than `LEAST_CAFES` cafés have two photos.
    """
    values = signs[:, [NAMES.index(name) for name in ("light", "red", "yellow")]]
    rows = np.flatnonzero(np.isfinite(values).all(axis=1))
    ids, n = np.unique(np.asarray(cafes)[rows], return_inverse=True, return_counts=True)[1:]
    rows, ids = rows[n[ids] > 1], ids[n[ids] > 1]
    if len(np.unique(ids)) < LEAST_CAFES:
        return None
    x = values[rows]
    return {
        "brightness": _between(x[:, :1], ids),
        "colour": _between(x[:, 1:], ids),
        "told_by_moods": _explained(x[:, 0], labels[rows]),
        "n_cafes": len(np.unique(ids)),
        "n_photos": len(rows),
    }


def _between(x: np.ndarray, ids: np.ndarray) -> float:
    """ICC(1) of rows (n, d) in groups (n,), their variances added over the columns."""
    ids, n = np.unique(ids, return_inverse=True, return_counts=True)[1:]
    means = np.stack([np.bincount(ids, column) / n for column in x.T], axis=1)
    between = float((n[:, None] * (means - x.mean(axis=0)) ** 2).sum()) / (len(n) - 1)
    within = float(((x - means[ids]) ** 2).sum()) / (len(x) - len(n))
    n0 = (len(x) - (n**2).sum() / len(x)) / (len(n) - 1)
    whole = between + (n0 - 1) * within
    return (between - within) / whole if whole > 1e-12 else 0.0


def _explained(x: np.ndarray, labels: np.ndarray) -> float:
    """The share of the variance of x (n,) between groups (n,)."""
    ids, n = np.unique(labels, return_inverse=True, return_counts=True)[1:]
    means = np.bincount(ids, x) / n
    whole = float(((x - x.mean()) ** 2).sum())
    return float((n * (means - x.mean()) ** 2).sum()) / whole if whole > 1e-12 else 0.0


def shared_photos(
    phashes: np.ndarray, contrast: np.ndarray, cafes: Sequence[str], twins: Sequence[tuple[str, str]] = ()
) -> tuple[list[dict[str, Any]], int]:
    """Pairs of cafés that share photos, so that they may be one: the most photos first.

    Photos of two cafés are the same view where their pHashes differ in at most `NEAR_BITS` bits. Each photo of the
    café with fewer counts once, and so do photos that were left out because another café has the same bytes.

    Args:
        phashes: 64-bit pHash of each photo (n,), uint64.
        contrast: Standard deviation of L* of each (n,); those that are too even, or NaN, do not count.
        cafes: Café of each photo (n,).
        twins: Cafés of a photo that was left out, and of the one with the same bytes.

    Returns:
        Of the first `MOST_PAIRS`: `cafes` (two ids), `n_shared`, and `of`, the photos that the smaller one has. And
        the number of all pairs.
    """
    ids = [str(cafe) for cafe in cafes]
    apart = [(one, other) for one, other in twins if one != other]
    names, codes = np.unique(np.array([*ids, *(cafe for pair in apart for cafe in pair)]), return_inverse=True)
    m, codes, left_out = len(names), codes[: len(ids)], codes[len(ids) :].reshape(-1, 2)
    sizes = np.bincount(codes, minlength=m) + np.bincount(left_out[:, 0], minlength=m)
    rows = np.flatnonzero(np.nan_to_num(contrast) >= LEAST_CONTRAST)
    near, n_near = _near_photos(phashes[rows], codes[rows], m)
    same = left_out.min(axis=1) * m + left_out.max(axis=1)
    pairs, which = np.unique(np.concatenate([near, same]), return_inverse=True)
    n_shared = np.bincount(which, np.concatenate([n_near, np.ones(len(same))]), len(pairs)).astype(int)
    of = np.minimum(sizes[pairs // m], sizes[pairs % m])
    told = np.flatnonzero(n_shared >= np.minimum(TWO_IDS, of))
    first = told[np.argsort(-n_shared[told], kind="stable")][:MOST_PAIRS]
    return [
        {
            "cafes": [str(names[pairs[i] // m]), str(names[pairs[i] % m])],
            "n_shared": int(n_shared[i]),
            "of": int(of[i]),
        }
        for i in first
    ], len(told)


def _near_photos(bits: np.ndarray, codes: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Photos that two cafés share: of each pair the smaller number of photos that have a near one in the other.

    Args:
        bits: pHash of each photo (n,).
        codes: Its café (n,), from 0 to m - 1.
        m: Cafés.

    Returns:
        The pairs, as m times the first café plus the second, and the number of photos of each.
    """
    kept, waiting, n_waiting = np.empty(0, np.int64), list[np.ndarray](), 0
    for i in range(len(bits)):  # a row at a time: n numbers in memory, and not n²
        others = np.flatnonzero(np.bitwise_count(bits[i + 1 :] ^ bits[i]) <= NEAR_BITS) + i + 1
        others = others[codes[others] != codes[i]]
        if len(others):  # photo and café that it has a near photo in, as one number: both ways
            waiting += [i * m + codes[others], others * m + codes[i]]
            n_waiting += 2 * len(others)
        if n_waiting > _AT_ONCE:
            kept, waiting, n_waiting = np.unique(np.concatenate([kept, *waiting])), [], 0
    photos, partners = np.divmod(np.unique(np.concatenate([kept, *waiting])), m)
    pairs, n = np.unique(codes[photos] * m + partners, return_counts=True)
    forth = pairs // m < pairs % m
    back = np.searchsorted(pairs, pairs[forth] % m * m + pairs[forth] // m)
    return pairs[forth], np.minimum(n[forth], n[back])


def findings(record: dict[str, Any]) -> list[Finding]:
    """What `photos` of `scores.json` allows to say.

    Args:
        record: Its `place`, `light`, `two_ids`, and `n_two_ids` where not all pairs are kept.
    """
    return [*_place(record["place"]), *_light(record["light"]), *_two_ids(record)]


def _place(place: dict[str, Any]) -> list[Finding]:
    n, of, left_out = place["n_none"], place["n_photos"], place["keep"] == "place"
    figures = {name: place[name] for name in ("n_none", "n_photos", "n_unknown", "told_by")}
    if not place["told_by"]:
        if not place["has_files"]:  # a matrix: nobody asks whether its rows show a place
            return []
        text = "Nothing tells whether these photos show the place: no picture could be read, and no café ids are known."
        return [Finding("place-unknown", "info", text, figures)]
    if not n:
        text = f"None of the {of:,} photos seems to show no place: data.keep=place left none out."
        return [Finding("place-shown", "info", text, figures)] if left_out else []
    why = "; ".join(f"{count:,} {reason}" for reason, count in place["reasons"].items())
    seem = f"{n:,} of {of:,} photos {'seems' if n == 1 else 'seem'} to show no place ({why})"
    if not left_out:
        text = f"{seem}: they count like all others. data.keep=place leaves them out."
        return [Finding("no-place-counted", "warn" if n >= 0.05 * of else "info", text, figures)]
    gone = place["n_cafes_gone"]
    cafes = "" if not gone else f" {gone:,} café{' has' if gone == 1 else 's have'} no photo left."
    text = f"{seem} and {'was' if n == 1 else 'were'} left out: the report shows them.{cafes}"
    return [Finding("no-place-left-out", "warn" if gone else "info", text, figures | {"n_cafes_gone": gone})]


def _light(light: dict[str, Any] | None) -> list[Finding]:
    if light is None:
        return []
    brightness, colour = light["brightness"], light["colour"]
    shares = f"{max(brightness, 0):.0%} of the variance of brightness and {max(colour, 0):.0%} of its colour"
    moods = f"the moods tell {light['told_by_moods']:.0%} of a photo's brightness"
    if max(brightness, colour) >= ONE_CAMERA:
        text = (
            f"One camera? {shares} lie between the {light['n_cafes']:,} cafés: the photos of a café are alike in it, "
            f"as of one camera or one light, and moods may follow cameras ({moods})."
        )
        return [Finding("one-camera", "warn", text, dict(light))]
    text = f"Light varies within cafés: {shares} lie between the {light['n_cafes']:,} cafés ({moods})."
    return [Finding("light-varies", "info", text, dict(light))]


def _two_ids(record: dict[str, Any]) -> list[Finding]:
    pairs = record["two_ids"]
    n_pairs = record.get("n_two_ids", len(pairs))
    if not pairs:
        return []
    named = "; ".join(
        f"{' and '.join(pair['cafes'])} share {pair['n_shared']:,} of {pair['of']:,} photos" for pair in pairs[:_NAMED]
    )
    more = f"; and {n_pairs - _NAMED:,} more pairs" if n_pairs > _NAMED else ""
    text = f"Two ids for one café? {named}{more}. If they are one café, give both the same id."
    return [Finding("two-ids", "warn", text, {"n_pairs": n_pairs, "pairs": pairs[:_NAMED]})]


def note(places: dict[str, Any], *, keep: str, has_files: bool, n_cafes_gone: int = 0) -> dict[str, Any]:
    """The `place` of a record, from `Places.facts` and what was done with it."""
    return places | {"keep": keep, "has_files": has_files, "n_cafes_gone": n_cafes_gone, "limit": LIMIT}
