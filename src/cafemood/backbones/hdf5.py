"""Read the arrays of a Keras HDF5 file: to be run in a process of its own, as HDF5 may hang on a damaged one."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from cafemood.core.reasons import Flaw

_MOST_LAYERS = 4096


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays in the order of the layers, as Keras lays them out; named by that order, `00000` first."""
    import h5py

    found: dict[str, np.ndarray] = {}
    with h5py.File(path, "r") as stream:
        room = path.stat().st_size
        root = stream.get("model_weights", stream)
        for layer in _names(root.attrs["layer_names"]):
            for name in _names(root[layer].attrs["weight_names"]):
                array = root[layer][name]
                if not isinstance(array, h5py.Dataset) or array.dtype.kind != "f":
                    raise Flaw(f"{layer}/{name} holds no floats")
                room -= math.prod(array.shape) * array.dtype.itemsize
                if room < 0 or array.ndim > 4:  # Keras compresses nothing; a bomb's shapes outgrow its file
                    raise Flaw(f"{layer}/{name} of shape {array.shape} does not fit in the file")
                found[f"{len(found):05d}"] = array[()].astype("float32", copy=False)
    return found


def _names(attribute: object) -> list[str]:
    names = [n.decode() if isinstance(n, bytes) else str(n) for n in list(attribute)]  # type: ignore[call-overload]
    if len(names) > _MOST_LAYERS:
        raise Flaw(f"over {_MOST_LAYERS} names in one list")
    return names
