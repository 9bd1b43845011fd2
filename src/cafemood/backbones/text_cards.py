"""The table of backbones that know words: an image tower and a text tower that put what belongs together side by side.

Networks and tokenizers are open_clip's (the extra `words`); the files are those that open_clip's own table of
pretrained models names for them.
"""

from __future__ import annotations

from dataclasses import dataclass

from cafemood.backbones.cards import CARDS, Card
from cafemood.backbones.weights import WeightFile

_HUB = "https://huggingface.co/"
CROSSMODAL_3600 = (
    "ar", "bn", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fil", "fr", "he", "hi", "hr", "hu", "id", "it", "ja",
    "ko", "mi", "nl", "no", "pl", "pt", "quz", "ro", "ru", "sv", "sw", "te", "th", "tr", "uk", "vi", "zh",
)  # fmt: skip
"""The 36 languages of Crossmodal-3600 (Thapliyal et al., EMNLP 2022), in which SigLIP 2's authors measured it."""
INSTALL = "pip install 'cafemood[words]' (it brings open_clip_torch and tokenizers)"


@dataclass(frozen=True)
class TextCard(Card):
    """A backbone with a text tower; `network` is the name of open_clip's configuration, or the path of one (JSON).

    Attributes:
        languages: Codes of the languages that it knows (ISO 639).
        tokenizer: Its `tokenizer.json`; None: CLIP's byte pair encoding, which open_clip carries.
    """

    languages: tuple[str, ...] = ("en",)
    tokenizer: WeightFile | None = None

    @property
    def files(self) -> tuple[WeightFile, ...]:
        """The weights, and the tokenizer where it is a file."""
        return (self.source,) if self.tokenizer is None else (self.source, self.tokenizer)


TEXT_CARDS: dict[str, TextCard] = {
    "clip_vit_b32_laion2b": TextCard(
        "ViT-B-32",
        WeightFile(
            "clip_vit_b32_laion2b.safetensors",
            url=f"{_HUB}laion/CLIP-ViT-B-32-laion2B-s34B-b79K/resolve/main/open_clip_model.safetensors",
        ),
        0, 512, ("features",), "clip_224", 605, "weights: MIT (LAION); trained on LAION-2B, research use",
        "Cherti et al., Reproducible scaling laws for contrastive language-image learning, CVPR 2023",
    ),
    "siglip2_vit_b16": TextCard(
        "ViT-B-16-SigLIP2",
        WeightFile(
            "siglip2_vit_b16.safetensors",
            url=f"{_HUB}timm/ViT-B-16-SigLIP2/resolve/main/open_clip_model.safetensors",
        ),
        0, 768, ("features",), "siglip_224", 1501, "weights: Apache-2.0 (Google)",
        "Tschannen et al., SigLIP 2: Multilingual Vision-Language Encoders, 2025",
        languages=CROSSMODAL_3600,
        tokenizer=WeightFile(
            "siglip2_tokenizer.json", url=f"{_HUB}timm/ViT-B-16-SigLIP2/resolve/main/tokenizer.json"
        ),
    ),
}  # fmt: skip


def all_cards() -> dict[str, Card]:
    """Every backbone with a weight file of its own, by name."""
    return {**CARDS, **TEXT_CARDS}
