"""The schema of the configuration; with `train.py` the only code that knows Hydra."""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
import re
import shlex
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, ListConfig, OmegaConf

from cafemood import remote
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


ConfigStore.instance().store(name="schema", node=Config)

TARGETS = (
    "cafemood.photos.demo_photos",
    "cafemood.photos.scan_folder",
    "cafemood.manifests.read_listing",
    "cafemood.manifests.read_manifest",
    "cafemood.labelled.labelled_rows",
    "cafemood.labelled.rows_as_features",
    "cafemood.backbones.create",
    "cafemood.reduction.NoReduction",
    "cafemood.reduction.PCAReduction",
    "cafemood.methods.KMeans",
    "cafemood.methods.DEC",
    "cafemood.methods.IDEC",
    "cafemood.heads.N2D",
    "cafemood.heads.TEMI",
    "cafemood.config.CompareSweep",
    "cafemood.ray_trainer.RayTrainer",
    "cafemood.tracking.wandb_logger",
    "hydra_plugins.cafemood_ray.RayLauncher",
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


def check(cfg: DictConfig) -> None:
    """Refuse settings that no later stage would explain as well.

    Raises:
        CafemoodError: `k` is not a whole number, or a size is not positive.
    """
    if cfg.k != "auto" and type(cfg.k) is not int:
        fix = "give one, such as k=4, or k=auto to try all of k_range"
        raise CafemoodError(f"k={cfg.k} is not a whole number", where="k", fix=fix)
    k_range(cfg)
    if cfg.resume and HydraConfig.get().mode != RunMode.MULTIRUN:
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
    found = re.fullmatch(r"(\d+)\.\.(\d+)", str(cfg.k_range))
    values = list(range(int(found[1]), int(found[2]) + 1)) if found else cfg.k_range
    if isinstance(values, str | int) or not values or any(type(k) is not int or k < 2 for k in values):
        fix = "give k_range=2..10 or k_range=[3,5,8], from 2 up"
        raise CafemoodError(f"k_range={cfg.k_range} is no range", where="k_range", fix=fix)
    return sorted(set(values))


def tried(cfg: DictConfig, facts: dict[str, Any]) -> dict[str, Any]:
    """How hard a clustering is tried, as `Checks.of` takes it; the run's facts know which k were tried."""
    n_tried = len(facts["choice_of_k"]["ks"]) if "choice_of_k" in facts else 1
    known = {"resamples": cfg.resamples, "n_nulls": cfg.nulls, "seed": cfg.seed, "batch_size": cfg.batch_size}
    return known | {"n_tried": n_tried}


def resumed(words: list[str], sweeps: Path = Path("outputs/sweeps")) -> list[str]:
    """With resume=true: point Hydra at the newest sweep that the same command began.

    Args:
        words: The command line after the program's name.
        sweeps: Where sweeps lie.
    """
    if "resume=true" not in words or any(word.startswith("hydra.sweep.dir=") for word in words):
        return words
    own = sorted(word for word in words if not word.lstrip("+~").startswith(("-", "resume=", "hydra.", "hydra/")))
    for known in sorted(sweeps.glob("*/multirun.yaml"), reverse=True):
        overrides = OmegaConf.load(known).hydra.overrides.task
        if sorted(word for word in overrides if not word.startswith("resume=")) == own:
            return [*words, f"hydra.sweep.dir={known.parent}"]
    if {"-m", "--multirun"} & set(words) or any(word.startswith("experiment=") for word in words):
        print(f"resume=true: {sweeps} holds no sweep of this command, so it starts from the beginning", file=sys.stderr)
    return words


def swept(words: list[str], experiments: Path) -> list[str]:
    """Say that an experiment is a sweep, where its config has values to sweep over: Hydra 1.4 takes that from the
    command line alone.

    Args:
        words: The command line after the program's name.
        experiments: The folder of the experiments' configs.
    """
    if any(word.startswith(("-", "hydra.mode=")) for word in words):  # it is said already, or nothing is run
        return words
    named = (word.partition("=")[2] for word in words if word.startswith("experiment="))
    configs = [OmegaConf.load(path) for name in named if (path := experiments / f"{name}.yaml").is_file()]
    sweeps = any(OmegaConf.select(config, "hydra.sweeper.params") for config in configs)
    return ["--multirun", *words] if sweeps else words


def command() -> str:
    """The command as it was typed, without the path of the interpreter; of a job that a launcher started on its own
    (SLURM, Ray), whose words are the launcher's, the command that runs this job alone."""
    typed = sys.argv
    if Path(typed[0]).name != "train.py":
        typed = ["train.py", *HydraConfig.get().overrides.task, "hydra.mode=RUN"]
    return shlex.join(["python", Path(typed[0]).name, *typed[1:]])


def finished_score(folder: Path) -> float | None:
    """The score of a job that a sweep, taken up again, has finished before; None if it has to be run.

    Raises:
        CafemoodError: Another process is at it.
    """
    from cafemood import cafes, report, runs

    if runs.why_unfinished(folder) is None:
        run = runs.load(folder)
        if not (folder / "report.html").is_file():  # stopped while its pages were made
            report.write_report(run)
            if run.knows_cafes:
                cafes.build(run)
        score = run.scores["scores"].get("silhouette@features")
        logging.getLogger("cafemood").info("Finished before: %s", folder.name)
        return float("nan") if score is None else float(score)
    runs.clear_unfinished(folder)
    return None


class CompareSweep(Callback):
    """At the end of a multirun: one table and one page over all its jobs, and a summary in W&B if it is used."""

    incomplete: ClassVar[bool] = False
    """Whether a job's result is missing (a launcher may have run it in another process), or the comparison is."""

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Compare what the sweep left; a comparison that cannot be made is told."""
        from cafemood import compare, summary, tracking

        CompareSweep.incomplete = True  # until all is done: of an error in a callback Hydra only warns
        folder = Path(config.hydra.sweep.dir)
        try:
            found = compare.find([folder])
            page = compare.write(found, folder)
        except CafemoodError as error:
            logging.getLogger("cafemood").error("%s", error)
            return
        summary.print_comparison(found)
        print(f"Comparison: {page}")
        if "wandb" in (config.logger or {}):
            settings = config.logger.wandb
            tracking.log_comparison(found, page, settings.project, offline=settings.offline, tags=settings.tags)
        CompareSweep.incomplete = bool(found.unfinished)


_PATHS = ("data.root", "data.path", "data.manifest", "backbone.path", "backbone.ids", "backbone.weights", "cache_dir")
_PLAIN = re.compile(r"[A-Za-z0-9_/.:~+@%-]*")


def quoted(words: list[str]) -> list[str]:
    """Quote paths that Hydra's grammar has no letters for: 사진, spaces, brackets, commas.

    Args:
        words: The command line after the program's name.

    Raises:
        SystemExit: An address has a secret, which the run's folder would keep.
    """
    for key, _, value in (word.partition("=") for word in words):
        if remote.is_address(value) and remote.shown(value) != value:
            fix = "put keys and passwords into the environment (AWS_…, GOOGLE_…, FSSPEC_…, ~/.netrc)"
            why = "the run's folder keeps the command"
            sys.exit(str(CafemoodError("An address on the command line has a secret", where=key, why=why, fix=fix)))
    return [_quote(word) for word in words]


def _quote(word: str) -> str:
    key, equals, value = word.partition("=")
    if not equals or key not in _PATHS or _PLAIN.fullmatch(value) or value[:1] in "'\"":
        return word
    return f"{key}='" + value.replace("'", "\\'") + "'"


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
    try:
        return instantiate(node, _convert_="all", **_INSTANTIATE, **more)
    except InstantiationException as error:
        if isinstance(error.__cause__, CafemoodError):
            raise error.__cause__ from None
        raise


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


def limit_memory(mib: int) -> None:
    """Set the working memory that scikit-learn and `pieces` keep to."""
    from sklearn import set_config

    set_config(working_memory=mib)


def quiet() -> None:
    """Keep other packages' chatter out of the terminal; warnings stay."""
    import joblib

    for name in (
        "pytorch_lightning.utilities.rank_zero",
        "pytorch_lightning.accelerators.cuda",
        "lightning_fabric",
    ):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Where the machine does not tell its cores, joblib prints a traceback, but only the first time that it is asked.
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        joblib.cpu_count(only_physical_cores=True)


def plain(node: DictConfig) -> dict[str, Any]:
    """A node's settings as a plain dict, without Hydra's own keys."""
    settings = OmegaConf.to_container(node, resolve=True, enum_to_str=True)
    assert isinstance(settings, dict)
    return {str(key): value for key, value in settings.items() if not str(key).startswith("_")}
