"""How much memory embedding takes as the photos grow: resident megabytes along one pass over many files.

    python benchmarks/embed_memory.py [--photos 100000] [--backbone mobilenet_v2] [--side 320]

The photos are the demo's, made `--side` pixels wide and each given bytes of its own after the JPEG's end, so that
none is found in the cache. The scan and the embedding run in this process; a thread reads its resident size
every half second beside the number of rows that the cache holds. The slope is a least-squares line through the
second half of the pass.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from cafemood.backbones.creating import create_backbone
from cafemood.data import folders
from cafemood.features.embedding import embed

PAGE = 4096


def resident() -> float:
    """Resident megabytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 2**20


def write_photos(folder: Path, n: int, side: int) -> None:
    """The demo's photos again and again, no two files the same."""
    small = []
    for photo in (demo := folders.demo_photos()).photos:
        with Image.open(demo.path(photo)) as image:
            image.thumbnail((side, side))
            image.convert("RGB").save(buffer := io.BytesIO(), "JPEG", quality=85)
            small.append(buffer.getvalue())
    for i in tqdm(range(n), desc="write photos", unit="photo"):
        (folder / f"{i // 1000:03}").mkdir(exist_ok=True)
        (folder / f"{i // 1000:03}" / f"{i}.jpg").write_bytes(small[i % len(small)] + i.to_bytes(8, "big"))


def main() -> None:
    """Write, embed, watch, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--side", type=int, default=320, help="pixels of the longer side")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, cache = Path(folder, "photos"), Path(folder, "cache")
        root.mkdir()
        write_photos(root, args.photos, args.side)
        backbone = create_backbone(args.backbone)
        before = resident()
        photo_set = folders.scan_folder(root)
        scanned = resident()
        seen: list[tuple[float, float]] = []
        done = threading.Event()

        def watch() -> None:
            begun = time.monotonic()
            while not done.wait(0.5):
                seen.append((time.monotonic() - begun, resident()))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            _, features, embedded = embed(photo_set, backbone, cache)
        finally:
            done.set()
            watcher.join()
    seconds, megabytes = np.array(seen).T
    share = seconds / seconds[-1]
    print(f"{embedded} photos of {args.side} pixels, {features.dim} numbers each, {embedded / seconds[-1]:.0f}/s")
    print(f"resident: {before:.0f} MB with the network, {scanned:.0f} MB with the photos' rows")
    for part in (0.05, 0.1, 0.25, 0.5, 0.75, 1.0):
        print(f"  at {part:4.0%} of the time: {megabytes[np.searchsorted(share, part, 'left')]:.0f} MB")
    late = share >= 0.5
    slope = np.polyfit(share[late] * embedded, megabytes[late], 1)[0]
    print(f"second half: {slope * 1e5:+.0f} MB per 100,000 photos; peak {megabytes.max():.0f} MB")


if __name__ == "__main__":
    main()
