"""One run from photos to report: `run(RunConfig)`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cafemood.app import quiet
from cafemood.app.output import doing

if TYPE_CHECKING:
    from pytorch_lightning import Trainer
    from pytorch_lightning.loggers import Logger

    from cafemood.backbones.backbone import Backbone
    from cafemood.backbones.open_clip_towers import TextTower
    from cafemood.backbones.precomputed import Precomputed
    from cafemood.clustering.cafe_places import CafePlaces
    from cafemood.data.photos import PhotoSet
    from cafemood.evaluation.choosing_k import ChoiceOfK
    from cafemood.features.photo_matrix import PhotoMatrix
    from cafemood.runs.looked import Glance
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
        unit: What is grouped: `photo`; `cafe` by its photos, which then carry their café's group; `auto`: cafés where
            there are enough.
        keep: `all` photos, or those that show the `place` (see `evaluation.place`).
        k: Clusters; `auto` chooses from `k_range` without labels.
        k_range: What `auto` tries.
        seed: Of everything random.
        batch_size: Rows a training step.
        embed_batch_size: Photos a forward pass; None takes what is fast on this machine.
        baseline_seeds: Seeds of each baseline.
        nulls: Sets of noise (data drawn without groups) of each kind.
        resamples: Refits on other cafés; `auto`: 20 where a refit is a k-means, else 0.
        cache_dir: Features and autoencoders that other runs may use.
        working_memory: MiB; a longer matrix is read from disk in chunks. None: scikit-learn's setting.
        distributed: The trainer of several processes that embed together, if there are several.
        words: Gives the towers of a text-and-image network that sees each photo at the same opening, if one is wanted.
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
    unit: str = "photo"
    keep: str = "all"
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
    words: Callable[[], tuple[Backbone, TextTower]] | None = None
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
        _photo_data(config, config.photos(), config.backbone()).prepare_data()


def _run(config: RunConfig, loggers: list[Logger]) -> Run:
    from cafemood import runs
    from cafemood.app.noticing import glance, notice
    from cafemood.app.scoring import places_of, score
    from cafemood.app.with_words import RunWords
    from cafemood.cafes import word_tables
    from cafemood.clustering.base import check_matrix
    from cafemood.clustering.cafe_places import check_cafes, chosen_unit
    from cafemood.clustering.cafe_reduction import CafeReduction
    from cafemood.clustering.lloyd import sharing
    from cafemood.clustering.settings import check_k
    from cafemood.clustering.stored_reduction import StoredReduction
    from cafemood.data.photos import skipped_lines
    from cafemood.evaluation.judged import JudgedRows
    from cafemood.report import tracking
    from cafemood.report.finish import finish

    facts: dict[str, Any] = {"command": config.command, "k": config.k, "seed": config.seed, "unit": config.unit}
    facts |= {"reduce": config.reduction_facts, "method": config.method_facts}
    config.method(config.k if isinstance(config.k, int) else 2).check_settings()  # before hours of embedding
    with runs.RunWriter(config.folder, facts) as writer:
        loggers += config.loggers()
        with doing("looking for photos"), writer.stage("find photos") as stage:
            photo_set = config.photos()
            stage["items"] = len(photo_set.photos)
            if config.unit == "auto":
                unit, why = chosen_unit(photo_set.cafes, config.k)
                config = replace(config, unit=unit)
                writer.facts |= {"unit": unit, "notes": [why]}
            if config.unit == "cafe":
                check_cafes(photo_set.cafes, config.k)
            if isinstance(config.k, int):
                check_k(len(photo_set.photos), config.k)  # before hours of embedding
        with doing("loading the network"), writer.stage("embed") as stage:
            backbone, both = config.backbone(), None if config.words is None else config.words()
            seen = glance(photo_set, backbone, config.keep, config.cache_dir)
            data = _photo_data(config, photo_set, backbone, seen, None if both is None else both[0])
            try:
                data.prepare_data()
            finally:  # what was embedded is kept, and so is what was seen
                if seen is not None:
                    seen.write()
            words = None if both is None else RunWords.of(data.photo_set, both, config.cache_dir)
            writer.facts |= {} if words is None else {"words": words.facts()}
            stage["items"] = data.n_embedded
        with writer.stage("look at photos", items=len(data.photo_set.photos)):
            noticed = notice(data, config.keep, config.cache_dir, words)
            writer.keep, writer.left_out = config.keep, noticed.left_out
        with writer.stage("reduce", items=len(data.photo_set.photos)):
            data.setup()
        photo_set, features = data.photo_set, data.features.matrix()
        for line in skipped_lines(photo_set.skipped, where=f"{config.folder / 'run.json'} lists all"):
            log.warning("%s", line)
        if data.why_reduced is not None:
            writer.facts["reduce"] = {"name": data.reduction.name, "chosen": data.why_reduced}
        if isinstance(data.reduction, CafeReduction | StoredReduction):
            writer.facts["reduce"] |= data.reduction.facts()
        places = places_of(data, noticed.columns["place"]) if config.unit == "cafe" else None
        matrix = data.matrix if places is None else places.rows
        n_candidates = 1
        if isinstance(config.k, int):
            k = config.k
        else:
            with writer.stage("choose k", items=len(matrix)):
                choice = _chosen_k(config, data, places)
            k, n_candidates = writer.chose_k(choice), len(choice.ks)
        with doing("clustering"), writer.stage("cluster", items=len(matrix)):
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
            check_matrix(matrix, k, unit="photo" if places is None else "café")
            judged = JudgedRows(data.features.matrix() if places is None else places.means(data.features.matrix()))
            with sharing(judged.rows, lambda: judged.squared):
                method.fit(matrix)
        with doing("scoring"), writer.stage("score", items=len(matrix)) as stage:
            scored = score(config, data, method, judged, places, k=k, n_candidates=n_candidates)
            stage["reused"] = scored.evaluation.details["reused"]
        evaluation = noticed.judged(scored.evaluation, photo_set, scored.clustering.labels)
        columns = scored.columns | noticed.columns
        if words is not None:
            words.write(config.folder, data.photo_set)
        writer.record(data, scored.clustering, evaluation, scored.plane, scored.explained, columns)
    finished = runs.load(config.folder)
    with doing("drawing the report"):
        finish(finished, rows=features, pixels=photo_set.pixels, cache_dir=config.cache_dir)
        if words is not None:
            word_tables.write(finished)
    tracking.log_run(loggers, finished, config.settings(k))
    return finished


def _chosen_k(config: RunConfig, data: PhotoMatrix, places: CafePlaces | None) -> ChoiceOfK:
    """The number of groups of the photos, or of the cafés, without labels."""
    from cafemood.clustering.cafe_reduction import CafeReduction
    from cafemood.clustering.stored_reduction import StoredReduction
    from cafemood.evaluation.choosing_k import choose_k
    from cafemood.evaluation.store import JudgingStore

    learnt = isinstance(data.reduction, CafeReduction | StoredReduction)
    if places is None:
        rows, cafes = data.matrix if learnt else data.features.matrix(), data.photo_set.cafes
    else:  # a group of cafés is told by its cafés whatever it is
        rows, cafes = places.rows if learnt else places.means(data.features.matrix()), None
    unit = "photo" if places is None else "café"
    store = JudgingStore(config.cache_dir)
    return choose_k(rows, config.k_range, cafes, seed=config.seed, desc="k", store=store, unit=unit)


def _photo_data(
    config: RunConfig,
    photo_set: PhotoSet,
    backbone: Backbone | Precomputed,
    seen: Glance | None = None,
    beside: Backbone | None = None,
) -> PhotoMatrix:
    """The photos' features, as the configuration wants them.

    `seen` looks at each photo that is opened for them, and the network `beside` sees it, too.
    """
    from cafemood.features.photo_matrix import PhotoMatrix

    return PhotoMatrix(
        photo_set,
        backbone,
        config.reduction(),
        cache_dir=config.cache_dir,
        embed_batch_size=config.embed_batch_size,
        trainer=config.distributed,
        seen=seen,
        beside=beside,
    )


def _memory(config: RunConfig) -> dict[str, int]:
    """The working memory that scikit-learn and the chunks keep to, as scikit-learn takes it."""
    return {} if config.working_memory is None else {"working_memory": config.working_memory}
