"""`cafemood weights`: what is here, fetching early, checking again."""

import os
import subprocess
import sys
from io import StringIO

import pytest
import torch
from rich.console import Console

from cafemood.backbones import cards, inventory, weights
from cafemood.backbones.text_cards import TEXT_CARDS, all_cards
from cafemood.errors import WeightsError


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "cafemood").mkdir()
    return tmp_path / "cafemood"


def put(hub, name, data=b"weights"):
    path = hub / all_cards()[name].source.filename
    path.write_bytes(data)
    return path


def test_the_table_names_every_backbone_and_what_is_here(hub, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    path = put(hub, "resnet18_places365")
    weights.check(all_cards()["resnet18_places365"].source, path)
    inventory.print_table()
    lines = capsys.readouterr().out.splitlines()
    rows = {name: next(line for line in lines if line.strip("│┃ ").startswith(f"{name} ")) for name in all_cards()}
    assert "fetched" in rows["resnet18_places365"]
    assert "recorded" in rows["resnet18_places365"]
    assert "CC BY" in rows["resnet18_places365"]
    assert " no " in rows["vgg16_places365"]
    assert "in a package" in rows["mobilenet_v2"]
    assert "published" in rows["resnet50"]
    assert "Without network: mobilenet_v2, precomputed" in "\n".join(lines)


def test_check_reads_again_what_is_here(hub):
    path = put(hub, "resnet18_places365")
    found = {name: (verdict, good) for name, verdict, good in inventory.check([])}
    assert set(found) == {"mobilenet_v2", "resnet18_places365"}
    assert all(good for _, good in found.values())
    stat = path.stat()
    path.write_bytes(b"WEIGHTS")  # same size, same time: only reading it again can tell

    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    ((_, verdict, good),) = inventory.check(["resnet18_places365"])
    assert not good
    assert "has changed" in verdict


def test_a_backbone_is_here_with_its_tokenizer_alone(hub):
    card = TEXT_CARDS["siglip2_vit_b16"]
    (hub / card.source.filename).write_bytes(b"weights")
    assert inventory.here(card) is None
    (hub / card.tokenizer.filename).write_bytes(b"{}")
    assert inventory.here(card) == hub / card.source.filename
    assert [good for _, _, good in inventory.check(["siglip2_vit_b16"])] == [True, True]


def test_check_says_what_is_not_here(hub):
    assert list(inventory.check(["alexnet"])) == [("alexnet", "not here", False)]


def test_fetch_takes_what_is_here_and_all_means_all(hub, monkeypatch):
    ((name, path),) = inventory.fetch(["mobilenet_v2"])
    assert (name, path.stat().st_size) == ("mobilenet_v2", 9_084_095)
    asked = []
    monkeypatch.setattr(weights, "find", lambda source: asked.append(source) or source.filename)
    assert [name for name, _ in inventory.fetch(["all"])] == [
        name for name, card in all_cards().items() for _ in card.files
    ]
    assert len(asked) == len(set(asked)) == len(all_cards()) + 1  # one has a tokenizer too


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(WeightsError, match=r"(?s)No backbone 'vgg17' has a weight file.*vgg16_places365.*or all"):
        list(inventory.fetch(["vgg17"]))


def test_offline_names_follow_from_the_table():
    names = [name for name, card in cards.CARDS.items() if card.offline]
    for name in names:
        assert name in weights.OFFLINE
    assert weights.OFFLINE.count("(with the demo extra)") == len(names)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["list"], 0, "vgg16_places365"),
        (["check", "mobilenet_v2"], 0, "SHA-256"),
        (["check", "alexnet"], 1, "not here"),
        (["fetch", "vgg17"], 1, "No backbone 'vgg17'"),
    ],
)
def test_the_command(words, code, said, tmp_path):
    command = [sys.executable, "-c", "from cafemood.app.cli import main; main()", "weights", *words]

    environment = os.environ | {"TORCH_HOME": str(tmp_path), "COLUMNS": "200"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_table_fits_80_columns(hub):
    console = Console(file=StringIO(), width=80)
    inventory.print_table(console)
    lines = console.file.getvalue().splitlines()[1:]  # the first is the cache's path
    assert max(map(len, lines)) <= 80
    for name, card in all_cards().items():
        (line,) = (line for line in lines if line.startswith(f"{name} "))
        assert f" {card.megabytes} " in line
