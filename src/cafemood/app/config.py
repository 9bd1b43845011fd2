"""The schema of the configuration, and what builds the parts that it names."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict

from cafemood.app import resolvers  # noqa: F401  (it registers what the configs call)
from cafemood.errors import CafemoodError


@dataclass
class Config:
    """What `conf/config.yaml` may hold; a group's own keys are checked by what it builds."""

    data: Any = None
    backbone: Any = None
    reduce: Any = None
    method: Any = None
    trainer: Any = None
    logger: Any = None
    unit: Any = "photo"
    k: Any = 4
    k_range: Any = "2..10"
    resume: bool = False
    seed: int = 0
    batch_size: int = 256
    embed_batch_size: Any = "auto"
    baseline_seeds: int = 10
    nulls: int = 20
    resamples: Any = "auto"
    cache_dir: str = "data/cache"
    working_memory: int = 1024
    words: Any = None


OmegaConf.register_new_resolver("program", lambda: " ".join(program_of(Path(sys.argv[0]).name)), replace=True)
ConfigStore.instance().store(name="schema", node=Config)


def folder() -> Path:
    """Where the configs are: `conf/` of the checkout, or its copy in an installed package."""
    installed = Path(str(resources.files("cafemood"))) / "conf"
    return installed if installed.is_dir() else Path(__file__).resolve().parents[3] / "conf"


def _methods() -> tuple[str, ...]:
    """The clusterers that `conf/method` names: a new one is its file and its config."""
    configs = sorted((folder() / "method").glob("*.yaml"))
    line = re.compile(r"^_target_: (cafemood\.clustering\.\w+)\b", re.MULTILINE)
    return tuple(name for config in configs for name in line.findall(config.read_text(encoding="utf-8")))


OPTUNA = "hydra_plugins.cafemood_optuna.OptunaSweeper"
TARGETS = (
    "cafemood.data.demo_photos",
    "cafemood.data.scan_folder",
    "cafemood.data.read_listing",
    "cafemood.data.read_manifest",
    "cafemood.data.labelled_rows",
    "cafemood.backbones.rows_as_features",
    "cafemood.backbones.create_backbone",
    "cafemood.clustering.AutoReduction",
    "cafemood.clustering.NoReduction",
    "cafemood.clustering.PCAReduction",
    "cafemood.runs.cafe_reduction",
    "cafemood.survey.reduction.people_reduction",
    *_methods(),
    "cafemood.app.CompareSweep",
    "cafemood.features.RayTrainer",
    "cafemood.report.wandb_logger",
    "hydra_plugins.cafemood_ray.RayLauncher",
    OPTUNA,
    "pytorch_lightning.Trainer",
    "pytorch_lightning.loggers.CSVLogger",
    "pytorch_lightning.loggers.TensorBoardLogger",
    "pytorch_lightning.loggers.MLFlowLogger",
)
"""All that a config may start by `_target_`: a config from somewhere else runs nothing else."""

if "execution_whitelist" in inspect.signature(hydra.main).parameters:  # Hydra 1.4
    VERSION_BASE: dict[str, Any] = {}
    HYDRA_MAIN: dict[str, Any] = {"execution_whitelist": list(TARGETS)}
    _INSTANTIATE: dict[str, Any] = {"_execution_whitelist_": list(TARGETS)}
else:
    VERSION_BASE = HYDRA_MAIN = {"version_base": "1.3"}
    _INSTANTIATE = {}
"""What Hydra wants to hear where configs are composed, in `hydra.main` beside its place, and in `instantiate`."""


def check(cfg: DictConfig, *, multirun: bool = True) -> None:
    """Refuse settings that no later stage would explain as well.

    Args:
        cfg: The configuration of one job.
        multirun: Whether it is a job of a sweep.

    Raises:
        CafemoodError: `k` is not a whole number, `unit` is unknown, or a size is not positive.
    """
    if cfg.k != "auto" and type(cfg.k) is not int:
        fix = "give one, such as k=4, or k=auto to try all of k_range"
        raise CafemoodError(f"k={cfg.k} is not a whole number", where="k", fix=fix)
    if cfg.k != "auto" and cfg.k < 2:
        why, fix = "k must be at least 2 and at most the number of photos", "give 2 or more, such as k=4"
        raise CafemoodError(f"k={cfg.k} makes no groups", where="k", why=why, fix=fix)
    k_range(cfg)
    if cfg.unit not in ("photo", "cafe", "auto"):
        fix = "give unit=photo, unit=cafe to group cafés by their photos, or unit=auto for cafés where there are enough"
        raise CafemoodError(f"unit={cfg.unit} cannot be grouped", where="unit", fix=fix)
    keep = cfg.data.get("keep", "all")
    if keep not in ("all", "place"):
        fix = "give all, or place to leave out photos that show none"
        raise CafemoodError(f"data.keep={keep} keeps nothing that is known", where="data.keep", fix=fix)
    if cfg.resume and not multirun:
        fix = "run the same command: what was embedded and trained is read from the cache"
        raise CafemoodError("resume=true goes on with a sweep, and this is one run", where="resume", fix=fix)
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
    if not 0 <= cfg.seed < 2**32:
        raise CafemoodError(f"seed={cfg.seed} is no seed", where="seed", fix="give 0 to 4294967295")
    for name in ("batch_size", "baseline_seeds", "nulls", "working_memory"):
        if cfg[name] < 1:
            raise CafemoodError(f"{name}={cfg[name]} is not positive", where=name, fix="give 1 or more")


def k_range(cfg: DictConfig) -> list[int]:
    """The ks that `k=auto` tries, from `2..10` or `[3,5,8]`.

    Raises:
        CafemoodError: It is neither.
    """
    match = re.fullmatch(r"(\d+)\.\.(\d+)", str(cfg.k_range))
    values = list(range(int(match[1]), int(match[2]) + 1)) if match else cfg.k_range
    if isinstance(values, str | int) or not values or any(type(k) is not int or k < 2 for k in values):
        fix = "give k_range=2..10 or k_range=[3,5,8], from 2 up"
        raise CafemoodError(f"k_range={cfg.k_range} is no range", where="k_range", fix=fix)
    return sorted(set(values))


def build(node: DictConfig | None, **more: Any) -> Any:
    """Instantiate a config node; a user's mistake inside comes out as what it is, not wrapped.

    Raises:
        CafemoodError: The node names a target that is not in `TARGETS`, or the object refused its settings.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    for where, target in _targets(node):
        if target not in TARGETS:
            why = "a config starts only what cafemood names, so that one from elsewhere runs no other code"
            near = get_close_matches(str(target), TARGETS, n=3, cutoff=0.5) or TARGETS
            fix = f"take {' or '.join(near)}, or call yours in Python"
            raise CafemoodError(f"A config cannot start {target!r}", where=where, why=why, fix=fix)
    if isinstance(node, DictConfig) and not node._is_none() and "_target_" not in node:
        return {key: build(node[key]) if isinstance(node[key], DictConfig) else node[key] for key in node}
    literal = _literal(node)
    try:
        if node is None or not literal:
            return instantiate(node, _convert_="all", **_INSTANTIATE, **more)
        made = instantiate(_without(node, literal), _convert_="all", _partial_=True, **_INSTANTIATE, **more)
        return partial(made, **literal) if node.get("_partial_") else made(**literal)
    except InstantiationException as error:
        if isinstance(error.__cause__, CafemoodError):
            raise error.__cause__ from None
        raise


def photos(node: DictConfig) -> Any:
    """The photos that `data` names; what is kept of them is the run's to see."""
    return build(_without(node, [key for key in ("keep",) if key in node]))


def _literal(node: DictConfig | None) -> dict[str, str]:
    """The settings of a node whose text Hydra would take for an interpolation, resolving it a second time."""
    if not isinstance(node, DictConfig) or node._is_none():
        return {}
    texts = {key: node[key] for key in map(str, node) if OmegaConf.is_interpolation(node, key)}
    return {key: text for key, text in texts.items() if isinstance(text, str) and ("${" in text or text == "???")}


def _without(node: DictConfig, keys: Iterable[str]) -> DictConfig:
    """A copy of a node that lacks some settings."""
    rest = deepcopy(node)
    with open_dict(rest):
        for key in keys:
            del rest[key]
    return rest


def _targets(node: Any) -> Iterator[tuple[str, str]]:
    """Where a node, and what it holds, names a target, and which."""
    if isinstance(node, DictConfig) and not node._is_none():
        if "_target_" in node:
            yield str(node._get_full_key("_target_")), str(node["_target_"])
        children = list(node)
    else:
        children = list(range(len(node))) if isinstance(node, ListConfig) and not node._is_none() else []
    for key in children:
        if not OmegaConf.is_missing(node, key):
            yield from _targets(node[key])


def program_of(name: str) -> list[str]:
    """How the program is called whose first word is this; of another program's process, what is installed."""
    if name not in ("train.py", "cafemood"):
        name = "train.py" if (folder().parent / "train.py").is_file() else "cafemood"
    return ["python", "train.py"] if name == "train.py" else ["cafemood", "train"]


def with_k(cfg: DictConfig, k: int) -> DictConfig:
    """The configuration with this k, which `k=auto` has chosen; what names `${k}` follows."""
    chosen = OmegaConf.merge(cfg, {"k": k})
    assert isinstance(chosen, DictConfig)
    return chosen


def words(cfg: DictConfig) -> object:
    """`words=` as it was given: a name, or options by name."""
    return plain(cfg.words) if isinstance(cfg.words, DictConfig) else cfg.words


def plain(node: DictConfig) -> dict[str, Any]:
    """A node's settings as a plain dict, without Hydra's own keys."""
    settings = OmegaConf.to_container(node, resolve=True, enum_to_str=True)
    assert isinstance(settings, dict)
    return {str(key): value for key, value in settings.items() if not str(key).startswith("_")}
