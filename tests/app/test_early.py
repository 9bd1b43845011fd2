"""What is refused before anything is read or written, and what is said instead of Hydra's own words."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cafemood.app import command_line, config, early
from cafemood.backbones import backbone
from cafemood.errors import CafemoodError

ROOT = Path(__file__).parents[2]


def refused(*words: str) -> CafemoodError:
    with pytest.raises(CafemoodError) as caught:
        early.check(command_line.quoted(command_line.swept(list(words), config.folder() / "experiment")))
    return caught.value


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["backbone=mobilnet"], "mobilenet_v2"),
        (["method=kmean"], "kmeans"),
        (["data=foldr"], "folder"),
        (["experiment=studdy"], "study"),
        (["hydra/launcher=poool", "-m", "k=2,3"], "pool"),
        (["bakbone=resnet50"], "backbone"),
        (["sed=1"], "seed"),
        (["method=idec", "method.gama=1"], "method.gamma"),
        (["method.gama=1"], "method.gamma (with method=idec)"),
        (["backbone.precision=float23"], "float32"),
        (["trainer.accelerator=gppu"], "gpu"),
        (["-m", "k=2,3", "method=dec,kmean"], "kmeans"),
    ],
)
def test_a_slip_of_the_pen_is_answered_with_what_is_meant(words, meant):
    assert f"did you mean {meant}" in refused(*words).fix


@pytest.mark.parametrize(
    ("words", "owner"),
    [
        (["data.root=photos"], "add data=folder"),
        (["method=kmeans", "method.gamma=1"], "add method=idec"),
        (["backbone.model=x"], "backbone=timm"),
    ],
)
def test_a_setting_of_another_option_is_answered_with_that_option(words, owner):
    assert owner in refused(*words).fix


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (["k=0"], "k"),
        (["k=1"], "k"),
        (["-m", "k=2,0"], "k"),
        (["-m", "seed=1,2", "k=4,x"], "k"),
        (["seed=x"], "seed=x"),
        (["resume=perhaps"], "resume=perhaps"),
        (["k=2,3"], "k=2,3"),
        (["+k=3"], "+k=3"),
        (["~nothing"], "~nothing"),
        (["resume=true"], "resume"),
        (["method.lr=fast"], "method.lr"),
        (["method.hidden=5"], "method.hidden"),
        (["method.literal=5"], "method.literal"),
        (["method.mode=slow"], "method.mode"),
        (["method.start=random"], "method.start"),
        (["method=temi", "method.neighbors=all"], "method.neighbors"),
        (["method.corruption=1"], "method.corruption"),
        (["method.mean_square=-1"], "method.mean_square"),
        (["reduce=pca", "reduce.n_components=0"], "reduce.n_components"),
        (["reduce=cafe", "reduce.shrinkage=2"], "reduce.shrinkage"),
        (["data=folder"], "data.root"),
        (["data=folder", "data.root=.", "data.labels=colour"], "data.labels"),
        (["data=manifest"], "data.manifest"),
        (["data=matrix", "backbone=rows"], "data.path"),
        (["backbone=precomputed"], "backbone.path"),
        (["backbone.precision=int4"], "backbone.precision"),
        (["k"], "the command line"),
        (["system=null"], "system=null"),
        (["-m", "experiment=optuna", "hydra.sweeper.n_trials=x"], "hydra.sweeper.n_trials"),
        (["-m", "experiment=optuna", "hydra.sweeper.at_once=0"], "hydra.sweeper.at_once"),
        (["-m", "hydra/sweeper=optuna", "k=2,3"], "resamples"),
    ],
)
def test_what_no_photos_could_make_right_is_refused_by_name(words, where):
    error = refused(*words)
    assert error.where == where
    assert error.fix


@pytest.mark.parametrize(
    "words",
    [
        ["data=folder", "data.root=/no/where"],
        ["data=crawled", "data.manifest=/no/where"],
        ["data=matrix", "backbone=rows", "data.path=/no/where"],
        ["backbone=precomputed", "backbone.path=/no/where"],
        ["backbone.weights=/no/where"],
        ["-m", "data=folder", "data.root=choice(/no/where,.)"],
    ],
)
def test_a_file_that_is_not_there_is_told_before_anything_is_read(words):
    assert refused(*words).where == Path("/no/where")


def test_a_column_that_a_list_lacks_is_told_at_once(tmp_path):
    (tmp_path / "list.csv").write_text("file,mood\na.jpg,dark\n")
    words = ["data=manifest", f"data.manifest={tmp_path / 'list.csv'}"]
    early.check([*words, "data.labels=mood"])
    assert "mood" in refused(*words, "data.labels=moods").why


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["k=auto", "k_range=2..5"],
        ["-m", "k=2,3", "method=kmeans,dec"],
        ["-m", "seed=range(1,4)", "backbone=mobilenet_v2,random"],
        ["experiment=study", "backbone=mobilenet_v2"],
        ["experiment=backbones"],
        ["-m", "experiment=optuna", "hydra.sweeper.n_trials=3"],
        ["data=folder", "data.root=.", "data.labels=subfolder"],
        ["data=folder", "data.root=~"],
        ["+trainer.max_time=1", "~logger"],
        ["++k=5"],
        ["method.pretrain_epochs=null"],
        ["cache_dir=${hydra:runtime.output_dir}/cache"],
        ["hydra.run.dir=here", "hydra/launcher=pool"],
        ["method=dec", "method.hidden=[32,32]", "method.lr=1", "method.tol=1e-4"],
        ["--cfg", "job", "k=0"],  # to be looked at, not run
        ["--help"],
        ["--config-dir", "elsewhere", "method=mine"],
    ],
)
def test_what_can_be_run_is_not_refused(words):
    early.check(command_line.quoted(command_line.swept(words, config.folder() / "experiment")))


def test_the_precisions_are_those_of_backbones():
    assert set(early.PRECISIONS) == {"auto", *backbone._DTYPES}


@pytest.mark.parametrize("words", [["k=0"], ["kk=4"], ["data=folder", "data.root=/no/where"], ["method.mode=slow"]])
def test_a_refusal_imports_nothing_heavy_and_leaves_nothing(words, tmp_path):
    code = (
        "import sys; from cafemood.app import train; code = train.main(sys.argv[1:]);"
        "print(code, sorted({'torch', 'sklearn', 'pandas', 'pytorch_lightning', 'timm'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "1 []"
    assert done.stderr.startswith("ERROR ")
    assert os.listdir(tmp_path) == []
