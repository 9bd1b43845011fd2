"""Tiny text-and-image networks in open_clip's format, trained for seconds on drawn rooms; and a tokenizer file."""

import json
from pathlib import Path

import numpy as np
import torch
from drawn_rooms import MOODS, draw_room
from drawn_things import KINDS, draw_thing
from safetensors.torch import save_file

CAPTIONS = {
    "어두운 나무": ("dark", "dark wood", "어두운", "짙은 나무"),
    "밝은 흰색": ("bright", "white walls", "밝은", "흰 벽"),
}
"""What is said of each mood of `drawn_rooms`, English and Korean; the English words stand in the vocabulary."""
THINGS = ("cup of coffee close up", "slice of cake", "menu", "receipt")
"""What is said of the things of `drawn_things`."""


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
    made.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=3000, special_tokens=special, show_progress=False))
    made.save(str(path))
    return path


def trained(folder: Path, steps=90, things=False):
    """A tiny SigLIP 2 that knows the two moods of `drawn_rooms`, and things if wanted: the options that name its files.

    Trained by SigLIP's sigmoid loss (Zhai et al., ICCV 2023): a room and a word that is said of it belong together,
    it and a word of the other mood, or a text that has nothing to do with cafés, do not.
    """
    from tokenizers import Tokenizer

    from cafemood.backbones.preprocessing import open_clip_transform
    from cafemood.words.vocabulary import PHRASINGS, unrelated, vocabulary

    folder.mkdir(parents=True, exist_ok=True)
    strange = [*unrelated()["en"], *unrelated()["ko"]]
    known = [word for words in CAPTIONS.values() for word in words]
    texts = [*strange, *known, *(t.english for t in vocabulary()), *(p for ps in PHRASINGS.values() for p in ps)]
    tokenizer = write_tokenizer(folder / "tokenizer.json", [text.lower() for text in texts])
    read = Tokenizer.from_file(str(tokenizer))
    config = siglip_config(read.get_vocab_size(), context=32)
    config["vision_cfg"] = {"image_size": 32, "layers": 1, "width": 64, "head_width": 16, "patch_size": 8}
    network = build(config)
    transform, _ = open_clip_transform("siglip_224", 32)
    drawn = [draw_room(50_000 + i, list(MOODS)[i % 2]) for i in range(16)]
    drawn += [draw_thing(50_000 + i, KINDS[i % 4]) for i in range(16 if things else 0)]
    photos = torch.stack([transform(picture) for picture in drawn])
    moods = torch.tensor([*range(2)] * 8 + [2] * (len(drawn) - 16))
    rng, pad = np.random.default_rng(0), torch.nn.functional.pad
    optimizer = torch.optim.Adam(network.parameters(), lr=4e-3)
    for _ in range(steps):
        some = [(word, j) for j, words in enumerate(CAPTIONS.values()) for word in words]
        some += [(word, 2) for word in THINGS] if things else []
        some += [(strange[i], -1) for i in rng.choice(len(strange), 16, replace=False)]
        put = [PHRASINGS["ko" if max(w) > "ㄱ" else "en"][rng.integers(4)].replace("{}", w) for w, _ in some]
        clean = str.maketrans("", "", ",:")
        ids = [torch.tensor([*read.encode(text.lower().translate(clean)).ids, 1][:32]) for text in put]
        tokens = torch.stack([pad(row, (0, 32 - len(row))) for row in ids])
        cosine = network.encode_image(photos, normalize=True) @ network.encode_text(tokens, normalize=True).T
        belongs = 2.0 * (moods[:, None] == torch.tensor([j for _, j in some])[None]) - 1
        loss = -torch.nn.functional.logsigmoid(belongs * (10 * cosine - 5)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    weights, model = write(network, config, folder)
    return {"weights": str(weights), "model": str(model), "tokenizer": str(tokenizer)}
