"""Why a crawl stops: each kind has the exit code that `scrapy crawl` ends with."""

from __future__ import annotations

from typing import ClassVar

from cafemood.errors import CafemoodError

DONE, INCOMPLETE = 0, 1
"""Exit codes of a crawl that ended by itself: all fetched, or some photos failed for now (run it again)."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 + SIGINT."""


class CrawlError(CafemoodError):
    """A crawl cannot start or go on."""

    exit_code: ClassVar[int] = 2


class ConfigError(CrawlError):
    """An argument, the folder or its ledger cannot be used (exit code 2)."""


class NotAllowed(CrawlError):
    """robots.txt or a missing permission forbids it (exit code 3)."""

    exit_code = 3


class Blocked(CrawlError):
    """The site answered with a captcha or a wall of 429s; going round it is not what this crawler does (4)."""

    exit_code = 4


class QuotaUsedUp(CrawlError):
    """The source's daily quota is used up (5)."""

    exit_code = 5


class LayoutChanged(CrawlError):
    """A page came that the parser does not know; never taken for "no results" (6)."""

    exit_code = 6
