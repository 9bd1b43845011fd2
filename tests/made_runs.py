"""Finished runs to test on: of drawn rooms, of six cafés, and run folders written by hand."""

import json
import shutil

import numpy as np
import pandas as pd
from drawn_rooms import MOODS, draw_room

from cafemood import runs
from cafemood.clustering.kmeans import KMeans
from cafemood.clustering.reduction import NoReduction, display_plane
from cafemood.core.atomic import write_tensors
from cafemood.data.images import open_image
from cafemood.evaluation.assessment import assess
from cafemood.evaluation.baselines import baselines
from cafemood.features.photo_features import PhotoDataModule

HOSTILE = '</script><img src=x onerror="alert(1)">공릉동 카페 ☕'


def make_run(folder, photo_set, k=2):
    """A finished run of colour features, by the same calls as train.py."""
    ids = [p.photo_id for p in photo_set.photos]
    rows = [np.asarray(open_image(photo_set.path(p)).resize((4, 4)), np.float32) for p in photo_set.photos]
    matrix = np.stack(rows).reshape(len(rows), -1) / 255
    np.savez(folder.parent / "colours.npz", features=matrix, photo_id=np.array(ids))
    from cafemood.backbones.creating import create_backbone

    backbone = create_backbone("precomputed", path=str(folder.parent / "colours.npz"))
    data = PhotoDataModule(photo_set, backbone, NoReduction(), cache_dir=folder.parent / "cache")
    data.setup()
    facts = {"command": "python train.py", "k": k, "seed": 0, "reduce": {"name": "none"}, "method": {"name": "kmeans"}}
    with runs.RunWriter(folder, facts) as run:
        clustering = KMeans(k).fit(data.matrix).clustering(data.matrix)
        plane, explained = display_plane(matrix)
        compared = baselines(matrix, clustering, k, n_seeds=2)
        cafes = [p.cafe_id for p in photo_set.photos]
        run.record(data, clustering, assess(matrix, plane, clustering, compared, cafes=cafes), plane, explained)
    return runs.load(folder)


def copy_run(made, to):
    """The run and its photos (the folder 사진 beside it), copied, so that a test may change both."""
    shutil.copytree(made.folder.parent, to)
    facts = json.loads((to / "run" / "run.json").read_text(encoding="utf-8"))
    facts["data"]["root"] = str(to / "사진")
    facts.pop("files", None)  # its checksums: a test may write other files in the place of these
    (to / "run" / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    return runs.load(to / "run")


NAMES = {"0": "공릉동 카페 숲", "1": HOSTILE, "2": "مقهى الورد", "3": "카페 나무", "4": "카페 나무", "5": None}


def draw_cafes(root):
    """Six cafés of four photos, but for the last, which has one: even ones dark, odd ones bright."""
    for cafe in range(6):
        mood = list(MOODS)[cafe % 2]
        for i in range(4 if cafe < 5 else 1):
            root.mkdir(parents=True, exist_ok=True)
            draw_room(1000 * cafe + i, mood, (200, 150)).save(root / f"cafe_{cafe}_{i}.jpg", quality=90)
    return root


TRUTH = np.repeat([0, 1, 2], 20)
MIXED = np.random.default_rng(0).permutation(TRUTH)


def scores_of(z=5.0, silhouette=0.2, **more):
    null = {"own": silhouette, "mean": 0.01, "sd": 0.01, "z": z, "n": 20, "kind": "independent"}
    return {
        "scores": {"silhouette@features": silhouette, "silhouette@pca2": 0.3, **more},
        "null": {"silhouette@features": null},
        "stability": {"ari": {"mean": 0.7, "sd": 0.1}, "jaccard": [0.8, None], "merged": [], "n": 20},
        "verdict": [],
    }


def write_run(
    folder, labels, *, backbone="resnet50", k=3, reduce=None, scores=None, ids=None, cafes=6, features=True, **method
):
    folder.mkdir(parents=True)
    n = len(labels)
    ids = [f"photo{i}" for i in range(n)] if ids is None else ids
    facts = {
        "schema_version": 1,
        "status": "finished",
        "k": k,
        "seed": 0,
        "backbone": {"name": backbone, "output": "features", "options": {}, "fingerprint": backbone.encode().hex()},
        "reduce": {"name": "none"} if reduce is None else {"name": "pca", "n_components": reduce},
        "method": {"name": "kmeans", "n_clusters": k} | method,
        "space": {"clustering": "features" if reduce is None else f"pca{reduce}"},
        "data": {
            "root": str(folder.parents[1]),
            "n_photos": n,
            "cafe_source": "folder" if cafes else "none",
            "skipped": [],
        },
        "stages": [{"name": "score", "seconds": 1.5}],
    }
    (folder / "run.json").write_text(json.dumps(facts))
    (folder / "scores.json").write_text(json.dumps(scores or scores_of()))
    (folder / "report.html").write_text("<p>")
    pd.DataFrame(
        {
            "photo_id": ids,
            "file": [f"{i % 2}.jpg" for i in range(n)],
            "cafe_id": [f"c{i // cafes}" if cafes else f"f{i}" for i in range(n)],
            "cafe_name": [HOSTILE if i == 0 else None for i in range(n)],
            "cluster": labels,
        }
    ).to_parquet(folder / "assignments.parquet")
    if features:
        rows = np.random.default_rng(len(backbone)).normal(size=(n, 4)) + labels[:, None]
        write_tensors(folder / "features.safetensors", {"rows": rows.astype(np.float16)})
    return folder
