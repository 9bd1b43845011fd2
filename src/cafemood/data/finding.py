r"""A photo that a list names, found below its folder though the list writes the name in another way.

Lists come from other systems than the files: `photos\a.jpg` of Windows, the decomposed letters of macOS, another case
than Windows and macOS ask for, a stray space, or CP949 names that were unpacked from a zip as they were.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from cafemood.core.names import has_bytes, name_of


class Finder:
    """Finds the files of a list.

    Args:
        base: What relative names start from.
    """

    def __init__(self, base: Path) -> None:
        self.base = base
        self._listed = dict[Path, dict[str, list[str]]]()

    def find(self, text: str) -> str:
        """The name of the file that a list means, relative to `base` as the list has it.

        A name that is there as it is written is that file. Else the one file is meant whose name differs in its
        slashes, case, Unicode form or outer spaces only, or in that its bytes are CP949; if there are two, none is.

        Returns:
            The name as Python hands it to the system; the text itself where no such file is there.
        """
        if "\0" in text or self._is_there(text):
            return text
        spelt = dict.fromkeys((name_of(text), text.replace("\\", "/"), name_of(text).replace("\\", "/")))
        for spelling in spelt:
            if self._is_there(spelling):
                return spelling
        found = {name for spelling in spelt if (name := self._nearly(spelling)) is not None}
        return found.pop() if len(found) == 1 else text

    def _is_there(self, name: str) -> bool:
        return os.path.lexists(self.base / name)

    def _nearly(self, name: str) -> str | None:
        """Each part of a path as it is, or as the one entry of its folder that is spelt alike."""
        found = Path(Path(name).anchor)
        for part in Path(name).parts[1 if Path(name).is_absolute() else 0 :]:
            if not os.path.lexists(self.base / found / part):
                alike = self._entries(self.base / found).get(_key(part), [])
                if len(alike) != 1:
                    return None
                part = alike[0]
            found /= part
        return found.as_posix()

    def _entries(self, folder: Path) -> dict[str, list[str]]:
        if folder not in self._listed:
            entries = self._listed[folder] = dict[str, list[str]]()
            try:
                names = os.listdir(folder)
            except OSError:
                names = []
            for name in names:
                entries.setdefault(_key(name), []).append(name)
        return self._listed[folder]


def _key(name: str) -> str:
    if has_bytes(name):
        try:
            name = os.fsencode(name).decode("cp949")
        except UnicodeError:
            return name
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).strip()
