"""RunCard: what `run.json` says of a finished run, with its types checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import Any

from cafemood.core.reasons import Flaw
from cafemood.errors import RunError
from cafemood.runs.records import unreadable

SCHEMA_VERSION = 1

_OUTCOME = ("n_iter", "converged", "stop_reason")


@dataclass(frozen=True)
class MethodCard:
    """A clusterer or a reduction.

    Attributes:
        name: Its name, such as `dec` or `pca`.
        settings: The arguments it was made with.
        outcome: How its fit ended: `n_iter`, `converged`, `stop_reason`. Empty for a reduction.
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    outcome: dict[str, Any] = field(default_factory=dict)

    @property
    def n_components(self) -> int | None:
        """Columns that a reduction keeps; None: all, or no reduction."""
        return self.settings.get("n_components")

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> MethodCard:
        """Read it from one object that holds the name, the settings and the outcome."""
        outcome = {name: record[name] for name in _OUTCOME if name in record}
        settings = {name: value for name, value in record.items() if name not in (*_OUTCOME, "name")}
        return cls(record["name"], settings, outcome)

    def to_json(self) -> dict[str, Any]:
        """The one object that `run.json` holds."""
        return {"name": self.name, **self.settings, **self.outcome}


@dataclass(frozen=True)
class BackboneCard:
    """The network, or the matrix, that the features come from.

    Attributes:
        name: Its name.
        output: Which of its outputs.
        fingerprint: SHA-256 of everything that the features depend on.
        dim: Columns of the features.
        precision: `float32`, `bfloat16`, …
        options: What it was made with.
        licence, citation: Of its weights.
    """

    name: str
    output: str
    fingerprint: str
    dim: int = 0
    precision: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    licence: str = ""
    citation: str = ""


@dataclass(frozen=True)
class SpaceCard:
    """The spaces of a run, in words.

    Attributes:
        clustering: The space that was clustered, such as `pca50` or `dec embedding (10-d)`.
        features: The feature space, such as `resnet50/features (2048-d)`.
        display: The name (`name`) of the plane that pages draw, and the share of variance it keeps (`explained`).
    """

    clustering: str
    features: str = ""
    display: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DataCard:
    """The photos of a run.

    Attributes:
        root: The folder that file names are relative to.
        n_photos: Photos that were clustered.
        cafe_source: Where café ids come from: `filename`, `folder`, `manifest` or `none`.
        name: Of the photo set.
        digest: SHA-256 of what the set holds.
        n_cafes: Cafés; photos, where no ids are known.
        has_files: Whether there are photos, and not only rows of a matrix.
        labelled: Whether there is a ground truth.
        skipped: Photos left out: `file` and `reason` of each.
        keep: `all`, or `place`: photos that seem to show no place were left out.
        left_out: Those: `photo_id`, `file`, `cafe_id`, `place` and `reason` of each.
    """

    root: str
    n_photos: int
    cafe_source: str
    name: str = ""
    digest: str = ""
    n_cafes: int = 0
    has_files: bool = True
    labelled: bool = False
    skipped: list[dict[str, str]] = field(default_factory=list)
    keep: str = "all"
    left_out: list[dict[str, Any]] = field(default_factory=list)

    @property
    def cafes_known(self) -> bool:
        """Whether café ids are known; if not, each photo counts as its own café."""
        return self.cafe_source != "none"


@dataclass(frozen=True)
class RunCard:
    """What `run.json` says of a finished run.

    Attributes:
        k: Clusters.
        seed: Of everything random.
        backbone: Where the features come from.
        reduce: The reduction before the clustering.
        method: The clusterer.
        space: The spaces, in words.
        data: The photos.
        stages: Name, seconds and items of each stage.
        command: What makes the run again.
        created: When it began, ISO 8601.
        unit: What was grouped: `photo`, or `cafe`, whose photos carry its group.
        notes: Sentences for the reader of the report.
        versions: Of the packages that a result may depend on.
        edited: If a person has edited the moods: the run that they were `from`, what was `done` (a sentence each),
            the photos that were `excluded`, and, of one edited before, the same of that (`before`). Else empty.
        words: `name`, `fingerprint`, `languages`, `licence` and `citation` of the text-and-image network that saw the
            photos too (`words=`); else empty.
    """

    k: int
    seed: int
    backbone: BackboneCard
    reduce: MethodCard
    method: MethodCard
    space: SpaceCard
    data: DataCard
    stages: list[dict[str, Any]]
    command: str = ""
    created: str = ""
    unit: str = "photo"
    notes: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    edited: dict[str, Any] = field(default_factory=dict)
    words: dict[str, Any] = field(default_factory=dict)

    @property
    def edited_words(self) -> str:
        """`Edited by hand from RUN: what was done.`; empty if nobody did."""
        if not self.edited:
            return ""
        return f"Edited by hand from {self.edited.get('from', '?')}: {' '.join(self.edited.get('done', []))}"

    @classmethod
    def from_json(cls, record: Mapping[str, Any], file: Path) -> RunCard:
        """Check a record and read it; keys that are not known here are ignored.

        Args:
            record: What the file holds.
            file: For the error.

        Raises:
            RunError: A key is missing, or holds another type.
        """
        parts: dict[str, Any] = {}
        for name, card in (("backbone", BackboneCard), ("space", SpaceCard), ("data", DataCard)):
            parts[name] = card(**_checked(_object(record, name, file), card.__dataclass_fields__, file, f"{name}."))
        for name in ("reduce", "method"):
            part = _object(record, name, file)
            _checked(part, {"name": MethodCard.__dataclass_fields__["name"]}, file, f"{name}.")
            parts[name] = MethodCard.from_json(part)
        plain = {name: field for name, field in cls.__dataclass_fields__.items() if name not in parts}
        return cls(**_checked(record, plain, file), **parts)


_TYPES: dict[str, type | UnionType] = {
    "int": int,
    "str": str,
    "bool": bool,
    "dict[str, Any]": dict,
    "dict[str, str]": dict,
    "list[str]": list,
    "list[dict[str, Any]]": list,
    "list[dict[str, str]]": list,
}


def _object(record: Mapping[str, Any], name: str, file: Path) -> dict[str, Any]:
    """The object under a key."""
    value = record.get(name)
    if not isinstance(value, dict):
        raise _unfit(file, f"{name!r} is {'missing' if name not in record else 'no object'}")
    return value


def _checked(record: Mapping[str, Any], fields: Mapping[str, Any], file: Path, prefix: str = "") -> dict[str, Any]:
    """The values of a record for the fields of a card; None counts as absent where there is a default."""
    from dataclasses import MISSING

    values = {}
    for name, about in fields.items():
        required = about.default is MISSING and about.default_factory is MISSING
        value = record.get(name)
        if value is None and not required:
            continue
        wanted = _TYPES[about.type]
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            given = "missing" if name not in record else f"{type(value).__name__}, not {about.type}"
            raise _unfit(file, f"'{prefix}{name}' is {given}")
        if isinstance(value, list) and about.type != "list[str]" and not all(isinstance(item, dict) for item in value):
            raise _unfit(file, f"'{prefix}{name}' is not a list of objects")
        values[name] = value
    return values


def _unfit(file: Path, why: str) -> RunError:
    return unreadable(file, Flaw(why))
