"""Random numbers that Python and the page's script draw alike: Mulberry32, and Box and Muller's normals."""

from __future__ import annotations

import numpy as np

_STEP = 0x6D2B79F5


class Draws:
    """A stream of random numbers.

    The generator counts by a constant and mixes the bits of each count (Tommy Ettinger's Mulberry32, public domain,
    https://gist.github.com/tommyettinger/46a874533244883189143505d203312c), so that a block is drawn at once.

    Args:
        seed: 0 to 2³² − 1.
    """

    def __init__(self, seed: int) -> None:
        self._count = int(seed) & 0xFFFFFFFF

    def uniform(self, n: int) -> np.ndarray:
        """Numbers in [0, 1): float64 (n,)."""
        at = np.uint64(self._count) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(_STEP)
        self._count = (self._count + n * _STEP) & 0xFFFFFFFF
        a = (at & np.uint64(0xFFFFFFFF)).astype(np.uint32)
        t = (a ^ (a >> np.uint32(15))) * (a | np.uint32(1))  # modulo 2³², as Math.imul
        t ^= t + (t ^ (t >> np.uint32(7))) * (t | np.uint32(61))
        return (t ^ (t >> np.uint32(14))).astype(np.float64) / 2**32

    def below(self, n: int) -> int:
        """A whole number from 0 to n − 1."""
        return int(self.uniform(1)[0] * n)

    def normal(self, rows: int, columns: int) -> np.ndarray:
        """Standard normal numbers (rows, columns), from two uniform ones each (Box and Muller, 1958)."""
        u = self.uniform(2 * rows * columns).reshape(rows, columns, 2)
        return np.sqrt(-2 * np.log(1 - u[..., 0])) * np.cos(2 * np.pi * u[..., 1])
