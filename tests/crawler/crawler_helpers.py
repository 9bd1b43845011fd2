"""Pictures as bytes, and pages of a list, for the crawler's tests."""

import io

import numpy as np
from PIL import Image

from cafecrawl.items import Page, PhotoRef, Place
from cafecrawl.store import Store


def picture(seed: int, size: tuple[int, int] = (320, 256), kind: str = "JPEG", **save) -> bytes:
    """A picture of smooth blobs, different for each seed, so that pHashes differ as those of photos do."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (9, 12, 3), dtype=np.uint8))
    out = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).save(out, kind, **save)
    return out.getvalue()


def found(n: int, cafe_id: str = "1", source: str = "naver", **more) -> Page:
    """A page of a list with `n` photos of one café."""
    refs = tuple(
        PhotoRef(cafe_id, f"http://img/{cafe_id}/{i}.jpg", source, licence="CC BY 4.0", attribution="누군가", **more)
        for i in range(n)
    )
    return Page((Place(cafe_id, "카페 공릉"),), refs)


def add_photos(store: Store, *pages: Page, source: str = "naver", **options) -> None:
    """Put pages into the ledger as one list each."""
    for i, page in enumerate(pages):
        store.ledger.add_lists(source, [(f"list-{source}-{i}", {"i": i})])
        store.ledger.add_page(source, store.ledger.next_list(source), page, **options)
