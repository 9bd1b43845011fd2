"""Ray, started on this host for one command or found running: the one place that knows how."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cafemood.core.reasons import quoted
from cafemood.errors import CafemoodError


def require_ray(where: str, instead: str) -> None:
    """Refuse to go on without the `ray` extra.

    Args:
        where: The setting that asks for Ray.
        instead: What does without.

    Raises:
        CafemoodError: Ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report each start to its makers
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what it logs is not for the user's terminal
    try:
        import ray  # noqa: F401
    except ImportError:
        why, fix = "the package ray is not installed", f"pip install 'cafemood[ray]', or take {instead}"
        raise CafemoodError("This needs Ray", where=where, why=why, fix=fix) from None


@contextmanager
def connected(address: str | None, cores: int) -> Iterator[None]:
    """Ray for as long as the block lasts, or the connection that this process has already.

    Args:
        address: A running cluster's (`auto`, `HOST:6379`); None starts Ray on this host.
        cores: How many it may use then.

    Raises:
        CafemoodError: There is no cluster at that address, or Ray cannot be started.
    """
    import ray

    if ray.is_initialized():
        yield
        return
    local: dict[str, Any] = {} if address else {"include_dashboard": False, "num_cpus": cores}
    try:
        ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **local)
    except (ConnectionError, ValueError, RuntimeError) as error:
        why = quoted(error, "Ray")
        fix = "give the address that `ray start --head` printed, or leave it out to start Ray on this host"
        raise CafemoodError("Ray cannot be reached", where=address, why=why, fix=fix) from None
    try:
        yield
    finally:
        ray.shutdown()
