"""Features that the user brings: a matrix with a photo id for each row."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cafemood.core import chunks
from cafemood.core.reasons import reason_of
from cafemood.data import given
from cafemood.data.cells import text
from cafemood.data.decoding import decoded
from cafemood.data.labelled import _ids, read_labelled
from cafemood.errors import FeaturesError


@dataclass(frozen=True)
class Precomputed:
    """Features that the user brings: a matrix with a photo id (or a file name) for each row."""

    path: Path
    ids: tuple[str, ...]
    matrix: np.ndarray
    options: dict[str, Any]
    name: str = "precomputed"
    output: str = "features"
    precision: str = "float32"
    note: str | None = None

    @property
    def dim(self) -> int:
        """Length of a row."""
        return int(self.matrix.shape[1])

    @property
    def space(self) -> str:
        """The name of the feature space."""
        return f"precomputed/{self.path.name}"

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the ids and the numbers."""
        digest = hashlib.sha256("\n".join(self.ids).encode())
        for _, chunk in chunks.read(self.matrix):
            digest.update(np.ascontiguousarray(chunk).data)
        return digest.hexdigest()

    def facts(self) -> dict[str, Any]:
        """What a run card says of the features."""
        names = ("name", "output", "dim", "precision", "fingerprint", "options")
        return {name: getattr(self, name) for name in names} | {"licence": "", "citation": ""}


def read_matrix(path: str | None, ids: str | None = None, trained: bool = True) -> Precomputed:
    """Read a feature matrix: `.npz` (`features`, `photo_id`), `.parquet` (`photo_id` and numeric columns or
    one `features` list column), or `.npy` with `ids`, a text file of one photo id (or file) a line.

    `trained` says whether training has made the features, as a network's; colours and edges are no evidence where
    runs are compared.

    Raises:
        FeaturesError: The file is missing, damaged, has no ids, or holds NaN or infinity.
    """
    file = given.feature_matrix(path)
    try:
        names, matrix = _read_matrix(file, ids)
    except FeaturesError:
        raise
    except Exception as error:  # NumPy and pyarrow raise a dozen kinds for a damaged file
        why = reason_of(error, file, f"it is damaged, or no {file.suffix} of plain numbers")
        raise FeaturesError("The feature matrix cannot be read", where=file, why=why, fix="write it again") from None
    if matrix.ndim != 2 or len(names) != len(matrix):
        why = f"{len(names)} ids for a matrix of shape {matrix.shape}"
        raise FeaturesError("Ids and features do not match", where=file, why=why, fix="give one id for each row")
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise FeaturesError("An id stands twice", where=file, why=twice, fix="give each photo one row")
    bad = chunks.bad_rows(matrix)
    if len(bad):
        why = f"{len(bad)} rows, the first is {names[bad[0]]}"
        raise FeaturesError("The features hold NaN or infinity", where=file, why=why, fix="mend or drop these rows")
    if not chunks.is_long(matrix):
        matrix = np.ascontiguousarray(matrix, np.float32)
    return Precomputed(file, tuple(names), matrix, {})


def _read_matrix(file: Path, ids: str | None) -> tuple[list[str], np.ndarray]:
    if file.suffix == ".npz":
        with np.load(file, allow_pickle=False) as stored:
            if not {"features", "photo_id"} <= set(stored.files):
                why = f"it holds {', '.join(stored.files)}"
                fix = "np.savez(file, features=(n, d), photo_id=(n,))"
                raise FeaturesError("The .npz lacks features or photo_id", where=file, why=why, fix=fix)
            return [text(i) for i in stored["photo_id"].tolist()], np.asarray(stored["features"], dtype=np.float32)
    if file.suffix == ".npy":
        if ids is None:
            why = "rows are never joined by position"
            fix = "give backbone.ids=FILE with one photo id (or file) a line, or use .npz"
            raise FeaturesError("A .npy matrix needs ids", where=file, why=why, fix=fix)
        lines = _lines(Path(ids).expanduser())
        matrix = np.load(file, allow_pickle=False, mmap_mode="r")
        if matrix.dtype not in (np.float16, np.float32):
            matrix = matrix.astype(np.float32)
        return [line.strip() for line in lines if line.strip()], matrix
    if file.suffix == ".parquet":
        import pandas as pd
        import pyarrow.parquet as pq

        table = pd.read_parquet(file)
        if "photo_id" not in table:
            raise FeaturesError("The parquet file has no photo_id", where=file, fix="add a photo_id column")
        if "features" in table:
            matrix = np.stack(list(table["features"]))
        else:
            matrix = table.drop(columns="photo_id").select_dtypes("number").to_numpy()
        ids_alone = pq.read_table(file, columns=["photo_id"])["photo_id"].to_pylist()  # pandas makes floats of them
        return [text(i) for i in ids_alone], np.asarray(matrix, dtype=np.float32)
    raise FeaturesError("Unknown kind of matrix", where=file, why=file.suffix, fix="use .npz, .npy or .parquet")


def _lines(path: Path) -> list[str]:
    try:
        return decoded(path.read_bytes()).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    except (OSError, ValueError) as error:
        why = reason_of(error, path)
        raise FeaturesError("The ids cannot be read", where=path, why=why, fix="correct backbone.ids") from None


def rows_as_features(path: str | None) -> Precomputed:
    """The same matrix as features.

    Args:
        path: As for `labelled_rows`.

    Raises:
        FeaturesError: See `read_labelled`.
    """
    matrix, _, file = read_labelled(path)
    return Precomputed(file, tuple(_ids(matrix)), matrix, {}, name="rows")
