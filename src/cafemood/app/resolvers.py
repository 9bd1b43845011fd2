"""What `${…}` in a config may call beside OmegaConf's own: text that its grammar has no signs for, folder names."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from urllib.parse import quote_from_bytes, unquote_to_bytes

from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

LONGEST_NAME = 140
"""Bytes of a folder's name: file systems take 255, those that encrypt names 143."""

_HASH = 12
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\ud800-\udfff]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)


def escaped(text: str) -> str:
    """A text as an interpolation that gives exactly it back, in ASCII: also bytes that are no UTF-8, and `${`."""
    coded = quote_from_bytes(os.fsencode(text), safe="/").replace("~", "%7E")
    return f"${{escaped:{coded}}}"


def _unescaped(text: object) -> str:
    return os.fsdecode(unquote_to_bytes(str(text)))


def folder_name(text: str) -> str:
    """A name that every file system takes: at most `LONGEST_NAME` bytes, no `/`, nothing that Windows reserves.

    Where that changes the text, part of its hash stands at the end, so that two texts have two names.
    """
    name = _NOT_IN_NAMES.sub("-", text)
    name = (f"_{name}" if _RESERVED.fullmatch(name) else name).rstrip(" .") or "_"
    if name == text and len(name.encode()) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH]
    head = name.encode()[: LONGEST_NAME - _HASH - 1].decode(errors="ignore")
    return f"{head}~{digest}"


def job_folder(number: object, words: Iterable[str], left_out: Iterable[str]) -> str:
    """The folder of a sweep's job: its number and its overrides.

    Args:
        number: The job's number in its sweep.
        words: Its overrides, as Hydra keeps them.
        left_out: Keys that are the same in every job, or say nothing.
    """
    left_out = frozenset(left_out)
    kept = sorted(word for word in words if word.lstrip("+~").partition("=")[0].partition("@")[0] not in left_out)
    return folder_name(f"{number}_{','.join(kept)}")


def _job_folder() -> str:
    # not ${hydra:job.override_dirname}: that would have the interpolations inside the overrides resolved, from Hydra's
    # own part of the config, where the settings that they name are not
    settings = HydraConfig.get()
    words = OmegaConf.to_container(settings.overrides.task)
    assert isinstance(words, list)
    return job_folder(settings.job.num, map(str, words), settings.job.config.override_dirname.exclude_keys)


OmegaConf.register_new_resolver("escaped", _unescaped, replace=True)
OmegaConf.register_new_resolver("folder_name", lambda text: folder_name(str(text)), replace=True)
OmegaConf.register_new_resolver("job_folder", _job_folder, replace=True)
