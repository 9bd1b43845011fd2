"""Triplets: which of three photos people set apart, and which space does the same."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cafemood.survey.statistics import Found, _tails


def odd_one_out(positions: np.ndarray) -> int:
    """Which of three points (3, d) is not of the nearest pair."""
    gaps = [float(np.linalg.norm(positions[(i + 1) % 3] - positions[(i + 2) % 3])) for i in range(3)]
    return int(np.argmin(gaps))


def triplets(answers: pd.DataFrame, spaces: dict[str, dict[str, np.ndarray]], n_boot: int, seed: int) -> Found:
    """Does each space choose the odd one that people choose? Bootstrap over triplets, paired between spaces.

    Args:
        answers: The table of answers.
        spaces: By name, the position of each photo.
        n_boot: Bootstrap samples.
        seed: Of the bootstrap.
    """
    rows = answers[(answers["kind"] == "odd") & answers["repeat_of"].isna() & answers["answer"].notna()]
    found: Found = {"n": len(rows), "chance": 1 / 3, "spaces": [], "differences": []}
    if rows.empty or not spaces:
        return found
    asked = [
        (tuple(sorted(str(shown).split())), chosen) for shown, chosen in zip(rows.photos, rows.answer, strict=True)
    ]
    shared = [(key, chosen) for key, chosen in asked if all(p in space for p in key for space in spaces.values())]
    if not shared:
        return found
    names = list(spaces)
    codes = {key: i for i, key in enumerate(dict.fromkeys(key for key, _ in shared))}
    odd = {key: [key[odd_one_out(np.stack([spaces[name][p] for p in key]))] for name in names] for key in codes}
    right, total = np.zeros((len(names), len(codes))), np.zeros(len(codes))
    for key, chosen in shared:
        total[codes[key]] += 1
        right[:, codes[key]] += [own == chosen for own in odd[key]]
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(codes), size=(max(n_boot, 1), len(codes)))
    sampled = np.stack([r[drawn].sum(1) / total[drawn].sum(1) for r in right])
    accuracy = right.sum(1) / total.sum()
    found |= {"n": len(shared), "triplets": len(codes)}
    for s, name in enumerate(names):
        low, high = np.quantile(sampled[s], _tails())
        entry = {"name": name, "accuracy": float(accuracy[s]), "low": float(low), "high": float(high)}
        found["spaces"].append(entry)
    for a in range(len(names)):
        for b in range(a + 1, len(names)):
            low, high = np.quantile(sampled[a] - sampled[b], _tails())
            pair = {"names": [names[a], names[b]], "difference": float(accuracy[a] - accuracy[b])}
            found["differences"].append(pair | {"low": float(low), "high": float(high)})
    return found
