"""Read Keras HDF5 weights, and turn them the way PyTorch lays them out."""

from __future__ import annotations

from pathlib import Path

import torch

from cafemood.errors import WeightsError


def read_keras_vgg16(path: Path) -> list[torch.Tensor]:
    """Read the 16 layers of a Keras VGG16 HDF5 file, in PyTorch's order and layout.

    Keras keeps convolution kernels as height x width x in x out and flattens height x width x channel
    before the first dense layer; PyTorch wants out x in x height x width and channel-first.

    Returns:
        Kernel, bias, kernel, bias, … of 13 convolutions and 3 dense layers.

    Raises:
        WeightsError: It is no HDF5 file, or its layers are not VGG16's.
    """
    import h5py

    tensors: list[torch.Tensor] = []
    try:
        with h5py.File(path, "r") as stream:
            root = stream.get("model_weights", stream)
            layers = [n.decode() if isinstance(n, bytes) else str(n) for n in root.attrs["layer_names"]]
            for layer in layers:
                names = [n.decode() if isinstance(n, bytes) else str(n) for n in root[layer].attrs["weight_names"]]
                arrays = [root[layer][name] for name in names]
                if any(array.size > 25088 * 4096 for array in arrays):  # VGG16's largest: its first dense layer
                    raise ValueError(f"layer {layer} is too large for VGG16")
                tensors += [torch.from_numpy(array[()]).float() for array in arrays]
    except (OSError, KeyError, ValueError, AttributeError, TypeError, RuntimeError) as error:
        why = str(error).splitlines()[0]
        raise WeightsError("The HDF5 weight file cannot be read", where=path, why=why, fix="fetch it again") from None
    if len(tensors) != 32 or [t.ndim for t in tensors] != [4, 1] * 13 + [2, 1] * 3:
        why = f"{len(tensors)} arrays found where VGG16 has 32"
        raise WeightsError("These are not VGG16's layers", where=path, why=why, fix="give the right file")
    ordered = [t.permute(3, 2, 0, 1) if t.ndim == 4 else t.T if t.ndim == 2 else t for t in tensors]
    channels = ordered[24].shape[0]
    side = round((ordered[26].shape[1] / channels) ** 0.5)
    fc1 = ordered[26].reshape(-1, side, side, channels).permute(0, 3, 1, 2).flatten(1)
    return [t.contiguous() for t in [*ordered[:26], fc1, *ordered[27:]]]
