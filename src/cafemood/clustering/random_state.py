"""Seeds: one integer for all generators, and a caller whose random numbers go on as if nothing had been."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
from sklearn.utils import check_random_state


def seed_of(random_state: int | np.random.RandomState | None) -> int:
    """One integer from scikit-learn's `random_state`: an int is taken as it is, anything else draws one."""
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def seed_all(seed: int) -> None:
    """Seed Python's, NumPy's and PyTorch's generators (all devices)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    import torch

    torch.manual_seed(seed)


@contextmanager
def isolated_random_state() -> Iterator[None]:
    """Give Python's, NumPy's and PyTorch's global generators back as they were before the block."""
    python, numpy = random.getstate(), np.random.get_state()
    torch = sys.modules.get("torch")  # where nothing has imported it, nothing draws from it
    try:
        with torch.random.fork_rng() if torch else nullcontext():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
