"""What may be done next: commands that exist, for the run that was made; and what the demo runs."""

import shlex
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from cafemood.app import cli, early, train
from cafemood.app.next_steps import next_steps, program


def test_the_commands_parse_and_name_the_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "outputs" / "runs" / "2026 k4"
    for folder, name in ((run, "latest"), (tmp_path / "my run", "my run")):
        head, *lines = next_steps(folder, more="python train.py data=folder")
        assert head == "Next:"
        assert "python train.py data=folder" in lines.pop()
        for line in lines:
            words = shlex.split(line.split("  # ")[0])
            assert words.pop(0) == shlex.split(program())[0]
            assert words[1] == name
            get_command(cli.app).commands[words[0]].make_context(words[0], words[1:])


def test_the_program_is_called_as_it_is_here(tmp_path, monkeypatch):
    python = tmp_path / "bin" / "python"
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.chdir(tmp_path)
    assert program() == "bin/python -m cafemood"
    python.parent.mkdir()
    (python.parent / "cafemood").touch()
    assert program() == "bin/cafemood"
    monkeypatch.setattr("shutil.which", lambda name: str(Path(python.parent, name)))
    assert program() == "cafemood"


@pytest.mark.parametrize(
    ("typed", "run"),
    [
        ([], ["experiment=few_photos"]),
        (["k=3"], ["experiment=few_photos", "k=3"]),
        (["experiment=study"], ["experiment=study"]),
        (["system=places_dec"], ["system=places_dec"]),
    ],
)
def test_the_demo_takes_what_suits_few_photos_unless_another_is_asked_for(monkeypatch, typed, run):
    said = []
    monkeypatch.setattr(early, "check_demo", lambda: None)
    monkeypatch.setattr(train, "main", lambda words, program: said.append(words) or 0)
    assert CliRunner().invoke(cli.app, ["demo", *typed]).exit_code == 0
    assert said == [run]
