"""How a training went, as the report draws it."""

from __future__ import annotations

from typing import Any

HEALTH = {
    "label_change": ("Photos that changed group", "{:.1%}"),
    "loss": ("KL(P‖Q)", "{:.3f}"),
    "smallest_cluster": ("Smallest group", "{:.0f}"),
    "least_centre_distance": ("Least distance of centres", "{:.2f}"),
}
"""Values of a training's health record that are drawn: title, and format of the first and last value."""


def health_panels(updates: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Panels of a training's health record: for each of `HEALTH` its points over the steps, from zero up.

    Args:
        updates: A record an update of the target, in order; the first has no labels to compare with.

    Returns:
        Panels with `title`, `points` (pairs from 0 to 1), the `steps`, and the `first` and `last` value in words.
    """
    panels = []
    for name, (title, words) in HEALTH.items():
        recorded = [(u["step"], u[name]) for u in updates if u.get(name) is not None][name == "label_change" :]
        if not recorded:
            continue
        (start, first), (end, last) = recorded[0], recorded[-1]
        most = max(value for _, value in recorded) or 1
        points = [((step - start) / (end - start or 1), value / most) for step, value in recorded]
        ends = {name: words.format(value).replace("%", " %") for name, value in (("first", first), ("last", last))}
        panels.append({"title": title, "points": points, "steps": (start, end), **ends})
    return panels
