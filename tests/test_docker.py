"""The Dockerfile: its commands are this project's, and what stays out of the image is not needed in it."""

import json
import re
import shlex
from pathlib import Path

from hydra import compose, initialize_config_dir

from cafemood.app import command_line, config

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
LINES = [line for line in DOCKERFILE.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]


def test_it_has_what_setup_needs():
    assert [line.split()[0] for line in LINES] == ["FROM", "RUN", "WORKDIR", "COPY", "RUN", "CMD"]
    python = re.fullmatch(r"FROM python:(3\.\d+)-slim", LINES[0])
    assert python
    assert python[1] in ("3.11", "3.12", "3.13", "3.14")
    assert " make" in LINES[1]
    assert LINES[4] == "RUN make setup"


def test_every_command_of_it_exists():
    told = re.findall(r" cafemood make ([a-z]+)", DOCKERFILE)
    assert told
    assert {*told, json.loads(LINES[-1].removeprefix("CMD "))[1]} <= TARGETS
    (words,) = re.findall(r"\.venv/bin/python train\.py (.+)", DOCKERFILE)
    with initialize_config_dir(str(ROOT / "conf"), **config.VERSION_BASE):
        assert compose("config", overrides=command_line.quoted(shlex.split(words))).data.root == "/photos"


def test_nothing_that_is_needed_stays_out():
    ignored = {line.strip("/") for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()}
    needed = {"pyproject.toml", "requirements.lock", "setup.sh", "setup.py", "Makefile", "src", "conf", "tests", "docs"}
    assert not ignored & needed
    assert {".venv", "data", "outputs"} <= ignored
