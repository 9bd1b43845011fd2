"""Pages that were made before a mood got its name: they say that they are older, and what makes them again."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from cafemood.core.atomic import writing
from cafemood.core.names import shown
from cafemood.runs.run import Run

_NOTE = re.compile(r'<p id="older"[^>]*>.*?</p>', re.DOTALL)
_STYLE = "margin:0;padding:8px 16px;background:#8a5a00;color:#fff;flex:none"


def mark_older(run: Run) -> list[tuple[Path, str]]:
    """Write into pages that hold names of this run's moods that names have changed since; its report is not among them.

    They are left as they are else: how each was made, with which streets or runs, only its maker knows.

    Returns:
        Each page that was marked, with the command that makes it again.

    Raises:
        CafemoodError: A page cannot be written.
    """
    name, above = shown(run.folder), shown(run.folder.parent)
    pages = {
        run.folder / "atlas.html": f"cafemood atlas {name}",
        run.folder / "atlas" / "index.html": f"cafemood atlas {name}",
        run.folder / "taste.html": f"cafemood taste {name}",
        run.folder.parent / "compare.html": f"cafemood compare {above}",
    }
    marked = [(page, command) for page, command in pages.items() if page.is_file()]
    for page, command in marked:
        note = f'<p id="older" role="note" style="{_STYLE}">A mood was named after this page was made. '
        note += f"This makes it again: <code>{escape(command)}</code></p>"
        html = _NOTE.sub("", page.read_text(encoding="utf-8"), count=1)
        head, body, rest = html.partition("<body>")
        with writing(page) as partial:
            partial.write_text(f"{head}{body}{note}{rest}" if body else html, encoding="utf-8")
    return marked
