"""What was judged once, kept by content: baselines, nulls, refits, and what depends on the rows alone.

`cache_dir/judging/KIND/DIGEST.safetensors`: the digest is of the recipe (rows, space, k, seed, settings, `FORMAT`), so
that nothing else can be read in its place. A file appears whole or not at all; a damaged one is made again. Of
processes that want the same, one computes it and the others wait for it.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from cafemood.core.atomic import discard_partials, keep, read_cached
from cafemood.core.reasons import reason_of
from cafemood.errors import CafemoodError

log = logging.getLogger(__name__)

FORMAT = 1
"""Raise it when the same recipe gives other numbers: what an earlier version has kept is not read then."""

Arrays = dict[str, np.ndarray]


class JudgingStore:
    """Arrays by their recipe.

    Args:
        cache_dir: Where `judging` is; None: nothing is kept.
    """

    def __init__(self, cache_dir: str | Path | None) -> None:
        self.folder = None if cache_dir is None else Path(cache_dir) / "judging"

    @property
    def keeps(self) -> bool:
        """Whether anything is kept."""
        return self.folder is not None

    def path(self, kind: str, recipe: Mapping[str, Any]) -> Path | None:
        """Where the arrays of a recipe are kept; None: nowhere."""
        text = json.dumps({"format": FORMAT, **recipe}, sort_keys=True)
        return None if self.folder is None else self.folder / kind / f"{_digest(text)}.safetensors"

    def several(
        self,
        kind: str,
        recipes: Sequence[Mapping[str, Any]],
        names: Sequence[Collection[str]],
        make: Callable[[Sequence[int]], Sequence[Arrays]],
    ) -> list[tuple[Arrays, bool]]:
        """The arrays of each recipe, read where they are kept; the others are made together, and kept.

        Args:
            kind: Their folder.
            recipes: All that their numbers depend on.
            names: Of the arrays of each.
            make: From the positions of the recipes that are missing to their arrays, in the same order.

        Returns:
            The arrays of each recipe, and whether they were reused.
        """
        paths = [self.path(kind, recipe) for recipe in recipes]
        found: dict[int, Arrays] = {}

        def look() -> list[int]:
            for i, path in enumerate(paths):
                if i not in found and (arrays := read_cached(path, names[i])) is not None:
                    found[i] = arrays
            return [i for i in range(len(paths)) if i not in found]

        missing = look()
        with ExitStack() as locks:
            held = self._lock([paths[i] for i in missing], locks) if missing else []
            missing = look() if held else missing  # another process may have made them while this one waited
            made = dict(zip(missing, make(missing), strict=True)) if missing else {}
            for i, arrays in made.items():
                self._keep(paths[i], arrays)
            for path in held:  # whoever waited for it finds the arrays now
                with suppress(OSError):
                    path.unlink()
        return [(made[i], False) if i in made else (found[i], True) for i in range(len(paths))]

    def one(self, kind: str, recipe: Mapping[str, Any], names: Collection[str], make: Callable[[], Arrays]) -> Arrays:
        """The arrays of one recipe; see `several`."""
        return self.several(kind, [recipe], [names], lambda _: [make()])[0][0]

    def _lock(self, paths: Sequence[Path | None], locks: ExitStack) -> list[Path]:
        """Hold a lock for each of the paths, in an order that all processes keep to; none where none can be made."""
        held = []
        try:
            for path in sorted(path for path in paths if path is not None):
                path.parent.mkdir(parents=True, exist_ok=True)
                name = path.with_suffix(".lock")
                locks.enter_context(FileLock(name))
                discard_partials(path)
                held.append(name)
        except (OSError, NotImplementedError) as error:
            log.warning("What is judged cannot be shared between runs: %s", reason_of(error, self.folder))
        return held

    def _keep(self, path: Path | None, arrays: Arrays) -> None:
        try:
            keep(path, arrays)
        except CafemoodError as error:  # a full cache disk must not cost the result
            log.warning("What was judged is not kept for other runs: %s", error.why)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of(values: np.ndarray | Sequence[object]) -> str:
    """SHA-256 of an array's type, shape and bytes, or of words in their order: for a recipe."""
    if not isinstance(values, np.ndarray):
        return _digest(json.dumps([str(value) for value in values]))
    digest = hashlib.sha256(f"{values.dtype.str} {values.shape}".encode())
    digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
