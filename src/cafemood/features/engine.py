"""How a frozen network is run here: eagerly by PyTorch, or compiled for the processor by OpenVINO."""

from __future__ import annotations

import importlib.util
import logging
import threading
import warnings
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from cafemood.backbones.backbone import Backbone, cosine, probe_photos, run
from cafemood.core.devices import device, n_cores
from cafemood.core.reasons import Flaw, quoted, reason_of

log = logging.getLogger(__name__)

WORTH_COMPILING = 128
"""With fewer photos to embed, compiling a network (a few seconds) costs more than it saves."""

_HINTS = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}


class Engine(Protocol):
    """Runs batches (b, 3, height, width) to float32 (b, dim); at most `workers` threads may call it at once."""

    name: str
    batch_size: int
    workers: int

    def __call__(self, batch: Tensor) -> np.ndarray:
        """Embed a batch of at most `batch_size`."""


def choose(backbone: Backbone, n_photos: int, batch_size: int | None = None, cores: int | None = None) -> Engine:
    """The engine that pays for this many photos.

    Args:
        backbone: The network.
        n_photos: How many will be embedded.
        batch_size: Photos a forward pass; None takes what was measured to be fast.
        cores: How many may be used; None is all.
    """
    wanted = n_photos >= WORTH_COMPILING and device().type == "cpu"
    if wanted and importlib.util.find_spec("openvino") is not None:
        try:
            return _agreeing(backbone, batch_size or Compiled.BATCH_SIZE, cores or n_cores())
        except Exception as error:  # OpenVINO raises a dozen kinds for a layer that it does not know
            why = reason_of(error, otherwise=quoted(error, "OpenVINO"))
            log.warning("%s runs without OpenVINO, slower: %s", backbone.name, why)
    return Eager(backbone, batch_size)


class Eager:
    """PyTorch, one batch at a time; on a GPU that runs out of memory the batch is halved and stays so."""

    name = "eager"
    workers = 1

    def __init__(self, backbone: Backbone, batch_size: int | None = None) -> None:
        self.batch_size = batch_size or (256 if device().type == "cuda" else 16)
        self._backbone = backbone
        self._at_once = self.batch_size

    def __call__(self, batch: Tensor) -> np.ndarray:
        """Embed a batch."""
        while True:
            try:
                return np.concatenate([self._backbone.embed(part) for part in batch.split(self._at_once)])
            except torch.cuda.OutOfMemoryError:
                if self._at_once == 1:
                    raise
                self._at_once //= 2
                torch.cuda.empty_cache()
                log.info("The GPU's memory is full: batches of %d from now on", self._at_once)


class Compiled:
    """OpenVINO: weights laid out once, layers fused, one stream a core, so that no core waits for another.

    Small batches are fastest: what a layer hands to the next stays in the core's cache.

    Args:
        network: In float32, as PyTorch has it.
        shape: (3, height, width) of an input.
        precision: What it computes in.
        batch_size: Photos a forward pass.
        workers: Streams.
    """

    BATCH_SIZE = 4
    name = "OpenVINO"

    def __init__(
        self, network: nn.Module, shape: tuple[int, ...], precision: str, batch_size: int, workers: int
    ) -> None:
        import openvino
        from openvino.frontend import FrontEndManager
        from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

        self.batch_size, self.workers = batch_size, workers
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the tracer's, about shapes that are fixed here anyway
            # not openvino.convert_model: that one reports each use to its makers
            decoder = TorchScriptPythonDecoder(network, example_input=torch.zeros(batch_size, *shape))
            frontend = FrontEndManager().load_by_framework("pytorch")
            model = frontend.convert(frontend.load(decoder))
        model.reshape({0: [batch_size, *shape]})
        settings = {
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "NUM_STREAMS": str(workers),
            "INFERENCE_NUM_THREADS": str(workers),
            "ENABLE_CPU_PINNING": "NO",
        }
        self._model = openvino.Core().compile_model(model, "CPU", settings)
        self._own = threading.local()

    def __call__(self, batch: Tensor) -> np.ndarray:
        """Embed a batch; one that is not full is filled up with zeros."""
        if not hasattr(self._own, "request"):
            self._own.request = self._model.create_infer_request()
        rows = batch.numpy()
        if len(rows) < self.batch_size:
            rows = np.concatenate([rows, np.zeros((self.batch_size - len(rows), *rows.shape[1:]), rows.dtype)])
        found: Any = self._own.request.infer({0: np.ascontiguousarray(rows)}, share_inputs=True)
        return np.array(found[0][: len(batch)], dtype=np.float32)


def _agreeing(backbone: Backbone, batch_size: int, cores: int) -> Compiled:
    """Compile, and check on probe photos that the compiled network gives what PyTorch gives in float32.

    Raises:
        ValueError: It does not.
    """
    network = backbone.build().eval().requires_grad_(False)
    shape = tuple(backbone.transform(Image.new("RGB", (640, 480))).shape)
    compiled = Compiled(network, shape, backbone.precision, batch_size, workers=cores)
    probe = torch.stack([backbone.transform(photo) for photo in probe_photos()[:batch_size]])
    least = float(np.nan_to_num(cosine(run(network, probe), compiled(probe))).min())
    asked_for_less = backbone.wanted not in ("auto", "float32")
    if least < (0.9 if asked_for_less else 0.999):
        raise Flaw(f"compiled, its features have a cosine of only {least:.4f} to PyTorch's")
    return compiled
