"""Imports run one way, and what answers at once imports nothing heavy."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "cafemood"
HOUSE = [
    "errors",  # what, where, why, what to do
    "core",  # atomic files, addresses, chunks of long matrices, devices, parallel, Ray, HTML
    "data",  # photos and matrices in: folders, manifests, labelled arrays
    "clustering",  # X (n, d) -> labels; knows no photos
    "backbones",  # frozen networks by name
    "features",  # photos -> X
    "evaluation",  # scores, nulls, stability, baselines, model selection, verdict
    "runs",  # the run folder
    "words",  # texts as vectors, what fits beyond chance, names from a vocabulary
    "cafes",  # looks, moods, profiles, similar, assign
    "survey",  # people's judgement
    "report",  # pages, export, terminal, W&B
    "taste",  # ten taps, a preference model, the page that learns it
    "app",  # config, sweeps, command line
]
"""Each row imports only rows above it; the README's tree follows the same order."""
STRANGERS = [("evaluation", "features"), ("clustering", "data"), ("backbones", "clustering")]
"""Rows that don't know each other, though one stands above."""


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    return {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted(PACKAGE.rglob("*.py"))
    }


MODULES = modules()


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
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "cafemood":
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in whole}
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name.split(".")[0] == "cafemood"}
    return found


def row(module: str) -> str:
    """The package, or the module at the top, that a module belongs to."""
    return module.split(".")[1] if "." in module else ""


def test_every_module_stands_in_a_row():
    assert {row(module) for module in MODULES} - {"", "__main__"} == set(HOUSE)


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_one_way(module):
    rows = {row(other) for other in imported(MODULES[module]) if other != "cafemood"}
    if module == "cafemood.__main__":
        assert rows == {"app"}
    elif module == "cafemood":
        assert not rows
    else:
        assert rows <= set(HOUSE[: HOUSE.index(row(module)) + 1])
        assert not {(row(module), other) for other in rows} & set(STRANGERS)


def test_imports_inside_a_package_run_one_way_too():
    left = {module: imported(path) & set(MODULES) - {module} for module, path in MODULES.items()}
    while free := [module for module, needs in left.items() if not needs & set(left)]:
        for module in free:
            del left[module]
    assert not left, "these import each other in a circle"


def test_no_module_is_longer_than_300_lines():
    files = [*MODULES.values(), *(ROOT / "crawler").rglob("*.py")]
    assert {path.name for path in files if len(path.read_text().splitlines()) > 300} == set()


def test_the_crawler_needs_photos_errors_and_their_reasons_at_most():
    for path in (ROOT / "crawler").rglob("*.py"):
        allowed = {"core.addresses", "core.atomic", "core.cells", "core.names", "core.reasons", "errors"}
        allowed |= {"data.cells", "data.folders", "data.images", "data.photos", "data.place_signs", "data.tables"}
        assert imported(path) <= {f"cafemood.{name}" for name in allowed}


def test_nothing_imports_the_crawler():
    for path in [*PACKAGE.rglob("*.py"), ROOT / "train.py"]:
        assert "cafecrawl" not in path.read_text()


def test_one_writer_writes_every_csv():
    """So that no cell of any can run as a formula or break a row."""
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "crawler").rglob("*.py")]:
        text = path.read_text()
        assert not any(word in text for word in (".to_csv(", "csv.writer(", "DictWriter(")), path.name


def test_only_the_app_and_train_know_hydra():
    for path in PACKAGE.rglob("*.py"):
        names = {n.split(".")[0] for n in _third_party(path)}
        assert path.parent.name == "app" or not names & {"hydra", "omegaconf"}, path.stem


def test_the_maths_knows_no_lightning():
    assert not {n.split(".")[0] for n in _third_party(PACKAGE / "clustering" / "functional.py")} & {
        "pytorch_lightning",
        "lightning",
    }


@pytest.mark.parametrize("module", ["cafemood", "cafemood.app.config", "cafemood.app.cli", "cafemood.errors"])
def test_what_must_answer_at_once_imports_nothing_heavy(module):
    heavy = "{'torch', 'sklearn', 'pandas', 'pytorch_lightning', 'timm', 'wandb', 'scrapy'}"
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _third_party(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def test_every_test_file_has_a_name_of_its_own():
    """pytest imports a file by its name alone: of two it would run one."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py")
    assert [name for name, n in names.items() if n > 1] == []
