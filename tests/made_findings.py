"""Findings as text, and the golden files that hold the wording of each page."""

from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def written(groups):
    """Groups of findings as the golden files hold them: `level code: text`, an empty line between groups."""
    return "\n".join("".join(f"{f.level} {f.code}: {f.text}\n" for f in group) for group in groups)


def golden(page):
    """The wording of a page: `report`, `compare` or `survey`. Edit the file by hand when the wording changes."""
    return (GOLDEN / f"{page}.txt").read_text(encoding="utf-8")
