"""Photos that their site marks as not for machine learning (`X-Robots-Tag: noai`)."""

from __future__ import annotations

import re

from scrapy.http import Request, Response

from cafecrawl.middlewares.base import Middleware
from cafecrawl.refusals import NoAi

_NO_AI = re.compile(r"\b(noai|noimageai)\b", re.I)


class NoAiMiddleware(Middleware):
    """Drop photos that are not for machine learning."""

    def process_response(self, request: Request, response: Response) -> Response:
        tags = b" ".join(response.headers.getlist("X-Robots-Tag")).decode("latin-1")
        if "photo" in request.meta and _NO_AI.search(tags):
            raise NoAi(f"X-Robots-Tag: {tags[:60]}")
        return response
