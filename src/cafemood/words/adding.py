"""Text features written into a run's folder: by `cafemood words`, and by a run that was told `words=`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cafemood.core import chunks
from cafemood.core.atomic import write_tensors
from cafemood.data.photos import Photo, PhotoSet, Skipped
from cafemood.errors import RunError, WeightsError
from cafemood.runs.run import Run
from cafemood.words.ambiance import directions
from cafemood.words.text_features import FILE, TextFeatures, load, packed
from cafemood.words.texts import embed_texts
from cafemood.words.vocabulary import PHRASINGS, scales, unrelated, vocabulary

if TYPE_CHECKING:
    from cafemood.backbones.backbone import Backbone
    from cafemood.backbones.open_clip_towers import TextTower


def add(run: Run, options: dict[str, Any], cache_dir: str | Path) -> tuple[TextFeatures, int, list[Skipped]]:
    """Write a run's text features; nothing is clustered, and what the cache holds is not embedded again.

    Args:
        run: A finished run.
        options: Of the backbone: `name`, and what `image_tower` takes.
        cache_dir: The feature cache.

    Returns:
        The text features, how many photos were embedded now, and those that cannot be read.

    Raises:
        RunError: The run has no photos, only rows.
        WeightsError: The backbone knows no words, or its files cannot be had.
        FeaturesError: No photo can be read.
    """
    from cafemood.features.embedding import embed

    if not run.card.data.has_files:
        why, fix = "its rows were brought as a matrix", "take a run of photos"
        raise RunError("This run has no photos to look at", where=run.folder, why=why, fix=fix)
    backbone, tower = both_towers(options)  # before hours of embedding
    kept, features, n_embedded = embed(_photo_set(run), backbone, cache_dir)
    write(run.folder, [photo.photo_id for photo in kept.photos], features.matrix(), backbone, tower, cache_dir)
    return load(run), n_embedded, list(kept.skipped)


def both_towers(options: dict[str, Any]) -> tuple[Backbone, TextTower]:
    """The image tower as a backbone, and the text tower.

    Raises:
        WeightsError: The backbone knows no words, or its files cannot be had.
    """
    from cafemood.backbones.backbone import Backbone
    from cafemood.backbones.creating import create_backbone
    from cafemood.backbones.open_clip_towers import text_tower

    tower, backbone = text_tower(**options), create_backbone(**options)
    assert isinstance(backbone, Backbone)
    return backbone, tower


def write(
    folder: Path, ids: list[str], rows: np.ndarray, backbone: Backbone, tower: TextTower, cache_dir: str | Path
) -> None:
    """Write text features into a folder.

    Args:
        folder: The run's.
        ids: Ids of the photos (n).
        rows: What the image tower gives of them (n, d).
        backbone: The image tower.
        tower: The text tower beside it.
        cache_dir: Keeps vectors of texts.
    """
    terms, ambiance, english = vocabulary(), scales(), PHRASINGS["en"]
    tensors = {"photos": unit(rows), "ids": packed(ids)}
    tensors["words"] = embed_texts(tower, [term.english for term in terms], english, cache_dir)
    ends = []
    for side in ("low", "high"):
        phrases = [(i, phrase) for i, scale in enumerate(ambiance) for phrase in getattr(scale, side)]
        found = embed_texts(tower, [phrase for _, phrase in phrases], english, cache_dir)
        ends.append(chunks.group_means(found, np.array([i for i, _ in phrases])))
    tensors["along"] = directions(*ends)
    for language, texts in unrelated().items():
        if language in tower.languages:
            tensors[f"unrelated_{language}"] = embed_texts(tower, texts, PHRASINGS[language], cache_dir)
    about = {
        "options": json.dumps(backbone.options | {"precision": backbone.precision}),
        "fingerprint": tower.fingerprint,
        "languages": json.dumps(tower.languages),
        "licence": backbone.licence,
        "citation": backbone.citation,
        "terms": json.dumps([[term.kind, term.english, term.korean] for term in terms]),
        "scales": json.dumps([[scale.name, scale.low, scale.high] for scale in ambiance]),
    }
    write_tensors(folder / FILE, tensors, about)


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1 (n, d), float16."""
    photos = np.empty(rows.shape, np.float16)
    for where, piece in chunks.read(rows):
        photos[where] = piece / np.maximum(np.linalg.norm(piece, axis=1, keepdims=True), 1e-12)
    return photos


def options_of(
    name: str,
    weights: str | Path | None = None,
    model: str | None = None,
    tokenizer: str | Path | None = None,
    *,
    where: str = "--backbone",
) -> dict[str, Any]:
    """What makes a backbone that knows words.

    Args:
        name: Its name.
        weights, model, tokenizer: Your own files, see `image_tower`.
        where: What the name was given as.

    Raises:
        WeightsError: There is none of this name.
    """
    from cafemood.backbones.text_cards import TEXT_CARDS

    if name not in TEXT_CARDS:
        fix = f"use one of {', '.join(TEXT_CARDS)}"
        raise WeightsError(f"The backbone {name!r} knows no words", where=where, fix=fix)
    files = {"weights": weights, "tokenizer": tokenizer}
    if model is not None and str(model).endswith(".json"):
        files["model"] = model
    # absolute: the run is searched from other folders, too
    given = {option: str(Path(file).expanduser().absolute()) for option, file in files.items() if file is not None}
    return {"name": name} | ({} if model is None else {"model": str(model)}) | given


def _photo_set(run: Run) -> PhotoSet:
    columns = run.photos[["photo_id", "file", "cafe_id"]].to_dict("records")
    photos = tuple(Photo(str(row["photo_id"]), str(row["file"]), str(row["cafe_id"])) for row in columns)
    return PhotoSet(run.card.data.name, run.photos_root, photos)
