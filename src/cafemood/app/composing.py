"""The configuration composed before anything else is done, and what is wrong with the words in plain terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from cafemood.app import command_line, config
from cafemood.core.names import shown
from cafemood.core.reasons import quoted
from cafemood.errors import CafemoodError

_MULTIRUN = ("-m", "--multirun")
_RUNS = (*_MULTIRUN, "-r", "--run")
_SHOWS = ("--cfg", "-c", "--resolve", "--package", "-p", "--info", "-i")
"""Hydra's options that show a configuration and run nothing."""

_TOLD = 12
"""Names that an error lists."""


@dataclass(frozen=True)
class Composed:
    """What a command line asks for.

    Attributes:
        jobs: The configuration of the run; of a sweep those of the first job and of each other value once.
        bare: The same as the first, without the values that were given: the defaults of the parts chosen.
        multirun: Whether it is a sweep.
        runs: Whether anything is run, and not only shown.
    """

    jobs: list[DictConfig]
    bare: DictConfig
    multirun: bool
    runs: bool


def composed(words: Sequence[str]) -> Composed | None:
    """The configuration that quoted words ask for; None where only Hydra can tell (its own help, other folders).

    Raises:
        CafemoodError: A word is no setting, or an option or a value does not exist.
    """
    options, overrides = command_line.split(words)
    valued = {word for before, word in pairwise(options) if before in _SHOWS}
    if any(word not in _RUNS and word not in _SHOWS and word not in valued for word in options):
        return None
    parsed = [_parsed(word) for word in overrides]
    if any(p.key_or_group.startswith("hydra.searchpath") for p in parsed):
        return None
    mode = next((str(p.value()).upper() for p in parsed if p.key_or_group == "hydra.mode"), "")
    multirun = mode.endswith("MULTIRUN") or (any(word in _MULTIRUN for word in options) and not mode.endswith("RUN"))
    values = [_values(p, multirun) for p in parsed]
    if None in values:
        return None
    choices = [v for v in values if v is not None]
    for override, texts in zip(parsed, choices, strict=True):
        for text in texts:
            _check_option(override, text)
    first = [texts[0] for texts in choices]
    lists = [first] + [[*first[:i], text, *first[i + 1 :]] for i, texts in enumerate(choices) for text in texts[1:]]
    with initialize_config_dir(str(config.folder()), **config.VERSION_BASE):
        jobs = [_compose(words) for words in lists]
        choosing = [word for word in first if _is_choice(word)]
        bare = jobs[0] if len(choosing) == len(first) else _compose(choosing)
    return Composed(jobs, bare, multirun, not any(word in _SHOWS for word in options))


def groups() -> dict[str, list[str]]:
    """The groups of `conf/` and the options of each."""
    found: dict[str, list[str]] = {}
    for path in sorted(config.folder().rglob("*.yaml")):
        group = path.parent.relative_to(config.folder()).as_posix()
        if group not in (".", "hydra/launcher", "hydra/sweeper"):  # these come from packages too
            found.setdefault(group, []).append(path.stem)
    return found


def did_you_mean(name: str, among: Iterable[str], about: Mapping[str, str] | None = None) -> str:
    """The start of a fix: `did you mean a or b? `; empty where nothing is near.

    Args:
        name: What was written.
        among: What could be meant.
        about: What to say behind some of these.
    """
    near = get_close_matches(name, dict.fromkeys(among), n=2, cutoff=0.6)
    words = [one + (about or {}).get(one, "") for one in near]
    return f"did you mean {' or '.join(words)}? " if near else ""


def _parsed(word: str) -> Override:
    read = command_line.parsed(word)
    if read is None:
        what = f"{shown(word)!r} is no setting"
        near = did_you_mean(word, [*groups(), *(f"--{name}" for name in ("help", "multirun", "cfg"))])
        raise CafemoodError(what, where="the command line", fix=near + "settings are NAME=VALUE, such as k=4")
    return read


def _values(override: Override, multirun: bool) -> list[str] | None:
    """The override with each value that a sweep gives it; None where that takes a sweeper to say."""
    if not override.is_sweep_override():
        return [override.input_line or ""]
    key = override.input_line.partition("=")[0] if override.input_line else ""
    if not multirun:
        value = (override.input_line or "").partition("=")[2]
        fix = f"for a run of each, add -m; for one list, write {key}=[{value}]"
        raise CafemoodError(f"{key} has several values, and this is one run", where=override.input_line, fix=fix)
    if not override.is_discrete_sweep():
        return None
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


def _is_choice(word: str) -> bool:
    key = word.partition("=")[0].lstrip("+~").partition("@")[0]
    return (config.folder() / key).is_dir() or key.startswith("hydra")


def _check_option(override: Override, text: str) -> None:
    group, option = override.key_or_group, text.partition("=")[2].strip("'\"")
    options = groups().get(group)
    if options is None or override.is_delete() or option in ("null", "") or option[0] in "[{" or option in options:
        return
    fix = did_you_mean(option, options) + f"{group} is one of {', '.join(options)}"
    raise CafemoodError(f"There is no {group} {shown(option)!r}", where=f"{group}={shown(option)}", fix=fix)


def _compose(words: list[str]) -> DictConfig:
    try:
        return compose("config", overrides=words, return_hydra_config=True)
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise _told(words, error) from None


def _told(words: list[str], error: Exception) -> CafemoodError:
    """The error of a composition in our words, with the word that it comes from."""
    choices = [word for word in words if _is_choice(word)]
    given = [word for word in words if word not in choices]
    if (fault := _fault(choices)) is not None:
        return _wrong_choice(choices, fault)
    bare = compose("config", overrides=choices)
    for word in given:
        name, _, value = word.lstrip("+~").partition("=")
        there = _has(bare, name)
        if word.startswith("+") and not word.startswith("++") and there:
            return CafemoodError(f"{name} is there already", where=word, fix=f"leave the + out: {word.lstrip('+')}")
        if not word.startswith("+") and not there:
            return CafemoodError(f"There is no setting {shown(name)!r}", where=shown(word), fix=_nearest(name, bare))
        if there and _fault([*choices, word]) is not None:
            kind = type(OmegaConf.select(bare, name)).__name__
            fix = {"int": "give a whole number", "bool": "give true or false", "float": "give a number"}.get(kind)
            return CafemoodError(f"{name} cannot be {shown(value)!r}", where=shown(word), fix=fix)
    return CafemoodError("The settings do not go together", where=" ".join(words), why=quoted(error, "Hydra"))


def _wrong_choice(choices: list[str], fault: Exception) -> CafemoodError:
    """The error where it is an option that does not exist, of a group of which packages have some, or some together."""
    word = next((word for word in choices if _fault([word]) is not None), None)
    if word is None:
        return CafemoodError("These do not go together", where=" ".join(choices), why=quoted(fault, "Hydra"))
    group, _, option = word.lstrip("+~").partition("=")
    loader = GlobalHydra.instance().config_loader()
    options = loader.get_group_options(group)
    if not options:
        return CafemoodError(f"{shown(word)} cannot be", where=shown(word), why=quoted(fault, "Hydra"))
    fix = did_you_mean(option, options) + f"{group} is one of {', '.join(options)}"
    return CafemoodError(f"There is no {group} {shown(option)!r}", where=shown(word), fix=fix)


def _fault(words: list[str]) -> Exception | None:
    try:
        compose("config", overrides=words)
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        return error
    return None


def _has(cfg: DictConfig, name: str) -> bool:
    try:
        parent, _, key = name.rpartition(".")
        node = OmegaConf.select(cfg, parent) if parent else cfg
    except OmegaConfBaseException:
        return False
    return isinstance(node, DictConfig) and key in node


def _nearest(name: str, bare: DictConfig) -> str:
    """What to do about a setting that does not exist: of which option it is one, or what it may be a slip for."""
    group, _, key = name.partition(".")
    owners = [option for option in groups().get(group, []) if key and key in _keys(config.folder() / group, option)]
    if owners:
        return f"it belongs to {' or '.join(f'{group}={o}' for o in owners[:_TOLD])}: add {group}={owners[0]}"
    here = list(_paths(bare))
    parent = name.rpartition(".")[0]
    inside = [path for path in here if path.rpartition(".")[0] == parent]
    elsewhere = {
        f"{group}.{key}": f" (with {group}={option})"
        for option in groups().get(group, [])
        for key in sorted(_keys(config.folder() / group, option))
        if f"{group}.{key}" not in here
    }
    names = [path for path in [*here, *elsewhere] if path.count(".") == name.count(".")]
    near = did_you_mean(name, names if parent else [*names, *groups()], elsewhere)
    if parent and inside:
        return near + f"{parent} has {', '.join(path.rpartition('.')[2] for path in inside)}"
    if parent:
        return near + "all settings: --help"
    return near + f"settings are {', '.join(sorted(set(inside) - set(groups())))}, and the groups"


def _keys(folder: Path, option: str) -> set[str]:
    """The settings of an option, with those of the options that it is made of."""
    node = OmegaConf.load(folder / f"{option}.yaml")
    if not isinstance(node, DictConfig):
        return set()
    parts = [part for part in node.get("defaults", []) if isinstance(part, str) and part != "_self_"]
    own = {str(key) for key in node if key not in ("defaults", "_target_")}
    return own.union(*(_keys(folder, part) for part in parts))


def _paths(node: DictConfig, within: str = "") -> Iterable[str]:
    for key in map(str, node):
        if key.startswith("_") or key == "hydra":
            continue
        yield f"{within}{key}"
        child: Any = None if OmegaConf.is_interpolation(node, key) or OmegaConf.is_missing(node, key) else node[key]
        if isinstance(child, DictConfig) and not child._is_none():
            yield from _paths(child, f"{within}{key}.")
