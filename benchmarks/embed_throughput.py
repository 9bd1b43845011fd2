"""How much faster cafemood embeds than plain eager float32, same weights, same photos, in one run.

    python benchmarks/embed_throughput.py [--photos DIR] [--repeat 3] [--copies 4]

Eager float32 is what a script does: open each photo whole, torchvision's transform, batches of 32 through
the same network. Ours is `cafemood.features.embed` into an empty cache, disk writes included. Both start
with the network built; the rounds alternate, and the ratio is that of the medians. The cosine between both
results says that the gain changes no answer.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cafemood import backbones, photos
from cafemood.embedding import embed
from cafemood.frozen import Backbone


def eager(photo_set: photos.PhotoSet, backbone: Backbone, batch_size: int = 32) -> np.ndarray:
    """Embed one photo after the other in float32."""
    network = backbone.build().eval()
    rows = []
    with torch.inference_mode():
        for start in range(0, len(photo_set.photos), batch_size):
            batch = photo_set.photos[start : start + batch_size]
            images = [backbone.transform(Image.open(photo_set.path(p)).convert("RGB")) for p in batch]
            rows.append(network(torch.stack(images)).numpy())
    return np.concatenate(rows)


def copied(photo_set: photos.PhotoSet, folder: Path, copies: int) -> photos.PhotoSet:
    """The same photos several times over, as files of their own (a comment byte apart)."""
    for copy in range(copies):
        for photo in photo_set.photos:
            data = photo_set.path(photo).read_bytes()
            (folder / f"{copy}_{Path(photo.file).name}").write_bytes(data + bytes([copy]))
    return photos.scan_folder(folder)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="a folder of photos (default: the demo photos)")
    parser.add_argument("--copies", type=int, default=4, help="how often each photo is taken (default 4)")
    parser.add_argument("--repeat", type=int, default=3, help="rounds of each (default 3)")
    chosen = parser.parse_args()
    source = photos.scan_folder(chosen.photos) if chosen.photos else photos.demo_photos()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "photos").mkdir()
        photo_set = copied(source, Path(folder) / "photos", chosen.copies)
        n = len(photo_set.photos)
        plain = backbones.create("mobilenet_v2", precision="float32")
        ours = backbones.create("mobilenet_v2")
        assert isinstance(plain, Backbone)
        assert isinstance(ours, Backbone)
        _ = ours.network
        seconds: dict[str, list[float]] = {"eager float32": [], "cafemood": []}
        for round_ in range(chosen.repeat):
            begin = time.perf_counter()
            reference = eager(photo_set, plain)
            seconds["eager float32"].append(time.perf_counter() - begin)
            begin = time.perf_counter()
            _, features, _ = embed(photo_set, ours, Path(folder) / f"cache{round_}")
            seconds["cafemood"].append(time.perf_counter() - begin)
        rows = features.matrix()
    cosine = (reference * rows).sum(1) / np.linalg.norm(reference, axis=1) / np.linalg.norm(rows, axis=1)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    machine = f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    print(f"{n} photos, MobileNetV2, {machine}, {chosen.repeat} rounds")
    for name, values in seconds.items():
        spread = ", ".join(f"{n / value:.1f}" for value in values)
        print(f"  {name:14} {n / medians[name]:7.1f} photos/s (rounds: {spread})")
    print(f"  ratio {medians['eager float32'] / medians['cafemood']:.2f} ({ours.precision})")
    print(f"  cosine to float32: least {cosine.min():.5f}, median {np.median(cosine):.5f}")


if __name__ == "__main__":
    main()
