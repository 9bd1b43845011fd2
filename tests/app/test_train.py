"""`python train.py` as a user runs it, in a process of its own."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

ROOT = Path(__file__).parents[2]
SMALL = ["method.hidden=[32,32,64]", "method.pretrain_min_steps=60", "method.pretrain_epochs=2", "baseline_seeds=3"]

pytestmark = pytest.mark.slow


@pytest.fixture
def start(tmp_path, photo_folder):
    """Start train.py on the drawn photos, in an empty working folder."""

    def begin(*overrides: str, photos: bool = True) -> subprocess.Popen[str]:
        words = [sys.executable, str(ROOT / "train.py"), *overrides]
        words += ["data=folder", f"data.root={photo_folder}"] if photos else []
        environment = os.environ | {"WANDB_MODE": "offline", "COLUMNS": "200"}
        return subprocess.Popen(
            words,
            cwd=tmp_path,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # a shell's background job ignores Ctrl-C, and so would its children
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    return begin


@pytest.fixture
def train(start):
    """Run train.py to its end."""

    def run(*overrides: str, photos: bool = True) -> subprocess.CompletedProcess[str]:
        process = start(*overrides, photos=photos)
        out, err = process.communicate(timeout=240)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    return run


def runs_below(folder: Path) -> list[Path]:
    return sorted(path.parent for path in (folder / "outputs").rglob("run.json"))


def facts(run: Path) -> dict:
    return json.loads((run / "run.json").read_text())


def embedded(run: Path) -> int:
    return next(stage["items"] for stage in facts(run)["stages"] if stage["name"] == "embed")


@pytest.mark.parametrize("method", ["kmeans", "dec", pytest.param("idec", marks=pytest.mark.thorough)])
def test_a_labelled_folder_runs_end_to_end(train, tmp_path, photo_folder, method):
    small = SMALL if method != "kmeans" else ["baseline_seeds=3"]
    done = train(f"method={method}", "k=2", "data.labels=subfolder", *small)
    assert done.returncode == 0, done.stderr
    (run,) = runs_below(tmp_path)
    assert done.stdout.strip().splitlines()[-1].endswith("report.html")
    assert {"assignments.parquet", "assignments.csv", "scores.json", "model.safetensors", "metrics.csv"} <= {
        path.name for path in run.iterdir()
    }
    scores = json.loads((run / "scores.json").read_text())
    assert {"silhouette@features", "accuracy", "nmi", "ari"} <= set(scores["scores"])
    assert all("@" in name or name in {"accuracy", "nmi", "ami", "ari"} for name in scores["scores"])
    names = [baseline["name"] for baseline in scores["baselines"]]
    assert names[:1] == ["k-means on the features"] * (method != "kmeans")  # which is not set beside itself
    assert ("AE + k-means" in names) == (method != "kmeans")
    assert not any("kmeans" in said["code"] for said in scores["verdict"]) or method != "kmeans"
    assert re.search(r"cafemood show .+ {2}# ", done.stdout)
    assert not re.search("silhouette", done.stdout)
    table = pd.read_parquet(run / "assignments.parquet")
    assert len(table) == facts(run)["data"]["n_photos"] > 0
    assert set(table["label"]) == {path.name for path in photo_folder.iterdir() if path.is_dir()}
    assert (run / ".hydra" / "config.yaml").is_file()


@pytest.mark.thorough
@pytest.mark.parametrize("method", ["dec", "temi"])
def test_the_papers_digits_run_without_photos(train, tmp_path, method):
    small = (
        [*SMALL, "method.max_updates=3"]
        if method == "dec"
        else ["method.min_steps=60", "method.epochs=1", "baseline_seeds=2"]
    )
    done = train("experiment=paper_digits", f"method={method}", *small, photos=False)
    assert done.returncode == 0, done.stderr
    (run,) = runs_below(tmp_path)
    scores = json.loads((run / "scores.json").read_text())
    assert facts(run)["data"]["n_photos"] == 1797
    assert 0.1 < scores["scores"]["accuracy"] <= 1
    assert scores["health"]["clusters_in_use"] >= 8
    assert (run / "report.html").is_file()
    html = (run / "report.html").read_text(encoding="utf-8")
    assert html.count("data:image/webp") == 1797  # each digit is drawn
    assert "could no longer be read" not in html
    if method == "dec":
        assert len(scores["health"]["updates"]) == len(scores["health"]["label_change"]) + 1
        assert "KL(P‖Q)" in (run / "figures" / "health.svg").read_text(encoding="utf-8")
        assert "How the training went" in html
        assert "Pretraining: 60 steps of 256 rows, about" in done.stdout + done.stderr


def test_pca_2_is_clustered_and_scored_in_its_plane_beside_the_null(train, tmp_path):
    done = train("reduce=pca", "reduce.n_components=2", "method=kmeans", "k=2", "baseline_seeds=2")
    assert done.returncode == 0, done.stderr
    (run,) = runs_below(tmp_path)
    scores = json.loads((run / "scores.json").read_text())
    assert facts(run)["space"]["clustering"] == "pca2"
    assert 0 < scores["null"]["silhouette@pca2"]["mean"] < 1
    assert any("data drawn without groups" in said["text"] for said in scores["verdict"])


def test_a_sweep_embeds_once_trains_one_autoencoder_and_again_embeds_nothing(train, tmp_path):
    sweep = ["-m", "k=2,3", "method=dec,idec", *SMALL]
    assert train(*sweep).returncode == 0
    first = runs_below(tmp_path)
    assert len(first) == 4
    assert sorted(embedded(run) for run in first)[:3] == [0, 0, 0]
    assert len(list((tmp_path / "data/cache/autoencoders").glob("*.safetensors"))) == 1
    assert train(*sweep).returncode == 0
    again = [run for run in runs_below(tmp_path) if run not in first]
    assert len(again) == 4
    assert [embedded(run) for run in again] == [0] * 4
    assert len(list((tmp_path / "data/cache/autoencoders").glob("*.safetensors"))) == 1


@pytest.mark.thorough
def test_the_same_seed_gives_the_same_labels_twice(train, tmp_path):
    for cache in ("a", "b"):
        assert train("method=dec", "k=3", "seed=7", f"cache_dir={cache}", *SMALL).returncode == 0
    one, other = (load_file(run / "model.safetensors") for run in runs_below(tmp_path))
    tables = [pd.read_parquet(run / "assignments.parquet") for run in runs_below(tmp_path)]
    assert (tables[0]["cluster"] == tables[1]["cluster"]).all()
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_the_studys_systems_run_as_one_sweep_offline(train, tmp_path):
    done = train("experiment=study", "backbone=random", "k=2", "baseline_seeds=2", "cache_dir=cache")
    assert done.returncode == 0, done.stderr
    found = [(f := facts(run))["method"]["name"] + "/" + f["reduce"]["name"] for run in runs_below(tmp_path)]
    assert sorted(found) == ["dec/none", *["kmeans/none"] * 4, "kmeans/pca"]  # too few cafés for their own rows
    assert "UNTRAINED" in done.stdout + done.stderr
    (table,) = (tmp_path / "outputs/sweeps").glob("*/compare.csv")
    assert sorted(pd.read_csv(table)["method"]) == ["dec", "kmeans", "kmeans"]  # what is the same is listed once


def test_killed_while_embedding_it_goes_on_where_it_was(start, train, tmp_path, photo_folder):
    for path in sorted(photo_folder.rglob("*.jpg")):
        for copy in range(50):  # a byte behind the picture makes another photo of it
            path.with_name(f"{path.stem}_{copy}.jpg").write_bytes(path.read_bytes() + bytes([copy]))
    slow = ["method=kmeans", "k=2", "embed_batch_size=1", "baseline_seeds=1"]
    process = start(*slow)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("data/cache/features/*/*.npy")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = sum(len(np.load(path)) for path in tmp_path.glob("data/cache/features/*/*.npy"))
    (killed,) = runs_below(tmp_path)
    assert facts(killed)["status"] in {"running", "finished"}
    assert train(*slow).returncode == 0
    again = next(run for run in runs_below(tmp_path) if run != killed)
    assert kept > 0  # at least a shard: 256 photos, or what two seconds gave
    assert embedded(again) == facts(again)["data"]["n_photos"] - kept


@pytest.mark.thorough
def test_two_processes_share_the_embedding(train, tmp_path):
    settings = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2", "method=kmeans", "k=2"]
    done = train(*settings, "baseline_seeds=1")
    assert done.returncode == 0, done.stderr
    (run,) = runs_below(tmp_path)
    shards = [len(np.load(path)) for path in tmp_path.glob("data/cache/features/*/*.npy")]
    assert len(shards) == 2
    assert sum(shards) == embedded(run) == facts(run)["data"]["n_photos"]
    assert embedded(run) == 12


def test_ctrl_c_says_so_and_marks_the_run(start, tmp_path):
    process = start("method=dec", "k=2", "method.pretrain_epochs=100000")
    lines = []
    for line in iter(lambda: process.stderr.read(1), ""):  # the bar's first step: training has begun
        lines.append(line)
        if "pretrain" in "".join(lines[-200:]) and "loss=" in "".join(lines[-200:]):
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("  python train.py method=dec k=2 method.pretrain_epochs=100000")
    assert "Traceback" not in err
    (run,) = runs_below(tmp_path)
    assert facts(run)["status"] == "interrupted"
    assert not list(tmp_path.rglob("*.partial"))


def test_ctrl_c_in_a_sweep_names_the_command_that_goes_on(start, train, tmp_path):
    words = ["-m", "k=2,3", "method=kmeans", "baseline_seeds=1"]
    process = start(*words)
    deadline = time.monotonic() + 200
    while not list(tmp_path.glob("outputs/sweeps/*/0_*/report.html")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    again = err.splitlines()[-1]
    assert again.endswith(" resume=true")
    typed = shlex.split(again)
    assert typed[:6] == ["python", "train.py", *words]
    done = train(*typed[2:], photos=False)
    assert done.returncode == 0, done.stderr
    assert "Finished before: 0_" in done.stdout + done.stderr
    assert len(list((tmp_path / "outputs/sweeps").iterdir())) == 1


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["k=auto", "k_range=9..3"], "k_range=9..3 is no range"),
        (["k=500", "method=kmeans"], "photos cannot be put into 500 groups"),
        (["k=1", "method=kmeans"], "k must be at least 2"),
        (["data.root=/nowhere/at/all"], "it does not exist"),
        (["backbone.precision=int4"], "Unknown precision 'int4'"),
        (["backbone=precomputed"], "No feature matrix given"),
        (["method=dec", "method.mode=slow"], "Unknown mode 'slow'"),
        (["reduce=pca", "reduce.n_components=9999", "method=kmeans"], "PCA cannot give 9999 components"),
    ],
)
def test_a_users_mistake_is_one_message_without_a_traceback(train, tmp_path, overrides, message):
    own_root = any(word.startswith("data.root") for word in overrides)
    done = train(*(["data=folder", *overrides] if own_root else overrides), photos=not own_root)
    told = done.stdout + done.stderr
    assert done.returncode == 1
    assert message in told
    assert "Traceback" not in told
    assert not list(tmp_path.glob("outputs/runs/*")) or "n_components=9999" in str(overrides)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("backbone=mobilnet", "did you mean mobilenet_v2?"),
        ("kk=4", "There is no setting 'kk'"),
        ("seed=x", "give a whole number"),
    ],
)
def test_a_typo_in_the_config_is_explained(train, override, message):
    done = train(override)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_failed_job_does_not_end_the_sweep_and_is_told_by_the_exit_code(train, tmp_path):
    sweep = ["-m", "k=2,500", "method=kmeans", "baseline_seeds=1", "nulls=3"]
    done = train(*sweep)
    assert done.returncode != 0
    runs = runs_below(tmp_path)
    assert sorted(facts(run)["status"] for run in runs) == ["failed", "finished"]
    (page,) = (tmp_path / "outputs/sweeps").glob("*/compare.html")
    assert f"Comparison: {page.relative_to(tmp_path)}" in done.stdout
    table = pd.read_csv(page.parent / "compare.csv")
    assert table["reason"].dropna().tolist() == ["12 photos cannot be put into 500 groups."]
    before = {run: (run / "run.json").read_text() for run in runs}
    done = train(*sweep, "resume=true")  # only what is missing, into the same folder
    assert done.returncode != 0
    assert done.stdout.count("Finished before") + done.stderr.count("Finished before") == 1
    assert [run for run in runs_below(tmp_path) if (run / "run.json").read_text() == before[run]] == [
        run for run in runs if facts(run)["status"] == "finished"
    ]


@pytest.mark.parametrize(
    "launcher",
    [
        ["hydra/launcher=pool"],
        pytest.param(["hydra/launcher=submitit_local", "hydra.launcher.timeout_min=5"], marks=pytest.mark.thorough),
        pytest.param(["hydra/launcher=ray"], marks=pytest.mark.thorough),
    ],
    ids=["pool", "submitit", "ray"],
)
def test_whichever_launcher_ran_the_jobs_the_sweep_is_the_same(train, tmp_path, launcher):
    sweep = ["-m", "k=2,500", "method=kmeans", "baseline_seeds=1", "nulls=3"]
    done = train(*sweep, *launcher)
    assert done.returncode != 0  # one job failed, in another process
    assert "Comparison: " in done.stdout
    (page,) = (tmp_path / "outputs/sweeps").glob("*/compare.html")
    table = pd.read_csv(page.parent / "compare.csv")
    assert table["status"].tolist() == ["finished", "no result"]
    assert table["reason"].tolist()[1] == "12 photos cannot be put into 500 groups."
    assert re.match(r"python train.py .*k=2\b.* method=kmeans ", facts(tmp_path / table["folder"][0])["command"])


def test_k_is_chosen_and_silhouettes_pick_told(train, tmp_path):
    done = train("k=auto", "k_range=[2,3]", "method=kmeans", "baseline_seeds=1", "nulls=3", "resamples=4")
    assert done.returncode == 0, done.stderr
    (run,) = runs_below(tmp_path)
    chosen = facts(run)["choice_of_k"]
    assert facts(run)["k"] == chosen["ks"][int(np.argmax(chosen["scores"]))]
    assert chosen["words"] in facts(run)["notes"]
    assert "chosen from 2 to 3, without labels; silhouette takes" in (run / "report.html").read_text(encoding="utf-8")
    scores = json.loads((run / "scores.json").read_text())
    assert "4 refits, each on 3 of 3 cafés" in scores["stability"]["how"]
    assert set(scores["null"]) == {"silhouette@features", "silhouette@pca2"}
    assert scores["coherence"]["n_cafes"] == 3


def test_two_runs_never_share_a_folder(train, tmp_path):
    same = ["method=kmeans", "k=2", "baseline_seeds=1", "hydra.run.dir=one"]
    assert train(*same).returncode == 0
    before = (tmp_path / "one" / "scores.json").read_bytes()
    done = train(*same)
    assert done.returncode != 0
    assert "already holds a run" in done.stdout + done.stderr
    assert (tmp_path / "one" / "scores.json").read_bytes() == before


def test_bad_photos_are_counted_and_named(train, tmp_path, photo_folder):
    whole = next(photo_folder.rglob("*.jpg")).read_bytes()
    (photo_folder / "빈 사진.jpg").write_bytes(b"")
    (photo_folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    done = train("method=kmeans", "k=2", "baseline_seeds=1")
    assert done.returncode == 0, done.stderr
    (run,) = runs_below(tmp_path)
    skipped = {entry["file"]: entry["reason"] for entry in facts(run)["data"]["skipped"]}
    assert skipped["빈 사진.jpg"] == "the file is empty"
    assert "cut off" in skipped["cut.jpg"]
    assert "2 skipped" in done.stdout


def stored_records(path: Path):
    """The records of an offline W&B run: LevelDB's log format after a header of seven bytes.

    https://github.com/google/leveldb/blob/main/doc/log_format.md
    """
    from wandb.proto import wandb_internal_pb2

    data, at, parts = path.read_bytes(), 7, b""
    assert data.startswith(b":W&B")
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        parts += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            parts = b""
            yield record


def test_wandb_offline_stores_one_run_a_job_grouped_by_sweep(train, tmp_path):
    done = train("-m", "logger=wandb", "k=2,3", "method=kmeans", "baseline_seeds=1")
    assert done.returncode == 0, done.stderr
    stores = sorted(tmp_path.rglob("*.wandb"))
    assert len(stores) == 3  # two jobs, and the sweep's summary
    groups, settings, scored, shown = [], [], [], set()
    for path in stores:
        for record in stored_records(path):
            groups += [record.run.run_group] if record.HasField("run") else []
            settings += [item.key for item in record.config.update] if record.HasField("config") else []
            keys = ["/".join([item.key, *item.nested_key]).strip("/") for item in record.history.item]
            scored += [path for key in keys if key == "score/silhouette@features"]
            shown |= {key.split("/")[0] for key in keys}
    assert len(set(groups)) == 1
    assert groups[0]
    assert "k" in settings
    assert len(set(scored)) == 2
    assert {"mood 1", "mood 2", "mood 3", "assignments", "runs", "compare"} <= shown


def test_photos_behind_signed_addresses_are_shown_and_their_secrets_kept_nowhere(train, tmp_path, photo_folder):
    from photo_server import PASSWORD, SIGNATURE, serving

    files = [p.relative_to(photo_folder).as_posix() for p in sorted(photo_folder.rglob("*.jpg"))]
    with serving(photo_folder) as site:
        query = f"?X-Amz-Credential={PASSWORD}&X-Amz-Signature={SIGNATURE}"
        signed = [f"{site.address}/signed/{file}{query}" for file in files[:6]]
        locked = [site.address.replace("//", f"//ann:{PASSWORD}@") + f"/locked/{file}" for file in files[6:]]
        gone = [f"{site.address}/signed/gone.jpg{query}"]
        pd.DataFrame({"file": signed + locked + gone}).to_csv(tmp_path / "list.csv", index=False)
        done = train(
            "data=manifest", "data.manifest=list.csv", "method=kmeans", "k=2", "baseline_seeds=1", photos=False
        )
        assert done.returncode == 0, done.stderr
        asked = site.asked
    (run,) = runs_below(tmp_path)
    (skipped,) = facts(run)["data"]["skipped"]
    assert skipped == {"file": f"{site.address}/signed/gone.jpg", "reason": "it is not there"}
    assert f"Skipped {site.address}/signed/gone.jpg: it is not there" in done.stdout + done.stderr
    table = pd.read_parquet(run / "assignments.parquet")
    assert table["file"].tolist() == [
        address.replace(f"ann:{PASSWORD}@", "").split("?")[0] for address in signed + locked
    ]
    assert pd.read_parquet(run / "thumbnails.parquet")["webp"].notna().all()
    # embedded, then for the small pictures that the run keeps, then larger for the cards
    assert max(times for path, times in asked.items() if "gone" not in path) <= 3
    told = [done.stdout, done.stderr, table.to_csv()]
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "list.csv"]
    for secret in (PASSWORD, SIGNATURE):
        assert not any(secret in text for text in told)
        assert not any(secret.encode() in data for data in kept)


def test_a_secret_on_the_command_line_is_refused_before_anything_is_written(train, tmp_path):
    done = train("data=manifest", "data.manifest=l.csv", "data.root=https://ann:pa55word@host/photos", photos=False)
    assert done.returncode != 0
    assert "An address on the command line has a secret" in done.stderr
    assert "data.root" in done.stderr
    assert "pa55word" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "outputs").exists()


@pytest.mark.thorough
def test_ray_embeds_by_config_alone(train, tmp_path):
    done = train("trainer=ray", "method=kmeans", "k=2", "baseline_seeds=1", "backbone=random")
    assert done.returncode == 0, done.stderr
    (run,) = runs_below(tmp_path)
    (embedded,) = [stage for stage in facts(run)["stages"] if stage["name"] == "embed"]
    assert embedded["items"] == 12
    assert len(pd.read_parquet(run / "assignments.parquet")) == 12
    assert "embed (random, Ray)" in done.stderr


@pytest.mark.parametrize("words", [["trainer=ray"], ["-m", "hydra/launcher=ray", "k=2,3"]])
def test_without_ray_one_line_names_the_extra(train, tmp_path, monkeypatch, words):
    (tmp_path / "ray.py").write_text("raise ImportError('No module named ray')\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    done = train(*words)
    assert done.returncode != 0
    assert "the package ray is not installed" in done.stdout + done.stderr
    assert "pip install 'cafemood[ray]'" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
