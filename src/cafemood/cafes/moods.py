"""What a mood is called: the user's own name, else words that its photos have more often than all photos.

A word belongs to a mood by *lift*, its share of the mood's photos over its share of all photos. The top class
alone would call every mood of a café collection "coffee shop". Words about looks are therefore relative: "dark"
is darker than the other photos of this run.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cafemood.backbones.places365 import scene_categories
from cafemood.cafes import looks
from cafemood.cafes.scene_words import KOREAN_SCENES
from cafemood.core.atomic import write_json
from cafemood.core.parquet import read_parquet, write_parquet
from cafemood.core.reasons import Flaw, reason_of
from cafemood.errors import RunError
from cafemood.runs import thumbnails
from cafemood.runs.run import Run
from cafemood.words import text_features
from cafemood.words.run_words import mood_words

if TYPE_CHECKING:
    import pandas as pd

LOOK_WORDS: dict[str, tuple[tuple[str, str] | None, tuple[str, str]]] = {
    "light": (("dark", "어두운"), ("bright", "밝은")),
    "warmth": (("cool", "차가운"), ("warm", "따뜻한")),
    "colour": (("muted", "차분한"), ("colourful", "다채로운")),
    "clutter": (("uncluttered", "여백이 많은"), ("full", "아기자기한")),
    "contrast": (("soft", "부드러운"), ("contrasty", "명암이 강한")),
    "symmetry": (None, ("symmetric", "대칭적인")),
}
"""The lower and the upper third of each look, in English and Korean; that a photo is not symmetric says nothing."""

LEAST_LIFT = 1.15
"""A word is taken if the lower end of its lift's 90 % interval (Wilson) is above this."""
LEAST_SHARE = 0.4
"""And if this share of the mood's photos have it; scenes, of which there are 365, need half."""
N_WORDS = 3
MAX_NAME = 80
NAMES_FILE = "names.json"
WORDS_FILE = "words.json"


@dataclass(frozen=True)
class Word:
    """A word and how much more often a mood's photos have it."""

    english: str
    korean: str
    lift: float
    share: float


@dataclass(frozen=True)
class Mood:
    """A cluster as people speak of it; `number` counts from 1."""

    cluster: int
    size: int
    words: list[Word] = field(default_factory=list)
    own_name: str | None = None

    @property
    def number(self) -> int:
        """As the report counts."""
        return self.cluster + 1

    @property
    def english(self) -> str:
        """The user's name, else the words, else nothing."""
        return self.own_name or ", ".join(word.english for word in self.words)

    @property
    def korean(self) -> str:
        """The same in Korean."""
        return self.own_name or ", ".join(word.korean for word in self.words)

    @property
    def title(self) -> str:
        """`dark wood (mood 2)`, or `mood 2` where it has no name."""
        return f"{self.english} (mood {self.number})" if self.english else f"mood {self.number}"


def looks_of(run: Run) -> pd.DataFrame:
    """The looks of the run's photos, one row each, from `looks.parquet`; measured in memory where that lacks them."""
    measured = _known_looks(run)
    if measured is None:
        measured = run.in_memory.get("looks")
    if measured is None:
        measured = run.in_memory["looks"] = looks.measure_all(thumbnails.kept(run), run.in_memory.get("pictures"))
    return measured


def forget_words(run: Run) -> None:
    """Let the next `write` find the words again."""
    (run.folder / WORDS_FILE).unlink(missing_ok=True)


def write(run: Run) -> None:
    """Write `looks.parquet` and `words.json` where they are missing or damaged, or lack a photo."""
    if _known_looks(run) is None:
        measured = looks_of(run)
        forget_words(run)
        table = measured.assign(photo_id=run.photos["photo_id"].to_numpy())
        write_parquet(run.folder / "looks.parquet", table)
    if _known_words(run) is None:
        moods = [{"size": size, "words": [asdict(word) for word in words]} for size, words in _sizes_and_words(run)]
        write_json(run.folder / WORDS_FILE, moods)


def _known_looks(run: Run) -> pd.DataFrame | None:
    path, ids = run.folder / "looks.parquet", run.photos["photo_id"]
    table: pd.DataFrame | None = None
    if path.exists():
        try:
            table = read_parquet(path, ("photo_id", *looks.LOOKS)).drop_duplicates("photo_id")
            table = table.set_index("photo_id").reindex(ids)
        except (OSError, Flaw):  # damaged: the thumbnails are still there
            table = None
    if table is None or table[list(looks.LOOKS)].isna().all(axis=1).to_numpy()[thumbnails.shown(run)].any():
        return None
    return table[list(looks.LOOKS)].reset_index(drop=True)


def of_run(run: Run) -> list[Mood]:
    """The moods of a run, with their words and the user's names; empty ones too."""
    given = own_names(run)
    return [Mood(j, size, words, given.get(j + 1)) for j, (size, words) in enumerate(_sizes_and_words(run))]


def known_names(run: Run) -> dict[int, str]:
    """The names of clusters (from 0) that are written down: the user's, else the words; nothing is measured for it."""
    found = {j: ", ".join(word.english for word in words) for j, (_, words) in enumerate(_known_words(run) or [])}
    found |= {number - 1: name for number, name in own_names(run).items()}
    return {j: name for j, name in found.items() if name}


def _sizes_and_words(run: Run) -> list[tuple[int, list[Word]]]:
    """Size and words of each mood, from `words.json`; found in memory where that is missing."""
    stored = _known_words(run)
    if stored is not None:
        return stored
    clusters = run.assignments["cluster"].to_numpy()
    has, vocabulary = _vocabulary(run)
    has = has[: len(clusters)]
    of_vocabulary = _of_the_vocabulary(run, clusters)
    words = []
    for j in range(run.card.k):
        members = clusters == j
        words.append((int(members.sum()), of_vocabulary[j] or _words_of(has[members], has, vocabulary)))
    return words


def _of_the_vocabulary(run: Run, clusters: np.ndarray) -> list[list[Word]]:
    """Words of the vocabulary that are beyond chance, by mood, where the run has text features; see `words.naming`."""
    if not text_features.exists(run):
        return [[] for _ in range(run.card.k)]
    features = text_features.load(run)
    own = features.rows < len(clusters)  # photos that were added since tell nothing of how the moods came about
    found = mood_words(features.keep(own), clusters[features.rows[own]], run.card.k)
    return [[Word(w.term.english, w.term.korean, w.lift, w.share) for w in mood] for mood in found]


def _known_words(run: Run) -> list[tuple[int, list[Word]]] | None:
    try:
        stored = json.loads((run.folder / WORDS_FILE).read_text(encoding="utf-8"))
        if len(stored) == run.card.k:
            return [(int(mood["size"]), [Word(**word) for word in mood["words"]]) for mood in stored]
    except (OSError, ValueError, TypeError, KeyError):
        pass  # not there, or damaged: it can be made again
    return None


def own_names(run: Run) -> dict[int, str]:
    """The names that the user gave, by mood number.

    Raises:
        RunError: `names.json` was edited into something else.
    """
    path = run.folder / NAMES_FILE
    if not path.exists():
        return {}
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
        return {int(number): checked_name(str(name)) for number, name in names.items()}
    except (OSError, ValueError, AttributeError) as error:
        fix = "mend it, or delete it and name the moods again"
        why = reason_of(error, path, "it holds no names by number")
        raise RunError("The names of the moods cannot be read", where=path, why=why, fix=fix) from None


def give_name(run: Run, number: int, name: str | None) -> None:
    """Keep the user's name of a mood, or forget it.

    Args:
        run: The run.
        number: The mood, from 1.
        name: Its name; None forgets it.

    Raises:
        RunError: There is no such mood, or the name is empty, too long or another mood's.
    """
    if not 1 <= number <= run.card.k:
        fix = f"give a mood between 1 and {run.card.k}"
        raise RunError(f"There is no mood {number}", where=run.folder, fix=fix)
    names = own_names(run)
    names.pop(number, None)
    if name is not None:
        try:
            name = checked_name(name)
        except Flaw as error:
            raise RunError("This cannot be a mood's name", why=reason_of(error), fix="give one line of words") from None
        taken = next((n for n, other in names.items() if other.casefold() == name.casefold()), None)
        if taken is not None:
            raise RunError(f"Mood {taken} is called {name!r} already", where=run.folder, fix="give another name")
        names[number] = name
    write_json(run.folder / NAMES_FILE, {str(n): names[n] for n in sorted(names)})


def checked_name(name: str) -> str:
    """A mood's name on one line, without what cannot be seen.

    Raises:
        Flaw: It is empty, or longer than `MAX_NAME`.
    """
    name = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", name).split())
    if not name:
        raise Flaw("it is empty")
    if len(name) > MAX_NAME:
        raise Flaw(f"it has {len(name)} letters, {MAX_NAME} are the most")
    return name


def _vocabulary(run: Run) -> tuple[np.ndarray, list[tuple[str, str, float]]]:
    """Which photo has which word (n, w), and the words: English, Korean, least share."""
    measured = looks_of(run)
    columns: list[np.ndarray] = []
    words: list[tuple[str, str, float]] = []
    for look, (low, high) in LOOK_WORDS.items():
        values = measured[look].round(4).to_numpy()  # of pictures in grey warmth is no more than rounding
        if np.isnan(values).all():
            continue
        lower, upper = np.nanquantile(values, [1 / 3, 2 / 3])
        for word, has in ((low, values < lower), (high, values > upper)):
            if word is not None:
                columns.append(has)
                words.append((*word, LEAST_SHARE))
    kept = run.features if run.has_features else {}
    if "scenes" in kept:
        scenes, probabilities = kept["scenes"], kept["scene_probabilities"]
        for j in np.unique(scenes):
            columns.append(((scenes == j) & (probabilities >= 0.05)).any(axis=1))
            english = scene_categories()[j].replace("_", " ").replace("/", ", ")
            words.append((english, KOREAN_SCENES.get(scene_categories()[j], english), 0.5))
    if not columns:
        return np.zeros((len(measured), 0), dtype=bool), []
    n = min(len(column) for column in columns)  # scenes are known of the run's own photos only
    return np.stack([column[:n] for column in columns], axis=1), words


def _words_of(own: np.ndarray, everyone: np.ndarray, words: list[tuple[str, str, float]]) -> list[Word]:
    if not len(own) or len(own) == len(everyone):
        return []
    share, base = own.mean(axis=0), everyone.mean(axis=0)
    least = _wilson_low(share, len(own))
    candidates = [
        (least[w] / base[w], Word(english, korean, float(share[w] / base[w]), float(share[w])))
        for w, (english, korean, needed) in enumerate(words)
        if base[w] > 0 and share[w] >= needed and least[w] / base[w] > LEAST_LIFT
    ]
    return [word for _, word in sorted(candidates, key=lambda pair: -pair[0])[:N_WORDS]]


def _wilson_low(share: np.ndarray, n: int, z: float = 1.6449) -> np.ndarray:
    """Lower end of Wilson's 90 % interval of shares among n photos."""
    middle = share + z**2 / (2 * n)
    return (middle - z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))) / (1 + z**2 / n)
