"""How a crawl ends: the first thing that was wrong gives the exit code."""

from collections import Counter

import pytest

from cafecrawl.ending import ending
from cafecrawl.errors import Blocked, LayoutChanged, QuotaUsedUp

CALM = {"outcome": None, "no_lists": None, "closed_hosts": {}, "waiting": Counter()}


@pytest.mark.parametrize(
    ("reason", "state", "code", "says"),
    [
        ("finished", {}, 0, "Done."),
        ("shutdown", {}, 130, "the same command goes on"),
        ("memusage_exceeded", {}, 1, "Stopped (memusage_exceeded)"),
        ("finished", {"outcome": LayoutChanged("a new page")}, 6, "a new page"),
        ("finished", {"outcome": Blocked("a wall"), "no_lists": QuotaUsedUp("no more lists")}, 4, "a wall"),
        ("finished", {"no_lists": QuotaUsedUp("no more lists"), "closed_hosts": {"h": "w"}}, 5, "no more lists"),
        ("finished", {"closed_hosts": {"img.example": "it shows a captcha"}}, 4, "img.example: it shows a captcha"),
        ("finished", {"waiting": Counter(["robots.txt of h: HTTP 500", "HTTP 500"])}, 3, "robots.txt of h"),
        ("finished", {"waiting": Counter({"HTTP 500": 2})}, 1, "2 x HTTP 500"),
        ("finished", {"waiting": Counter({"HTTP 500": 0})}, 0, "Done."),
    ],
)
def test_endings(reason, state, code, says):
    exit_code, message = ending(reason, **(CALM | state))
    assert exit_code == code
    assert says in message


@pytest.mark.parametrize("kind", ["closed_hosts", "waiting", "robots"])
def test_thousands_of_hosts_make_one_short_line(kind):
    many = {f"host{i}.example": "it answers 429 again and again" for i in range(3000)}
    prefix = "robots.txt of " if kind == "robots" else ""
    waiting = Counter() if kind == "closed_hosts" else Counter([f"{prefix}{host}: no answer" for host in many])
    code, text = ending(
        "finished", outcome=None, no_lists=None, closed_hosts=many if kind == "closed_hosts" else {}, waiting=waiting
    )
    assert code == {"closed_hosts": 4, "waiting": 1, "robots": 3}[kind]
    assert "2,995 more" in text
    assert len(text) < 600
