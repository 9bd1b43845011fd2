"""Failures of requests: which photos another crawl asks for again."""

import pytest
from scrapy.exceptions import DownloadCancelledError, DownloadTimeoutError, IgnoreRequest
from scrapy.http import Request, Response
from scrapy.settings import Settings
from scrapy.spidermiddlewares.httperror import HttpError

from cafecrawl.failures import failure_reason, is_final
from cafecrawl.refusals import NoAi, RobotsForbid, WallMet


def answer(status: int) -> HttpError:
    return HttpError(Response("http://x/", status=status))


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (answer(404), True),
        (answer(451), True),
        (answer(500), False),
        (answer(429), False),
        (NoAi("X-Robots-Tag: noai"), True),
        (RobotsForbid("robots.txt forbids it"), True),
        (WallMet("it shows a captcha"), False),
        (DownloadCancelledError("too large"), True),
        (DownloadTimeoutError(), False),
    ],
)
def test_what_never_comes_is_rejected_and_the_rest_waits(error, final):
    assert is_final(error) is final


@pytest.mark.parametrize(
    ("error", "meta", "reason"),
    [
        (answer(503), {}, "HTTP 503"),
        (DownloadCancelledError("x"), {}, "over the size limit"),
        (IgnoreRequest("max redirections reached"), {"redirect_times": 5}, "it redirects for ever"),
        (NoAi("X-Robots-Tag: noai"), {}, "X-Robots-Tag: noai"),
    ],
)
def test_reasons_are_in_our_words(error, meta, reason):
    request = Request("http://x/", meta=meta)
    assert failure_reason(error, request, Settings({"REDIRECT_MAX_TIMES": 5})) == reason
