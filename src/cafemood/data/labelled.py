"""Labelled matrices as data: the paper's own benchmarks, without photos.

`data=matrix` makes a row a "photo" that has no file, and `backbone=rows` gives its numbers as features.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np

from cafemood.core.reasons import reason_of
from cafemood.data import given
from cafemood.data.given import DIGITS
from cafemood.data.photos import Photo, PhotoSet
from cafemood.errors import FeaturesError

_NAMES = (("X", "Y"), ("features", "labels"), ("x_train", "y_train"))


def labelled_rows(path: str | None, name: str = "matrix") -> PhotoSet:
    """A labelled matrix as a photo set: a row's id is the hash of its number and its values.

    Args:
        path: `digits`, or an `.npz` with arrays `X` (n, …) and `Y` (n,), or `features` and `labels`.
        name: What to call the data set.

    Raises:
        FeaturesError: See `read_labelled`.
    """
    matrix, labels, file, pixels = _read(path)
    photos = (
        Photo(row_id, f"{name}/{i:06d}", row_id[:12], label=str(label))
        for i, (row_id, label) in enumerate(zip(_ids(matrix), labels, strict=True))
    )
    seen = f"drawn as {pixels[0]} x {pixels[1]} grey pixels" if pixels else "the report has no pictures"
    notes = (f"The rows of a matrix, not photos: {seen}.",)
    return PhotoSet(name, file.parent, tuple(photos), notes=notes, has_files=False, pixels=pixels)


def read_labelled(path: str | None) -> tuple[np.ndarray, np.ndarray, Path]:
    """Read features (n, d), float32, their labels (n,), and where they came from.

    Args:
        path: As for `labelled_rows`.

    Raises:
        FeaturesError: The file is missing, damaged, lacks an array, or rows and labels do not match.
    """
    return _read(path)[:3]


def _read(path: str | None) -> tuple[np.ndarray, np.ndarray, Path, tuple[int, int] | None]:
    """The same, and the height and width where the rows are pictures."""
    file = given.labelled_matrix(path)
    if path == DIGITS:
        from sklearn.datasets import load_digits

        features, labels = load_digits(return_X_y=True)
        return features.astype(np.float32), labels, file, (8, 8)
    try:
        with np.load(file, allow_pickle=False) as stored:
            found = next((pair for pair in _NAMES if set(pair) <= set(stored.files)), None)
            if found is None:
                why = f"it holds {', '.join(stored.files)}"
                raise FeaturesError("The .npz has no X and Y", where=file, why=why, fix="np.savez(file, X=…, Y=…)")
            features, labels = (np.asarray(stored[name]) for name in found)
    except FeaturesError:
        raise
    except Exception as error:  # NumPy raises a dozen kinds for a damaged file
        raise FeaturesError(
            "The labelled matrix cannot be read",
            where=file,
            why=reason_of(error, file, "it is damaged, or no .npz of plain arrays"),
            fix="write it again with np.savez",
        ) from None
    if len(features) == 0 or labels.shape != features.shape[:1]:
        why = f"{labels.shape} labels for features of shape {features.shape}"
        raise FeaturesError("Rows and labels do not match", where=file, why=why, fix="give one label for each row")
    rows = np.ascontiguousarray(features.reshape(len(features), -1), np.float32)
    return rows, labels, file, _pixels(features)


def _pixels(stored: np.ndarray) -> tuple[int, int] | None:
    """Height and width of what is stored as pictures (n, h, w), or as a square number of whole numbers a row."""
    if stored.ndim == 3:
        return stored.shape[1], stored.shape[2]
    if stored.ndim != 2 or not np.issubdtype(stored.dtype, np.integer):
        return None
    side = math.isqrt(stored.shape[1])
    return (side, side) if side >= 8 and side * side == stored.shape[1] else None


def _ids(matrix: np.ndarray) -> list[str]:
    return [hashlib.sha256(b"%d:" % i + row.tobytes()).hexdigest() for i, row in enumerate(matrix)]
