"""Diverging stacked bars of the ratings: men, women and all; the controls on top; means with their intervals."""

from __future__ import annotations

from typing import Any

from cafemood.core.html import environment

GROUPS = (("all", "all"), ("women", "women"), ("men", "men"))
STEPS = {
    5: ("#a6611a", "#dfc27d", "#d9d4cc", "#80cdc1", "#018571"),
    7: ("#8c510a", "#c98c3d", "#e8cf9d", "#d9d4cc", "#9fd8cf", "#4aa79b", "#01665e"),
}
"""ColorBrewer's BrBG (https://colorbrewer2.org), a greyer middle: it is safe for the colour-blind."""

LEFT, WIDTH, BAR, GAP, BETWEEN = 200, 760, 15, 3, 16


def alike(found: dict[str, Any], *, standalone: bool = False) -> str:
    """The figure as SVG.

    Args:
        found: The result of `score`.
        standalone: With a white ground, for a paper; else it takes the colours of the page around it.
    """
    conditions = found["conditions"]
    rows = [*reversed(conditions[-2:]), *conditions[:-2]]
    scale = found["scale"]
    blocks, y = [], 34.0
    for row in rows:
        bars = []
        for name, label in GROUPS:
            if sum(row[name]["counts"]):
                bars.append({"label": label, "y": y, **_bar(row[name], scale)})
                y += BAR + GAP
        if bars:
            blocks.append({"label": row["label"], "bars": bars, "y": bars[0]["y"]})
            y += BETWEEN
    # the means have an axis of their own, 1 to `scale`, across the plot
    ticks = [(step, _at(step, scale)) for step in range(1, scale + 1)]
    return environment("cafemood.survey").get_template("alike.svg.j2").render(
        blocks=blocks, height=y + 42, colors=STEPS[scale], ticks=ticks, standalone=standalone, bar=BAR, scale=scale,
        left=LEFT, width=WIDTH,
    )  # fmt: skip


def _at(mean: float, scale: int) -> float:
    return LEFT + (WIDTH - LEFT - 20) * (mean - 1) / (scale - 1)


def _bar(group: dict[str, Any], scale: int) -> dict[str, Any]:
    """Pieces of a bar, so that half of the middle answer lies on each side of the centre."""
    counts, total = group["counts"], sum(group["counts"])
    middle = scale // 2
    unit = (WIDTH - LEFT - 20) / 2 / total
    x = LEFT + (WIDTH - LEFT - 20) / 2 - unit * (sum(counts[:middle]) + counts[middle] / 2)
    pieces = []
    for step, count in enumerate(counts):
        pieces.append({"x": x, "width": unit * count, "step": step, "share": count / total})
        x += unit * count
    whiskers = group["low"] is not None
    return {
        "pieces": pieces,
        "n": group["n"],
        "mean": None if group["mean"] is None else _at(group["mean"], scale),
        "value": group["mean"],
        "low": _at(group["low"], scale) if whiskers else None,
        "high": _at(group["high"], scale) if whiskers else None,
    }
