"""Failures of requests: the reason in words, and whether another crawl may change it."""

from __future__ import annotations

import logging
from typing import TypeGuard

from scrapy.exceptions import DownloadCancelledError, IgnoreRequest
from scrapy.http import Request, Response
from scrapy.settings import BaseSettings
from scrapy.spidermiddlewares.httperror import HttpError

from cafecrawl.errors import CrawlError
from cafecrawl.refusals import NoAi, WallMet
from cafemood.core.reasons import quoted, reason_of

log = logging.getLogger(__name__)
GONE = (400, 401, 403, 404, 405, 406, 410, 414, 451)
"""Answers to a request for a photo that another attempt will not change."""


def failure_reason(error: BaseException, request: Request, settings: BaseSettings) -> str:
    """Why a request failed, in our words where its kind tells."""
    if isinstance(error, HttpError):
        return f"HTTP {error.response.status}"
    if isinstance(error, DownloadCancelledError):
        return "over the size limit"
    if type(error) is IgnoreRequest:  # Scrapy's; ours are kinds of their own, with words of ours
        for_ever = request.meta.get("redirect_times", 0) >= settings.getint("REDIRECT_MAX_TIMES")
        return "it redirects for ever" if for_ever else quoted(error, "Scrapy")
    return str(error)[:200] if isinstance(error, IgnoreRequest) and str(error) else reason_of(error)


def has_status(error: BaseException, *statuses: int) -> TypeGuard[HttpError]:
    """Whether an error is an answer with one of these HTTP statuses."""
    return isinstance(error, HttpError) and error.response.status in statuses


def is_final(error: BaseException) -> bool:
    """Whether a photo that failed so will never come."""
    if isinstance(error, HttpError):
        return has_status(error, *GONE)
    return isinstance(error, IgnoreRequest | DownloadCancelledError | NoAi) and not isinstance(error, WallMet)


def plain_body(response: Response) -> str:
    """The beginning of an answer, for people."""
    return " ".join(response.body[:200].decode("utf-8", "replace").split())


def unforeseen(what: str, where: str, error: Exception) -> CrawlError:
    """The error for what nobody foresaw; its traceback goes to the log."""
    log.error(what, exc_info=error)
    why = reason_of(error, otherwise=quoted(error))
    fix = "report it with the traceback above; nothing that was stored is lost"
    return CrawlError(what, where=where, why=why.encode("utf-8", "replace").decode(), fix=fix)
