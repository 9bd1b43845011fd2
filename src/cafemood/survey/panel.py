"""Panels such as Prolific: a completion code for who answered everything, and the panel's ids, apart from answers."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd

from cafemood.core.atomic import write_csv
from cafemood.core.names import shown
from cafemood.core.reasons import reason_of
from cafemood.errors import SurveyError

PANEL_FILE = "panel.csv"
ID = r"[A-Za-z0-9_-]{1,64}"
"""What a panel's id may look like."""
_CODE = re.compile(r"[A-Za-z0-9_-]{1,40}")
_LONGEST = 300


@dataclass(frozen=True)
class Panel:
    """What the page and the server need for a panel.

    Args:
        code: Shown to who answered every question (skips count); none: no panel.
        url: Where the panel wants people back, with `{code}` in it or not.
        parameter: Of the page's address, in which the panel gives its own id of a person.
        screen: A statement; who says that it is not true of them does not take part.
    """

    code: str = ""
    url: str = ""
    parameter: str = "PROLIFIC_PID"
    screen: str = ""

    def checked(self) -> Panel:
        """The same.

        Raises:
            SurveyError: A setting is not what a panel takes.
        """
        if self.code and not _CODE.fullmatch(self.code):
            fix = "give 1 to 40 letters, digits, - or _, as the panel shows it"
            raise SurveyError(f"{shown(self.code)!r} cannot be a completion code", where="--code", fix=fix)
        if self.url and not self.code:
            raise SurveyError("There is no completion code", where="--return-url", fix="give it with --code")
        if self.url and not _is_https(self.url):
            fix = "give an https:// address such as https://app.prolific.com/submissions/complete?cc={code}"
            raise SurveyError(f"{shown(self.url)!r} cannot be opened by everybody", where="--return-url", fix=fix)
        if not re.fullmatch(ID, self.parameter):
            fix = "give the name as it stands in the address: PROLIFIC_PID"
            raise SurveyError(f"{shown(self.parameter)!r} is no name", where="--panel-parameter", fix=fix)
        if len(self.screen) > _LONGEST or any(ord(letter) < 32 for letter in self.screen):
            raise SurveyError("The screening is no line of text", where="--screen", fix=f"{_LONGEST} letters at most")
        return self

    def ending(self) -> dict[str, str]:
        """What the page shows at the end: the code, and the address that leads back."""
        if not self.code:
            return {}
        return {"code": self.code} | ({"url": self.url.replace("{code}", self.code)} if self.url else {})


NO_PANEL = Panel()


class PanelIds:
    """The ids of people who answered everything, with the day: `panel.csv`, which no answer points to.

    Args:
        folder: The survey's.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / PANEL_FILE
        self._lock = threading.Lock()
        self._days = self._read()

    def __contains__(self, panel_id: str) -> bool:
        return panel_id in self._days

    def add(self, panel_id: str) -> None:
        """Keep an id; of who comes back the first day stays."""
        with self._lock:
            if panel_id not in self._days:
                self._days[panel_id] = datetime.now(UTC).date().isoformat()
                self._write()

    def remove(self, panel_id: str) -> None:
        """Forget an id: its person deletes everything."""
        with self._lock:
            if self._days.pop(panel_id, None) is not None:
                self._write()

    def _write(self) -> None:
        rows = sorted(self._days.items())  # by id: their order tells nothing of who answered when
        write_csv(self.path, pd.DataFrame(rows, columns=["panel_id", "day"]))

    def _read(self) -> dict[str, str]:
        if not self.path.exists():
            return {}
        try:
            table = pd.read_csv(self.path, dtype=str)
            return dict(zip(table["panel_id"], table["day"], strict=True))
        except (OSError, ValueError, KeyError) as error:
            why, fix = reason_of(error, self.path, "it is no table of ids"), "mend it, or move it away and keep it"
            raise SurveyError("The panel's ids cannot be read", where=self.path, why=why, fix=fix) from None


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url.replace("{code}", "code"))
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and not re.search(r"[\s\"'<>\\]", url)
