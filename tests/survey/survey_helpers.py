"""A run of four clear moods, small enough for every test, and its survey."""

from pathlib import Path

import numpy as np
from made_runs import make_run
from PIL import Image, ImageDraw

from cafemood.data.folders import scan_folder
from cafemood.runs.run import Run

PALETTES = [(60, 38, 26), (232, 230, 224), (70, 110, 84), (176, 96, 70)]


def draw(palette: tuple[int, int, int], seed: int) -> Image.Image:
    """A wall of one colour, with a few boxes before it."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (120, 90), tuple(int(c + rng.integers(-8, 8)) for c in palette))
    pen = ImageDraw.Draw(image)
    for _ in range(3):
        x, y = int(rng.integers(0, 80)), int(rng.integers(40, 70))
        pen.rectangle([x, y, x + 24, y + 16], fill=tuple(int(c * 0.7) for c in palette))
    return image


def make_asked_run(folder: Path, n_cafes: int = 20, palettes: int = 4) -> Run:
    """Each café has two photos, of two moods; each mood has half of the cafés."""
    root = folder / "사진"
    root.mkdir(parents=True)
    for cafe in range(n_cafes):
        for i in range(2):
            mood = (cafe + i * (1 + cafe // palettes % (palettes - 1))) % palettes
            draw(PALETTES[mood], 10 * cafe + i).save(root / f"cafe_공릉{cafe}_{i}.jpg", quality=90)
    return make_run(folder / "run", scan_folder(root), k=palettes)


def answer_all(study, number: int, choose) -> dict:
    """An answer file of the person with this number; `choose(question)` gives the values."""
    plan = number % len(study.plans)
    answers = {
        name: {"value": choose(study.questions[name]), "seconds": 3.0, "revision": 1} for name, _ in study.plan(plan)
    }
    return {
        "survey": study.id,
        "person": f"{number:032x}",
        "plan": plan,
        "gender": "woman" if number % 2 else "man",
        "language": "ko",
        "started": "2026-11-23T10:00:00.000Z",
        "finished": True,
        "answers": answers,
    }


def sensible(question):
    """Somebody who sees the moods: 5 for a cluster, 2 for a control, finds every intruder."""
    if question.kind == "alike":
        return 5 if question.condition.startswith("cluster") else 2
    return question.answer if question.answer is not None else question.photos[0]
