"""The words of the command line: quoted for Hydra's grammar, resumed sweeps, and the command as it was typed."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Collection, Sequence
from dataclasses import fields
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from cafemood.app import config, resolvers
from cafemood.core import remote
from cafemood.errors import CafemoodError


def resumed(words: list[str], sweeps: Path = Path("outputs/sweeps")) -> list[str]:
    """With resume=true: point Hydra at the newest sweep that the same command began.

    Args:
        words: The command line after the program's name.
        sweeps: Where sweeps lie.
    """
    if not any(word.lower() == "resume=true" for word in words) or any(
        word.startswith("hydra.sweep.dir=") for word in words
    ):
        return words
    own = sorted(word for word in words if not word.lstrip("+~").startswith(("-", "resume=", "hydra.", "hydra/")))
    for known in sorted(sweeps.glob("*/multirun.yaml"), reverse=True):
        if sorted(word for word in _overrides(known) if not word.startswith("resume=")) == own:
            return [*words, *quoted([f"hydra.sweep.dir={known.parent}"])]
    if is_sweep(words):
        print(f"resume=true: {sweeps} holds no sweep of this command, so it starts from the beginning", file=sys.stderr)
    return words


def _overrides(multirun: Path) -> list[str]:
    """The overrides that a sweep's `multirun.yaml` keeps, uninterpreted; none where it is damaged."""
    try:
        found = OmegaConf.to_container(OmegaConf.load(multirun).hydra.overrides.task)
    except (YAMLError, OmegaConfBaseException, AttributeError, OSError, UnicodeDecodeError):
        return []
    return [str(word) for word in found] if isinstance(found, list) else []


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


def is_sweep(words: Collection[str]) -> bool:
    """Whether the words ask for a sweep."""
    return any(word in ("-m", "--multirun") or word.lower() == "hydra.mode=multirun" for word in words)


def options_first(words: list[str]) -> list[str]:
    """Hydra's options before the overrides: its parser refuses overrides on both sides of an option.

    Args:
        words: The command line after the program's name.
    """
    options, overrides = split(words)
    return options + overrides


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Hydra's options with their values, and the overrides."""
    options: list[str] = []
    overrides: list[str] = []
    for before, word in zip(("", *words), words, strict=False):
        (options if word.startswith("-") or before in _WITH_VALUE else overrides).append(word)
    return options, overrides


typed: list[str] = []
"""The words of this process's command line before they were quoted."""


def command() -> str:
    """The command as it was typed, without the path of the interpreter; of a job that a launcher started on its own
    (SLURM, Ray), whose words are the launcher's, the command that runs this job alone."""
    name, *words = Path(sys.argv[0]).name, *(typed or sys.argv[1:])
    if name not in ("train.py", "cafemood"):
        words = [*HydraConfig.get().overrides.task, "hydra.mode=RUN"]
    return shlex.join([*config.program_of(name), *words])


_PATHS = (
    "data.root",
    "data.path",
    "data.manifest",
    "backbone.path",
    "backbone.ids",
    "backbone.weights",
    "cache_dir",
    "trainer.default_root_dir",
    "logger.csv.save_dir",
    "logger.wandb.save_dir",
    "hydra.run.dir",
    "hydra.sweep.dir",
    "hydra.sweep.subdir",
)
"""Keys of paths: a comma is the path's own; several to sweep over are `choice(…)`."""

_TEXTS = (
    "data.labels",
    "backbone.model",
    "logger.csv.name",
    "logger.csv.version",
    "logger.wandb.project",
    "trainer.address",
    "hydra.job.name",
    "hydra.launcher.address",
    "hydra.launcher.partition",
)
"""Keys of text: 2021 is a column's name there and no number. In a sweep a comma parts what is swept over."""

_WITH_VALUE = ("-cn", "--config-name", "-cp", "--config-path", "-cd", "--config-dir", "-p", "--package", "-c", "--cfg")
"""Options whose value is the next word."""

_INTERPOLATION = re.compile(r"\$\{\s*(\.*)([\w.]*)")
_HYDRAS_OWN = ("hydra", "now", "python_version")
"""Resolvers and settings that Hydra adds when it starts."""


def quoted(words: list[str]) -> list[str]:
    """Quote what Hydra's grammar has no letters for (사진, spaces, brackets), so that what was typed arrives.

    Keys of paths and text take their value as it is. There Hydra's own grammar is what is wholly in its quotes,
    `null`, `choice(…)`, and `${…}` that names a setting or a resolver. Other keys take Hydra's grammar, and as text
    what it cannot read.

    Args:
        words: The command line after the program's name.

    Raises:
        CafemoodError: An address has a secret, which the run's folder would keep.
    """
    for key, _, value in (word.partition("=") for word in words):
        if remote.without_secrets(value) != value:
            fix = "put keys and passwords into the environment (AWS_…, GOOGLE_…, FSSPEC_…, ~/.netrc)"
            why = "the run's folder keeps the command"
            raise CafemoodError("An address on the command line has a secret", where=key, why=why, fix=fix)
    sweeps = is_sweep(words)
    settings = {f.name for f in fields(config.Config)} | {
        word.lstrip("+").split("=")[0].split(".")[0] for word in words if word.startswith("+")
    }
    previous = ("", *words)
    return [
        word if word.startswith("-") or before in _WITH_VALUE else _quote(word, sweeps=sweeps, settings=settings)
        for before, word in zip(previous, words, strict=False)
    ]


def _quote(word: str, *, sweeps: bool, settings: Collection[str]) -> str:
    key, equals, value = word.partition("=")
    if not equals:
        return word
    name = key.lstrip("+~")
    if name in _PATHS and (home := _from_home(value)) != value:
        key, _, value = (word := f"{key}={home}").partition("=")
    takes_text, read = name in _PATHS or name in _TEXTS, parsed(word)
    if not takes_text:
        return word if read else f"{key}={_mended(value, settings, sweeps=sweeps)}"
    if value in ("", "null") or (read and value[0] in "'\""):
        return word
    if _is_choice(value) or (name in _TEXTS and sweeps and "," in value):
        mended = _elements(_choices(value))
        if parsed(f"{key}={mended}"):
            return f"{key}={mended}"
    # what Hydra reads as the same text stays as it was typed
    same = read and not read.is_sweep_override() and read.value() == value
    plain = same and value.isprintable() and "${" not in value and value != "???"
    return word if plain else f"{key}={_text(value, settings)}"


def parsed(word: str) -> Override | None:
    """What Hydra reads in a word; None where its grammar has no such thing."""
    try:
        return OverridesParser.create().parse_override(word)
    except HydraException:
        return None


_HOME = r"""(\s*['"]?)(~[^/,)'"]*)"""


def _from_home(value: str) -> str:
    """A path, or a `choice(…)` of some, with the home folder for a `~`, which shells leave as it is behind a `=`."""
    begin = rf"((?:^choice\(|,){_HOME})" if _is_choice(value) else rf"(^{_HOME})"
    return re.sub(begin, lambda m: m[1][: -len(m[3])] + os.path.expanduser(m[3]), value)


def _is_choice(value: str) -> bool:
    return value.startswith("choice(") and value.endswith(")")


def _choices(value: str) -> str:
    """`choice(a,b)` as `a,b`, of which Hydra keeps the quotes when it hands them to the jobs."""
    return value[len("choice(") : -1] if _is_choice(value) else value


def _mended(value: str, settings: Collection[str], *, sweeps: bool) -> str:
    """A value that Hydra cannot read, with its elements quoted where it is a list, a dict, a function or a sweep."""
    if re.match(r"[\[{]|\w+\(", value) or (sweeps and "," in value):
        elements = _elements(_choices(value))
        if parsed(f"k={elements}"):
            return elements
    return _text(value, settings)


_ELEMENT = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\$\{[^}]*\}|[\[\]{},:()=])""", re.DOTALL)


def _elements(value: str) -> str:
    """Quote each element of a list, a dict, a function or a sweep that Hydra's grammar has no letters for."""
    parts = _ELEMENT.split(value)
    return "".join(part if i % 2 or not part.strip() or parsed(f"k={part}") else _text(part.strip(), ())
                   for i, part in enumerate(parts))  # fmt: skip


def _text(value: str, settings: Collection[str]) -> str:
    """A text as Hydra reads it back, interpolations of settings and resolvers kept."""
    plain = "${" not in value and value != "???"
    if value.isprintable() and (plain or _interpolates(value, settings)):
        return QuotedString(value, Quote.single).with_quotes()
    return resolvers.escaped(value)


def _interpolates(value: str, settings: Collection[str]) -> bool:
    try:
        if not OmegaConf.is_interpolation(OmegaConf.create({"value": value}), "value"):
            return False
    except OmegaConfBaseException:  # it is cut off, or its signs are none of the grammar
        return False
    return any(
        dots or name.split(".")[0] in settings or name in _HYDRAS_OWN or OmegaConf.has_resolver(name)
        for dots, name in _INTERPOLATION.findall(value)
    )
