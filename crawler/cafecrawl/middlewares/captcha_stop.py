"""Captchas: the host that shows one is asked for nothing more."""

from __future__ import annotations

from urllib.parse import urlsplit

from scrapy.http import Request, Response

from cafecrawl.errors import Blocked
from cafecrawl.middlewares.base import Middleware
from cafecrawl.refusals import WallMet


class CaptchaStopMiddleware(Middleware):
    """Stop at a captcha: a list ends the crawl, a photo closes its host for this crawl."""

    def process_response(self, request: Request, response: Response) -> Response:
        if request.meta.get("robots"):
            return response
        if "photo" in request.meta and response.status in (404, 410):
            return response  # many a page for what is gone has a captcha in its search box
        if self._is_captcha(response):
            host = urlsplit(request.url).netloc
            if "list" in request.meta:
                self.spider.halt(
                    Blocked(
                        f"{host} shows a captcha",
                        where=request.url,
                        why="it wants a person; this crawler does not pretend to be one",
                        fix="wait some hours and run the same command again, or use an open source",
                    )
                )
            self.spider.close_host(host, "it shows a captcha")
            raise WallMet(f"{host} shows a captcha")
        return response

    @staticmethod
    def _is_captcha(response: Response) -> bool:
        start = response.body[:20_000].lower()
        page = start.lstrip().startswith(b"<") and b"captcha" in start and b"searchresult" not in start
        return page or b"ce_bad_request" in start[:2000]
