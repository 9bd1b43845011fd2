"""open_clip's networks: the image tower as a backbone like the others, and the text tower beside it.

The package (extra `words`) makes the network and CLIP's tokens; weights and tokenizer files are found, fetched and
checked by `weights`, never by open_clip, which would unpickle them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cafemood.backbones import open_clip_files
from cafemood.backbones import weights as weight_files
from cafemood.backbones.backbone import Backbone
from cafemood.backbones.preprocessing import open_clip_transform
from cafemood.backbones.text_cards import INSTALL, TEXT_CARDS, TextCard
from cafemood.backbones.weights import WeightFile
from cafemood.core.devices import device
from cafemood.core.reasons import reason_of
from cafemood.data.given import weight_file
from cafemood.errors import CafemoodError, FeaturesError, WeightsError

_AT_ONCE = 64
"""Texts a forward pass."""


def image_tower(
    name: str,
    weights: str | None = None,
    model: str | None = None,
    tokenizer: str | None = None,
    output: str = "features",
    precision: str = "auto",
) -> Backbone:
    """The image tower of one of `TEXT_CARDS`, as a backbone; its output (d,) is not scaled to length 1.

    Args:
        name: Its key.
        weights: Your own file, safetensors or PyTorch, of the whole network.
        model: Another configuration of open_clip: its name, or a JSON file as open_clip writes it.
        tokenizer: Your own `tokenizer.json`; the text tower takes it.
        output: `features` alone.
        precision: What it computes in; `auto` measures.

    Raises:
        WeightsError: open_clip is not installed, or a file is missing, damaged or another network's.
        FeaturesError: It has no such output.
    """
    card = _card(name, model)
    if output not in card.outputs:
        fix = f"use backbone.output={'|'.join(card.outputs)}"
        raise FeaturesError(f"{name} has no output {output!r}", where="backbone.output", fix=fix)
    config = open_clip_files.configuration(card.network)
    path = weight_files.find(card.source, weights)
    transform, input_size = open_clip_transform(card.preprocessing, open_clip_files.image_size(config))
    return Backbone(
        name=name,
        output=output,
        dim=int(config["embed_dim"]),
        transform=transform,
        input_size=input_size,
        weights_digest=weight_files.file_digest(path) + ("" if model is None else f" {_digest(config)}"),
        build=lambda: _filled(config, path).visual,
        wanted=precision,
        licence=card.licence,
        citation=card.citation,
    )


@dataclass
class TextTower:
    """The text tower of one of `TEXT_CARDS`.

    Attributes:
        name: As in the config.
        languages: Codes of the languages that it knows (ISO 639).
        context_length: Tokens that it reads of a text, with those that begin and end it.
        dim: Length of its output.
        fingerprint: Hash of weights, configuration and tokenizer: the text cache's key.
    """

    name: str
    languages: tuple[str, ...]
    context_length: int
    dim: int
    fingerprint: str
    _build: Callable[[], nn.Module] = field(repr=False)
    _tokens: Callable[[str], list[int]] = field(repr=False)
    _pad: int = field(repr=False)

    @cached_property
    def _network(self) -> nn.Module:
        return self._build().eval().requires_grad_(False).to(device())

    @property
    def scale(self) -> float:
        """What cosines are multiplied by before a softmax, as it was learnt (the temperature's inverse)."""
        scale: Tensor = self._network.logit_scale  # type: ignore[assignment]
        return float(scale.exp())

    def n_tokens(self, text: str) -> int:
        """Tokens of a text, with those that begin and end it."""
        return len(self._tokens(text))

    def check_length(self, text: str, phrasings: Sequence[str] = ("{}",)) -> None:
        """Refuse a text that the network would read in part only.

        Args:
            text: The text.
            phrasings: Patterns that it is put into, with a `{}`.

        Raises:
            CafemoodError: It has too many tokens.
        """
        n_tokens = max(self.n_tokens(pattern.replace("{}", text)) for pattern in phrasings)
        if n_tokens > self.context_length:
            why = f"it takes {n_tokens} tokens with the words around it, and {self.name} reads {self.context_length}"
            raise CafemoodError("The text is too long", where=text, why=why, fix="give fewer words")

    @torch.inference_mode()
    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Embed texts: unit vectors, float32 (len(texts), dim). A text is cut after `context_length` tokens."""
        rows = [np.empty((0, self.dim), np.float32)]
        for start in range(0, len(texts), _AT_ONCE):
            batch = torch.full((len(texts[start : start + _AT_ONCE]), self.context_length), self._pad)
            for row, text in zip(batch, texts[start : start + _AT_ONCE], strict=True):
                tokens = self._tokens(text)
                if len(tokens) > self.context_length:  # the last one ends every text
                    tokens = [*tokens[: self.context_length - 1], tokens[-1]]
                row[: len(tokens)] = torch.tensor(tokens)
            found = self._network.encode_text(batch.to(device())).float()  # type: ignore[operator]
            rows.append(nn.functional.normalize(found, dim=1).cpu().numpy())
        whole = np.concatenate(rows)
        if not np.isfinite(whole).all():
            raise FeaturesError("The text tower gives NaN or infinity", where=self.name, fix="check the weight file")
        return whole


def text_tower(
    name: str,
    weights: str | None = None,
    model: str | None = None,
    tokenizer: str | None = None,
    **of_the_image_tower: object,
) -> TextTower:
    """The text tower of one of `TEXT_CARDS`, always in float32: it reads a few hundred texts once.

    Args:
        name: Its key.
        weights, model, tokenizer: As for `image_tower`.
        **of_the_image_tower: `output` and `precision`, which change no text.

    Raises:
        WeightsError: See `image_tower`; or the tokenizer cannot be read.
    """
    card = _card(name, model)
    config = open_clip_files.configuration(card.network)
    path = weight_files.find(card.source, weights)
    text = config["text_cfg"]
    vocabulary, context = int(text.get("vocab_size", 49408)), int(text.get("context_length", 77))
    parts: list[object] = [name, weight_files.file_digest(path), config]
    if tokenizer is None and card.tokenizer is None:
        tokens, pad, n_tokens = open_clip_files.byte_pairs()
    else:
        file = weight_file(tokenizer) if tokenizer is not None else weight_files.find(_required(card.tokenizer))
        parts.append(weight_files.file_digest(file))
        tokens, pad, n_tokens = open_clip_files.read_tokenizer(
            file, clean=(text.get("tokenizer_kwargs") or {}).get("clean")
        )
    if n_tokens > vocabulary:
        why = f"it has {n_tokens:,} tokens, the network {vocabulary:,}"
        raise WeightsError("The tokenizer does not fit the network", where=name, why=why, fix="give its own tokenizer")
    return TextTower(
        name=name,
        languages=card.languages,
        context_length=context,
        dim=int(config["embed_dim"]),
        fingerprint=_digest(parts),
        _build=lambda: _without_images(_filled(config, path)),
        _tokens=tokens,
        _pad=pad,
    )


def _card(name: str, model: str | None) -> TextCard:
    """The card, with another configuration if one is given.

    Raises:
        WeightsError: There is no such backbone with a text tower, or open_clip is not installed.
    """
    if name not in TEXT_CARDS:
        raise WeightsError(
            f"The backbone {name!r} knows no words", where="backbone", fix=f"use one of {', '.join(TEXT_CARDS)}"
        )
    try:
        import open_clip  # noqa: F401
        import tokenizers  # noqa: F401
    except ImportError as error:
        why = f"the package {error.name} is not installed"
        raise WeightsError(f"The backbone {name} needs the extra words", where=name, why=why, fix=INSTALL) from None
    return TEXT_CARDS[name] if model is None else replace(TEXT_CARDS[name], network=model)


def _filled(config: dict[str, Any], path: Path) -> Any:
    """The whole network with a file's tensors.

    Raises:
        WeightsError: The file is another network's.
    """
    from open_clip import model as networks

    arguments = {name: value for name, value in config.items() if name not in ("custom_text", "model_cfg")}
    kind = networks.CustomTextCLIP if config.get("custom_text") else networks.CLIP
    state = weight_files.read_tensors(path)
    state.pop("text.transformer.embeddings.position_ids", None)  # a constant that some files keep
    try:
        network = _unfilled(lambda: kind(**arguments))
        network.load_state_dict(state, assign=True)
    except (RuntimeError, TypeError, KeyError, ValueError, AssertionError, CafemoodError) as error:
        why = reason_of(error, path, "its tensors are not those of this configuration")
        fix = "give the file that belongs to this backbone"
        raise WeightsError("The weights do not fit the network", where=path, why=why, fix=fix) from None
    return network.float()


def _unfilled(build: Callable[[], Any]) -> Any:
    """A network whose tensors hold nothing yet: drawing 375 million random numbers takes longer than reading them."""
    try:
        with torch.device("meta"):
            network = build()
        for module in network.modules():
            for name, buffer in module.named_buffers(recurse=False):
                if name in module._non_persistent_buffers_set:
                    if name != "attn_mask":
                        return build()
                    module.register_buffer(name, torch.full(buffer.shape, -torch.inf).triu_(1), persistent=False)
        return network
    except (NotImplementedError, RuntimeError):  # a tower that computes while it is built
        return build()


def _without_images(network: Any) -> nn.Module:
    """The network without what reads photos."""
    network.visual = nn.Identity()
    assert isinstance(network, nn.Module)
    return network


def _required(file: WeightFile | None) -> WeightFile:
    assert file is not None
    return file


def _digest(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
