"""open_clip's towers: tiny ones in the true format, read through the same door as the others."""

import builtins
import json

import numpy as np
import pytest
import tiny_towers
import torch
from PIL import Image

from cafemood.backbones import create_backbone
from cafemood.backbones.open_clip_towers import text_tower
from cafemood.backbones.preprocessing import open_clip_transform
from cafemood.backbones.text_cards import TEXT_CARDS
from cafemood.errors import FeaturesError, WeightsError

TEXTS = ["a dark room", "나무 카페", "☕"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A tiny CLIP: the network, and the options that name its files."""
    config = tiny_towers.clip_config()
    network = tiny_towers.build(config)
    weights, model = tiny_towers.write(network, config, tmp_path_factory.mktemp("clip"))
    return network.eval(), {"weights": str(weights), "model": str(model)}


@pytest.fixture(scope="module")
def siglip(tmp_path_factory):
    """A tiny SigLIP 2, with its tokenizer."""
    folder = tmp_path_factory.mktemp("siglip")
    tokenizer = tiny_towers.write_tokenizer(folder / "tokenizer.json", [*TEXTS, "dim light", "창가 자리"])
    config = tiny_towers.siglip_config(json.loads(tokenizer.read_text())["model"]["vocab"].__len__())
    network = tiny_towers.build(config)
    weights, model = tiny_towers.write(network, config, folder)
    return network.eval(), {"weights": str(weights), "model": str(model), "tokenizer": str(tokenizer)}


@pytest.mark.parametrize(("name", "files"), [("clip_vit_b32_laion2b", "clip"), ("siglip2_vit_b16", "siglip")])
def test_photos_are_embedded_as_open_clip_does(name, files, request):
    network, options = request.getfixturevalue(files)
    backbone = create_backbone(name, **options, precision="float32")
    pixels = torch.stack([backbone.transform(Image.new("RGB", (90, 70), colour)) for colour in ("red", "navy")])
    with torch.inference_mode():
        expected = network.encode_image(pixels).numpy()
    np.testing.assert_allclose(backbone.embed(pixels), expected, atol=1e-5)
    assert backbone.dim == expected.shape[1]
    assert backbone.options["name"] == name
    assert create_backbone(**backbone.options).fingerprint == backbone.fingerprint


def test_texts_are_embedded_as_open_clip_does(clip):
    from open_clip import tokenize

    network, options = clip
    tower = text_tower("clip_vit_b32_laion2b", **options)
    with torch.inference_mode():
        expected = network.encode_text(tokenize(TEXTS), normalize=True).numpy()
    found = tower.embed(TEXTS)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert (tower.context_length, tower.dim) == (77, 32)
    assert tower.n_tokens("a dark room") == 5  # with what begins and ends it
    long = "room " * 200
    with torch.inference_mode():
        np.testing.assert_allclose(
            tower.embed([long]), network.encode_text(tokenize([long]), normalize=True), atol=1e-5
        )


def test_a_tokenizer_file_ends_texts_and_pads_them_as_siglip2_does(siglip):
    from open_clip.tokenizer import get_clean_fn
    from tokenizers import Tokenizer

    network, options = siglip
    tower = text_tower("siglip2_vit_b16", **options)
    read, clean = Tokenizer.from_file(options["tokenizer"]), get_clean_fn("canonicalize")
    ids = torch.zeros(2, 24, dtype=torch.long)
    for row, text in zip(ids, ["A dark, ROOM!", "나무 카페"], strict=True):
        own = [*read.encode(clean(text)).ids, 1]
        row[: len(own)] = torch.tensor(own)
    with torch.inference_mode():
        expected = network.encode_text(ids, normalize=True).numpy()
    np.testing.assert_allclose(tower.embed(["A dark, ROOM!", "나무 카페"]), expected, atol=1e-5)
    assert "ko" in tower.languages
    whole = tower.embed(["dark room " * 60])
    assert np.isfinite(whole).all()


@pytest.mark.parametrize("name", ["clip_224", "siglip_224"])
def test_preprocessing_is_open_clips(name):
    from open_clip.pretrained import get_pretrained_cfg
    from open_clip.transform import PreprocessCfg, image_transform_v2

    cfg = get_pretrained_cfg(
        *{"clip_224": ("ViT-B-32", "laion2b_s34b_b79k"), "siglip_224": ("ViT-B-16-SigLIP2", "webli")}[name]
    )
    theirs = image_transform_v2(
        PreprocessCfg(**{key: cfg[key] for key in ("mean", "std", "interpolation", "resize_mode")}), is_train=False
    )
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 410, 3), dtype=np.uint8))
    ours, side = open_clip_transform(name)
    assert side == 224
    np.testing.assert_allclose(ours(photo), theirs(photo), atol=1e-5)


@pytest.mark.parametrize("card", TEXT_CARDS.values(), ids=list(TEXT_CARDS))
def test_a_text_card_says_what_open_clip_says(card):
    import open_clip
    from open_clip.pretrained import get_pretrained_cfg

    config = open_clip.get_model_config(card.network)
    assert card.dim == card.length("features") == config["embed_dim"]
    tags = [tag for model, tag in open_clip.list_pretrained() if model == card.network]
    hubs = {get_pretrained_cfg(card.network, tag).get("hf_hub", "").rstrip("/") for tag in tags}
    assert card.source.url.removeprefix("https://huggingface.co/").split("/resolve")[0] in hubs
    assert (card.tokenizer is not None) == ("hf_tokenizer_name" in config["text_cfg"])
    if card.tokenizer is not None:
        assert config["text_cfg"]["hf_tokenizer_name"] in card.tokenizer.url
    assert "en" in card.languages


def test_another_networks_weights_are_refused(clip, siglip):
    with pytest.raises(WeightsError) as caught:
        create_backbone(
            "clip_vit_b32_laion2b", **clip[1] | {"weights": siglip[1]["weights"]}, precision="float32"
        ).network_in("float32")
    assert caught.value.where is not None
    assert caught.value.fix


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"embed_dim": 8}', json.dumps(tiny_towers.clip_config() | {"vision_cfg": {"layers": 10**9}})]
)
def test_a_configuration_of_nothing_is_refused(text, clip, tmp_path):
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(WeightsError):
        create_backbone("clip_vit_b32_laion2b", **clip[1] | {"model": str(path)})


def test_other_mistakes_are_told(clip, siglip, tmp_path):
    with pytest.raises(WeightsError, match="ViT-B"):
        create_backbone("clip_vit_b32_laion2b", model="ViT-B-33")
    with pytest.raises(WeightsError, match="transformers"):
        create_backbone("clip_vit_b32_laion2b", model="xlm-roberta-base-ViT-B-32")
    with pytest.raises(FeaturesError, match="features"):
        create_backbone("clip_vit_b32_laion2b", **clip[1], output="logits")
    with pytest.raises(WeightsError, match="siglip2_vit_b16"):
        text_tower("resnet50")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(WeightsError, match="tokenizer"):
        text_tower("siglip2_vit_b16", **siglip[1] | {"tokenizer": str(tmp_path / "tokenizer.json")})
    with pytest.raises(WeightsError, match="does not fit"):  # a vocabulary larger than the network's
        text_tower(
            "siglip2_vit_b16",
            **siglip[1] | {"tokenizer": None, "model": siglip[1]["model"]} | {"tokenizer": _larger(tmp_path)},
        )


def _larger(folder):
    texts = [f"{a}{b}{c}" for a in "abcdef" for b in "ghijkl" for c in "mnopqr"]
    return str(tiny_towers.write_tokenizer(folder / "larger.json", texts))


def test_without_the_package_one_error_names_the_command(monkeypatch):
    real = builtins.__import__

    def without(name, *more):
        if name.split(".")[0] == "open_clip":
            raise ImportError(name="open_clip")
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(WeightsError) as caught:
        create_backbone("siglip2_vit_b16")
    assert "pip install 'cafemood[words]'" in str(caught.value.fix)
