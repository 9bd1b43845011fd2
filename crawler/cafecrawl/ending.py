"""How a crawl ends: its exit code and the sentence that says why."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from cafecrawl.errors import DONE, INCOMPLETE, INTERRUPTED, Blocked, CrawlError, NotAllowed

MOST_TOLD = 5
"""Hosts, or reasons, that a message names."""


def ending(
    reason: str,
    *,
    outcome: CrawlError | None,
    no_lists: CrawlError | None,
    closed_hosts: Mapping[str, str],
    waiting: Counter[str],
) -> tuple[int, str]:
    """The exit code and the message of a crawl that has ended.

    Args:
        reason: Why Scrapy closed the spider; `finished` if there was nothing left to ask for.
        outcome: The error that ended the crawl.
        no_lists: The error that ended the lists, but not the photos.
        closed_hosts: Hosts that were given up, and why.
        waiting: Reasons why something did not arrive, and how often.
    """
    if outcome is not None:
        return outcome.exit_code, str(outcome)
    if reason == "shutdown":
        return INTERRUPTED, "Stopped. Nothing that was stored is lost, and the same command goes on."
    if reason != "finished":
        return INCOMPLETE, f"Stopped ({reason}). Nothing that was stored is lost: run the same command again."
    if no_lists is not None:
        return no_lists.exit_code, str(no_lists)
    if closed_hosts:
        hosts = _some([f"{host}: {why}" for host, why in closed_hosts.items()], "hosts")
        return Blocked.exit_code, f"Some photos wait, because their site asked for it ({hosts}). Come back later."
    if any(why.startswith("robots.txt") for why in waiting):
        return (
            NotAllowed.exit_code,
            f"Some photos wait: {_some(list(waiting), 'reasons')}. Run the same command again later.",
        )
    if +waiting:
        reasons = _some([f"{n} x {why}" for why, n in (+waiting).most_common()], "reasons")
        return (
            INCOMPLETE,
            f"Not everything arrived ({reasons}). Run the same command again: it asks only for the rest.",
        )
    return DONE, "Done."


def _some(told: list[str], kind: str) -> str:
    """The first few of what may be thousands."""
    return "; ".join(
        [*told[:MOST_TOLD], *([f"{len(told) - MOST_TOLD:,} more {kind}"] if len(told) > MOST_TOLD else [])]
    )


def clock_time(seconds_from_now: float) -> str:
    """A time of day in the user's zone, for messages."""
    return datetime.fromtimestamp(time.time() + seconds_from_now).astimezone().strftime("%Y-%m-%d %H:%M %Z")
