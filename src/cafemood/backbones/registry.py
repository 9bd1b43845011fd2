"""The backbones by name: the networks of `cards`, any of timm's, an untrained one, the user's own matrix."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cafemood.backbones import networks, stages
from cafemood.backbones import weights as weight_files
from cafemood.backbones.backbone import Backbone
from cafemood.backbones.cards import CARDS, Card
from cafemood.backbones.networks import Chain
from cafemood.backbones.open_clip_towers import image_tower
from cafemood.backbones.precomputed import Precomputed
from cafemood.backbones.preprocessing import TRANSFORMS, whole
from cafemood.backbones.text_cards import TEXT_CARDS, all_cards
from cafemood.backbones.weights import WeightFile
from cafemood.core.reasons import quoted, reason_of
from cafemood.errors import CafemoodError, FeaturesError, WeightsError

log = logging.getLogger(__name__)


def network(name: str, **options: Any) -> Backbone:
    """A network by name, see `create_backbone`."""
    builder = _BUILDERS.get(name)
    if builder is None and name not in all_cards():
        names = ", ".join(list_backbones())
        raise CafemoodError(f"Unknown backbone {name!r}", where="backbone.name", fix=f"use one of {names}")
    from_table = image_tower if name in TEXT_CARDS else from_card
    return builder(**options) if builder is not None else from_table(name, **options)


def list_backbones() -> list[str]:
    """The names that `create_backbone` takes."""
    return sorted([*all_cards(), *_BUILDERS, Precomputed.name])


def from_card(
    name: str, weights: str | None = None, output: str = "features", precision: str = "auto", **shape: int
) -> Backbone:
    """One of `CARDS`.

    Args:
        name: Its key.
        weights: Your own file: PyTorch, safetensors, and for Caffe's networks and VGG16 also .caffemodel and .h5.
        output: What is taken from it.
        precision: What it computes in; `auto` measures.
        shape: For tests: widths that shrink VGG16 and Caffe's networks (see `networks`).
    """
    card = CARDS[name]
    _check_output(name, output, card.all_outputs)
    path = weight_files.find(card.source, weights)
    of_stages = output == stages.OUTPUT
    transform, input_size = TRANSFORMS[whole(card.preprocessing) if of_stages else card.preprocessing]()

    def build() -> nn.Module:
        chain = NETWORKS.get(card.network, _torchvision_network)(card, path, **shape)
        return stages.statistics(card.network, chain) if of_stages else networks.cut(chain, output)

    return Backbone(
        name=name,
        output=output,
        dim=card.length(output),
        transform=transform,
        input_size=input_size,
        weights_digest=weight_files.file_digest(path),
        build=build,
        wanted=precision,
        licence=card.licence,
        citation=card.citation,
    )


# -- networks


def _mobilenet_v2(card: Card, path: Path) -> Chain:
    from torchvision.models import mobilenet_v2

    layers = mobilenet_v2().features
    state = weight_files.read_state_dict(path)
    _load(layers, _in_order(layers, state, path), path)
    return {"features": nn.Sequential(layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())}


def _torchvision_network(card: Card, path: Path) -> Chain:
    from torchvision import models

    special = {"transform_input": True, "init_weights": False} if card.network == "googlenet" else {}
    network: nn.Module = getattr(models, card.network)(num_classes=card.n_classes, **special)
    _load(network, weight_files.read_state_dict(path), path)
    return networks.torchvision_chain(card.network, network)


def _vgg16(card: Card, path: Path, **shape: int) -> Chain:
    return _filled(networks.vgg16(card.n_classes, **shape), path)


def _caffenet(card: Card, path: Path, **shape: int) -> Chain:
    return _filled(networks.caffenet(card.n_classes, **shape), path)


def _caffe_googlenet(card: Card, path: Path, **shape: int) -> Chain:
    chain = networks.googlenet(card.n_classes, **shape)
    if path.suffix != ".caffemodel":
        return _filled(chain, path)
    stored = {layer.name: layer.blobs for layer in weight_files.read_caffemodel(path)}
    heads = [name for name in stored if name.startswith("loss3/classifier")]
    tensors: list[Tensor] = []
    for name, _ in networks.googlenet_layers(chain):
        key = heads[0] if heads and name == "loss3/classifier" else name
        if len(stored.get(key, ())) != 2:
            raise WeightsError("The weights do not fit the network", where=path, why=f"it has no layer {name}")
        tensors += [torch.from_numpy(blob.copy()) for blob in stored[key]]
    return _filled(chain, path, tensors)


def _filled(chain: Chain, path: Path, tensors: list[Tensor] | None = None) -> Chain:
    """Fill a chain with a file's tensors in their order: weight, bias, weight, bias, …"""
    network = nn.ModuleDict(dict(chain))
    if tensors is None and path.suffix == ".caffemodel":
        layers = weight_files.read_caffemodel(path)
        tensors = [torch.from_numpy(blob.copy()) for layer in layers for blob in layer.blobs]
    elif tensors is None and path.suffix in (".h5", ".hdf5"):
        tensors = weight_files.read_keras(path)
    elif tensors is None:
        tensors = list(weight_files.read_state_dict(path).values())
    expected = network.state_dict()
    shapes = [tuple(tensor.shape) for tensor in expected.values()]
    trimmed = [_trimmed(tensor, len(shape)) for tensor, shape in zip(tensors, shapes, strict=False)]
    if len(tensors) != len(shapes) or [tuple(tensor.shape) for tensor in trimmed] != shapes:
        first = next((i for i, (t, s) in enumerate(zip(trimmed, shapes, strict=False)) if tuple(t.shape) != s), None)
        why = f"it has {len(tensors)} arrays, the network {len(shapes)}"
        if first is not None:
            why = f"array {first + 1} has the shape {tuple(trimmed[first].shape)}, the network's is {shapes[first]}"
        fix = "give the file that belongs to this backbone"
        raise WeightsError("The weights do not fit the network", where=path, why=why, fix=fix)
    network.load_state_dict(dict(zip(expected, trimmed, strict=True)))
    return chain


def _trimmed(tensor: Tensor, n_axes: int) -> Tensor:
    """Old Caffe files give every blob four axes: (1, 1, out, in), (1, 1, 1, out)."""
    while tensor.ndim > n_axes and tensor.shape[0] == 1:
        tensor = tensor[0]
    return tensor


NETWORKS: dict[str, Callable[..., Chain]] = {
    "mobilenet_v2": _mobilenet_v2,
    "vgg16": _vgg16,
    "caffenet": _caffenet,
    "caffe_googlenet": _caffe_googlenet,
}


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
    state: dict[str, torch.Tensor] = {}
    if weights is not None:
        # tensors and not the file, which older versions of timm unpickle with all that is in it
        state = weight_files.read_tensors(weight_files.find(WeightFile(Path(weights).name), weights))
        overlay = {"pretrained_cfg_overlay": {"state_dict": state}}
    try:
        network = timm.create_model(model, pretrained=True, num_classes=0, **overlay)
    except Exception as error:  # the hub raises a dozen kinds when it cannot be reached
        raise WeightsError(
            f"The weights of timm's {model} could not be loaded",
            where=weights or "the Hugging Face hub",
            why=reason_of(error, weights, quoted(error, "timm")),
            fix=f"check the network, or give backbone.weights=FILE; {weight_files.OFFLINE}",
        ) from None
    if weights is not None and not _share_a_tensor(state, network):
        why = "timm has taken none of its tensors, and the network would be a random one"
        raise WeightsError(f"The weight file is not timm's {model}", where=weights, why=why, fix="give this network's")
    config = resolve_model_data_config(network)
    card: dict[str, Any] = getattr(network, "pretrained_cfg")  # noqa: B009
    card.pop("state_dict", None)  # the weights a second time
    return Backbone(
        name=f"timm-{model}",
        output=output,
        dim=int(getattr(network, "num_features")),  # noqa: B009
        transform=create_transform(**config, is_training=False),
        input_size=round(min(config["input_size"][1:]) / config["crop_pct"]),
        weights_digest=weight_files.state_digest(network.state_dict()),
        build=lambda: network,
        wanted=precision,
        licence=f"weights: {card.get('license') or 'see the model card'}",
        citation=card.get("paper_name") or f"timm {model}",
    )


def _share_a_tensor(state: Mapping[str, torch.Tensor], network: nn.Module) -> bool:
    """Whether a network has taken any weights of a state dict, whatever it calls them."""
    weights = [tensor for tensor in network.state_dict().values() if tensor.dim() > 1]
    return any(own.shape == given.shape and torch.equal(own, given) for given in state.values() for own in weights)


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
        wanted=precision,
        licence="none",
        citation="untrained",
        note=note,
    )


_BUILDERS: dict[str, Callable[..., Backbone]] = {
    "timm": timm_model,
    "random": random_network,
}


def _check_output(name: str, output: str, allowed: tuple[str, ...]) -> None:
    if output not in allowed:
        fix = f"use backbone.output={'|'.join(allowed)}"
        raise FeaturesError(f"{name} has no output {output!r}", where="backbone.output", fix=fix)


def _load(network: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    try:
        network.load_state_dict(state)
    except RuntimeError:
        why = _unlike(network.state_dict(), state)
        fix = "give the file that belongs to this backbone"
        raise WeightsError("The weights do not fit the network", where=path, why=why, fix=fix) from None


def _unlike(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    """How the tensors of a file differ from those of a network."""
    lacking, strange = [name for name in own if name not in given], [name for name in given if name not in own]
    other = [name for name in own if name in given and own[name].shape != given[name].shape]
    reasons = [f"it lacks {len(lacking)} tensors, such as {lacking[0][:120]}"] if lacking else []
    reasons += [f"it has {len(strange)} others, such as {strange[0][:120]}"] if strange else []
    reasons += [f"{len(other)} have another shape, such as {other[0][:120]}"] if other else []
    return "; ".join(reasons) or "its tensors are of another kind"


def _in_order(network: nn.Module, state: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Name a file's tensors by their position: the wheel's MobileNetV2 has other names in the same order."""
    expected = network.state_dict()
    kinds = [(key.rsplit(".", 1)[-1], tensor.shape) for key, tensor in expected.items()]
    if kinds != [(key.rsplit(".", 1)[-1], tensor.shape) for key, tensor in state.items()]:
        why = f"its {len(state)} tensors are not the {len(expected)} of this network"
        fix = "give the file that belongs to this backbone"
        raise WeightsError("The weights do not fit the network", where=path, why=why, fix=fix)
    return dict(zip(expected, state.values(), strict=True))
