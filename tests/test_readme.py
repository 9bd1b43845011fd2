"""The README tells the truth about the tree and the commands."""

import re
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from cafemood.app import config  # registers the schema

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"python train\.py ([^`\n(…]+)", README)))


def test_every_package_stands_in_the_tree():
    tree = README.split("## Tree")[1].split("```")[1]
    package = ROOT / "src" / "cafemood"
    rows = {"errors.py"} | {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    assert set(re.findall(r"^  (\w+(?:\.py|/))", tree, re.M)) == rows


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`?((?:benchmarks|docs)/[\w.]+)", README))))
def test_every_file_named_exists(name):
    assert (ROOT / name).is_file()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make (\w+)`", README))))
def test_every_make_target_named_exists(target):
    assert re.search(rf"^{target}:.*## ", (ROOT / "Makefile").read_text(), re.M)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_training_command_composes(command):
    words = [word.replace("~", "/home") for word in command.split() if not word.startswith("-") and "=" in word]
    first = [re.sub(r"=([^=,\[]+),.*", r"=\1", word) for word in words]  # one job of a sweep
    with initialize_config_dir(str(ROOT / "conf"), **config.VERSION_BASE):
        assert compose("config", overrides=first).k


def test_no_promise_of_another_place():
    assert "shared/" not in README
