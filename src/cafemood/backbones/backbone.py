"""A frozen network at work: its own preprocessing, its precision and a fingerprint; photos in, vectors out."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cafemood.core.atomic import write_json
from cafemood.core.devices import device, processor_has
from cafemood.errors import CafemoodError, FeaturesError

log = logging.getLogger(__name__)

_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
LEAST_COSINE = 0.9995
"""`auto` takes a half precision if each probe photo keeps this cosine to float32: a margin over 0.999."""


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
        wanted: The precision asked for: `float32`, `float16`, `bfloat16` or `auto`.
        options: What `create_backbone` needs to make this backbone again.

    Raises:
        FeaturesError: There is no such precision.
    """

    name: str
    output: str
    dim: int
    transform: Callable[[Image.Image], Tensor]
    input_size: int
    weights_digest: str
    build: Callable[[], nn.Module]
    wanted: str
    licence: str
    citation: str
    options: dict[str, Any] = field(default_factory=dict)
    note: str | None = None

    def __post_init__(self) -> None:
        if self.wanted != "auto" and self.wanted not in _DTYPES:
            fix = f"use auto, {', '.join(_DTYPES)}"
            raise FeaturesError(f"Unknown precision {self.wanted!r}", where="backbone.precision", fix=fix)

    @property
    def space(self) -> str:
        """The name of the feature space."""
        return f"{self.name}/{self.output}"

    @property
    def shortest(self) -> int:
        """The shorter side, in pixels, down to which a JPEG may be scaled while it is decoded.

        Twice what the network sees: at once the size, 39 photos kept a median cosine of 0.9989 to a whole
        decode, at twice 0.9999, for the same time.
        """
        return 2 * self.input_size

    @cached_property
    def precision(self) -> str:
        """The precision it computes in: as asked, or for `auto` what `measured_precision` finds."""
        return measured_precision(self) if self.wanted == "auto" else self.wanted

    @property
    def network_digest(self) -> str:
        """Hash of architecture, output, weights and preprocessing."""
        parts = [self.name, self.output, self.dim, self.weights_digest, repr(self.transform), self.shortest]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the network's digest and the precision: the feature cache's key."""
        return hashlib.sha256(f"{self.network_digest} {self.precision}".encode()).hexdigest()

    @cached_property
    def network(self) -> nn.Module:
        """The network in evaluation mode, frozen, channels-last, in its precision."""
        return self.network_in(self.precision)

    def network_in(self, precision: str) -> nn.Module:
        """Build the network in a precision, on the device that computes here."""
        network = self.build().eval().requires_grad_(False)
        _fold_batch_norm(network)
        return network.to(device(), _DTYPES[precision]).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def embed(self, batch: Tensor) -> np.ndarray:
        """Embed a batch (b, 3, height, width); returns float32 (b, dim)."""
        return run(self.network, batch)

    def facts(self) -> dict[str, Any]:
        """What a run card says of the backbone."""
        names = ("name", "output", "dim", "precision", "fingerprint", "licence", "citation", "options")
        return {name: getattr(self, name) for name in names} | {"weights_sha256": self.weights_digest}


@torch.inference_mode()
def run(network: nn.Module, batch: Tensor) -> np.ndarray:
    """Run a frozen network eagerly over a batch (b, 3, height, width); returns float32 (b, dim)."""
    parameter = next(network.parameters())
    batch = batch.to(parameter.device, parameter.dtype, memory_format=torch.channels_last)
    return network(batch).float().cpu().numpy()


def measured_precision(backbone: Backbone) -> str:
    """The fastest precision that does not change the features: measured once a network and kind of processor.

    A half precision is taken where the processor has instructions for it and each of the probe photos keeps
    a cosine of `LEAST_COSINE` to float32. Networks differ: MobileNetV2 loses far too much in bfloat16 (0.97).
    The finding is kept beside the weights, so that the fingerprint stays the same from run to run.
    """
    # On a GPU float16 is as fast and has three bits more (what overflows fails the measurement); on a processor
    # it is slower than a compiled float32.
    candidates = [p for p in ("float16", "bfloat16") if device().type == "cuda" or p == "bfloat16"]
    candidates = [p for p in candidates if processor_has(p)]
    if not candidates:
        return "float32"
    key = hashlib.sha256(f"{backbone.network_digest} {device().type} {candidates}".encode()).hexdigest()[:32]
    record = Path(torch.hub.get_dir()) / "cafemood" / "precision" / f"{key}.json"
    try:
        stored = json.loads(record.read_text(encoding="utf-8"))["precision"]
        if stored in _DTYPES:
            return str(stored)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    cosines = _least_cosines(backbone, candidates)
    chosen = next((p for p, cosine in cosines.items() if cosine >= LEAST_COSINE), "float32")
    log.info("%s computes in %s (least cosine to float32: %s)", backbone.space, chosen, cosines)
    try:
        write_json(record, {"space": backbone.space, "precision": chosen, "least_cosine": cosines})
    except CafemoodError as error:  # a read-only home: it is measured again next time
        log.debug("%s", error)
    return chosen


def _least_cosines(backbone: Backbone, candidates: list[str]) -> dict[str, float]:
    batch = torch.stack([backbone.transform(image) for image in probe_photos()])
    exact = run(backbone.network_in("float32"), batch)
    cosines: dict[str, float] = {}
    for precision in candidates:
        cosines[precision] = float(np.nan_to_num(cosine(exact, run(backbone.network_in(precision), batch))).min())
        if cosines[precision] >= LEAST_COSINE:
            break
    return cosines


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosine of each row of `a` (n, d) to the same row of `b`: (n,), NaN where a row is zero."""
    with np.errstate(invalid="ignore", over="ignore"):
        return (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))


@cache
def probe_photos() -> tuple[Image.Image, ...]:
    """Sixteen windows of the two photos that scikit-learn carries."""
    from sklearn.datasets import load_sample_images

    windows = []
    for array in load_sample_images().images:
        photo = Image.fromarray(array)
        for i in range(8):
            side = (160, 224, 320, 420)[i % 4]
            left, top = (photo.width - side) * (i % 3) // 2, (photo.height - side) * (i // 4)
            windows.append(photo.crop((left, top, left + side, top + side)))
    return tuple(windows)


def _fold_batch_norm(network: nn.Module) -> None:
    """Fold each batch norm into the convolution before it: fewer passes, and half precision loses less."""
    for module in network.modules():
        if isinstance(module, nn.Sequential):
            for i in range(len(module) - 1):
                conv, norm = module[i], module[i + 1]
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    module[i], module[i + 1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
