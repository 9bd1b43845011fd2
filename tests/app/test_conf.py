"""Every file of `conf/` composes, and everything it names exists."""

import os
import re
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.utils import get_object
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from made_runs import make_run
from omegaconf import OmegaConf

from cafemood.app import (
    command_line,
    config,  # config registers the schema
    resolvers,
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
    ours |= {OmegaConf.load(CONF / "hydra" / name)["_target_"] for name in ("launcher/ray.yaml", "sweeper/optuna.yaml")}
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


def test_beside_them_stand_cafes():
    photos, cafes = composed("system=cafe_kmeans"), composed("system=cafe_groups")
    assert [c["reduce"]["_target_"].split(".")[-1] for c in (photos, cafes)] == ["AutoReduction"] * 2
    assert [c["unit"] for c in (photos, cafes)] == ["photo", "auto"]


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
        ("unit=table", "unit=table cannot be grouped"),
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
        ("data.root=~/사진", "data.root='/home/ann/사진'"),
        ("cache_dir=~", "cache_dir=/home/ann"),
        ("data.root='~/my photos'", "data.root='/home/ann/my photos'"),
        ("hydra.run.dir=~/run", "hydra.run.dir=/home/ann/run"),
        ("data.root=choice(~/a,~/b)", "data.root=/home/ann/a,/home/ann/b"),
        ("data.root=a~/b", "data.root='a~/b'"),
        ("data.labels=~x", "data.labels='~x'"),
        ("k=2,3", "k=2,3"),
        ("method.hidden=[32,32]", "method.hidden=[32,32]"),
        ("--cfg", "--cfg"),
    ],
)
def test_a_path_may_hold_what_hydras_grammar_does_not(typed, passed, monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann")
    assert command_line.quoted([typed]) == [passed]


@pytest.mark.parametrize("folder", ["사진 폴더", "it's (2)", "a, b", "☕"])
def test_a_quoted_path_reaches_the_config_whole(folder):
    (override,) = command_line.quoted([f"data.root=/{folder}"])
    assert composed("data=folder", override)["data"]["root"] == f"/{folder}"


TEXT_KEYS = [*command_line._PATHS[:7], *command_line._TEXTS[:3]]
HYDRAS = re.compile(r"null|'.*'|\".*\"|choice\(.*\)", re.DOTALL)
SIGNS = st.sampled_from("""\'"\\${}[](),:=~#@%+-*?!&|;<> \t\n\r\x1b.0aZ공릉동é☕""")
TYPED = st.one_of(
    st.text(SIGNS, max_size=12),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12),
    st.binary(max_size=12).filter(lambda b: b"\0" not in b).map(os.fsdecode),
)
"""Whatever a shell can pass: no NUL, and bytes that are no UTF-8 as Python's surrogates."""


@pytest.fixture
def conf_dir():
    with initialize_config_dir(str(CONF), **config.VERSION_BASE):
        yield


def as_hydra_sets_it(word: str) -> object:
    """The value in a config that Hydra's words of one key have changed, without what takes most of a composition."""
    override = OverridesParser.create().parse_override(word)
    return OmegaConf.create({"seed": 0, "x": override.value()}).x


@pytest.mark.parametrize("key", TEXT_KEYS)
@given(value=TYPED)
@settings(max_examples=40, deadline=None)
def test_any_text_arrives_in_a_key_of_text(key, value):
    """Alone, and as one of a sweep's words, which Hydra writes and reads once more."""
    assume(not HYDRAS.fullmatch(value))
    assume(key not in command_line._PATHS or not value.strip().startswith("~"))  # that is the home folder
    (word,) = command_line.quoted([f"{key}={value}"])
    assert as_hydra_sets_it(word) == value
    _, again = command_line.quoted(["-m", f"{key}={value}"])
    if "," not in value or key in command_line._PATHS:
        ((jobs,),) = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides([again]), None)
        assert as_hydra_sets_it(jobs[0]) == value
    assert word.isprintable()
    assert word.encode().decode() == word  # logs and YAML take it


@given(value=TYPED)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_composed(conf_dir, value):
    assume(not HYDRAS.fullmatch(value) and not value.strip().startswith("~"))  # that is the home folder
    words = command_line.quoted(["data=folder", f"data.root={value}", f"data.labels={value}"])
    cfg = compose("config", overrides=words)
    assert (cfg.data.root, cfg.data.labels) == (value, value)


@pytest.mark.parametrize(
    "value",
    [
        "카페 무드", "it's", 'say "hi"', "a, b", "[draft]", "{k}", "(2)", "a=b", "~", "~/집", "$HOME", "${HOME}", "${k",
        "range", "100%", "C:\\photos\\", "\\\\nas\\사진", "#1", "me@home", "12:30", "", "-rf", "a\nb", "\t", " a ",
        "2024", "007", "1e5", "true", "inf", "???", "*", "!x", "a|b", "\udcc7\udcd1", "공릉동/\udcff", "\x85",
        "\x1b[31m", "'tis", "Null", "\u202e",
    ],
)  # fmt: skip
def test_such_text_arrives_where_the_photos_are_looked_for(value, tmp_path):
    """Also through `instantiate`, which resolves what it is given a second time."""
    root = f"{tmp_path}/none/{value}"
    words = command_line.quoted([f"data.root={root}", f"data.labels={value}"])
    node = OmegaConf.create({"_target_": "cafemood.data.scan_folder"})
    for key, word in zip(("root", "labels"), words, strict=True):
        node[key] = OverridesParser.create().parse_override(word).value()
    assert node.labels == value
    with pytest.raises(CafemoodError) as caught:
        config.build(node)
    assert Path(str(caught.value.where)) == Path(root)


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("k=[2,3]", [2, 3]),
        ("k=사진", "사진"),
        ("k=null", None),
        ("k=${seed}", 0),
        ("k=a b", "a b"),
        ("logger.wandb.tags=[카페,무드 2,'a b']", ["카페", "무드 2", "a b"]),
        ("+logger.wandb.more={a:카페,b:[1,2]}", {"a": "카페", "b": [1, 2]}),
        ("++data.labels=subfolder", "subfolder"),
        ("data.labels=null", None),
        ("data.root=${oc.env:HOME}/사진", f"{os.environ.get('HOME', '')}/사진"),
        ("data.root=${cache_dir}/x", "data/cache/x"),
        (r"data.root='\${k}'", "${k}"),
        ("data.root='/집'", "/집"),
    ],
)
def test_hydras_own_grammar_goes_on(typed, value):
    (word,) = command_line.quoted([typed])
    key = typed.partition("=")[0].lstrip("+")
    with initialize_config_dir(str(CONF), **config.VERSION_BASE):
        found = OmegaConf.select(compose("config", overrides=["data=folder", "logger=wandb", word]), key)
    assert found == value


@pytest.mark.parametrize(
    ("typed", "jobs"),
    [
        ("k=2,3,4", ["k=2", "k=3", "k=4"]),
        ("k=range(2,5)", ["k=2", "k=3", "k=4"]),
        ("method=kmeans,dec", ["method=kmeans", "method=dec"]),
        ("backbone.model=resnet18,vit", ["backbone.model=resnet18", "backbone.model=vit"]),
        ("data.labels=무드,지역", ["data.labels='무드'", "data.labels='지역'"]),
        ("data.root=choice(사진,집)", ["data.root='사진'", "data.root='집'"]),
        ("data.root=공릉동, 서울", ["data.root='공릉동, 서울'"]),
        ("seed=${k}", [r"seed=$\{k\}"]),
        ("method.hidden=[8,8],[16,16]", ["method.hidden=[8,8]", "method.hidden=[16,16]"]),
        ("+trainer.max_time=1,2", ["+trainer.max_time=1", "+trainer.max_time=2"]),
    ],
)
def test_sweeps_go_on(typed, jobs):
    _, word = command_line.quoted(["-m", typed])
    (found,) = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides([word]), None)
    assert [word for (word,) in found] == jobs


def test_the_value_of_an_option_is_not_hydras():
    words = ["--config-dir", "내 설정=1", "-cn", "설정", "--cfg", "job"]
    assert command_line.quoted(words) == words


@pytest.mark.parametrize(
    "value", ["https://u:p@h/x", "'https://h/x?sig=1'", "choice(https://h/?token=1,b)", "[a,s3://k:s@b/x]"]
)
def test_a_secret_is_refused_wherever_it_stands(value):
    with pytest.raises(CafemoodError, match="has a secret"):
        command_line.quoted([f"data.root={value}"])


@given(st.integers(0, 10_000), st.lists(TYPED, max_size=30), st.sampled_from(["k", "method.hidden", "data.labels"]))
@settings(max_examples=200, deadline=None)
def test_a_jobs_folder_has_a_name_that_file_systems_take(number, values, key):
    words = [f"{key}={value}" for value in values]
    name = resolvers.job_folder(number, words, [])
    assert len(name.encode()) <= 255
    assert not re.search(r'[\x00-\x1f<>:"/\\|?*]', name)
    assert name not in (".", "..")
    assert not name.endswith((" ", "."))
    assert name.startswith(f"{number}_")
    assert name == resolvers.job_folder(number, words[::-1], [])  # whatever their order: resume=true finds it again


@pytest.mark.parametrize(
    "name", ["CON", "nul.txt", "a/b", "..", "a:b", "x" * 300, "가" * 100, "a ", "\0", "com¹", "", "\udcff"]
)
def test_a_name_that_was_changed_is_its_own(name):
    made = resolvers.folder_name(name)
    assert made != name
    assert len(made.encode()) <= resolvers.LONGEST_NAME
    assert made != resolvers.folder_name(f"{name}!")
    assert resolvers.folder_name(made) == made


def test_short_overrides_are_a_jobs_folder_as_they_are():
    words = ["method=dec", "k=3", "data.root='/a/b'", "+seed=1"]
    assert resolvers.job_folder(0, words, ["seed", "data.root"]) == "0_k=3,method=dec"


def test_resume_passes_over_a_damaged_sweep(tmp_path):
    kept = {"hydra": {"overrides": {"task": ["k=2,3", "seed=${k}"]}}}
    for stamp, text in [
        ("1", OmegaConf.to_yaml(OmegaConf.create(kept))),
        ("2", "{"),
        ("3", ""),
        ("4", "[1]"),
        ("5", "\0"),
    ]:
        (tmp_path / stamp).mkdir()
        (tmp_path / stamp / "multirun.yaml").write_text(text)
    words = ["-m", "k=2,3", "seed=${k}", "resume=True"]
    assert command_line.resumed(words, tmp_path)[-1] == f"hydra.sweep.dir={tmp_path / '1'}"


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


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["k=2,3", "--multirun", "seed=1"], ["--multirun", "k=2,3", "seed=1"]),
        (["k=2", "--cfg", "job", "seed=1", "-cd", "내 설정"], ["--cfg", "job", "-cd", "내 설정", "k=2", "seed=1"]),
        (["--config-dir=설정", "k=2"], ["--config-dir=설정", "k=2"]),
        (["-m", "k=2"], ["-m", "k=2"]),
        ([], []),
    ],
)
def test_options_may_stand_between_overrides(words, expected):
    assert command_line.options_first(words) == expected
