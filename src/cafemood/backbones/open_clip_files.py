"""What open_clip's networks are built from besides weights: their configuration and their tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cafemood.core.reasons import reason_of
from cafemood.data.given import weight_file
from cafemood.errors import WeightsError

_MOST = {"layers": 200, "width": 20_000, "embed_dim": 20_000, "context_length": 10_000}
_MOST_OF_ALL = 1_000_000
"""A configuration with a larger number is not a network's, and would take all memory."""

Tokens = Callable[[str], list[int]]


def configuration(network: str) -> dict[str, Any]:
    """The configuration of a network: open_clip's of that name, or that of a `.json` file.

    Raises:
        WeightsError: There is none, or it is none of open_clip's.
    """
    import open_clip

    config: Any = None if network.endswith(".json") else open_clip.get_model_config(network)
    if config is None and not network.endswith(".json"):
        close = [name for name in open_clip.list_models() if name.startswith(network[:6])][:5]
        fix = f"did you mean {', '.join(close)}?" if close else "see open_clip.list_models(), or give a .json file"
        raise WeightsError(f"open_clip has no model {network!r}", where="backbone.model", fix=fix)
    if config is None:
        path = weight_file(network)
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            why = reason_of(error, path, "it is no JSON")
            raise WeightsError(
                "The configuration cannot be read", where=path, why=why, fix="give open_clip's"
            ) from None
    config = config.get("model_cfg", config) if isinstance(config, dict) else {}
    kinds = {"embed_dim": int, "vision_cfg": dict, "text_cfg": dict}
    config = config if isinstance(config, dict) else {}
    lacking = [name for name, kind in kinds.items() if type(config.get(name)) is not kind]
    if lacking or _too_large(config):
        why = f"it has no {lacking[0]}, or another kind of value there" if lacking else "a number in it is too large"
        fix = "give an open_clip configuration (JSON)"
        raise WeightsError("The configuration is none of open_clip's", where=network, why=why, fix=fix)
    if "hf_model_name" in config["text_cfg"]:
        why = f"its text tower is transformers' {config['text_cfg']['hf_model_name']}"
        raise WeightsError(
            f"The model {network} cannot be built", where="backbone.model", why=why, fix="take a CLIP or SigLIP"
        )
    return dict(config)


def image_size(config: dict[str, Any]) -> int:
    """Pixels of a side.

    Raises:
        WeightsError: The network wants no square.
    """
    size = config["vision_cfg"].get("image_size", 224)
    if type(size) is not int or not 8 <= size <= 2048:
        why, fix = f"its image_size is {size!r}", "take a network of square photos"
        raise WeightsError("The configuration is none that cafemood takes", where="backbone.model", why=why, fix=fix)
    return size


def _too_large(part: object, name: str = "") -> bool:
    """Whether a configuration holds a number that no network has."""
    if isinstance(part, dict):
        return any(_too_large(value, str(key)) for key, value in part.items())
    if isinstance(part, list):
        return any(_too_large(value, name) for value in part)
    return isinstance(part, int | float) and not abs(part) <= _MOST.get(name, _MOST_OF_ALL)


def byte_pairs() -> tuple[Tokens, int, int]:
    """CLIP's tokens of a text, what pads them, and how many there are."""
    from open_clip.tokenizer import SimpleTokenizer

    own = SimpleTokenizer()
    return (lambda text: [own.sot_token_id, *own.encode(text), own.eot_token_id]), 0, own.vocab_size


def read_tokenizer(path: Path, clean: str | None) -> tuple[Tokens, int, int]:
    """The tokens of a `tokenizer.json`, cleaned as open_clip's `HFTokenizer` does it.

    SigLIP 2 begins a text with nothing and ends it with `<eos>` whatever its length (its tokenizer's settings
    `add_bos_token` and `add_eos_token`, which stand beside the file); a file without `<eos>` says itself what is added.

    Raises:
        WeightsError: It is damaged, or no tokenizer.
    """
    from open_clip.tokenizer import get_clean_fn
    from tokenizers import Tokenizer

    try:
        read = Tokenizer.from_file(str(path))
    except Exception as error:  # of Rust, without a kind of its own
        why = reason_of(error, path, "it is damaged, or no tokenizer.json")
        fix = "delete it and let it be fetched again, or give the tokenizer.json of this backbone"
        raise WeightsError("The tokenizer cannot be read", where=path, why=why, fix=fix) from None
    padding = read.padding or {}
    read.no_padding()
    read.no_truncation()
    pad = padding.get("pad_id", read.token_to_id("<pad>"))
    cleaned, end = get_clean_fn(clean or "whitespace"), read.token_to_id("<eos>")

    def tokens(text: str) -> list[int]:
        ids = list(read.encode(cleaned(text), add_special_tokens=end is None).ids)
        return ids if end is None else [*ids, end]

    return tokens, int(pad or 0), read.get_vocab_size()
