"""How fast photos become features: ours against a plain torchvision loop and published tools, in one run.

    python benchmarks/embed.py [--photos DIR] [--copies 4] [--repeat 3] [--networks vgg16,resnet50,mobilenet_v2]
                               [--others PYTHON]

Each round goes from JPEG files to features: (a) *plain* is what a script does, a DataLoader with a worker a
core, torchvision's own transform, the network eagerly in float32, batches of 32; *ours* is
`cafemood.features.embedding.embed` into an empty cache, compiling and disk writes included. All take the same weights
from the same files: MobileNetV2's real ones, and for VGG16 and ResNet50, whose files need a network, random
ones of the same shapes, unless `--weights resnet50=FILE` names them. The rounds alternate; ratios are of the
medians. The cosines say what the gain costs: the least to float32 over all photos (the
precision), the median to the plain loop (which decodes each JPEG whole).

`--others` is the Python of an environment that holds `img2vec_pytorch`; it embeds the same photos with the
same ResNet50 file.

*Limit* is what one can hope for on cores that decoding and network share: 1 / (1/decode + 1/network), each alone on
all cores in the same round, photos opened and transformed as cafemood does, and the network on what waits in memory.
Each is told by the processor's seconds too (photos a second of one core): on a machine that others use, only these
ratios mean something.

The last table is the network alone, on photos that are decoded already, as a share of what this machine's
own matrix product reaches in the same precision.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from cafemood.backbones.backbone import Backbone, cosine
from cafemood.backbones.creating import create_backbone
from cafemood.core import devices
from cafemood.data import folders, photos
from cafemood.data.images import open_image
from cafemood.features import engine
from cafemood.features.embedding import embed

GFLOP = {"vgg16": 30.94, "resnet50": 8.18, "mobilenet_v2": 0.60}
IMG2VEC = """
import sys, time, glob
from pathlib import Path
from PIL import Image
from img2vec_pytorch import Img2Vec
files = sorted(glob.glob(sys.argv[1] + "/*.jpg"))
tool = Img2Vec(cuda=False, model="resnet50", layer_output_size=2048)
begin = time.perf_counter()
for start in range(0, len(files), 32):
    tool.get_vec([Image.open(f).convert("RGB") for f in files[start : start + 32]])
print(len(files) / (time.perf_counter() - begin))
"""


class Photos(Dataset[torch.Tensor]):
    """Photos opened whole, with the backbone's transform."""

    def __init__(self, photo_set: photos.PhotoSet, transform: Callable[[Image.Image], torch.Tensor]) -> None:
        self.files = [photo_set.path(p) for p in photo_set.photos]
        self.transform = transform

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> torch.Tensor:
        with Image.open(self.files[index]) as image:
            return self.transform(image.convert("RGB"))


@torch.inference_mode()
def plain(photo_set: photos.PhotoSet, backbone: Backbone) -> np.ndarray:
    """The loop that everybody writes."""
    network = backbone.build().eval()
    loader = DataLoader(Photos(photo_set, backbone.transform), 32, num_workers=os.cpu_count() or 1)
    return np.concatenate([network(batch).numpy() for batch in loader])


def copied(photo_set: photos.PhotoSet, folder: Path, copies: int) -> photos.PhotoSet:
    """The same photos several times over, as files of their own (a byte behind the picture)."""
    for copy in range(copies):
        for photo in photo_set.photos:
            data = photo_set.path(photo).read_bytes()
            (folder / f"{copy:03}_{Path(photo.file).name}").write_bytes(data + bytes([copy]))
    return folders.scan_folder(folder)


def weight_file(name: str, given: dict[str, str], folder: Path) -> str | None:
    """The user's file, the package's (None), or random numbers in torchvision's shapes."""
    if name in given or name == "mobilenet_v2":
        return given.get(name)
    from torchvision import models

    torch.manual_seed(0)
    network = getattr(models, name)()
    torch.save(network.state_dict(), folder / f"{name}.pth")
    return str(folder / f"{name}.pth")


def decode_rate(photo_set: photos.PhotoSet, backbone: Backbone) -> tuple[float, float]:
    """Photos/s, by the clock and of a core, of opening and transforming alone, as cafemood does it, on all cores."""
    from concurrent.futures import ThreadPoolExecutor

    def decoded(photo: photos.Photo) -> None:
        backbone.transform(open_image(photo_set.path(photo), shortest=backbone.shortest))

    with ThreadPoolExecutor(devices.n_cores()) as pool:
        begin, before = time.perf_counter(), time.process_time()
        list(pool.map(decoded, photo_set.photos))
        n = len(photo_set.photos)
        return n / (time.perf_counter() - begin), n / (time.process_time() - before)


def matrix_rate(precision: str) -> float:
    """GFLOP/s of a matrix product of 2048 x 2048, the best of ten."""
    dtype = getattr(torch, precision)
    a, b = torch.randn(2048, 2048).to(dtype), torch.randn(2048, 2048).to(dtype)
    seconds = []
    for _ in range(10):
        begin = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - begin)
    return 2 * 2048**3 / min(seconds) / 1e9


def network_rate(backbone: Backbone) -> tuple[str, float, float]:
    """Photos/s, by the clock and of a core, of the network alone in a large folder's engine; the best of five."""
    run = engine.choose(backbone, 10**6)
    batch = torch.stack(
        [backbone.transform(Image.new("RGB", (640, 480), (i * 9, 99, 40))) for i in range(run.batch_size)]
    )
    from concurrent.futures import ThreadPoolExecutor

    best = of_core = 0.0
    with ThreadPoolExecutor(run.workers) as pool:
        for _ in range(5):
            n = max(8 * run.workers, 4)
            begin, before = time.perf_counter(), time.process_time()
            list(pool.map(run, [batch] * n))
            best = max(best, n * run.batch_size / (time.perf_counter() - begin))
            of_core = max(of_core, n * run.batch_size / (time.process_time() - before))
    return run.name, best, of_core


def others(python: str, folder: Path, weights: str | None) -> float:
    """Photos/s of img2vec_pytorch, which finds our weight file under the name that torchvision gives it."""
    home = folder.parent / "torch_home"
    (home / "hub" / "checkpoints").mkdir(parents=True, exist_ok=True)
    for name in ("resnet50-0676ba61.pth", "resnet50-11ad3fa6.pth"):
        target = home / "hub" / "checkpoints" / name
        if weights and not target.exists():
            target.symlink_to(weights)
    done = subprocess.run(
        [python, "-c", IMG2VEC, str(folder)], env=os.environ | {"TORCH_HOME": str(home)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        print(done.stderr.strip().splitlines()[-1:], file=sys.stderr)
        return float("nan")
    return float(done.stdout.split()[-1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="a folder of JPEGs (default: the demo photos)")
    parser.add_argument("--copies", type=int, default=4, help="how often each photo is taken (default 4)")
    parser.add_argument("--repeat", type=int, default=3, help="rounds of each (default 3)")
    parser.add_argument("--networks", default="vgg16,resnet50,mobilenet_v2")
    parser.add_argument("--precision", default="auto", help="ours: auto (default), float32, bfloat16, float16")
    parser.add_argument("--weights", action="append", default=[], metavar="NAME=FILE", help="real weights")
    parser.add_argument("--others", metavar="PYTHON", help="the Python of an environment with img2vec_pytorch")
    chosen = parser.parse_args()
    given = dict(pair.split("=", 1) for pair in chosen.weights)
    source = folders.scan_folder(chosen.photos) if chosen.photos else folders.demo_photos()
    machine = f"{platform.machine()}, {devices.n_cores()} cores, torch {torch.__version__}"
    ratios, alone = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "photos").mkdir()
        photo_set = copied(source, folder / "photos", chosen.copies)
        n = len(photo_set.photos)
        print(f"{n} photos, {machine}, {chosen.repeat} rounds; photos/s (rounds)")
        for network in chosen.networks.split(","):
            weights = weight_file(network, given, folder)
            exact = create_backbone(network, weights=weights, precision="float32")
            ours = create_backbone(network, weights=weights, precision=chosen.precision)
            assert isinstance(exact, Backbone)
            assert isinstance(ours, Backbone)
            speeds: dict[str, list[float]] = {"plain": [], "ours": [], "decode": [], "network": [], "limit": []}
            least = whole = 1.0
            for i in range(chosen.repeat):
                begin = time.perf_counter()
                reference = plain(photo_set, exact)
                speeds["plain"].append(n / (time.perf_counter() - begin))
                begin, before = time.perf_counter(), time.process_time()
                _, features, _ = embed(photo_set, ours, folder / f"cache_{network}_{i}")
                speeds["ours"].append(n / (time.perf_counter() - begin))
                of_core = n / (time.process_time() - before)
                decode, (_, *network_alone) = decode_rate(photo_set, ours), network_rate(ours)
                speeds["decode"].append(decode[0])
                speeds["network"].append(network_alone[0])
                clock, core = (1 / (1 / a + 1 / b) for a, b in zip(decode, network_alone, strict=True))
                speeds["limit"].append(clock)
                print(f"  {network:13} of one core: {of_core:.1f}, {of_core / core:.0%} of its limit {core:.1f}")
                rows = features.matrix()
                _, same_decode, _ = embed(photo_set, exact, folder / "exact")
                least = min(least, float(cosine(same_decode.matrix(), rows).min()))
                whole = min(whole, float(np.median(cosine(reference, rows))))
            if chosen.others and network == "resnet50":
                speeds["img2vec_pytorch"] = [others(chosen.others, folder / "photos", weights)]
            medians = {who: statistics.median(values) for who, values in speeds.items()}
            ratios.append(medians["ours"] / medians["plain"])
            for who, values in speeds.items():
                spread = ", ".join(f"{value:.1f}" for value in values)
                share = medians["ours"] / medians[who]
                ratio = f"   ours is {share:.0%} of it" if who == "limit" else f"   ours is {share:.2f} x"
                ratio = "" if who in ("ours", "decode", "network") else ratio
                print(f"  {network:13} {who:16} {medians[who]:7.1f} ({spread}){ratio}")
            said = f"least cosine to float32 {least:.5f}, median to plain, decoded whole, {whole:.5f}"
            print(f"  {network:13} {ours.precision}: {said}")
            alone.append((network, weights))
        print(f"geometric mean of ours / plain: {statistics.geometric_mean(ratios):.2f}")
        print("the network alone, against a 2048 x 2048 matrix product in the same precision:")
        for network, weights in alone:
            for precision in ("float32", "bfloat16"):
                backbone = create_backbone(network, weights=weights, precision=precision)
                assert isinstance(backbone, Backbone)
                rate, (how, speed, _) = matrix_rate(precision), network_rate(backbone)
                reached = speed * GFLOP[network]
                print(
                    f"  {network:13} {precision:9} {how:9} {speed:7.1f} photos/s = {reached:6.0f} GFLOP/s,"
                    f" {reached / rate:4.0%} of {rate:.0f}"
                )


if __name__ == "__main__":
    main()
