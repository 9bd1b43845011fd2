"""Imports run one way, and what answers at once imports nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "cafemood"
LAYERS = [
    {"errors"},
    {"reasons"},
    {"atomic", "cluster", "pieces"},
    {"remote"},
    {"photos", "scenes", "dec", "temi", "scores", "looks", "shares", "novelty", "kmeans"},
    {"spectral"},
    {"manifests"},
    {"weights"},
    {"cards", "networks", "preprocessing", "frozen", "precomputed"},
    {"inventory"},
    {"backbones"},
    {"labelled", "engine"},
    {"features"},
    {"embedder"},
    {"ray_trainer"},
    {"embedding"},
    {"reduction"},
    {"datamodule"},
    {"module"},
    {"pretraining", "memberships"},
    {"methods"},
    {"heads"},
    {"resampling"},
    {"choosing"},
    {"verdict"},
    {"compact"},
    {"runs"},
    {"thumbnails", "summary", "assigning"},
    {"moods"},
    {"cafes"},
    {"similar"},
    {"pages"},
    {"survey"},
    {"report"},
    {"compare", "atlas", "export"},
    {"tracking"},
    {"config", "cli"},
    {"__main__"},
]
"""A module may import from layers above its own line; the README's tree follows the same order."""


def imported(path: Path) -> set[str]:
    """The cafemood modules that a file imports, inside functions too, but not for types alone."""
    found: set[str] = set()
    tree = ast.parse(path.read_text())
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and node.module == "cafemood":
            found |= {alias.name for alias in node.names if not alias.name.startswith("_")}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cafemood."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("cafemood.")}
    return found


def module_of(path: Path) -> str:
    """The module, or the folder of modules, that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_module_has_a_layer():
    assert {module_of(path) for path in PACKAGE.rglob("*.py")} - {"__init__"} == set().union(*LAYERS)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_one_way(path):
    module = module_of(path)
    below: set[str] = set()
    for layer in LAYERS:
        if module in layer:
            break
        below |= layer
    assert imported(path) - {module} <= below if module != "__init__" else not imported(path)


def test_the_crawler_needs_photos_errors_and_their_reasons_at_most():
    for path in (ROOT / "crawler").rglob("*.py"):
        assert imported(path) <= {"photos", "errors", "reasons", "atomic"}


def test_nothing_imports_the_crawler():
    for path in [*PACKAGE.rglob("*.py"), ROOT / "train.py"]:
        assert "cafecrawl" not in path.read_text()


def test_only_config_and_train_know_hydra():
    for path in PACKAGE.rglob("*.py"):
        names = {n.split(".")[0] for n in _third_party(path)}
        assert path.stem == "config" or not names & {"hydra", "omegaconf"}, path.stem


def test_dec_knows_no_lightning():
    assert not {n.split(".")[0] for n in _third_party(PACKAGE / "dec.py")} & {"pytorch_lightning", "lightning"}


@pytest.mark.parametrize("module", ["cafemood", "cafemood.app.config", "cafemood.app.cli", "cafemood.errors"])
def test_what_must_answer_at_once_imports_nothing_heavy(module):
    heavy = "{'torch', 'sklearn', 'pandas', 'pytorch_lightning', 'timm', 'wandb', 'scrapy'}"
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_train_stays_short():
    assert len((ROOT / "train.py").read_text().splitlines()) <= 110


def _third_party(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found
