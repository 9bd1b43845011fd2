"""A backbone is its network, its preprocessing and its fingerprint."""

import pickle
import re
import subprocess
import sys
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import models
from weight_files import write_caffemodel, write_keras

from cafemood.backbones import networks
from cafemood.backbones.cards import CARDS
from cafemood.backbones.creating import create_backbone
from cafemood.data.folders import demo_photos
from cafemood.data.images import open_image
from cafemood.errors import CafemoodError, FeaturesError, WeightsError


def pixels(backbone, n=2):
    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 255, (260, 300, 3), dtype=np.uint8)) for _ in range(n)]
    return torch.stack([backbone.transform(image) for image in images])


def cosine(a, b):
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def test_mobilenet_gives_1280_real_features_and_auto_precision_does_not_change_them():
    exact, fast = (
        create_backbone("mobilenet_v2", precision="float32"),
        create_backbone("mobilenet_v2", precision="float16"),
    )
    found = demo_photos()
    batch = torch.stack([exact.transform(open_image(found.path(p))) for p in found.photos[:8]])
    rows = exact.embed(batch)
    assert rows.shape == (8, 1280)
    assert rows.dtype == np.float32
    assert np.array_equal(rows, exact.embed(batch))
    assert cosine(rows, fast.embed(batch)).min() >= 0.999


def test_mobilenet_is_torchvisions_network():
    backbone = create_backbone("mobilenet_v2", precision="float32")
    plain = models.mobilenet_v2()
    state = torch.load(backbone.network[0] and _demo_weights(), weights_only=True)
    plain.features.load_state_dict(dict(zip(plain.features.state_dict(), state.values(), strict=True)))
    x = pixels(backbone)
    with torch.inference_mode():
        expected = plain.eval().features(x).mean(dim=(2, 3))
    assert np.allclose(backbone.embed(x), expected, atol=1e-4)


def _demo_weights():
    from cafemood.backbones.cards import CARDS
    from cafemood.backbones.weights import find

    return find(CARDS["mobilenet_v2"].source)


@pytest.mark.parametrize("output", ["features", "logits", "probs", "sqrt_probs"])
def test_resnet50s_outputs_are_torchvisions(tmp_path, output):
    torch.manual_seed(0)
    plain = models.resnet50().eval()
    torch.save(plain.state_dict(), tmp_path / "r.pth")
    backbone = create_backbone("resnet50", weights=str(tmp_path / "r.pth"), output=output, precision="float32")
    x = pixels(backbone)
    with torch.inference_mode():
        if output == "features":
            plain.fc = torch.nn.Identity()
        expected = plain(x)
        expected = {"probs": expected.softmax(1), "sqrt_probs": expected.softmax(1).sqrt()}.get(output, expected)
    assert backbone.dim == expected.shape[1]
    assert np.allclose(backbone.embed(x), expected, atol=1e-4)


def test_vgg16_places365_takes_caffes_input(tmp_path):
    (tmp_path / "w.h5").write_bytes(b"x")
    backbone = create_backbone("vgg16_places365", weights=str(tmp_path / "w.h5"), output="probs")
    assert backbone.dim == 365
    out = backbone.transform(Image.new("RGB", (300, 256), (255, 0, 10)))
    assert out.shape == (3, 224, 224)
    assert torch.allclose(out[:, 5, 5], torch.tensor([10 - 104.051, 0 - 112.514, 255 - 116.676]), atol=1e-3)
    with pytest.raises(WeightsError, match="HDF5 weight file cannot be read"):
        _ = backbone.network


SMALL_VGG = {"width": 2, "hidden": 12}
SMALL_CAFFENET = {"width": 2, "hidden": 12}


def arrays_of(chain):
    return [tensor.numpy() for part in chain.values() for tensor in part.state_dict().values()]


def caffe_layers(arrays, names):
    return [(name, arrays[2 * i : 2 * i + 2]) for i, name in enumerate(names)]


VGG_NAMES = [f"conv{i}_{j}" for i, n in enumerate((2, 2, 3, 3, 3), start=1) for j in range(1, n + 1)]


@pytest.mark.parametrize("output", ["features", "fc6", "logits", "probs"])
def test_vgg16_places365_is_the_same_from_caffe_keras_and_pytorch(tmp_path, output):
    torch.manual_seed(0)
    chain = networks.vgg16(365, **SMALL_VGG)
    arrays = arrays_of(chain)
    files = [
        write_caffemodel(tmp_path / "v2.caffemodel", caffe_layers(arrays, [*VGG_NAMES, "fc6", "fc7", "fc8a"])),
        write_caffemodel(
            tmp_path / "v1.caffemodel", caffe_layers(arrays, [*VGG_NAMES, "fc6", "fc7", "fc8a"]), version=1, legacy=True
        ),
        write_keras(tmp_path / "k.h5", arrays),
        tmp_path / "t.pth",
    ]
    torch.save(torch.nn.ModuleDict(dict(chain)).state_dict(), files[-1])
    made = [
        create_backbone("vgg16_places365", weights=str(f), output=output, precision="float32", **SMALL_VGG)
        for f in files
    ]
    rows = [backbone.embed(pixels(made[0])) for backbone in made]
    assert rows[0].shape == (2, 12 if output in ("features", "fc6") else 365)
    assert all(np.allclose(rows[0], other, atol=1e-5, rtol=1e-5) for other in rows[1:])
    assert len({backbone.fingerprint for backbone in made}) == 4
    with torch.inference_mode():
        expected = networks.cut(chain, output).eval()(pixels(made[0]))
    assert np.allclose(rows[0], expected, atol=1e-4)


def test_alexnet_places205_reads_the_old_format(tmp_path):
    torch.manual_seed(0)
    chain = networks.caffenet(205, **SMALL_CAFFENET)
    names = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    path = write_caffemodel(tmp_path / "a.caffemodel", caffe_layers(arrays_of(chain), names), version=1, legacy=True)
    backbone = create_backbone(
        "alexnet_places205", weights=str(path), precision="float32", output="probs", **SMALL_CAFFENET
    )
    x = pixels(backbone)
    assert x.shape == (2, 3, 227, 227)
    with torch.inference_mode():
        assert np.allclose(backbone.embed(x), networks.cut(chain, "probs").eval()(x), atol=1e-5)


def test_googlenet_goes_by_names_and_leaves_the_auxiliary_heads(tmp_path):
    torch.manual_seed(0)
    chain = networks.googlenet(365, shrink=8)
    named = networks.googlenet_layers(chain)
    layers = [(name, [t.numpy() for t in layer.state_dict().values()]) for name, layer in named]
    heads = [("loss1/classifier", [np.ones((365, 4)), np.ones(365)])]
    path = write_caffemodel(tmp_path / "g.caffemodel", heads + layers[::-1])
    backbone = create_backbone("googlenet_places365", weights=str(path), precision="float32", shrink=8)
    x = pixels(backbone)
    with torch.inference_mode():
        assert np.allclose(backbone.embed(x), networks.cut(chain, "features").eval()(x), atol=1e-5)
    gone = write_caffemodel(tmp_path / "less.caffemodel", [entry for entry in layers if entry[0] != "inception_4b/5x5"])
    with pytest.raises(WeightsError, match=r"(?s)do not fit.*no layer inception_4b/5x5"):
        _ = create_backbone("googlenet_places365", weights=str(gone), shrink=8, precision="float32").network


def test_a_caffe_file_of_another_network_names_the_first_that_differs(tmp_path):
    arrays = arrays_of(networks.vgg16(205, **SMALL_VGG))
    path = write_caffemodel(tmp_path / "x.caffemodel", caffe_layers(arrays, [*VGG_NAMES, "fc6", "fc7", "fc8"]))
    with pytest.raises(WeightsError, match=r"(?s)array 31 has the shape \(205, 12\), the network's is \(365, 12\)"):
        _ = create_backbone("vgg16_places365", weights=str(path), precision="float32", **SMALL_VGG).network


def test_an_old_densenet_checkpoint_is_read(tmp_path):
    torch.manual_seed(0)
    plain = models.densenet161(num_classes=365).eval()
    old = {
        "module." + re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", name): tensor
        for name, tensor in plain.state_dict().items()
        if "num_batches_tracked" not in name
    }
    torch.save({"arch": "densenet161", "state_dict": old}, tmp_path / "d.pth.tar", _use_new_zipfile_serialization=False)
    backbone = create_backbone(
        "densenet161_places365", weights=str(tmp_path / "d.pth.tar"), output="logits", precision="float32"
    )
    x = pixels(backbone, 1)
    with torch.inference_mode():
        assert np.allclose(backbone.embed(x), plain(x), atol=1e-4)


def test_an_archive_is_opened_once_and_its_own_file_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    arrays = arrays_of(networks.caffenet(205, **SMALL_CAFFENET))
    names = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    source = CARDS["alexnet_places205"].source
    model = write_caffemodel(tmp_path / source.member, caffe_layers(arrays, names))
    (tmp_path / "cafemood").mkdir()
    with tarfile.open(tmp_path / "cafemood" / source.filename, "w:gz") as tar:
        tar.add(model, "placesCNN_upgraded/" + source.member)
        tar.add(model, "../../escape")
    backbone = create_backbone("alexnet_places205", precision="float32", **SMALL_CAFFENET)
    assert backbone.embed(pixels(backbone)).shape == (2, 12)
    assert not (tmp_path.parent / "escape").exists()
    with tarfile.open(tmp_path / "cafemood" / source.filename, "w:gz") as tar:
        tar.add(model, "other.caffemodel")
    for record in (tmp_path / "cafemood").glob("*.json"):
        record.unlink()
    with pytest.raises(WeightsError, match=r"(?s)archive cannot be read.*holds no file places205CNN"):
        create_backbone("alexnet_places205", **SMALL_CAFFENET)


def test_any_timm_model_with_its_own_data_config(tmp_path):
    import timm
    from safetensors.torch import save_file

    torch.manual_seed(0)
    plain = timm.create_model("test_efficientnet", num_classes=1000).eval()
    save_file(plain.state_dict(), tmp_path / "t.safetensors")
    weights = str(tmp_path / "t.safetensors")
    backbone = create_backbone("timm", model="test_efficientnet", weights=weights, precision="float32")
    x = pixels(backbone)
    with torch.inference_mode():
        expected = plain.forward_head(plain.forward_features(x), pre_logits=True)
    assert np.allclose(backbone.embed(x), expected, atol=1e-4)
    assert backbone.dim == expected.shape[1]


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
def test_timm_is_handed_tensors_and_never_a_file(tmp_path, wrapper, monkeypatch):
    import timm

    monkeypatch.setattr("timm.models._builder.load_state_dict", lambda *_, **__: pytest.fail("timm opened the file"))
    plain = timm.create_model("test_efficientnet", num_classes=1000)
    prefix = "module." if wrapper else "_orig_mod."  # DataParallel's, torch.compile's
    state = {f"{prefix}{name}": tensor for name, tensor in plain.state_dict().items()}
    torch.save({wrapper: state, "epoch": 3} if wrapper else state, tmp_path / "t.pth")
    backbone = create_backbone("timm", model="test_efficientnet", weights=str(tmp_path / "t.pth"), precision="float32")
    own = backbone.build().state_dict()
    assert all(torch.equal(own[name], plain.state_dict()[name]) for name in own)
    assert "state_dict" not in backbone.build().pretrained_cfg


def test_a_file_of_which_timm_takes_nothing_is_refused(tmp_path):
    """timm itself says nothing of it, and hands over a random network."""
    torch.save({"other.weight": torch.zeros(3, 3)}, tmp_path / "t.pth")
    with pytest.raises(WeightsError, match=r"(?s)is not timm's test_efficientnet.*random"):
        create_backbone("timm", model="test_efficientnet", weights=str(tmp_path / "t.pth"))


def test_a_file_for_timm_that_would_run_code_is_refused(tmp_path):
    (tmp_path / "t.pth").write_bytes(pickle.dumps({"x": print}))
    with pytest.raises(WeightsError, match="cannot be read safely"):
        create_backbone("timm", model="test_efficientnet", weights=str(tmp_path / "t.pth"))


@pytest.mark.slow
def test_timm_names_are_checked_and_missing_weights_explained():
    with pytest.raises(WeightsError, match=r"(?s)timm has no model 'resnet1800'.*did you mean"):
        create_backbone("timm", model="resnet1800")
    with pytest.raises(WeightsError, match=r"(?s)could not be loaded.*backbone\.weights=FILE.*offline"):
        create_backbone("timm", model="resnet18.a1_in1k")


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save(models.resnet18().state_dict(), tmp_path / "r18.pth")
    for name in ("mobilenet_v2", "resnet50"):
        backbone = create_backbone(name, weights=str(tmp_path / "r18.pth"))
        with pytest.raises(WeightsError, match=r"(?s)do not fit the network.*r18\.pth"):
            _ = backbone.network


def test_the_fingerprint_is_the_same_in_another_process():
    code = "import cafemood as cm; print(cm.create_backbone('mobilenet_v2', precision='float32').fingerprint)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == create_backbone("mobilenet_v2", precision="float32").fingerprint


def test_the_fingerprint_follows_weights_output_and_precision(tmp_path):
    first = create_backbone("random").fingerprint
    assert create_backbone("random").fingerprint == first
    assert create_backbone("random", seed=1).fingerprint != first
    assert create_backbone("random", precision="bfloat16").fingerprint != first
    prints = set()
    for seed in range(2):
        torch.manual_seed(seed)
        torch.save(models.resnet50().state_dict(), tmp_path / "r.pth")
        for output in ("features", "probs"):
            prints.add(
                create_backbone(
                    "resnet50", weights=str(tmp_path / "r.pth"), output=output, precision="float32"
                ).fingerprint
            )
    assert len(prints) == 4


def test_options_make_the_same_backbone_again():
    first = create_backbone("random", seed=3)
    assert create_backbone(**first.options).fingerprint == first.fingerprint


def test_random_says_loudly_that_it_means_nothing(caplog):
    backbone = create_backbone("random")
    assert "UNTRAINED" in caplog.text
    assert "UNTRAINED" in backbone.note


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"name": "vgg17"}, CafemoodError, r"(?s)Unknown backbone 'vgg17'.*mobilenet_v2"),
        ({"name": "mobilenet_v2", "output": "probs"}, FeaturesError, "mobilenet_v2 has no output 'probs'"),
        ({"name": "random", "precision": "int4"}, FeaturesError, "Unknown precision 'int4'"),
        ({"name": "precomputed", "path": None}, FeaturesError, "No feature matrix given"),
        ({"name": "precomputed", "path": "/gone.npz"}, FeaturesError, "does not exist"),
    ],
)
def test_what_does_not_exist_is_refused(options, kind, message):
    with pytest.raises(kind, match=message):
        create_backbone(**options)
