"""What is done to a photo before a network sees it, by name; each is its authors' own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def _imagenet(resize: int) -> tuple[Callable[..., Tensor], int]:
    from torchvision.transforms._presets import ImageClassification

    return ImageClassification(crop_size=224, resize_size=resize), resize


def _places_pytorch() -> tuple[Callable[..., Tensor], int]:
    """The authors' own: squeezed to a square, then cropped (run_placesCNN_basic.py)."""
    from torchvision.transforms import v2

    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    steps = [v2.Resize((256, 256)), v2.CenterCrop(224), v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True)]
    return v2.Compose([*steps, v2.Normalize(mean, std)]), 256


def _caffe(crop: int, mean: tuple[float, float, float]) -> tuple[Callable[..., Tensor], int]:
    """Caffe's input: BGR, 0-255, channel means subtracted, unscaled."""
    from torchvision.transforms import v2

    steps = [v2.Resize(256), v2.CenterCrop(crop), v2.PILToTensor(), v2.ToDtype(torch.float32), v2.Lambda(_rgb_to_bgr)]
    return v2.Compose([*steps, v2.Normalize(list(mean), [1.0, 1.0, 1.0])]), 256


def _whole(mean: tuple[float, ...] | None = None) -> tuple[Callable[..., Tensor], int]:
    """The whole photo, squeezed to a square: a crop would lose a third of an upright one.

    Args:
        mean: Of Caffe's channels; None: torchvision's normalisation.
    """
    from torchvision.transforms import v2

    steps = [v2.Resize((256, 256)), v2.PILToTensor(), v2.ToDtype(torch.float32, scale=mean is None)]
    if mean is None:
        return v2.Compose([*steps, v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]), 256
    return v2.Compose([*steps, v2.Lambda(_rgb_to_bgr), v2.Normalize(list(mean), [1.0, 1.0, 1.0])]), 256


def open_clip_transform(name: str, size: int = 224) -> tuple[Callable[..., Tensor], int]:
    """As open_clip's `image_transform`: bicubic, then cropped in the middle (CLIP) or squeezed to a square (SigLIP).

    Args:
        name: One of `OPEN_CLIP`.
        size: Pixels of a side.
    """
    from torchvision.transforms import v2

    mean, std, crop = OPEN_CLIP[name]
    resize = v2.Resize(size if crop else (size, size), v2.InterpolationMode.BICUBIC, antialias=True)
    steps = [resize, *([v2.CenterCrop(size)] if crop else []), v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True)]
    return v2.Compose([*steps, v2.Normalize(list(mean), list(std))]), size


def whole(name: str) -> str:
    """The transform that shows a network the whole photo, in the colours of another transform."""
    return {"caffe_224": "whole_caffe", "caffe_224_vgg205": "whole_caffe_vgg205"}.get(name, "whole")


def _rgb_to_bgr(image: Tensor) -> Tensor:
    return image.flip(0)


_MEAN = (104.051, 112.514, 116.676)  # of the authors' places365CNN_mean.binaryproto
_MEAN_VGG205 = (105.487823486, 113.741088867, 116.060394287)
OPEN_CLIP: dict[str, tuple[tuple[float, ...], tuple[float, ...], bool]] = {
    "clip_224": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711), True),
    "siglip_224": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), False),
}
"""Mean, standard deviation, and whether the photo is cropped: open_clip's of OpenAI's CLIP and of SigLIP."""
TRANSFORMS: dict[str, Callable[[], tuple[Callable[..., Tensor], int]]] = {
    "imagenet_256": lambda: _imagenet(256),
    "imagenet_232": lambda: _imagenet(232),
    "places_pytorch": _places_pytorch,
    "caffe_224": lambda: _caffe(224, _MEAN),
    "caffe_227": lambda: _caffe(227, _MEAN),
    "whole": _whole,
    "whole_caffe": lambda: _whole(_MEAN),
    "whole_caffe_vgg205": lambda: _whole(_MEAN_VGG205),
    "clip_224": lambda: open_clip_transform("clip_224"),
    "siglip_224": lambda: open_clip_transform("siglip_224"),
    "caffe_224_vgg205": lambda: _caffe(224, _MEAN_VGG205),
}
"""Name -> a function that makes the transform, and says which shorter side (pixels) it needs at least."""
