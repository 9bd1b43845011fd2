"""Parquet files of ours: written whole or not at all, each page with a checksum that is held against it when read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cafemood.core.atomic import writing
from cafemood.core.reasons import DAMAGED, Flaw, reason_of

if TYPE_CHECKING:
    import pandas as pd


def write_parquet(path: Path, table: pd.DataFrame, **options: Any) -> None:
    """Write a table without its index.

    Args:
        path: The file.
        table: The table.
        options: Of `pyarrow.parquet.write_table`, such as `compression`.
    """
    with writing(path) as partial:
        table.to_parquet(partial, index=False, write_page_checksum=True, **options)


def read_parquet(path: Path, needed: Iterable[str] = ()) -> pd.DataFrame:
    """Read a table, also one of an earlier cafemood, whose pages have no checksums.

    Args:
        path: The file.
        needed: Columns that it must have.

    Raises:
        Flaw: It is damaged, or lacks a column.
        OSError: The system does not let it be read.
    """
    import pandas as pd

    try:
        table = pd.read_parquet(path, page_checksum_verification=True)
    except Exception as error:  # pyarrow raises a dozen kinds for a damaged file
        if isinstance(error, OSError) and (error.errno or type(error) is not OSError):  # its own have neither
            raise
        raise Flaw(reason_of(error, path, DAMAGED)) from None
    missing = [name for name in needed if name not in table]
    if missing:
        raise Flaw(f"it has no column {missing[0]!r}")
    return table
