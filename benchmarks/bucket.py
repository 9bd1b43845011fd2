"""Photos in a bucket, through the real client: are their features those of the files, and how fast do they come?

    uv pip install -e '.[cloud]' 'moto[server]'     (in an environment of its own: s3fs wants an old python-dateutil)
    python benchmarks/bucket.py [--photos DIR] [--copies 4] [--backbone mobilenet_v2]

moto stands in for S3 on loopback. The same photos are embedded from the folder and from `s3://`, where two keys
are missing and one holds no picture; then again, which must neither fetch nor embed anything. The client finds the
server and its keys where it finds Amazon's: in AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from cafemood.backbones.creating import create_backbone
from cafemood.core import remote
from cafemood.data import folders
from cafemood.data.manifests import read_listing
from cafemood.features.embedding import embed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="a folder of JPEGs (default: the demo photos)")
    parser.add_argument("--copies", type=int, default=4, help="how often each photo is taken (default 4)")
    parser.add_argument("--backbone", default="mobilenet_v2")
    chosen = parser.parse_args()
    import s3fs
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    source = folders.scan_folder(chosen.photos) if chosen.photos else folders.demo_photos()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    os.environ |= {"AWS_ENDPOINT_URL": "http://{}:{}".format(*server.get_host_and_port())}
    os.environ |= {"AWS_ACCESS_KEY_ID": "here", "AWS_SECRET_ACCESS_KEY": "only", "AWS_DEFAULT_REGION": "us-east-1"}
    fetched: list[str] = []
    real = remote.fetch
    remote.fetch = lambda address: (fetched.append(address), real(address))[1]  # type: ignore[assignment]
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "photos"
            folder.mkdir()
            for copy in range(chosen.copies):
                for photo in source.photos:
                    data = (source.root / photo.file).read_bytes()
                    (folder / f"{copy:03}_{Path(photo.file).name}").write_bytes(data + bytes([copy]))
            bucket = s3fs.S3FileSystem()
            bucket.mkdir("cafes")
            bucket.put(f"{folder}/", "cafes/photos/", recursive=True)
            bucket.pipe("cafes/photos/menu.jpg", b"no picture")
            keys = [*sorted(path.name for path in folder.iterdir()), "gone.jpg", "gone too.jpg", "menu.jpg"]
            pd.DataFrame({"file": keys}).to_csv(folder.parent / "list.csv", index=False)
            local = folders.scan_folder(folder)
            network = create_backbone(chosen.backbone)
            begin = time.perf_counter()
            _, ours, n = embed(local, network, Path(name) / "folder")
            print(f"folder  {n} photos, {n / (time.perf_counter() - begin):.1f} photos/s")
            for attempt in ("s3://", "again"):
                fetched.clear()
                listed = read_listing(folder.parent / "list.csv", root="s3://cafes/photos")
                begin = time.perf_counter()
                kept, theirs, n = embed(listed, network, Path(name) / "bucket")
                took = time.perf_counter() - begin
                print(f"{attempt:7} {n} photos embedded, {len(fetched)} fetched, {took:.1f} s", end="")
                print(f", {n / took:.1f} photos/s" if n else "")
            print(*(f"  skipped {s.file}: {s.reason}" for s in kept.skipped), sep="\n")
            same = [p.photo_id for p in kept.photos] == [p.photo_id for p in local.photos]
            apart = float(np.abs(ours.matrix() - theirs.matrix()).max())
            print(f"the same ids: {same}; features differ by {apart:.2g} at most")
    finally:
        server.stop()


if __name__ == "__main__":
    main()
