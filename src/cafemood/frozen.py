"""A frozen network at work: its own preprocessing, its precision and a fingerprint; photos in, vectors out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cafemood.errors import FeaturesError

_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass
class Backbone:
    """A frozen network, ready to embed.

    Attributes:
        name: As in the config.
        output: Which of the network's outputs is taken, one of `OUTPUTS`.
        dim: Length of the output.
        transform: An upright RGB image to a float tensor (3, height, width).
        input_size: The shorter side, in pixels, that `transform` needs at least.
        weights_digest: SHA-256 of the weights.
        build: Makes the network; called at the first batch only.
        precision: `float32`, `float16` or `bfloat16`.
        options: What `create` needs to make this backbone again.
    """

    name: str
    output: str
    dim: int
    transform: Callable[[Image.Image], Tensor]
    input_size: int
    weights_digest: str
    build: Callable[[], nn.Module]
    precision: str
    licence: str
    citation: str
    options: dict[str, Any] = field(default_factory=dict)
    note: str | None = None

    @property
    def space(self) -> str:
        """The name of the feature space."""
        return f"{self.name}/{self.output}"

    @property
    def fingerprint(self) -> str:
        """Hash of architecture, output, weights, preprocessing and precision: the feature cache's key."""
        parts = [self.name, self.output, self.dim, self.weights_digest, repr(self.transform), self.precision]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @cached_property
    def network(self) -> nn.Module:
        """The network in evaluation mode, frozen, channels-last."""
        network = self.build().eval().requires_grad_(False)
        _fold_batch_norm(network)
        return network.to(_device(), _DTYPES[self.precision]).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def embed(self, batch: Tensor) -> np.ndarray:
        """Embed a batch (b, 3, height, width); returns float32 (b, dim)."""
        parameter = next(self.network.parameters())
        batch = batch.to(parameter.device, parameter.dtype, memory_format=torch.channels_last)
        return self.network(batch).float().cpu().numpy()

    def facts(self) -> dict[str, Any]:
        """What a run card says of the backbone."""
        names = ("name", "output", "dim", "precision", "fingerprint", "licence", "citation", "options")
        return {name: getattr(self, name) for name in names} | {"weights_sha256": self.weights_digest}


def resolve_precision(precision: str, *, holds: str | None = None) -> str:
    """`auto` becomes the half precision that the network was measured to bear, where the processor has it.

    MobileNetV2 bears float16 (least cosine to float32 0.9995 over the demo photos) and not bfloat16 (0.95);
    a network that was not measured stays in float32.

    Args:
        precision: `auto`, `float32`, `float16` or `bfloat16`.
        holds: The half precision under which every photo's features keep a cosine of 0.999, if there is one.
    """
    if precision == "auto":
        return holds if holds is not None and processor_has(holds) else "float32"
    if precision not in _DTYPES:
        fix = f"use auto, {', '.join(_DTYPES)}"
        raise FeaturesError(f"Unknown precision {precision!r}", where="backbone.precision", fix=fix)
    return precision


def processor_has(precision: str) -> bool:
    """Whether the device that computes here has instructions of its own for a half precision."""
    if torch.cuda.is_available():
        return precision == "float16" or torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    names = {"float16": ("avx512_fp16", "amx_fp16"), "bfloat16": ("avx512_bf16", "amx_bf16")}[precision]
    return any(capabilities.get(name) for name in names)


def _fold_batch_norm(network: nn.Module) -> None:
    """Fold each batch norm into the convolution before it: fewer passes, and half precision loses less."""
    for module in network.modules():
        if isinstance(module, nn.Sequential):
            for i in range(len(module) - 1):
                conv, norm = module[i], module[i + 1]
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    module[i], module[i + 1] = fuse_conv_bn_eval(conv, norm), nn.Identity()


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
