"""Read Keras HDF5 weights, and turn them the way PyTorch lays them out."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from cafemood.core.child import read_apart
from cafemood.core.reasons import reason_of
from cafemood.errors import WeightsError


def read_keras(path: Path) -> list[torch.Tensor]:
    """Read a Keras HDF5 file's arrays in the order of its layers, in PyTorch's layout.

    Keras keeps convolution kernels as height x width x in x out, and flattens height x width x channel before
    the first dense layer; PyTorch wants out x in x height x width, and channel first.

    Returns:
        Kernel, bias, kernel, bias, … as float32.

    Raises:
        WeightsError: It is no HDF5 file of Keras weights, or it is cut off, or its arrays would not fit in it,
            or it takes more time or memory than a whole one (it is read in a process of its own).
    """
    try:
        arrays = read_apart("cafemood.backbones.hdf5:read", path)
    except (OSError, ValueError) as error:
        why = reason_of(error, path)
        raise WeightsError("The HDF5 weight file cannot be read", where=path, why=why, fix="fetch it again") from None
    return _in_torch_layout([torch.from_numpy(arrays[name]) for name in sorted(arrays)])


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
