"""Bytes of a page -> items and the next page: pure functions, no Scrapy in them, one module a kind of page."""

from __future__ import annotations

import functools
import html
import json
import re
from collections.abc import Callable
from typing import Any, ParamSpec

from cafecrawl.errors import LayoutChanged
from cafecrawl.items import Page
from cafemood.core.reasons import reason_of

P = ParamSpec("P")
_TAGS = re.compile(r"<[^>]*>")
_SPACES = re.compile(r"\s+")


class TryLater(Exception):
    """The source asks for patience in an answer with HTTP 200; the same request is right again later."""


def load_json(body: bytes, source: str) -> Any:
    """Parse JSON that a source promised to send.

    Raises:
        LayoutChanged: It is not JSON.
    """
    try:
        return json.loads(body)
    except ValueError:
        raise changed(source, f"expected JSON, got {body[:40]!r}") from None


def plain_text(value: object, most: int = 1000) -> str | None:
    """Text without tags and entities, its white space joined; None if nothing is left.

    Half a surrogate pair, which JSON may hold and UTF-8 may not, becomes a question mark.
    """
    text = _SPACES.sub(" ", html.unescape(_TAGS.sub(" ", str(value or "")))).strip()
    return text[:most].encode("utf-8", "replace").decode() or None


def number(value: object) -> float | None:
    """A coordinate that may come as text; None if it is none."""
    try:
        result = float(str(value))
    except ValueError:
        return None
    return result if abs(result) <= 180 else None


def changed(source: str, why: str) -> LayoutChanged:
    """The error for a page that the parser does not know."""
    return LayoutChanged(
        f"The pages of {source} have changed",
        where=source,
        why=why,
        fix="look for a newer cafecrawl; what was fetched is safe, and the crawl goes on from there",
    )


def reader(source: str) -> Callable[[Callable[P, Page]], Callable[P, Page]]:
    """Make a parser raise LayoutChanged for data of another shape (a number where a list was, no end of brackets)."""

    def decorate(parse: Callable[P, Page]) -> Callable[P, Page]:
        @functools.wraps(parse)
        def parsed(*args: P.args, **kwargs: P.kwargs) -> Page:
            try:
                return parse(*args, **kwargs)
            except (TypeError, AttributeError, LookupError, ValueError, ArithmeticError, RecursionError) as error:
                raise changed(source, reason_of(error)) from error

        return parsed

    return decorate
