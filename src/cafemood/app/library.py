"""`cafemood.run`: a run folder from photos in one call, without Hydra."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cafemood.app import pipeline
from cafemood.errors import CafemoodError

if TYPE_CHECKING:
    from cafemood.backbones.backbone import Backbone
    from cafemood.backbones.precomputed import Precomputed
    from cafemood.data.photos import PhotoSet
    from cafemood.runs.run import Run


def run(
    photos: PhotoSet | str | Path,
    *,
    backbone: str | Backbone | Precomputed = "mobilenet_v2",
    reduce: int | Any | None = "auto",
    method: str | Any = "kmeans",
    k: int | str | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    cache_dir: str | Path = "data/cache",
    **more: Any,
) -> Run:
    """Make a run of some photos, as `cafemood train` does.

    Args:
        photos: The photos, or a folder of them.
        backbone: A network's name (see `cafemood weights list`), or a network.
        reduce: `auto`: the space of cafés where café ids teach one (`AutoReduction`); `cafe`: that space; a number:
            components of a PCA; or a reduction; None: none.
        method: `kmeans`, `dec`, `idec`, `n2d`, `temi`, `gmm`, `consensus`, `hdbscan`, or a clusterer, which stays as
            it is.
        k: Clusters; `auto` chooses without labels; None: the clusterer's own, else 4.
        seed: Of everything random (a clusterer or a reduction that is given keeps its own).
        folder: The run's folder; None: a new one in `outputs/runs`.
        cache_dir: Features and autoencoders that other runs may use.
        **more: Further fields of `RunConfig`, such as `resamples` or `nulls`.

    Raises:
        CafemoodError: A part is unknown or does not fit the photos, or the folder holds a run.
    """
    import pytorch_lightning as pl
    from pytorch_lightning.loggers import CSVLogger

    from cafemood import clustering
    from cafemood.backbones import create_backbone
    from cafemood.clustering.stored import clusterers
    from cafemood.data import PhotoSet, scan_folder
    from cafemood.runs import discard_refused

    if isinstance(method, str):
        methods = clusterers()
        if method not in methods:
            raise CafemoodError(f"Unknown method {method!r}", where="method", fix=f"take {', '.join(methods)}")
        method = methods[method](n_clusters=4, random_state=seed)
    k = method.n_clusters if k is None else k
    if k != "auto" and type(k) is not int:
        raise CafemoodError(f"k={k!r} is not a whole number", where="k", fix="give one, or 'auto'")
    if reduce is None:
        reduce = clustering.NoReduction()
    elif isinstance(reduce, int):
        reduce = clustering.PCAReduction(reduce, random_state=seed)
    elif reduce == "auto":
        reduce = clustering.AutoReduction(random_state=seed)
    elif reduce == "cafe":
        reduce = clustering.CafeReduction(random_state=seed)
    reduction, clusterer = reduce, method
    photo_set = photos
    name = backbone if isinstance(backbone, str) else backbone.name
    if folder is None:
        stamp = f"{datetime.now():%Y-%m-%d_%H-%M-%S_%f}"
        folder = Path("outputs/runs") / f"{stamp}_{name}_{clusterer.name}_k{k}"
    defaults: dict[str, Any] = {
        "trainer": partial(
            pl.Trainer, accelerator="auto", devices=1, deterministic="warn", default_root_dir=str(folder)
        ),
        "loggers": lambda: [CSVLogger(str(folder), name="", version="")],
        "command": f"cafemood.run(…, backbone={name!r}, method={clusterer.name!r}, k={k!r}, seed={seed})",
    }
    wanted = pipeline.RunConfig(
        folder=Path(folder).expanduser(),
        photos=lambda: photo_set if isinstance(photo_set, PhotoSet) else scan_folder(photo_set),
        backbone=lambda: create_backbone(backbone) if isinstance(backbone, str) else backbone,
        reduction=lambda: reduction,
        method=partial(_with_k, clusterer),
        reduction_facts={"name": reduction.name, **_arguments(reduction)},
        method_facts={"name": clusterer.name, **_arguments(clusterer), "n_clusters": k},
        k=k,
        seed=seed,
        cache_dir=Path(cache_dir).expanduser(),
        **(defaults | more),
    )
    try:
        return pipeline.run(wanted)
    except CafemoodError:
        discard_refused(wanted.folder)
        raise


def _with_k(clusterer: Any, k: int) -> Any:
    """A copy of a clusterer with this k: the caller's own is not changed."""
    return type(clusterer)(**clusterer.get_params() | {"n_clusters": k})


def _arguments(part: Any) -> dict[str, Any]:
    """The plain values that a part was made with, by their names."""
    values = part.get_params()
    return {name: value for name, value in values.items() if isinstance(value, bool | int | float | str | None)}
