"""What simulated people teach: `python benchmarks/people.py RUN`, on any run of cafés.

People look at the light and the warmth of a photo, and at nothing else (a known linear map of looks, which the
features hold only in part), or choose anything. Each survey has a pool of photos of different cafés; 60 people answer
20 triplets and 12 ratings each. Ten seeds, mean ± sd.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from scipy.special import softmax

from cafemood import runs
from cafemood.cafes import moods
from cafemood.survey import answers, people_map, scale_models
from cafemood.survey.build import build
from cafemood.survey.design import Design
from cafemood.survey.kinds.registry import KINDS
from cafemood.survey.study import Study

SCALES = ("cozy", "trendy", "loud")
SHARPNESS, SPREAD = 1.5, 0.8
"""Of the choice between photos, and the standard deviation of a rating around what a person sees, in steps."""


def answered(study: Study, seen: dict[str, np.ndarray], n_people: int, rng: np.random.Generator, noise: bool) -> None:
    """Write answer files: of people who see light and warmth, or of people who press anything."""
    (study.folder / "answers").mkdir()
    for number in range(n_people):
        given = {}
        for name, photos in study.plan(number):
            question = study.questions[name]
            at = np.stack([seen[photo] for photo in photos])
            if question.kind == "odd" and not noise:
                gaps = ((at[:, None] - at[None]) ** 2).sum(axis=-1)
                chances = softmax(-SHARPNESS * np.array([gaps[1, 2], gaps[0, 2], gaps[0, 1]]))
                value: object = photos[rng.choice(3, p=chances)]
            elif question.condition in ("cozy", "trendy") and not noise:
                light, warmth = at[0]
                level = {"cozy": 0.7 * warmth - 0.5 * light, "trendy": light}[question.condition]
                value = int(np.clip(round(3 + level + rng.normal(0, SPREAD)), 1, 5))
            else:  # `loud` is anything
                value = KINDS[question.kind].simulated(question, study.scale, rng)
            given[name] = {"value": value, "seconds": 3.0, "revision": 1}
        person = {
            "survey": study.id, "person": f"{number:032x}", "plan": number % len(study.plans), "gender": "unsaid",
            "language": "ko", "started": "2026-01-01T10:00:00Z", "finished": True, "answers": given,
        }  # fmt: skip
        (study.folder / "answers" / f"{number}.json").write_text(json.dumps(person), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="a finished run of at least 60 cafés")
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--pool", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=10)
    chosen = parser.parse_args()
    run = runs.load(chosen.run)
    looks = moods.looks_of(run)[["light", "warmth"]]
    standard = ((looks - looks.mean()) / looks.std()).to_numpy()
    by_id = dict(zip(run.photos["photo_id"], standard, strict=True))
    for noise in (False, True):
        maps, told = [], {scale: [] for scale in SCALES}
        for seed in range(chosen.seeds):
            design = Design(groups=1, intruders=0, triplets=20, pool=chosen.pool, ratings=12, scales=SCALES, seed=seed)
            with tempfile.TemporaryDirectory() as folder:
                study = build(run, Path(folder) / "survey", design)
                seen = {name: by_id[about["photo_id"]] for name, about in study.facts["photos"].items()}
                answered(study, seen, chosen.people, np.random.default_rng(seed), noise)
                counted = answers.gather(study).counted
                maps.append(people_map.learn(study, counted, run, seed=seed)[1])
                for entry in scale_models.predict(study, counted, run, seed=seed)[1]:
                    told[entry["scale"]].append(entry)
        print("people who press anything" if noise else "people who see light and warmth")
        for name in ("untrained", "learnt", "between"):
            values = np.array([figures[name] for figures in maps])
            print(f"  {name:<12}{values.mean():.3f} ± {values.std(ddof=1):.3f}")
        print(f"  said to hold: {sum(figures['low'] > 0 for figures in maps)} of {len(maps)}")
        for scale, entries in told.items():
            r2 = np.array([entry["r2"] for entry in entries])
            most = np.mean([entry["reliability"] for entry in entries])
            kept = sum(entry["predicted"] for entry in entries)
            print(f"  {scale:<8} R2 {r2.mean():.2f} ± {r2.std(ddof=1):.2f} of {most:.2f}, predicted {kept} times")


if __name__ == "__main__":
    main()
