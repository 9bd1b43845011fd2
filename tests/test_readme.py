"""README, CONTRIBUTING and the pages of docs/ tell the truth: commands, files, links, names and the tree."""

import argparse
import ast
import json
import re
import runpy
import shlex
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

import cafemood
from cafemood.app import cli, command_line, config  # config registers the schema

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "README.ko.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}
NOTEBOOK = json.loads((ROOT / "docs" / "tutorial.ipynb").read_text(encoding="utf-8"))
CELLS = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def in_code() -> list[str]:
    """Every inline code and every line of a shell block, in all pages."""
    found: set[str] = set()
    for text in TEXTS.values():
        blocks = re.findall(r"^ *```(\w*)\n(.*?)^ *```", text, re.M | re.S)
        for language, block in blocks:
            found |= {line.split(" # ")[0].strip() for line in block.splitlines() if language == "sh"}
        prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S)
        found |= {code.strip() for code in re.findall(r"`([^`\n]+)`", prose)}
    return sorted(found)


CODE = in_code()


def commands(program: str) -> list[str]:
    """The words behind a program's name, wherever the pages call it with more than `…`."""
    found = (line.removeprefix(program + " ") for line in CODE if line.startswith(program + " "))
    return sorted({words for words in found if not words.endswith(" …") and words != "…"})


TRAINING = sorted({*commands("python train.py"), *commands("cafemood train")})
CAFEMOOD = commands("cafemood")
BENCHMARKS = [words for words in commands("python") if words.startswith("benchmarks/")]
SCRAPY = sorted({*commands("scrapy"), *commands("../.venv/bin/scrapy")})


# Commands


def test_the_pages_have_commands():
    found = {"training": len(TRAINING), "cafemood": len(CAFEMOOD), "benchmarks": len(BENCHMARKS), "scrapy": len(SCRAPY)}
    least = {"training": 35, "cafemood": 30, "benchmarks": 20, "scrapy": 7}
    assert all(found[name] >= least[name] for name in least), found


@pytest.mark.parametrize("command", TRAINING)
def test_every_training_command_composes(command):
    words = command_line.quoted(shlex.split(command))
    options = [word for word in words if word.startswith("-")]
    assert set(options) <= {"-m", "--help", "--cfg"}
    words = [word for word in words if word not in (*options, "job")]
    first = [re.sub(r"=([^=,\[]+),.*", r"=\1", word) for word in words]  # one job of a sweep
    with initialize_config_dir(str(ROOT / "conf"), **config.VERSION_BASE):
        assert compose("config", overrides=first).k


@pytest.mark.parametrize("command", CAFEMOOD)
def test_every_cafemood_command_parses(command):
    """The command exists, and takes these arguments and options."""
    from typer.main import get_command

    words, found = shlex.split(command.replace("…", "")), get_command(cli.app)
    while hasattr(found, "commands"):
        if not words:
            return  # a group alone: `cafemood survey`
        name = words.pop(0)
        assert name in found.commands
        found = found.commands[name]
    if words:
        found.make_context(command, words)


@pytest.mark.parametrize("line", [line for line in CODE if line.startswith("make ")])
def test_every_make_target_exists(line):
    targets = [word for word in shlex.split(line)[1:] if "=" not in word]
    assert targets
    for target in targets:
        assert re.search(rf"^{target}:.*## ", MAKEFILE, re.M)
    for variable in re.findall(r"\b([A-Z]+)=", line):
        assert f"$({variable})" in MAKEFILE


@pytest.mark.parametrize("command", BENCHMARKS)
def test_every_benchmark_takes_its_words(command, monkeypatch):
    """The script's own parser takes the command; nothing is measured."""
    script, *words = shlex.split(command)
    if "argparse" not in (ROOT / script).read_text():
        assert not words
        return
    parse_args = argparse.ArgumentParser.parse_args

    def only_parse(parser):
        parse_args(parser)
        raise KeyboardInterrupt

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", only_parse)
    monkeypatch.setattr(sys, "argv", [script, *words])
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))  # as for `python benchmarks/…`
    with pytest.raises(KeyboardInterrupt):
        runpy.run_path(str(ROOT / script), run_name="__main__")


@pytest.mark.parametrize("command", SCRAPY)
def test_every_scrapy_command_exists(command):
    verb, *words = shlex.split(command)
    path = ROOT / "crawler" / "cafecrawl" / "commands" / f"{verb}.py"
    assert path.is_file()
    for option in (word for word in words if word.startswith("--")):
        assert f'"{option}"' in path.read_text()
    if verb in ("crawl", "plan") and words and words[0] != "NAME":
        assert f'name = "{words[0]}"' in (path.parents[1] / "spiders" / f"{words[0]}.py").read_text()


# Files and links


@pytest.mark.parametrize(
    "name", sorted({code for code in CODE if re.fullmatch(r"(?:benchmarks|docs|src|tests|conf|crawler)/[\w./]+", code)})
)
def test_every_file_named_exists(name):
    if "NAME" not in name:
        assert (ROOT / name).exists()


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as Python-Markdown and GitHub make them of plain words."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.S), re.M)
    ascii_words = (unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode() for heading in headings)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", words).strip().lower()) for words in ascii_words}


@pytest.mark.parametrize("page", sorted(TEXTS))
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXTS[page]):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        path = (ROOT / page).parent / file if file else ROOT / page
        assert path.is_file(), target
        assert not anchor or anchor in anchors(path.read_text(encoding="utf-8")), target


def test_every_page_is_in_the_navigation():
    listed = set(re.findall(r": ([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M))
    assert listed == {page.removeprefix("docs/") for page in TEXTS if page.startswith("docs/")}


def test_every_package_stands_in_the_tree():
    tree = README.split("## Tree")[1].split("```")[1]
    package = ROOT / "src" / "cafemood"
    rows = {"errors.py"} | {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    assert set(re.findall(r"^  (\w+(?:\.py|/))", tree, re.M)) == rows


def test_the_readme_is_what_a_newcomer_reads():
    assert len(README.splitlines()) <= 200


@pytest.mark.parametrize("page", sorted(TEXTS))
def test_no_promise_of_another_place(page):
    assert "shared/" not in TEXTS[page]


# Python

BLOCKS = [block for text in TEXTS.values() for block in re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)]
PYTHON = "\n".join([*BLOCKS, *CELLS])
FACE = sorted({f"cm.{name}" for name in re.findall(r"\bcm\.(\w+)", "\n".join([*TEXTS.values(), *CELLS]))})


@pytest.mark.parametrize("block", [*BLOCKS, *CELLS])
def test_every_python_block_parses(block):
    ast.parse(block)


@pytest.mark.parametrize("statement", sorted(set(re.findall(r"^(?:from|import) .+$", PYTHON, re.M))))
def test_every_import_of_the_pages_works(statement):
    exec(statement, {})


@pytest.mark.parametrize("name", FACE)
def test_every_public_name_of_the_pages_exists(name):
    assert hasattr(cafemood, name.removeprefix("cm."))


@pytest.mark.slow
def test_the_notebook_runs(tmp_path):
    """All its cells, one after the other in one process, from an empty folder."""
    script = tmp_path / "tutorial.py"
    script.write_text("\n".join(CELLS), encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "outputs" / "runs").glob("*/report.html"))
