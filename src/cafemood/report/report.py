"""`report.html` and `figures/` from a finished run folder: one page that opens from disk, network off."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cafemood import survey
from cafemood.cafes import moods
from cafemood.core.atomic import writing
from cafemood.core.html import as_text, environment, for_script
from cafemood.evaluation.score_table import score_of
from cafemood.report import ambiance, editing, mood_tree, no_place, outliers
from cafemood.report.style import COLORS, MARKS
from cafemood.report.telling import Told, told
from cafemood.report.training import health_panels
from cafemood.runs import thumbnails
from cafemood.runs.pictures import Places
from cafemood.runs.run import Run
from cafemood.survey import figures as survey_figures

N_TYPICAL, N_BORDERLINE, N_SHEET = 6, 4, 24
"""Photos of a mood: typical ones and borderline ones on its card, and those on its contact sheet."""


def write_report(run: Run) -> Path:
    """Write `report.html` and `figures/` into the run folder; returns the page's path.

    A photo that can no longer be read is shown as an empty frame and counted.

    Raises:
        CafemoodError: The folder cannot be written, or a file of the run is damaged.
    """
    page = run.folder / "report.html"
    view = _View(run)
    thumbs = [view.thumbnails[i] for i in view.shown]
    pictures: list[str | None]
    if len(thumbs) > thumbnails.EMBED_AT_MOST:
        pictures = []
        for i, data in enumerate(thumbs):
            pictures.append(f"thumbnails/{i}.webp" if data else None)
            if data:
                with writing(run.folder / "thumbnails" / f"{i}.webp") as partial:
                    partial.write_bytes(data)
    else:
        pictures = [thumbnails.data_uri(data) if data else None for data in thumbs]
    html = (
        environment("cafemood.report")
        .get_template("report.html.j2")
        .render(**view.context(), payload=for_script(view.payload(pictures)))
    )
    contact_sheets(run, view)
    for name, svg in view.figures.items():
        with writing(run.folder / "figures" / f"{name}.svg") as partial:
            partial.write_text(svg, encoding="utf-8")
    with writing(page) as partial:
        partial.write_text(html, encoding="utf-8")
    return page


def contact_sheets(run: Run, view: _View | None = None) -> dict[int, Path]:
    """Contact sheet of the most typical photos of each cluster, in `figures/`; made if it is not there."""
    paths = {j: run.folder / "figures" / f"cluster_{j}.jpg" for j in range(run.card.k)}
    if view is None and all(path.is_file() for path in paths.values()):
        return paths
    view = view or _View(run)
    for j, path in paths.items():
        typical = [view.thumbnails[i] for i in view.members(j)[:N_SHEET]]
        with writing(path) as partial:
            thumbnails.contact_sheet([data for data in typical if data]).save(partial, "JPEG", quality=85)
    return paths


@dataclass
class _View:
    """View of a run for its page: moods, pictures, figures and rows of scores."""

    run: Run

    @cached_property
    def table(self) -> pd.DataFrame:
        return self.run.assignments.reset_index(drop=True)

    @property
    def of_cafes(self) -> bool:
        """Whether cafés were grouped, and not photos."""
        return self.run.card.unit == "cafe"

    @cached_property
    def told(self) -> Told:
        return told(self.run)

    @property
    def names(self) -> list[moods.Mood]:
        return self.told.moods

    @cached_property
    def moods(self) -> list[dict[str, Any]]:
        return [self._mood(j) for j in range(self.run.card.k) if len(self.members(j))]

    @cached_property
    def shown(self) -> np.ndarray:
        """Rows of the table that the page has a picture of."""
        rows = thumbnails.shown(self.run)
        return rows[rows < len(self.table)]

    @cached_property
    def thumbnails(self) -> dict[int, bytes | None]:
        """The picture of each row that is shown."""
        sides = np.full(len(self.table), thumbnails.map_side(len(self.shown)))
        for j in range(self.run.card.k):
            sides[[*self.typical(j), *self.borderline(j)]] = thumbnails.CARD_SIDE
        files, kept = self.table["file"].to_numpy(), thumbnails.kept(self.run)
        made = thumbnails.make_thumbnails(
            Places(self.run.where, files[self.shown]),
            [int(side) for side in sides[self.shown]],
            [kept[i] for i in self.shown],
            list(self.table["photo_id"].to_numpy()[self.shown]),
            self.run.in_memory.get("pictures"),
        )
        return dict(zip(self.shown.tolist(), made, strict=True))

    @cached_property
    def _members(self) -> dict[int, np.ndarray]:
        nearest_first = self.table["distance"].to_numpy().argsort(kind="stable")
        cluster = self.table["cluster"].to_numpy()[nearest_first]
        return {j: nearest_first[cluster == j] for j in range(self.run.card.k)}

    def members(self, j: int) -> np.ndarray:
        """Rows of a cluster, the most typical (nearest to the group's mean in the features) first."""
        return self._members[j]

    def typical(self, j: int) -> list[int]:
        return [int(i) for i in self.members(j)[: N_TYPICAL + 1]]

    def borderline(self, j: int) -> list[int]:
        """Rows with the least lead over their second cluster that are not among the typical."""
        rest = self.table.loc[np.setdiff1d(self.members(j), self.typical(j))]
        lead = (rest["probability"] - rest["second_probability"]).sort_values(kind="stable")
        return [int(i) for i in lead.index[:N_BORDERLINE]]

    def _mood(self, j: int) -> dict[str, Any]:
        rows = self.table.loc[self.members(j)]
        cafes = rows["cafe_id"].value_counts()
        names = rows.drop_duplicates("cafe_id").set_index("cafe_id")["cafe_name"]
        largest = as_text(names.get(cafes.index[0])) or str(cafes.index[0])
        pictures = [self.thumbnails[i] for i in self.typical(j)]
        return {
            "j": j,
            "name": self.names[j],
            "called": f"{j + 1}  {self.names[j].english}" if self.names[j].english else f"Mood {j + 1}",
            "color": COLORS[j % len(COLORS)],
            "size": len(rows),
            "share": len(rows) / len(self.table),
            "n_cafes": len(cafes),
            "largest_cafe": largest,
            "largest_share": float(cafes.iloc[0] / len(rows)),
            "one_cafe": len(rows) > 2 and cafes.iloc[0] > 0.5 * len(rows),
            "silhouette": _finite(rows["silhouette"].mean()),
            "standing": self.told.standing(j),
            "standing_korean": self.told.standing_korean(j),
            "standing_code": self.told.standings[j].code,
            "jaccard": ((self.run.scores.get("stability") or {}).get("jaccard") or [None] * (j + 1))[j],
            "medoid": self.place(self.typical(j)[0]),
            "typical": [self.place(i) for i in self.typical(j)[1:]],
            "borderline": [
                (self.place(i), self.told.called(int(self.table["second_cluster"][i]))) for i in self.borderline(j)
            ],
            "palette": thumbnails.palette([data for data in pictures if data]),
        }

    def place(self, row: int) -> int:
        """Index of a row among those that are shown."""
        return int(np.searchsorted(self.shown, row))

    def payload(self, pictures: list[str | None]) -> dict[str, Any]:
        """Data for the page's script: columns, one entry a photo that is shown."""
        table = self.table.loc[self.shown]
        return {
            "pictures": pictures,
            "file": table["file"].tolist(),
            "cafe": [as_text(n) or as_text(c) for n, c in zip(table["cafe_name"], table["cafe_id"], strict=True)],
            "cluster": table["cluster"].tolist(),
            "second": table["second_cluster"].tolist(),
            "distance": [round(float(d), 4) for d in table["distance"]],
            "sizes": [mood.size for mood in self.names],
            "probability": [round(float(p), 3) for p in table["probability"]],
            "credit": [
                " · ".join(filter(None, (as_text(a), as_text(x))))
                for a, x in zip(table["attribution"], table["licence"], strict=True)
            ],
            "x": [round(float(x), 4) for x in table["x"]],
            "y": [round(float(y), 4) for y in table["y"]],
            "names": [mood.english for mood in self.names],
            "colors": [COLORS[j % len(COLORS)] for j in range(self.run.card.k)],
            "cafes_known": self.run.cafes_known,
            "edit": editing.payload(self.run, self.shown),
        }

    @cached_property
    def figures(self) -> dict[str, str]:
        """Figures as SVG: the silhouette plot, the size bars and, for a method that is trained, its training."""
        made = environment("cafemood.report")
        shared = {"moods": self.moods, "bars": self.silhouette_bars()}
        mean = self.run.scores["scores"].get("silhouette@features")
        figures = {
            "silhouette": made.get_template("silhouette.svg.j2").render(
                mean=mean, **_axis([v for bar in shared["bars"] for v in bar["values"]]), **shared
            ),
            "sizes": made.get_template("sizes.svg.j2").render(**shared),
        }
        if self.tree is not None:
            figures["tree"] = self.tree.svg
        panels = health_panels(self.run.scores["health"].get("updates", []))
        if panels:
            figures["health"] = made.get_template("health.svg.j2").render(panels=panels)
        return figures

    @cached_property
    def tree(self) -> mood_tree.Tree | None:
        return mood_tree.of_run(self.run, self.moods)

    def silhouette_bars(self, height: int = 240) -> list[dict[str, Any]]:
        """Silhouettes of photos, or of cafés, sorted within each cluster; at most `height` bars a cluster."""
        bars = []
        for mood in self.moods:
            rows = self.table[self.table["cluster"] == mood["j"]]
            rows = rows.drop_duplicates("cafe_id") if self.of_cafes else rows
            values = rows["silhouette"].dropna().to_numpy()
            values = np.sort(values)[::-1]
            if len(values) > height:
                values = values[np.linspace(0, len(values) - 1, height).round().astype(int)]
            bars.append({"mood": mood, "values": [float(v) for v in values]})
        return bars

    def score_rows(self) -> list[dict[str, Any]]:
        """Rows of the table of scores: value, explanation, baselines and null of each."""
        record = self.run.scores
        rows = []
        for name, value in record["scores"].items():
            score = score_of(name)
            rows.append(
                {
                    "name": name,
                    "space": name.partition("@")[2],
                    "arrow": score.arrow,
                    "words": score.words,
                    "own": value,
                    "others": [baseline["scores"].get(name) for baseline in record["baselines"]],
                    "null": record["null"].get(name),
                }
            )
        return rows

    def context(self) -> dict[str, Any]:
        card = self.run.card
        svg = self.figures
        n = f"{card.data.n_cafes:,} cafés" if self.of_cafes else f"{card.data.n_photos:,} photos"
        return {
            "title": f"{n}, {len(self.moods)} moods",
            "of_cafes": self.of_cafes,
            "headline": self.told.headline,
            "tested": any(standing.code for standing in self.told.standings),
            "card": card,
            "evaluation": self.run.scores,
            "findings": self.told.findings,
            "moods": self.moods,
            "marks": MARKS,
            "score_rows": self.score_rows(),
            "silhouette_svg": svg["silhouette"],
            "sizes_svg": svg["sizes"],
            "health_svg": svg.get("health", ""),
            "tree": self.tree,
            "n_gone": sum(data is None for data in self.thumbnails.values()),
            "has_pictures": card.data.has_files or any(self.thumbnails.values()),
            "n_shown": len(self.shown),
            "cafes_known": self.run.cafes_known,
            "survey": (asked := survey.result(self.run.folder)),
            "ambiance": ambiance.rows(self.run, asked),
            "no_place": no_place.shown(self.run),
            "outliers": outliers.shown(self.run),
            "survey_svg": survey_figures.alike(asked) if asked else "",
        }


def _axis(values: list[float]) -> dict[str, Any]:
    """Range and ticks of the silhouette axis: what the values need, zero always among it."""
    low, high = min([0.0, *values]), max([0.1, *values])
    step = next(s for s in (0.05, 0.1, 0.2, 0.5) if (high - low) / s <= 6 or s == 0.5)
    first, last = int(np.floor(low / step)), int(np.ceil(high / step))
    return {"low": first * step, "high": last * step, "ticks": [round(i * step, 2) for i in range(first, last + 1)]}


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
