"""Read PyTorch and safetensors files without running what is inside."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from cafemood.core.reasons import reason_of
from cafemood.errors import WeightsError

_WITHIN = ("state_dict_ema", "model_ema", "state_dict", "model")
"""Where a checkpoint of a training keeps its tensors; timm looks there in this order."""


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """As `read_tensors`, under the names that today's torchvision has.

    Raises:
        WeightsError: See `read_tensors`.
    """
    return {_renamed(name): tensor for name, tensor in read_tensors(path).items()}


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read a PyTorch or safetensors file; pickles under `weights_only=True`.

    Returns:
        Tensors by their names in the file, without DataParallel's `module.` and torch.compile's `_orig_mod.` before
        them.

    Raises:
        WeightsError: The file is damaged, holds no state dict, or would run code when read.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle, zip and safetensors raise a dozen kinds for a damaged file
        raise WeightsError(
            "The weight file cannot be read safely",
            where=path,
            why=reason_of(error, path, "it is damaged or cut off, or it holds more than tensors and might run code"),
            fix="delete it and let it be fetched again, or give a file that holds tensors only",
        ) from None
    held = loaded if isinstance(loaded, Mapping) else {}
    state = next((held[key] for key in _WITHIN if isinstance(held.get(key), Mapping)), loaded)
    if not isinstance(state, Mapping) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise WeightsError("The weight file holds no state dict", where=path, why=f"it holds a {type(loaded).__name__}")
    return {str(name).removeprefix("module.").removeprefix("_orig_mod."): tensor for name, tensor in state.items()}


def _renamed(name: str) -> str:
    """Names as today's torchvision has them: without DataParallel's `module.`, DenseNet's `norm.1` as `norm1`."""
    name = re.sub(r"(^|\.)module\.", r"\1", name)
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d)", r"\1\2", name)


def state_digest(state: Mapping[str, Any]) -> str:
    """SHA-256 over the names, shapes and bytes of a state dict."""
    total = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        total.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()
