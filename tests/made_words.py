"""Text features written by hand, for a run of the six cafés, and the tower that would have made them."""

import json

import numpy as np

from cafemood.core.atomic import write_tensors
from cafemood.words import text_features
from cafemood.words.vocabulary import vocabulary

TEXTS = {"dark": 0, "bright": 1, "window": 2, "어두운": 0, "カフェ": 1}
"""What is looked for, and the axis it lies on."""
WIDTH = 24


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


class Tower:
    """Reads the texts of `TEXTS`; all others lie on an axis of their own."""

    name, fingerprint, dim, context_length = "siglip2_vit_b16", "f" * 64, WIDTH, 77

    def embed(self, texts):
        axes = [next((axis for word, axis in TEXTS.items() if word in text), WIDTH - 1) for text in texts]
        return np.eye(WIDTH, dtype=np.float32)[axes]

    def check_length(self, text, phrasings):
        return None


def write_text_features(run, loud=None):
    """Even cafés are dark, odd ones bright, cafe_2_1 shows a window; the last photo has no text features.

    Bright cafés are lively; of `loud` words tell nothing, or where its photos lie if that is given (n,).
    """
    rng, photos = np.random.default_rng(0), run.photos
    axis = np.eye(WIDTH)
    rows = 0.3 * rng.normal(size=(len(photos), WIDTH))
    rows[:, :4] *= 0.2
    dark = np.unique(photos["cafe_id"].astype(str), return_inverse=True)[1] % 2 == 0
    rows[dark, 0] += 1
    rows[~dark, 1] += 1
    rows[photos["file"].str.contains("cafe_2_1"), 2] += 2.5
    rows[:, 3] += 0 if loud is None else loud
    unrelated = rng.normal(size=(399, WIDTH))
    unrelated[:, :4] *= 0.2
    terms = [t for t in vocabulary() if t.english in ("dark", "bright", "menu", "window seat")]
    tensors = {
        "photos": unit(rows)[:-1].astype(np.float16),
        "ids": text_features.packed(photos["photo_id"].tolist()[:-1]),
        "words": Tower().embed([term.english for term in terms]),
        "unrelated_en": unit(unrelated),
        "unrelated_ko": unit(unrelated[::-1]),
        "along": unit(np.stack([axis[1] - axis[0], unrelated[0] - unrelated[1] if loud is None else axis[3]])),
    }
    about = {
        "options": json.dumps({"name": "siglip2_vit_b16"}),
        "fingerprint": "f" * 64,
        "languages": json.dumps(["en", "ko", "ja"]),
        "terms": json.dumps([[term.kind, term.english, term.korean] for term in terms]),
        "scales": json.dumps([["lively", ["calm"], ["lively"]], ["loud", ["quiet"], ["loud"]]]),
    }
    write_tensors(run.folder / text_features.FILE, tensors, about)
