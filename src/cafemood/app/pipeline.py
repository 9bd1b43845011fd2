"""One run from photos to report: `run(RunConfig)`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cafemood.app import quiet

if TYPE_CHECKING:
    from pytorch_lightning import Trainer
    from pytorch_lightning.loggers import Logger

    from cafemood.backbones.backbone import Backbone
    from cafemood.backbones.precomputed import Precomputed
    from cafemood.data.photos import PhotoSet
    from cafemood.features.photo_matrix import PhotoMatrix
    from cafemood.runs.run import Run

log = logging.getLogger("cafemood")


def _no_loggers() -> list[Logger]:
    return []


def _no_settings(k: int) -> dict[str, Any]:
    return {"k": k}


@dataclass(frozen=True)
class RunConfig:
    """What one run is made of. Parts are factories, so that each is built, and timed, in its own stage.

    Attributes:
        folder: The run's folder, which must not hold a run.
        photos: Gives the photos.
        backbone: Gives the network, or the user's own features.
        reduction: Gives what reduces the features before they are clustered.
        method: Gives the clusterer of a k.
        trainer: Makes a Lightning Trainer from its options.
        command: What makes this run again, as the report shows it.
        reduction_facts: Name and settings of the reduction, for `run.json`.
        method_facts: Name and settings of the clusterer.
        k: Clusters; `auto` chooses from `k_range` without labels.
        k_range: What `auto` tries.
        seed: Of everything random.
        batch_size: Rows a training step.
        embed_batch_size: Photos a forward pass; None takes what is fast on this machine.
        baseline_seeds: Seeds of each baseline.
        nulls: Structureless data sets of each kind.
        resamples: Refits on other cafés; `auto`: 20 where a refit is a k-means, else 0.
        cache_dir: Features and autoencoders that other runs may use.
        working_memory: MiB; a longer matrix is read from disk in chunks. None: scikit-learn's setting.
        distributed: The trainer of several processes that embed together, if there are several.
        loggers: Makes the Lightning loggers.
        settings: What the loggers write down of a run with this k.
    """

    folder: Path
    photos: Callable[[], PhotoSet]
    backbone: Callable[[], Backbone | Precomputed]
    reduction: Callable[[], Any]
    method: Callable[[int], Any]
    trainer: Callable[..., Trainer]
    command: str
    reduction_facts: dict[str, Any]
    method_facts: dict[str, Any]
    k: int | str = 4
    k_range: Sequence[int] = tuple(range(2, 11))
    seed: int = 0
    batch_size: int = 256
    embed_batch_size: int | None = None
    baseline_seeds: int = 10
    nulls: int = 20
    resamples: int | str = "auto"
    cache_dir: str | Path = "data/cache"
    working_memory: int | None = None
    distributed: Trainer | None = None
    loggers: Callable[[], Iterable[Logger]] = field(default=_no_loggers)
    settings: Callable[[int], dict[str, Any]] = field(default=_no_settings)


def run(config: RunConfig) -> Run:
    """Embed the photos, cluster them, score the result, and write the run's folder and its pages.

    Raises:
        CafemoodError: A part cannot be built or does not fit the photos, or the folder holds a run.
    """
    from sklearn import config_context

    from cafemood.report import tracking

    quiet.quiet()
    loggers: list[Logger] = []
    try:
        with config_context(**_memory(config)):
            return _run(config, loggers)
    finally:
        tracking.finish(loggers)


def embed_share(config: RunConfig) -> None:
    """As one of several processes: embed this one's share of the photos."""
    from sklearn import config_context

    quiet.quiet()
    with config_context(**_memory(config)):
        _photo_data(config, config.photos()).prepare_data()


def _run(config: RunConfig, loggers: list[Logger]) -> Run:
    from cafemood import runs
    from cafemood.clustering.base import check_matrix
    from cafemood.clustering.cafe_reduction import CafeReduction
    from cafemood.clustering.lloyd import sharing
    from cafemood.clustering.reduction import display_plane
    from cafemood.data.photos import skipped_lines
    from cafemood.evaluation.assessment import assess
    from cafemood.evaluation.baselines import baselines
    from cafemood.evaluation.cafe_space import CafeSpace
    from cafemood.evaluation.judged import JudgedRows
    from cafemood.evaluation.resampling import ReliabilityOptions
    from cafemood.evaluation.selection import choose_k
    from cafemood.evaluation.store import JudgingStore
    from cafemood.report import tracking
    from cafemood.report.finish import finish

    facts: dict[str, Any] = {"command": config.command, "k": config.k, "seed": config.seed}
    facts |= {"reduce": config.reduction_facts, "method": config.method_facts}
    config.method(config.k if isinstance(config.k, int) else 2).check_settings()  # before hours of embedding
    with runs.RunWriter(config.folder, facts) as writer:
        loggers += config.loggers()
        with writer.stage("find photos") as stage:
            photo_set = config.photos()
            stage["items"] = len(photo_set.photos)
        with writer.stage("embed") as stage:
            data = _photo_data(config, photo_set)
            data.prepare_data()
            data.setup()
            stage["items"] = data.n_embedded
        photo_set, features = data.photo_set, data.features.matrix()
        for line in skipped_lines(photo_set.skipped, where=f"{config.folder / 'run.json'} lists all"):
            log.warning("%s", line)
        cafes = data.cafes
        learnt = data.reduction if isinstance(data.reduction, CafeReduction) else None
        if learnt is not None:
            writer.facts["reduce"] = config.reduction_facts | learnt.facts()
        n_candidates = 1
        if isinstance(config.k, int):
            k = config.k
        else:
            with writer.stage("choose k", items=len(features)):
                of = features if learnt is None else data.matrix
                store = JudgingStore(config.cache_dir)
                choice = choose_k(of, config.k_range, cafes, seed=config.seed, desc="k", store=store)
            k, n_candidates = writer.chose_k(choice), len(choice.ks)
        with writer.stage("cluster", items=len(features)):
            method = config.method(k)
            single_device = partial(config.trainer, devices=1, num_nodes=1, strategy="auto")
            options: dict[str, Any] = {
                "trainer": single_device,
                "cache_dir": config.cache_dir,
                "logger": loggers,
                "verbose": True,
            }
            options["batch_size"] = config.batch_size
            method.set_params(**{name: options[name] for name in options.keys() & method.get_params()})
            check_matrix(data.matrix, k)
            judged = JudgedRows(features)
            with sharing(features, lambda: judged.squared):
                clustering = method.fit(data.matrix).clustering(data.matrix, data.reduction.space)
        with writer.stage("score", items=len(features)) as stage:
            plane, explained = display_plane(features)
            store = JudgingStore(config.cache_dir)
            compared = baselines(judged, clustering, k, n_seeds=config.baseline_seeds, store=store)
            truth = [p.label for p in photo_set.photos] if photo_set.labelled else None
            reliability = ReliabilityOptions.of(
                method,
                k,
                None if isinstance(data.reduction, CafeReduction) else data.reduction.n_components,
                config.resamples,
                n_nulls=config.nulls,
                seed=config.seed,
                n_candidates=n_candidates,
            )
            space = None if learnt is None else CafeSpace(learnt, data.matrix)
            evaluation = assess(
                judged, plane, clustering, compared, reliability, truth=truth, cafes=cafes, space=space, store=store
            )
            stage["reused"] = evaluation.details["reused"]
        writer.record(data, clustering, evaluation, plane, explained)
    finished = runs.load(config.folder)
    finish(finished, rows=features, pixels=photo_set.pixels, cache_dir=config.cache_dir)
    tracking.log_run(loggers, finished, config.settings(k))
    return finished


def _photo_data(config: RunConfig, photo_set: PhotoSet) -> PhotoMatrix:
    """The photos' features, as the configuration wants them."""
    from cafemood.features.photo_matrix import PhotoMatrix

    return PhotoMatrix(
        photo_set,
        config.backbone(),
        config.reduction(),
        cache_dir=config.cache_dir,
        embed_batch_size=config.embed_batch_size,
        trainer=config.distributed,
    )


def _memory(config: RunConfig) -> dict[str, int]:
    """The working memory that scikit-learn and the chunks keep to, as scikit-learn takes it."""
    return {} if config.working_memory is None else {"working_memory": config.working_memory}
