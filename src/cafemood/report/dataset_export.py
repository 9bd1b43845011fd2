"""Export of the moods as a data set: Parquet with pictures, a Hugging Face card, and Croissant metadata."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cafemood.cafes.profiles import Cafes
from cafemood.core.atomic import write_json, writing
from cafemood.core.html import as_text
from cafemood.core.parquet import write_parquet
from cafemood.report.telling import Told, told
from cafemood.runs import thumbnails

if TYPE_CHECKING:
    import pandas as pd

    from cafemood.runs.run import Run

TABLE, CARD, CROISSANT = "photos.parquet", "README.md", "croissant.json"
COLUMNS = {
    "photo_id": ("string", "sc:Text", "SHA-256 of the photo's file"),
    "file": ("string", "sc:Text", "the photo's path below its folder"),
    "cafe_id": ("string", "sc:Text", "the café; of photos of unknown cafés the photo itself"),
    "cafe_name": ("string", "sc:Text", "the café's name, if known"),
    "mood": ("int64", "sc:Integer", "number of the mood, from 1"),
    "mood_name": ("string", "sc:Text", "its name, or the words that set it apart"),
    "second_mood": ("int64", "sc:Integer", "the next nearest mood"),
    "probability": ("float64", "sc:Float", "membership in the mood, not a calibrated chance"),
    "x": ("float64", "sc:Float", "place on the map of the report, to the right"),
    "y": ("float64", "sc:Float", "and upwards"),
    "licence": ("string", "sc:Text", "the photo's licence, if known"),
    "attribution": ("string", "sc:Text", "who made it, if known"),
    "image": ("image", "sc:ImageObject", "the run's thumbnail: `bytes` (WebP) and `path`"),
}
"""Columns of the table: their type in a Hugging Face card, in Croissant, and what they hold."""

_TERMS = (
    "citeAs", "column", "data", "dataType", "extract", "field", "fileObject", "jsonPath", "key", "recordSet",
    "source", "transform",
)  # fmt: skip


def write_dataset(cafes: Cafes, folder: Path) -> tuple[int, list[str]]:
    """Write `photos.parquet`, `README.md` and `croissant.json`; returns the number of photos, and notes.

    The table is what Embedding Atlas opens (its `x` and `y`, pictures as bytes) and Hugging Face's `datasets` loads.
    The card's header is that of https://huggingface.co/docs/hub/datasets-cards; the metadata is Croissant 1.0,
    https://docs.mlcommons.org/croissant/docs/croissant-spec.html.

    Args:
        cafes: The cafés of the run.
        folder: An empty folder.
    """
    run, said = cafes.run, told(cafes.run)
    photos = run.photos
    kept = thumbnails.kept(run)
    names = [mood.english for mood in said.moods]
    pictures: list[Any] = [
        None if data is None else {"bytes": data, "path": f"{photo[:16]}.webp"}
        for data, photo in zip(kept, photos["photo_id"], strict=True)
    ]
    table = photos.assign(
        mood=photos["cluster"] + 1,
        mood_name=[names[j] for j in photos["cluster"]],
        second_mood=photos["second_cluster"] + 1,
        image=pictures,
    )
    table = table[[column for column in COLUMNS if column in table]]
    write_parquet(folder / TABLE, table)
    with writing(folder / CARD) as partial:
        partial.write_text(_card(run, said, table), encoding="utf-8")
    write_json(folder / CROISSANT, _croissant(run, said, table, folder / TABLE))
    gone = sum(data is None for data in kept)
    notes = [f"{gone} photos have no picture: the run keeps no thumbnail of them."] if gone else []
    licences = Counter(map(as_text, table["licence"]))
    if licences[""]:
        notes.append(f"{licences['']} photos have no known licence: look before you publish them.")
    return len(table), notes


def _name(run: Run) -> str:
    return f"{run.card.data.name} in {run.card.k} moods"


def _licences(table: pd.DataFrame) -> str:
    """The licences of the photos with their numbers."""
    found = Counter(as_text(licence) or "unknown" for licence in table["licence"])
    return ", ".join(f"{licence} ({n:,})" for licence, n in found.most_common())


def _who(run: Run) -> str:
    """Whose groups the moods are: the method's, or what a person made of them."""
    if run.card.edited:
        return f"`mood` is what a person made of what the method found. {_cell(run.card.edited_words)}"
    return "Nobody has\nlabelled them: `mood` is what the method found."


def _card(run: Run, said: Told, table: pd.DataFrame) -> str:
    card = run.card
    features = "\n".join(f"  - name: {name}\n    dtype: {COLUMNS[name][0]}" for name in map(str, table))
    sizes = np.bincount(table["mood"], minlength=card.k + 1)[1:]
    moods = "\n".join(
        f"| {mood.number} | {_cell(mood.english)} | {_cell(mood.korean)} | {sizes[mood.cluster]:,} "
        f"| {_cell(said.standing(mood.cluster))} |"
        for mood in said.moods
    )
    columns = "\n".join(f"| `{name}` | {COLUMNS[name][2]} |" for name in map(str, table))
    answer = " ".join(said.headline.english)
    size = next(text for most, text in _SIZES if len(table) < most)
    return f"""---
pretty_name: {json.dumps(_name(run), ensure_ascii=False)}
license: other
license_name: see-the-column-licence
task_categories:
- image-classification
- image-feature-extraction
tags:
- cafemood
- image-clustering
size_categories:
- {size}
configs:
- config_name: default
  data_files: {TABLE}
dataset_info:
  features:
{features}
---

# {_cell(_name(run))}

{len(table):,} photos, grouped by cafemood {_cell(str(card.versions.get("cafemood", "")))}: {card.backbone.name}
{card.backbone.output}, {card.space.clustering}, {card.method.name} with k = {card.k}, seed {card.seed}. {_who(run)}

**May the moods be used?** {_cell(answer)}

| mood | name | 한국어 | photos | stands |
|---|---|---|---|---|
{moods}

| column | what it holds |
|---|---|
{columns}

Licences of the photos: {_cell(_licences(table))}. Each belongs to whom `attribution` names.

- [Embedding Atlas](https://apple.github.io/embedding-atlas/): `embedding-atlas {TABLE} --x x --y y`
- [Hugging Face](https://huggingface.co/docs/datasets): `load_dataset("parquet", data_files="{TABLE}")`
"""


_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (2**63, "n>1M"))
"""Sizes as Hugging Face's cards have them."""


def _cell(text: str) -> str:
    """Text for a cell of a Markdown table, without markup of its own."""
    flat = " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|")
    return flat.replace("<", "&lt;").replace("[", "\\[").replace("`", "\\`") or "–"


def _croissant(run: Run, said: Told, table: pd.DataFrame, path: Path) -> dict[str, Any]:
    context: dict[str, Any] = {"@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/"}
    context |= {"cr": "http://mlcommons.org/croissant/", "dct": "http://purl.org/dc/terms/"}
    context |= {"conformsTo": "dct:conformsTo"} | {term: f"cr:{term}" for term in _TERMS}
    context |= {"data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"}}
    fields = []
    for name in map(str, table):
        source: dict[str, Any] = {"fileObject": {"@id": TABLE}, "extract": {"column": name}}
        if name == "image":
            source["transform"] = {"jsonPath": "bytes"}
        about = {"@type": "cr:Field", "@id": f"photos/{name}", "name": name, "description": COLUMNS[name][2]}
        fields.append(about | {"dataType": COLUMNS[name][1], "source": source})
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "@context": context,
        "@type": "sc:Dataset",
        "name": _name(run),
        "description": " ".join(
            filter(None, [f"{len(table):,} photos grouped by mood.", run.card.edited_words, *said.headline.english])
        ),
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "license": _licences(table),
        "datePublished": run.card.created[:10],
        "version": "1.0.0",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": TABLE,
                "name": TABLE,
                "contentUrl": TABLE,
                "contentSize": f"{path.stat().st_size} B",
                "encodingFormat": "application/x-parquet",
                "sha256": digest,
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "photos",
                "name": "photos",
                "key": {"@id": "photos/photo_id"},
                "field": fields,
            }
        ],
    }
