"""Duplicates and near-duplicates, decided from the whole ledger: the order of fetching has no say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NEAR_BITS = 6
"""Bits of a 64-bit pHash in which two pictures of the same view may differ (resized, re-encoded, recoloured)."""


@dataclass(frozen=True, slots=True)
class Twin:
    """How a photo repeats an earlier one: `same` bytes, or `near` (pHash); `of` is the earlier one's index."""

    kind: str
    of: int
    same_cafe: bool


def find_twins(photo_ids: Sequence[str], phashes: Sequence[str], cafe_ids: Sequence[str]) -> dict[int, Twin]:
    """Find, for each photo, the first earlier photo that it repeats.

    A photo with the same bytes is `same` wherever it is; a near-duplicate of the same café comes before
    one of another café. A photo that is itself left out (`same`, or `near` in its café) is nobody's first.

    Args:
        photo_ids: SHA-256 of each photo's bytes, in the order they were found.
        phashes: Their pHashes, 16 hex digits each.
        cafe_ids: Their cafés.

    Returns:
        By index; photos that repeat nothing are absent.
    """
    bits = np.array([int(h, 16) for h in phashes], dtype=np.uint64)
    number = {cafe_id: n for n, cafe_id in enumerate(dict.fromkeys(cafe_ids))}
    cafes = np.array([number[cafe_id] for cafe_id in cafe_ids], dtype=np.int64)
    kept = np.zeros(len(photo_ids), dtype=bool)
    first: dict[str, int] = {}
    twins: dict[int, Twin] = {}
    for i, photo_id in enumerate(photo_ids):
        if photo_id in first:
            j = first[photo_id]
            twins[i] = Twin("same", j, cafe_ids[i] == cafe_ids[j])
            continue
        near = np.flatnonzero((np.bitwise_count(bits[:i] ^ bits[i]) <= NEAR_BITS) & kept[:i])
        at_home = near[cafes[near] == cafes[i]]
        if len(at_home):
            twins[i] = Twin("near", int(at_home[0]), True)
        else:
            if len(near):
                twins[i] = Twin("near", int(near[0]), False)
            kept[i] = True
            first[photo_id] = i
    return twins
