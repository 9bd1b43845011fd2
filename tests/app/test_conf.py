"""Every file of `conf/` composes, and everything it names exists."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_object
from made_runs import make_run
from omegaconf import OmegaConf

from cafemood.app import (
    command_line,
    config,  # config registers the schema
    sweeps,
)
from cafemood.data.folders import scan_folder
from cafemood.errors import CafemoodError
from cafemood.report import comparison

CONF = Path(__file__).parents[2] / "conf"
OPTIONS = sorted(
    f"{path.parent.name}={path.stem}" for path in CONF.glob("*/*.yaml") if path.parent.name != "experiment"
)
EXPERIMENTS = sorted(f"experiment={path.stem}" for path in (CONF / "experiment").glob("*.yaml"))


def composed(*overrides: str) -> dict:
    with initialize_config_dir(str(CONF), **config.VERSION_BASE):
        return OmegaConf.to_container(compose("config", overrides=list(overrides)), resolve=False)


def targets(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["_target_"]] if "_target_" in node else []
        return own + [name for value in node.values() for name in targets(value)]
    return []


@pytest.mark.parametrize("override", OPTIONS + EXPERIMENTS)
def test_every_config_composes_and_its_targets_exist(override):
    found = targets(composed(override))
    assert found
    for name in found:
        assert callable(get_object(name))


def test_what_a_config_may_start_is_what_conf_starts():
    """And the two loggers of Lightning that need no more than a name."""
    ours = {name for override in OPTIONS + EXPERIMENTS for name in targets(composed(override))}
    ours |= {OmegaConf.load(CONF / "config.yaml").hydra.callbacks.compare["_target_"]}
    ours |= {OmegaConf.load(CONF / "hydra/launcher/ray.yaml")["_target_"]}
    loggers = {f"pytorch_lightning.loggers.{name}" for name in ("TensorBoardLogger", "MLFlowLogger")}
    assert set(config.TARGETS) == ours | loggers
    assert all(callable(get_object(name)) for name in config.TARGETS)


@pytest.mark.parametrize(
    "override",
    [
        "+data.more={_target_:os.mkdir,path:made}",
        "+trainer.callbacks=[{_target_:os.mkdir,path:made}]",
        "+method.more.deep={_target_:os.mkdir,path:made}",
        "data._target_=cafemood.data.photos.Path.mkdir",
    ],
)
def test_a_config_starts_nothing_else(override, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = OmegaConf.create(composed(override))
    group = override.lstrip("+").partition(".")[0]
    with pytest.raises(CafemoodError, match=r"cannot start '(os|cafemood\.data\.photos\.Path)\.mkdir'"):
        config.build(cfg[group])
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("path", sorted(CONF.glob("experiment/*.yaml")), ids=lambda p: p.stem)
def test_an_experiment_begins_with_the_command_that_runs_it(path):
    assert path.read_text().splitlines()[1].startswith(f"# python train.py experiment={path.stem}")


def test_the_study_takes_the_backbones_it_used():
    systems = ["resnet50_kmeans", "places_kmeans", "places_pca2_kmeans", "places_dec"]
    chosen = [composed(f"system={name}") for name in systems]
    assert [c["backbone"]["name"] for c in chosen] == ["resnet50", *["vgg16_places365"] * 3]
    assert [c["backbone"]["output"] for c in chosen] == ["features", *["probs"] * 3]
    assert [c["reduce"].get("n_components") for c in chosen] == [None, None, 2, None]
    assert [c["method"]["_target_"].split(".")[-1] for c in chosen] == ["KMeans"] * 3 + ["DEC"]


def test_the_command_line_beats_the_systems_backbone():
    assert composed("system=places_dec", "backbone=mobilenet_v2")["backbone"]["name"] == "mobilenet_v2"


def test_idec_differs_from_dec_only_where_the_papers_do():
    dec, idec = composed("method=dec")["method"], composed("method=idec")["method"]
    assert {key for key in dec | idec if dec.get(key) != idec.get(key)} == {"_target_", "gamma", "lr"}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("k_range=9..3", "k_range=9..3 is no range"),
        ("k_range=1..3", "k_range=1..3 is no range"),
        ("k_range=5", "k_range=5 is no range"),
        ("k_range=[3,x]", "is no range"),
        ("resamples=-1", "resamples=-1 is not a number of refits"),
        ("seed=-1", "seed=-1 is no seed"),
        ("nulls=0", "nulls=0 is not positive"),
        ("k=four", "k=four is not a whole number"),
        ("k=2.5", "k=2.5 is not a whole number"),
        ("k=true", "k=True is not a whole number"),
        ("batch_size=0", "batch_size=0 is not positive"),
        ("embed_batch_size=-1", "embed_batch_size=-1 is not a size"),
        ("embed_batch_size=four", "embed_batch_size=four is not a size"),
        ("baseline_seeds=0", "baseline_seeds=0 is not positive"),
    ],
)
def test_check_refuses_in_a_sentence(override, message):
    with pytest.raises(CafemoodError, match=message):
        config.check(OmegaConf.create(composed(override)))


@pytest.mark.parametrize(("name", "kind"), [("pool", "Joblib"), ("slurm", "Slurm"), ("ray", "RayLauncher")])
def test_every_launcher_composes(name, kind):
    with initialize_config_dir(str(CONF), **config.VERSION_BASE):
        found = compose("config", overrides=[f"hydra/launcher={name}"], return_hydra_config=True)
    assert kind in found.hydra.launcher._target_
    assert callable(get_object(found.hydra.launcher._target_))


@pytest.mark.parametrize(
    ("override", "ks"), [("k_range=2..5", [2, 3, 4, 5]), ("k_range=[8,3,3]", [3, 8]), ("k=auto", list(range(2, 11)))]
)
def test_k_range(override, ks):
    cfg = OmegaConf.create(composed(override))
    config.check(cfg)
    assert config.k_range(cfg) == ks


@pytest.mark.parametrize(
    ("typed", "sweep"),
    [
        (["experiment=study", "backbone=random"], True),
        (["k=2", "experiment=backbones"], True),
        (["experiment=paper_digits"], False),
        (["experiment=nothing"], False),
        (["k=2"], False),
        (["-m", "experiment=study"], False),
        (["experiment=study", "--cfg", "job"], False),
        (["experiment=study", "system=places_dec", "hydra.mode=RUN"], False),
    ],
)
def test_an_experiment_with_values_to_sweep_over_is_a_sweep(typed, sweep):
    """In both versions of Hydra; where it is said already, or nothing is to run, nothing is added."""
    assert command_line.swept(typed, CONF / "experiment") == (["--multirun", *typed] if sweep else typed)


def test_resume_takes_the_newest_sweep_of_the_same_command(tmp_path, capsys):
    for stamp, overrides in [
        ("2026-01-01", ["k=2,3", "seed=1"]),
        ("2026-01-02", ["k=2,3", "seed=1"]),
        ("2026-01-03", []),
    ]:
        (tmp_path / stamp).mkdir()
        OmegaConf.save({"hydra": {"overrides": {"task": overrides}}}, tmp_path / stamp / "multirun.yaml")
    words = ["-m", "seed=1", "k=2,3", "resume=true"]
    assert command_line.resumed(words, tmp_path) == [*words, f"hydra.sweep.dir={tmp_path / '2026-01-02'}"]
    assert command_line.resumed(words[:-1], tmp_path) == words[:-1]
    assert not capsys.readouterr().err
    assert command_line.resumed(["-m", "k=9", "resume=true"], tmp_path) == ["-m", "k=9", "resume=true"]
    assert "holds no sweep of this command, so it starts from the beginning" in capsys.readouterr().err
    given = [*words, "hydra.sweep.dir=/elsewhere"]
    assert command_line.resumed(given, tmp_path) == given


@pytest.mark.parametrize("hydras", ["hydra/launcher=pool", "hydra.launcher.partition=NAME", "+hydra.job.env_set.A=1"])
def test_resume_knows_which_words_hydra_keeps_apart(tmp_path, hydras):
    overrides = ["k=2,3", "~logger", "+trainer.max_time=1"]
    OmegaConf.save({"hydra": {"overrides": {"task": overrides}}}, tmp_path / "multirun.yaml")
    (tmp_path / "sweep").mkdir()
    (tmp_path / "multirun.yaml").rename(tmp_path / "sweep" / "multirun.yaml")
    words = ["-m", hydras, *overrides, "resume=true"]
    assert command_line.resumed(words, tmp_path) == [*words, f"hydra.sweep.dir={tmp_path / 'sweep'}"]


def test_a_finished_job_without_its_pages_gets_them(tmp_path, photo_folder):
    """It was stopped between its result and its report."""
    run = make_run(tmp_path / "run", scan_folder(photo_folder))
    assert -1 <= sweeps.finished_score(run.folder) <= 1
    assert (run.folder / "report.html").is_file()
    assert (run.folder / "cafes.parquet").is_file()


@pytest.mark.parametrize(
    ("typed", "passed"),
    [
        ("data.root=/집/사진", "data.root='/집/사진'"),
        ("data.root=/my photos (2)", "data.root='/my photos (2)'"),
        ("data.root=/it's, she said", r"data.root='/it\'s, she said'"),
        ("data.root='/집'", "data.root='/집'"),
        ("data.root=photos", "data.root=photos"),
        ("k=2,3", "k=2,3"),
        ("method.hidden=[32,32]", "method.hidden=[32,32]"),
        ("--cfg", "--cfg"),
    ],
)
def test_a_path_may_hold_what_hydras_grammar_does_not(typed, passed):
    assert command_line.quoted([typed]) == [passed]


@pytest.mark.parametrize("folder", ["사진 폴더", "it's (2)", "a, b", "☕"])
def test_a_quoted_path_reaches_the_config_whole(folder):
    (override,) = command_line.quoted([f"data.root=/{folder}"])
    assert composed("data=folder", override)["data"]["root"] == f"/{folder}"


def test_build_unwraps_a_users_mistake():
    node = OmegaConf.create({"_target_": "cafemood.backbones.create_backbone", "name": "vgg17"})
    with pytest.raises(CafemoodError, match="Unknown backbone 'vgg17'"):
        config.build(node)


def test_a_sweep_without_its_comparison_is_incomplete(tmp_path, monkeypatch):
    """Of an error in a callback Hydra only warns: the exit code has to tell."""
    monkeypatch.setattr(sweeps.CompareSweep, "incomplete", False)
    monkeypatch.setattr(comparison, "compare_runs", lambda folders: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        sweeps.CompareSweep().on_multirun_end(OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}}}))
    assert sweeps.CompareSweep.incomplete
