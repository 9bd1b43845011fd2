"""What a run's pages and the terminal say of it before any figure: the headline, and each mood in a word."""

from __future__ import annotations

from dataclasses import dataclass

from cafemood.cafes import moods
from cafemood.evaluation.findings import Finding, with_names
from cafemood.evaluation.headline import Headline, headline
from cafemood.evaluation.standing import Standing, standings
from cafemood.runs.run import Run


@dataclass(frozen=True)
class Told:
    """What is said of a run.

    Attributes:
        headline: The answer to whether its moods may be used.
        standings: How each mood stood in refits.
        findings: The verdict, with the names of moods beside their numbers.
        moods: The moods with their names and words.
    """

    headline: Headline
    standings: list[Standing]
    findings: list[Finding]
    moods: list[moods.Mood]

    def called(self, cluster: int) -> str:
        """A mood by its name, or by its number."""
        return self.moods[cluster].english or f"mood {cluster + 1}"

    def standing(self, cluster: int) -> str:
        """The standing of a mood in a word or two; empty where it is not known."""
        found = self.standings[cluster]
        return found.english if found.double_of is None else f"{found.english} of {self.called(found.double_of)}"

    def standing_korean(self, cluster: int) -> str:
        """The same in Korean."""
        found = self.standings[cluster]
        if found.double_of is None:
            return found.korean
        other = self.moods[found.double_of].korean or f"무드 {found.double_of + 1}"
        return f"{other}와(과) {found.korean}"


def told(run: Run) -> Told:
    """Put a run into words.

    Raises:
        CafemoodError: A file of the run is damaged.
    """
    known, card = moods.of_run(run), run.card
    names = {mood.cluster: (mood.english, mood.korean) for mood in known if mood.english}
    return Told(
        headline=headline(run.findings, card.k, names, of_cafes=card.unit == "cafe"),
        standings=standings(run.scores.get("stability"), card.k),
        findings=[with_names(found, {j: english for j, (english, _) in names.items()}) for found in run.findings],
        moods=known,
    )
