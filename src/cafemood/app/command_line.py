"""The words of the command line: quoted for Hydra's grammar, resumed sweeps, and the command as it was typed."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from cafemood.app import config
from cafemood.core import remote
from cafemood.errors import CafemoodError


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
    name, *words = Path(sys.argv[0]).name, *sys.argv[1:]
    if name not in ("train.py", "cafemood"):
        words = [*HydraConfig.get().overrides.task, "hydra.mode=RUN"]
    return shlex.join([*config.program_of(name), *words])


_PATHS = ("data.root", "data.path", "data.manifest", "backbone.path", "backbone.ids", "backbone.weights", "cache_dir")


_PLAIN = re.compile(r"[A-Za-z0-9_/.:+@%-]*")


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
