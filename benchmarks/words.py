"""Do words find what is there, and nothing where it is not? Simulated photos and texts with known answers.

    python benchmarks/words.py fits         (a text that is shown by no photo fits: how often; of those shown: how many)
    python benchmarks/words.py names        (moods' names: right words found, wrong ones given)

No weights are needed: photos and texts are drawn in a space of 512 dimensions with the properties that CLIP's has. The
two kinds lie apart (the modality gap: Liang et al., "Mind the Gap", NeurIPS 2022); concepts come in 60 topics, so that
those of a topic are alike (cosine 0.3 on average); some photos and some texts are near everything (hubs: each has a
shift of its own along what its kind has in common); a photo shows 4 of 400 concepts with weights from 0.15 to 0.5
beside noise of length 1; every café has a concept that half its photos show. There are 2,000 photos of 200 cafés, and
358 unrelated texts, as many as cafemood carries, of topics that no photo shows.

The vocabulary has 448 words, as cafemood's: half of them shown by photos, half not, of 15 of the 20 topics that photos
show.

`fits`, ten seeds, each rate over 1,000 concepts that no photo shows:

- absent, unrelated: of topics like those of the unrelated texts. This is what the stated rate is about.
- absent, of a topic of the vocabulary: no photo shows the concept, but photos show others of its topic.
- absent, of a topic that the vocabulary lacks: the same where the vocabulary has no word of the topic.
- shown: the 400 concepts; recall, and of the photos that are named how many show it; by how many photos show it.
- a mood's word: in another collection all photos of each café show one of two concepts, with weights from 0.8 to 1.2.

The weight of the filter, the rate and how the four statistics are put together were chosen on the seeds 100 to 106.

`names`: four moods, each with three words of its own that 60 % of its photos show; 425 other words of the vocabulary
are shown by photos of all moods alike or by none. Told: moods with a right first word, right words of those there are,
names with a word that is neither right nor of a right word's topic (one of the same topic is true in part); and, of
photos that show nothing, grouped by k-means, names with any word.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from cafemood.words.calibration import FIT_RATE, RATE, Calibration, Null
from cafemood.words.filtering import matched_filter
from cafemood.words.naming import names_of

D, TOPICS, N_CAFES, PER_CAFE, N_UNRELATED, N_WORDS, N_SHOWN, N_ABSENT = 512, 60, 200, 10, 358, 448, 400, 1_000
SEEDS = range(10)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


@dataclass
class Space:
    """What photos and texts are drawn from."""

    rng: np.random.Generator
    topics: np.ndarray
    photo_side: np.ndarray
    text_side: np.ndarray

    @classmethod
    def of(cls, seed: int) -> Space:
        rng = np.random.default_rng(seed)
        photo_side, text_side = unit(rng.normal(size=(2, D)))
        return cls(rng, unit(rng.normal(size=(TOPICS, D))), photo_side, text_side)

    def concepts(self, n: int, topics: range) -> tuple[np.ndarray, np.ndarray]:
        """Directions (n, d), two of a topic having a cosine of about 0.3, and the topic of each (n,)."""
        of = self.rng.choice(np.array(topics), n)
        return unit(np.sqrt(0.3) * self.topics[of] + np.sqrt(0.7) * unit(self.rng.normal(size=(n, D)))), of

    def photos(self, shown: np.ndarray, weights: np.ndarray, concepts: np.ndarray) -> np.ndarray:
        """Photos (n, d) that show concepts (n, 4) with weights (n, 4)."""
        n = len(shown)
        hub = 1 + 0.15 * self.rng.normal(size=(n, 1))
        rows = hub * self.photo_side + unit(self.rng.normal(size=(n, D)))
        for column, weight in zip(shown.T, weights.T, strict=True):
            rows = rows + weight[:, None] * concepts[column]
        return unit(rows)

    def texts(self, concepts: np.ndarray) -> np.ndarray:
        """Texts (n, d) of concepts; some lie nearer the photos' side than others."""
        n = len(concepts)
        near = 0.1 * self.rng.normal(size=(n, 1))
        noise = 0.5 * unit(self.rng.normal(size=(n, D)))
        return unit(self.text_side + near * self.photo_side + 0.7 * concepts + noise)


def fits(seed: int) -> dict[str, float]:
    """Rates and recalls of one seed."""
    space, n = Space.of(seed), N_CAFES * PER_CAFE
    cafes, there, elsewhere = np.repeat(np.arange(N_CAFES), PER_CAFE), range(20), range(20, TOPICS)
    known, lacking = range(15), range(15, 20)
    concepts, topic_of = space.concepts(N_SHOWN, there)
    popular = (1 / np.arange(1, N_SHOWN + 1)) / (1 / np.arange(1, N_SHOWN + 1)).sum()
    shown = np.stack([space.rng.choice(N_SHOWN, n, p=popular) for _ in range(4)], axis=1)
    shown[::2, 0] = space.rng.choice(N_SHOWN, N_CAFES)[cafes[::2]]  # what half a café's photos show
    weights = space.rng.uniform(0.15, 0.5, shown.shape)
    photos = space.photos(shown, weights, concepts)
    some = space.rng.permutation(np.flatnonzero(np.isin(topic_of, known)))[: N_WORDS // 2]
    words = space.texts(np.concatenate([concepts[some], space.concepts(N_WORDS - len(some), known)[0]]))
    unrelated = space.texts(space.concepts(N_UNRELATED, elsewhere)[0])
    calibration = Calibration.of(photos, cafes, unrelated, matched_filter(photos, words))
    found: dict[str, float] = {}
    for name, topics in (
        ("absent, unrelated", elsewhere),
        ("absent, of a topic of the vocabulary", known),
        ("absent, of a topic that the vocabulary lacks", lacking),
    ):
        texts = space.texts(space.concepts(N_ABSENT, topics)[0])
        found[name] = float(np.mean([calibration.fit(text).fits for text in texts]))
    rows: dict[str, list[float]] = {}
    right, near, named = 0, 0, 0
    for concept, text in enumerate(space.texts(concepts)):
        shows = (shown == concept).any(axis=1)
        if not shows.any():
            continue
        fit = calibration.fit(text)
        count = int(shows.sum())
        group = next(f"shown by {a} to {b}" for a, b in ((1, 4), (5, 9), (10, 19), (20, n)) if a <= count <= b)
        rows.setdefault(group, []).append(fit.fits)
        rows.setdefault("shown", []).append(fit.fits)
        of_topic = (topic_of[shown] == topic_of[concept]).any(axis=1)
        named_now = fit.fitting_photos & fit.fits
        right, named = right + int((named_now & shows).sum()), named + int(named_now.sum())
        near += int((named_now & of_topic).sum())
    order = ["shown", *(f"shown by {group}" for group in ("1 to 4", "5 to 9", "10 to 19", f"20 to {n}"))]
    found |= {name: float(np.mean(rows[name])) for name in order}
    found["photos named that show it"] = right / max(named, 1)
    found["photos named that show it or another concept of its topic"] = near / max(named, 1)
    shown[:, 0], weights[:, 0] = space.rng.integers(0, 2, N_CAFES)[cafes], space.rng.uniform(0.8, 1.2, n)
    of_moods = space.photos(shown, weights, concepts)
    calibration = Calibration.of(of_moods, cafes, unrelated, matched_filter(of_moods, words))
    found["a mood's word"] = float(np.mean([calibration.fit(text).fits for text in space.texts(concepts[:2])]))
    return found


def names(seed: int) -> dict[str, float]:
    """How four moods with words of their own, and four of noise, are named."""
    from sklearn.cluster import KMeans

    space, n, k, own, n_words = Space.of(seed), N_CAFES * PER_CAFE, 4, 3, 428
    concepts, topic_of = space.concepts(n_words, range(20))
    groups = space.rng.integers(0, k, n)
    shown = space.rng.integers(k * own, n_words, (n, 4))
    for j in range(own):
        has = space.rng.random(n) < 0.6
        shown[has, j] = groups[has] * own + j
    photos = space.photos(shown, space.rng.uniform(0.15, 0.5, shown.shape), concepts)
    words, unrelated = space.texts(concepts), space.texts(space.concepts(N_UNRELATED, range(20, TOPICS))[0])
    kinds = [f"kind {i}" for i in range(n_words)]  # so that no word stands in another's way
    alone = np.arange(n)

    def named(rows: np.ndarray, labels: np.ndarray) -> list[list[int]]:
        made = names_of(Null.of(rows, alone, unrelated), rows, labels, words, unrelated, kinds, n_groups=k)
        return [[word.word for word in mood] for mood in made]

    found = named(photos, groups)
    good = [[word // own == j and word < k * own for word in mood] for j, mood in enumerate(found)]
    near = [[topic_of[word] in topic_of[j * own : (j + 1) * own] for word in mood] for j, mood in enumerate(found)]
    noise = space.photos(np.zeros((n, 4), int), np.zeros((n, 4)), concepts)
    by_noise = named(noise, KMeans(k, n_init=1, random_state=seed).fit_predict(noise))
    return {
        "moods whose first word is right": float(np.mean([bool(mood) and mood[0] for mood in good])),
        "right words found": sum(map(sum, good)) / (k * own),
        "names with a word of another topic": float(np.mean([not all(mood) for mood in near])),
        "names of groups of noise": float(np.mean([bool(mood) for mood in by_noise])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=["fits", "names"])
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    arguments = parser.parse_args()
    measure = {"fits": fits, "names": names}[arguments.what]
    made = [measure(seed) for seed in range(arguments.seeds)]
    rate = FIT_RATE if measure is fits else RATE
    print(f"| {arguments.what}, {arguments.seeds} seeds, rate {rate:g} | mean ± sd |\n|---|---|")
    for name in {name: None for row in made for name in row}:
        values = np.array([row.get(name, np.nan) for row in made])
        print(f"| {name} | {np.nanmean(values):.3f} ± {np.nanstd(values, ddof=min(1, len(values) - 1)):.3f} |")


if __name__ == "__main__":
    main()
