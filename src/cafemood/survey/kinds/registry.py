"""KINDS: every kind of question by name, found by its file, in the order in which people meet them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from cafemood.survey.kinds.base import QuestionKind


def _kinds() -> dict[str, QuestionKind]:
    names = [module.name for module in iter_modules([str(Path(__file__).parent)])]
    for name in names:
        if name not in ("base", "registry"):
            import_module(f"cafemood.survey.kinds.{name}")
    kinds = sorted((kind() for kind in QuestionKind.__subclasses__()), key=lambda kind: kind.order)
    return {kind.name: kind for kind in kinds}


KINDS = _kinds()


_KEYS = {"ask": "ask_{}", "intro_title": "intro_{}_title", "intro": "intro_{}"}


def words() -> dict[str, dict[str, str]]:
    """By language, the words of all kinds as the page takes them: `ask_NAME`, `intro_NAME_title`, `intro_NAME`."""
    texts: dict[str, dict[str, str]] = {}
    for kind in KINDS.values():
        for language, of_kind in kind.words.items():
            named = {_KEYS[key].format(kind.name): text for key, text in of_kind.items()}
            texts.setdefault(language, {}).update(named)
    return texts
