"""Run many fits on all cores, with one progress bar."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any


def on_all_cores(
    work: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], desc: str | None = None, *, parallel: bool = True
) -> list[Any]:
    """Run jobs in threads, a core each (BLAS and OpenMP inside them get one); results in the jobs' order.

    Args:
        work: Called with each job's arguments.
        jobs: The arguments.
        desc: Name of the progress bar; None: no bar.
        parallel: False: one after the other, with all threads for each.
    """
    from concurrent.futures import ThreadPoolExecutor

    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

    bar = tqdm(total=len(jobs), desc=desc, unit="fit", leave=False, disable=desc is None)
    results = []
    if not parallel:
        with bar:
            for job in jobs:
                results.append(work(*job))
                bar.update()
        return results
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # filters belong to the process: a thread that sets its own would undo another's, so they are set once for all
    with bar, warnings.catch_warnings(), threadpool_limits(1), ThreadPoolExecutor(cores) as pool:
        warnings.simplefilter("ignore", ConvergenceWarning)
        futures = [pool.submit(work, *job) for job in jobs]
        try:
            for future in futures:
                results.append(future.result())
                bar.update()
        except BaseException:  # Ctrl-C too: what has not begun is dropped
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return results
