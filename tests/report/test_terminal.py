"""What the terminal shows: every score with its space, whole names at 80 columns, and no "None" or "nan"."""

import io
import re

import pytest
from rich.console import Console

from cafemood import runs
from cafemood.core import atomic
from cafemood.report.comparison import compare_runs
from cafemood.report.terminal import print_comparison, print_summary

NAN = float("nan")
NAMES = ["k-means on the features", "PCA-10 + k-means", "AE + k-means"]
SCORES = {
    "silhouette@features": 0.1234,
    "silhouette_macro@features": 0.9991,
    "davies_bouldin@features": 2.9992,
    "silhouette@clustering": 0.6234,
    "calinski_harabasz@clustering": 12345.0,
    "silhouette@pca2": -0.4234,
    "accuracy": 0.8121,
    "nmi": 0.8222,
    "ami": 0.8323,
    "ari": 0.8424,
}
SHOWN = [name for name in SCORES if name.split("@")[0] in ("silhouette", "accuracy", "nmi", "ami", "ari")]


def words_of(j):
    """Mood 1 has words, the others have none."""
    return [{"english": "dark [b]wood[/b]", "korean": "나무", "lift": 2.0, "share": 0.5}] if j == 0 else []


@pytest.fixture
def shown(tmp_path):
    """Print a made-up run that went through its JSON; returns the text."""

    def show(*, values=SCORES, said=(), null=(0.3, 0.01), sd=0.0123, names=NAMES, seeds=10, width=80, details=True,
             refits=None, **backbone):  # fmt: skip
        compared = {name: {"mean": value, "sd": sd} for name, value in values.items() if "@features" in name}
        compared |= {
            name: {"mean": values[name], "sd": sd} for name in ("accuracy", "nmi", "ami", "ari") if name in values
        }
        scores = {
            "scores": values,
            "null": {"silhouette@pca2": {"mean": null[0], "sd": null[1], "n": 10, "how": ""}},
            "baselines": [{"name": name, "n_seeds": seeds, "scores": compared} for name in names],
            "verdict": list(said),
            "stability": refits,
        }
        atomic.write_json(tmp_path / "scores.json", scores)
        atomic.write_json(tmp_path / "words.json", [{"size": 299, "words": words_of(j)} for j in range(15)])
        network = {"name": "mobilenet_v2", "output": "features", "precision": "bfloat16", "fingerprint": "f"}
        facts = {
            "k": 15,
            "seed": 0,
            "data": {"root": "", "n_photos": 4485, "cafe_source": "none", "skipped": [{"file": "a", "reason": "b"}]},
            "backbone": network | backbone,
            "reduce": {"name": "none"},
            "method": {"name": "dec"},
            "space": {"clustering": "dec embedding (10-d)"},
            "stages": [],
        }
        stream = io.StringIO()
        print_summary(runs.Run(tmp_path, facts), Console(file=stream, width=width), details=details)
        return stream.getvalue()

    return show


def words(text):
    """Its words on one line, as if it had not been wrapped."""
    return " ".join(text.split())


@pytest.mark.parametrize("width", [80, 100, 200])
def test_every_shown_score_stands_whole_with_its_space(shown, width):
    text = shown(width=width)
    lines = text.splitlines()
    for name in SHOWN:
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        assert f"{SCORES[name]:.3f}" in line.split()[1]
    assert "…" not in text
    assert max(map(len, lines)) <= width
    assert not any(name in text for name in SCORES if name not in SHOWN)


def test_names_are_not_cut_at_80_columns(shown):
    text = shown()
    for part in ("k-means", "features", "PCA-10", "AE", "noise", "(10", "seeds)"):
        assert part in words(text)
    assert sum(text.count(value) for value in ("0.012",)) == 3 * 5  # each baseline's spread, five scores


def test_the_head_names_the_run(shown):
    text = words(shown(width=200))
    assert "4485 photos (1 skipped), 15 groups; mobilenet_v2 features, bfloat16" in text
    assert "clustered in dec embedding (10-d)" in text


def test_markup_in_names_is_text(shown):
    said = [
        {"level": "warn", "text": "Mood 1 is mostly one café ([bold]공릉[/bold] [/], 75% of its photos), not a mood."}
    ]
    text = words(shown(said=said, name="[red]timm[/red]", names=["[b]x[/b] [/]"], width=200))
    assert "([bold]공릉[/bold] [/], 75% of its photos)" in text
    assert "[red]timm[/red]" in text
    assert "[b]x[/b] [/]" in text


def test_escape_sequences_do_not_reach_the_terminal(shown):
    text = shown(said=[{"level": "warn", "text": "one café (\x1b[2J\x1b]0;owned\x07x)"}])
    assert "\x1b" not in text
    assert "\x07" not in text
    assert r"one café (\x1B[2J\x1B]0;owned\x07x)" in words(text)


def test_each_level_has_its_mark(shown):
    said = [{"level": level, "text": f"sentence {level}"} for level in ("bad", "warn", "good", "info")]
    text = shown(said=said)
    marks = [line.split()[0] for line in text.splitlines() if "sentence" in line]
    assert marks == ["✗", "!", "✓", "·"]


def test_undefined_scores_are_dashes(shown):
    text = shown(values=dict.fromkeys(SCORES, NAN), null=(NAN, NAN), sd=NAN)
    assert not re.search(r"None|nan\b", text, re.IGNORECASE)
    for name in SHOWN:
        (line,) = [line for line in text.splitlines() if line.split()[:1] == [name]]
        assert line.split()[1] == "–"


def test_one_seed_has_no_spread(shown):
    text = shown(sd=NAN, seeds=1, null=(0.3, NAN))
    assert not re.search(r"None|nan\b|±", text, re.IGNORECASE)
    assert "(1 seed)" in words(text)


def test_the_null_stands_in_the_row_of_its_score(shown):
    (line,) = [line for line in shown(width=200).splitlines() if line.startswith("silhouette@pca2")]
    assert line.split() == ["silhouette@pca2", "-0.423", "0.300", "±", "0.010"]


def test_a_run_without_baselines(shown):
    text = words(shown(names=[], said=[]))
    assert "this run noise" in text


def test_a_comparison_shows_its_findings_and_the_head_of_its_table(sweep, capsys):
    print_comparison(compare_runs([sweep]), Console(width=160), n_rows=2)
    out = capsys.readouterr().out
    assert "Best supported: vgg16 features k=3" in out
    assert "… and 2 more in the table." in out


@pytest.mark.parametrize("width", [80, 60])
def test_a_comparison_fits_the_terminal_and_names_what_it_leaves_out(sweep, width):
    compared = compare_runs([sweep])
    console = Console(file=io.StringIO(), width=width)
    print_comparison(compared, console)
    said = console.file.getvalue()
    lines = said.splitlines()
    assert max(map(len, lines)) <= width
    for name in compared.names:
        assert name.split()[-1] in said  # k, the last of the words that tell runs apart
    whole = Console(file=io.StringIO(), width=200)
    print_comparison(compared, whole)
    assert "in the table of the page" not in whole.file.getvalue()
    if width == 60:
        assert "in the table of the page" in said


NOISE = {"code": "noise-not-beaten", "level": "bad", "text": "sentence", "figures": {"score": "silhouette@features"}}


def test_the_answer_and_each_mood_stand_first_and_figures_only_in_details(shown):
    refits = {"n": 20, "jaccard": [0.9, 0.1] + [None] * 13, "merged": []}
    short = shown(said=[NOISE], refits=refits, details=False)
    lines = [line.strip() for line in short.splitlines()]
    assert sum(line.startswith("✗ No") for line in lines) == 1
    assert "silhouette" not in short
    assert "sentence" not in short
    (first,) = [line for line in lines if line.startswith("1 ")]
    assert first.split() == ["1", "dark", "[b]wood[/b]", "299", "photos", "solid"]
    assert [line.split()[-1] for line in lines if line.startswith("2 ")] == ["shaky"]
    whole = shown(said=[NOISE], refits=refits)
    assert whole.index("✗ No") < whole.index("1  dark") < whole.index("sentence") < whole.index("silhouette")
    assert max(map(len, whole.splitlines())) <= 80
