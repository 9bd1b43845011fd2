"""What has come of a download so far, and what the server said it was: enough to go on where it stopped."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import requests

from cafemood.core.atomic import write_json


class Partial:
    """`<name>.partial` beside a file that is being fetched, and `<name>.partial.json` with what was said of it."""

    def __init__(self, path: Path, url: str) -> None:
        self.file = path.with_name(path.name + ".partial")
        self.note = path.with_name(path.name + ".partial.json")
        self.url = url
        self.said: dict[str, Any] = {}
        with suppress(OSError, ValueError):  # without a readable note the download starts over
            said = json.loads(self.note.read_text(encoding="utf-8"))
            self.said = said if isinstance(said, dict) and said.get("url") == url else {}
        self.size = self.file.stat().st_size if self.said and self.file.is_file() else 0

    @property
    def whole(self) -> bool:
        """Whether every byte has come, and only the check and the rename are missing."""
        return self.size > 0 and self.size == self.said.get("size")

    def asking_for_the_rest(self, *, trusted: bool) -> dict[str, str]:
        """The headers that ask for the missing bytes if the file is still the same; none to ask for all of it.

        A weak ETag proves nothing about bytes (RFC 9110, 13.1.5). Without any validator the rest is asked
        for only if a known digest will tell in the end (`trusted`).
        """
        if not 0 < self.size < (self.said.get("size") or float("inf")):
            return {}
        etag, modified = str(self.said.get("etag") or ""), str(self.said.get("last_modified") or "")
        validator = etag if etag and not etag.startswith("W/") else modified
        if not validator and not trusted:
            return {}
        return {"Range": f"bytes={self.size}-"} | ({"If-Range": validator} if validator else {})

    def continued_by(self, answer: requests.Response) -> bool:
        """Whether an answer is the missing rest of the same file: some servers heed no If-Range."""
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
        return (
            answer.status_code == 206
            and span is not None
            and int(span[1]) == self.size
            and (self.said.get("size") is None or span[2] in ("*", str(self.said["size"])))
            and all(self.said.get(key) == value for key, value in _validators(answer).items() if value)
        )

    @contextmanager
    def opened(self, answer: requests.Response, size: int | None, done: int) -> Iterator[Any]:
        """The file, to write after its first `done` bytes; emptied before its note changes, so that they agree."""
        with open(self.file, "ab" if done else "wb") as stream:
            if not done:
                write_json(self.note, {"url": self.url, "size": size, **_validators(answer)})
            yield stream
            stream.flush()
            os.fsync(stream.fileno())

    def remove(self) -> None:
        """Delete both files, those that are there."""
        self.file.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def _validators(answer: requests.Response) -> dict[str, str | None]:
    return {"etag": answer.headers.get("ETag"), "last_modified": answer.headers.get("Last-Modified")}
