"""Tiny text-and-image networks in open_clip's format, trained for seconds on drawn rooms; and a tokenizer file."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

CAPTIONS = {
    "dark": ["a dark room", "dark", "dim and dark", "어두운 방", "어두운"],
    "bright": ["a bright room", "bright", "bright and light", "밝은 방", "밝은"],
}
"""What is said of each mood of `drawn_rooms`, English and Korean."""


def clip_config(vocabulary=49408, context=77):
    return {
        "embed_dim": 32,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "head_width": 16, "patch_size": 8},
        "text_cfg": {"context_length": context, "vocab_size": vocabulary, "width": 32, "heads": 2, "layers": 1},
    }


def siglip_config(vocabulary, context=24):
    """As SigLIP 2's: an image tower of timm, a text tower of its own, pooled at the last token."""
    return {
        "embed_dim": 64,
        "init_logit_bias": -10,
        "custom_text": True,
        "vision_cfg": {"image_size": 160, "timm_model_name": "test_vit", "timm_pool": "", "timm_proj": "linear"},
        "text_cfg": {
            "context_length": context,
            "vocab_size": vocabulary,
            "tokenizer_kwargs": {"clean": "canonicalize"},
            "width": 64,
            "heads": 2,
            "layers": 1,
            "no_causal_mask": True,
            "proj_bias": True,
            "pool_type": "last",
        },
    }


def build(config):
    from open_clip.model import CLIP, CustomTextCLIP

    given = {name: value for name, value in config.items() if name != "custom_text"}
    torch.manual_seed(0)
    return (CustomTextCLIP if config.get("custom_text") else CLIP)(**given)


def write(network, config, folder: Path, name="tiny"):
    """The weights and the configuration, as files of the true format."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {key: tensor.detach().clone().contiguous() for key, tensor in network.state_dict().items()}
    save_file(state, folder / f"{name}.safetensors")
    (folder / f"{name}.json").write_text(json.dumps(config))
    return folder / f"{name}.safetensors", folder / f"{name}.json"


def write_tokenizer(path: Path, texts):
    """A tokenizer.json of byte pairs, as of Gemma: <pad> 0, <eos> 1, nothing at the beginning."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<pad>", "<eos>", "<bos>", "<unk>"]
    made.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=800, special_tokens=special, show_progress=False))
    made.save(str(path))
    return path
