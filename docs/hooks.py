"""Hooks of mkdocs: `::: face NAME` becomes an entry for each public name of that package; numbers in tables stay whole.

A package's public names are those of its `__init__.pyi`; a package without one shows its modules.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

SRC = Path(__file__).parent.parent / "src"


def public_names(package: str) -> list[str]:
    """The full names of what a package offers, in the order of their modules."""
    folder = SRC.joinpath(*package.split("."))
    stub = folder / "__init__.pyi"
    if stub.is_file():
        imports = [node for node in ast.parse(stub.read_text()).body if isinstance(node, ast.ImportFrom)]
        return [f"{package}.{node.module}.{alias.name}" for node in imports for alias in node.names]
    return [f"{package}.{path.stem}" for path in sorted(folder.glob("*.py")) if not path.stem.startswith("_")]


def on_page_markdown(markdown: str, **_: object) -> str:
    """Replace each `::: face NAME` by one entry of mkdocstrings for each public name, and keep numbers on one line."""

    def entries(match: re.Match[str]) -> str:
        return "\n\n".join(f"::: {name}" for name in public_names(match[1]))

    def unbroken(row: re.Match[str]) -> str:
        return re.sub(r"(?<=\d) (?=±|s\b|GB)|(?<=±) |(?<=\d,) |(?<= s,) ", "\u00a0", row[0])

    markdown = re.sub(r"^\|.*$", unbroken, markdown, flags=re.M)
    return re.sub(r"^::: face ([\w.]+)$", entries, markdown, flags=re.M)
