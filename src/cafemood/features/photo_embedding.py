"""`embed`: photos to a feature matrix, in one call."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cafemood.backbones.backbone import Backbone
from cafemood.backbones.creating import create_backbone
from cafemood.backbones.precomputed import Precomputed
from cafemood.data.folders import scan_folder
from cafemood.data.photos import Photo, PhotoSet
from cafemood.features import embedding


@dataclass(frozen=True)
class Embedding:
    """Photos and their features, row by row.

    Attributes:
        X: Features (n, d), float32 in memory, or a memory map where they are long.
        photo_set: The photos that have features; what could not be read is in its `skipped`.
        backbone: The network that made them.
    """

    X: np.ndarray
    photo_set: PhotoSet
    backbone: Backbone | Precomputed

    @property
    def photos(self) -> tuple[Photo, ...]:
        """The photo of each row."""
        return self.photo_set.photos

    @property
    def cafes(self) -> list[str] | None:
        """The café of each row; None if no café is known."""
        return self.photo_set.cafes

    @property
    def labels(self) -> list[str | None] | None:
        """The ground truth of each row; None if there is none."""
        return [photo.label for photo in self.photos] if self.photo_set.labelled else None

    def _repr_html_(self) -> str:
        n, d = self.X.shape
        cafes = "no café ids" if self.cafes is None else f"{len(set(self.cafes))} cafés"
        skipped = len(self.photo_set.skipped)
        return f"<p>{n:,} photos × {d} features ({self.backbone.name}), {cafes}, {skipped} skipped</p>"


def embed(
    photos: PhotoSet | str | Path,
    backbone: str | Backbone | Precomputed = "mobilenet_v2",
    *,
    cache_dir: str | Path = "data/cache",
    batch_size: int | None = None,
) -> Embedding:
    """Embed photos with a frozen network; what the cache holds is not computed again.

    Args:
        photos: The photos, or a folder of them.
        backbone: A network's name (see `list_backbones`), or a network of `create_backbone`.
        cache_dir: Features of other calls and runs, kept by the photos' content.
        batch_size: Photos a forward pass; None takes what is fast on this machine.

    Raises:
        CafemoodError: The folder, the network or its weights cannot be used.
        FeaturesError: No photo is left, or the network gives NaN or infinity.
    """
    photo_set = photos if isinstance(photos, PhotoSet) else scan_folder(photos)
    network = create_backbone(backbone) if isinstance(backbone, str) else backbone
    kept, features, _ = embedding.embed(photo_set, network, cache_dir, batch_size=batch_size)
    return Embedding(features.matrix(), kept, network)
