"""The names of Places365's outputs are the authors' own, whole and in order."""

import hashlib
import re
import subprocess
import sys
from importlib import resources

import numpy as np
import pytest
from scipy.special import softmax
from torchvision.datasets import Places365

from cafemood.backbones.places365 import scene_attributes, scene_categories, scene_is_indoor, scene_probabilities

DATA = resources.files("cafemood.backbones") / "data_places365"


def test_the_categories_are_byte_for_byte_what_torchvision_expects():
    name, md5 = Places365._CATEGORIES_META
    assert hashlib.md5((DATA / name).read_bytes()).hexdigest() == md5


def test_every_file_is_the_one_its_readme_describes():
    described = dict(re.findall(r"^\| `([\w.]+)` .* `([0-9a-f]{32})` \|$", (DATA / "README.md").read_text(), re.M))
    assert set(described) == {path.name for path in DATA.iterdir()} - {"README.md"}
    for name, md5 in described.items():
        assert hashlib.md5((DATA / name).read_bytes()).hexdigest() == md5, name


def test_there_are_365_categories_in_the_order_of_the_outputs():
    names = scene_categories()
    assert len(names) == len(set(names)) == 365
    known = {0: "airfield", 8: "apartment_building/outdoor", 31: "bakery/shop", 99: "coffee_shop", 364: "zen_garden"}
    known |= {75: "cafeteria", 203: "kitchen", 284: "restaurant", 286: "restaurant_patio"}
    assert {index: names[index] for index in known} == known


def test_the_indices_stand_in_the_file_itself():
    rows = [line.split() for line in (DATA / "categories_places365.txt").read_text().splitlines()]
    assert [int(index) for _, index in rows] == list(range(365))
    assert all(entry.startswith(f"/{entry[3]}/") for entry, _ in rows)


def test_every_category_is_indoor_or_outdoor():
    indoor = scene_is_indoor()
    assert tuple(indoor) == scene_categories()
    assert {line.split()[1] for line in (DATA / "IO_places365.txt").read_text().splitlines()} == {"1", "2"}
    assert sum(indoor.values()) == 161
    assert indoor["coffee_shop"]
    assert indoor["bakery/shop"]
    assert not indoor["restaurant_patio"]
    for name, inside in indoor.items():  # the names that say it themselves
        if name.endswith(("/indoor", "/outdoor")):
            assert inside == name.endswith("/indoor"), name


def test_there_are_102_attributes():
    names = scene_attributes()
    assert len(names) == len(set(names)) == 102
    assert (names[0], names[10], names[74], names[-1]) == ("boating", "studying", "natural light", "stressful")
    assert {"socializing", "indoor lighting", "warm", "cluttered space", "soothing"} <= set(names)
    assert all(name == name.strip() for name in names)


@pytest.mark.parametrize("module", ["torch", "numpy", "pandas"])
def test_reading_the_names_imports_nothing_heavy(module):
    code = f"import sys, cafemood.backbones.places365 as s; s.scene_categories(); print({module!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_outputs_of_a_places365_network_are_probabilities():
    logits = np.random.default_rng(0).normal(size=(4, 365)).astype(np.float32)
    expected = softmax(logits, axis=1)
    assert np.allclose(scene_probabilities("resnet18_places365", "logits", logits), expected, atol=1e-6)
    assert np.allclose(scene_probabilities("vgg16_places365", "sqrt_probs", np.sqrt(expected)), expected, atol=1e-6)
    assert scene_probabilities("vgg16_places365", "probs", expected) is not None
    for name, output in (
        ("vgg16_places365", "features"),
        ("resnet50", "probs"),
        ("vgg16_places205", "probs"),
        ("mine", "probs"),
    ):
        assert scene_probabilities(name, output, expected) is None
