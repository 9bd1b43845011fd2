"""The survey's page: one HTML file with everything in it, or the same page for the server."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

from cafemood.core.html import environment, for_script
from cafemood.runs import thumbnails
from cafemood.survey.kinds.registry import words as kind_words
from cafemood.survey.panel import NO_PANEL, Panel
from cafemood.survey.study import Study, read_photos
from cafemood.survey.words import WORDS


def whole(study: Study) -> str:
    """The page with photos and orders inside: it opens from disk, and its answers are downloaded."""
    photos = {name: thumbnails.data_uri(data) for name, data in read_photos(study).items()}
    plans = [study.steps(p) for p in range(len(study.plans))]
    return _render(study, {"mode": "file", "photos": photos, "plans": plans})


def served(study: Study, panel: Panel = NO_PANEL) -> tuple[str, str]:
    """The page that asks a server for its photos and orders, and its Content-Security-Policy.

    A completion code is not in it: the server tells it to who answered everything.
    """
    about = {"mode": "server", "photos": {}, "plans": [], "screen": panel.screen}
    return _render(study, about | ({"panel": panel.parameter} if panel.code else {})), _policy()


def _render(study: Study, payload: dict[str, Any]) -> str:
    from markupsafe import Markup

    facts, design = study.facts, study.facts["design"]
    payload |= {
        "survey": study.id,
        "scale": study.scale,
        "size": design["size"],
        "minutes": max(1, round(facts["minutes"])),
        "screens": len(study.plans[0]),
        "words": {
            language: WORDS[language] | words | _own_title(design["title"]) for language, words in kind_words().items()
        },
    }
    return (
        environment("cafemood.survey")
        .get_template("survey.html.j2")
        .render(
            title=design["title"] or WORDS["ko"]["title"],
            scripts=" / ".join(words["scripts"] for words in WORDS.values()),
            policy=_policy(),
            payload=for_script(payload),
            style=Markup(_source("survey.css")),  # noqa: S704
            script=Markup(_source("survey.js")),  # noqa: S704
        )
    )


def _own_title(title: str) -> dict[str, str]:
    return {"title": title} if title else {}


@cache
def _source(name: str) -> str:
    return resources.files("cafemood.survey").joinpath("templates", name).read_text(encoding="utf-8")


def _policy() -> str:
    """Only this page's own style and script run, by their digests."""
    script, style = (_digest(_source(name)) for name in ("survey.js", "survey.css"))
    parts = ["default-src 'none'", "img-src 'self' data:", "connect-src 'self'", f"script-src {script}"]
    return "; ".join([*parts, f"style-src {style}", "base-uri 'none'", "form-action 'none'"])


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
