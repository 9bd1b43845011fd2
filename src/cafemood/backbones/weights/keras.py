"""Read Keras HDF5 weights, and turn them the way PyTorch lays them out."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from cafemood.core.reasons import Flaw, reason_of
from cafemood.errors import WeightsError

_MOST_LAYERS = 4096


def read_keras(path: Path) -> list[torch.Tensor]:
    """Read a Keras HDF5 file's arrays in the order of its layers, in PyTorch's layout.

    Keras keeps convolution kernels as height x width x in x out, and flattens height x width x channel before
    the first dense layer; PyTorch wants out x in x height x width, and channel first.

    Returns:
        Kernel, bias, kernel, bias, … as float32.

    Raises:
        WeightsError: It is no HDF5 file of Keras weights, or it is cut off, or its arrays would not fit in it.
    """
    import h5py

    tensors: list[torch.Tensor] = []
    try:
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
                    tensors.append(torch.from_numpy(array[()].astype("float32", copy=False)))
    except (OSError, KeyError, ValueError, AttributeError, TypeError, RuntimeError, UnicodeDecodeError) as error:
        why = reason_of(error, path, "it is damaged or cut off, or no file of Keras weights")
        raise WeightsError("The HDF5 weight file cannot be read", where=path, why=why, fix="fetch it again") from None
    return _in_torch_layout(tensors)


def _names(attribute: object) -> list[str]:
    names = [n.decode() if isinstance(n, bytes) else str(n) for n in list(attribute)]  # type: ignore[call-overload]
    if len(names) > _MOST_LAYERS:
        raise Flaw(f"over {_MOST_LAYERS} names in one list")
    return names


def _in_torch_layout(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    ordered: list[torch.Tensor] = []
    channels: int | None = None  # of the last convolution, until the first dense layer has been turned
    for tensor in tensors:
        if tensor.ndim == 4:
            tensor = tensor.permute(3, 2, 0, 1)
            channels = len(tensor)
        elif tensor.ndim == 2:
            tensor = tensor.T
            if channels:
                side = math.isqrt(tensor.shape[1] // channels)
                if side * side * channels == tensor.shape[1]:
                    tensor = tensor.reshape(-1, side, side, channels).permute(0, 3, 1, 2).flatten(1)
                channels = None
        ordered.append(tensor.contiguous())
    return ordered
