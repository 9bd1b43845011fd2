"""What the pages share: Jinja with escaping, JSON that may stand in a script, numbers in words."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from cafemood.core.names import plain, plain_json


@cache
def environment(package: str) -> Any:
    """Jinja over the `templates/` of a package, every value escaped and plain text, a missing one an error.

    One a process, so that each template is compiled once.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    made = Environment(
        loader=PackageLoader(package),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        finalize=lambda value: plain(value) if type(value) is str else value,  # Markup is ours
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": _number, "mean_sd": _mean_sd, "seconds": _seconds, "two": two}
    return made


def as_text(value: object) -> str:
    """A cell of a table as text: nothing for None and NaN."""
    return "" if value is None or value != value else str(value)


def for_script(value: object) -> Any:
    """JSON that can stand in a script element: no `<`, `>` or `&` is left to end it."""
    from markupsafe import Markup

    text = plain_json(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704


def two(value: float | None) -> str:
    """Two decimals, a true minus, a dash for nothing."""
    return "–" if value is None else f"{value:.2f}".replace("-", "−")


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return (f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3f}").replace("-", "−")


def _mean_sd(found: dict[str, float | None] | None) -> str:
    if not found or found.get("mean") is None:
        return "–"
    return _number(found["mean"]) + (f" ± {_number(found['sd'])}" if found.get("sd") is not None else "")


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s" if value < 120 else f"{value / 60:.1f} min"
