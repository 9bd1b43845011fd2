"""The schema of the configuration; with `train.py` the only code that knows Hydra."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from cafemood.errors import CafemoodError

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

    from cafemood.datamodule import PhotoDataModule
    from cafemood.photos import PhotoSet


@dataclass
class Config:
    """What `conf/config.yaml` may hold; a group's own keys are checked by what it builds."""

    data: Any = None
    backbone: Any = None
    reduce: Any = None
    method: Any = None
    trainer: Any = None
    logger: Any = None
    k: Any = 4
    seed: int = 0
    batch_size: int = 256
    embed_batch_size: Any = "auto"
    baseline_seeds: int = 10
    nulls: int = 20
    resamples: Any = "auto"
    cache_dir: str = "data/cache"


ConfigStore.instance().store(name="schema", node=Config)


def check(cfg: DictConfig) -> None:
    """Refuse settings that no later stage would explain as well.

    Raises:
        CafemoodError: `k` is not a whole number, or a size is not positive.
    """
    if cfg.k == "auto":
        raise CafemoodError(
            "k=auto does not exist yet",
            where="k",
            fix="give a number, or sweep several: python train.py -m k=2,3,4,5,6",
        )
    if not isinstance(cfg.k, int) or isinstance(cfg.k, bool):
        raise CafemoodError(f"k={cfg.k} is not a whole number", where="k", fix="give one, such as k=4")
    if cfg.embed_batch_size != "auto" and (type(cfg.embed_batch_size) is not int or cfg.embed_batch_size < 1):
        raise CafemoodError(
            f"embed_batch_size={cfg.embed_batch_size} is not a size",
            where="embed_batch_size",
            fix="give auto, or 1 or more",
        )
    if cfg.resamples != "auto" and (type(cfg.resamples) is not int or cfg.resamples < 0):
        raise CafemoodError(
            f"resamples={cfg.resamples} is not a number of refits", where="resamples", fix="give auto, or 0 or more"
        )
    for name in ("batch_size", "baseline_seeds", "nulls"):
        if cfg[name] < 1:
            raise CafemoodError(f"{name}={cfg[name]} is not positive", where=name, fix="give 1 or more")


_PATHS = ("data.root", "data.path", "data.manifest", "backbone.path", "backbone.ids", "backbone.weights", "cache_dir")
_PLAIN = re.compile(r"[A-Za-z0-9_/.:~+@%-]*")


def quoted(words: list[str]) -> list[str]:
    """Quote paths that Hydra's grammar has no letters for: 사진, spaces, brackets, commas.

    Args:
        words: The command line after the program's name.
    """
    return [_quote(word) for word in words]


def _quote(word: str) -> str:
    key, equals, value = word.partition("=")
    if not equals or key not in _PATHS or _PLAIN.fullmatch(value) or value[:1] in "'\"":
        return word
    return f"{key}='" + value.replace("'", "\\'") + "'"


def build(node: DictConfig | None, **more: Any) -> Any:
    """Instantiate a config node; a user's mistake inside comes out as what it is, not wrapped.

    Raises:
        CafemoodError: The object refused its settings.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        return instantiate(node, _convert_="all", **more)
    except InstantiationException as error:
        if isinstance(error.__cause__, CafemoodError):
            raise error.__cause__ from None
        raise


def photo_data(cfg: DictConfig, photo_set: PhotoSet, trainer: Trainer | None) -> PhotoDataModule:
    """The photos' features, as the config wants them."""
    from cafemood.datamodule import PhotoDataModule

    return PhotoDataModule(
        photo_set,
        build(cfg.backbone),
        build(cfg.reduce),
        cache_dir=cfg.cache_dir,
        embed_batch_size=None if cfg.embed_batch_size == "auto" else cfg.embed_batch_size,
        batch_size=cfg.batch_size,
        seed=cfg.seed,
        trainer=trainer,
    )


def quiet() -> None:
    """Keep other packages' chatter out of the terminal; warnings stay."""
    for name in (
        "pytorch_lightning.utilities.rank_zero",
        "pytorch_lightning.accelerators.cuda",
        "lightning_fabric",
    ):
        logging.getLogger(name).setLevel(logging.WARNING)


def plain(node: DictConfig) -> dict[str, Any]:
    """A node's settings as a plain dict, without Hydra's own keys."""
    settings = OmegaConf.to_container(node, resolve=True, enum_to_str=True)
    assert isinstance(settings, dict)
    return {str(key): value for key, value in settings.items() if not str(key).startswith("_")}
