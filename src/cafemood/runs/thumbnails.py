"""Small pictures of photos, made in parallel: each photo once, at the size its place in the report needs."""

from __future__ import annotations

import base64
import hashlib
import io
import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from cafemood.core.parquet import read_parquet, write_parquet
from cafemood.core.reasons import DAMAGED, Flaw, reason_of
from cafemood.core.remote import fetch, is_address
from cafemood.data.images import open_image
from cafemood.errors import PhotoError
from cafemood.runs.pictures import PictureCache, Places, key_of_photo, key_of_picture
from cafemood.runs.run import Run

log = logging.getLogger(__name__)

CARD_SIDE = 400
"""Longer side, in pixels, of the photos that stand on the mood cards."""

SHORTEST = 448
"""Pixels of the shorter side down to which a JPEG is scaled while it is decoded, as most networks want it."""

EMBED_AT_MOST = 10_000
"""With more photos than this, thumbnails lie in a folder beside the report."""

SHOWN_AT_MOST = 50_000
"""Of more photos than this, pages show as many and thumbnails are made of no others."""
_DRAWN = 112
"""Longer side, in pixels, of rows that are drawn: MNIST's 28 four times."""
_OF_A_MOOD = 32
"""The most typical and the least certain photos of each mood that are always among them."""


def map_side(n: int) -> int:
    """Longer side of the other photos' thumbnails, so that the page of n photos stays under 30 MB."""
    return 256 if n <= 500 else 128 if n <= 2_000 else 64


def kept_side(n: int) -> int:
    """Longer side of the thumbnails that a run of n photos keeps: about 80 MB at 10,000 photos, 300 at 100,000."""
    return 320 if n <= 2_000 else 256 if n <= 10_000 else 128


def shown(run: Run) -> np.ndarray:
    """The rows of `run.photos` that pages show, in order.

    All; or of more than `SHOWN_AT_MOST` the most typical and the least certain of each cluster, those that were
    added, and others drawn at random.
    """
    photos = run.photos
    if len(photos) <= SHOWN_AT_MOST:
        return np.arange(len(photos))
    lead = photos["probability"] - photos["second_probability"]
    chosen = [np.flatnonzero(photos["added"])]
    for j in range(run.card.k):
        members = np.flatnonzero(photos["cluster"] == j)
        chosen += [column[members].nsmallest(_OF_A_MOOD).index.to_numpy() for column in (photos["distance"], lead)]
    named = np.unique(np.concatenate(chosen))
    rest = np.setdiff1d(np.arange(len(photos)), named)
    drawn = np.random.default_rng(0).choice(rest, max(0, SHOWN_AT_MOST - len(named)), replace=False)
    return np.sort(np.concatenate([named, drawn]))


def kept(run: Run, also: Iterable[int] = ()) -> list[bytes | None]:
    """A thumbnail of each of the run's photos, from `thumbnails.parquet`; made in memory where the file lacks them.

    Args:
        run: The run.
        also: Rows to have besides those that are `shown`.

    Returns:
        One a photo; None where it is not shown, or could never be read.
    """
    rows = np.union1d(shown(run), np.fromiter(also, dtype=int))
    stored = known(run) | run.in_memory.get("thumbnails", {})
    made = _missing(run, rows, stored)
    run.in_memory.setdefault("thumbnails", {}).update(made)
    stored |= made
    wanted = set(rows.tolist())
    return [stored.get(photo_id) if i in wanted else None for i, photo_id in enumerate(run.photos["photo_id"])]


def write(run: Run, also: Iterable[int] = (), more: Mapping[str, bytes] | None = None) -> None:
    """Write `thumbnails.parquet` where it lacks a photo that can be read, or is damaged.

    They outlive the photos: a photo that was read once is shown after it has moved.

    Args:
        run: The run.
        also: Rows to have besides those that are `shown`.
        more: Pictures of other photos, by photo_id, to keep with them.
    """
    rows = np.union1d(shown(run), np.fromiter(also, dtype=int))
    stored = known(run)
    made = _missing(run, rows, stored | run.in_memory.get("thumbnails", {})) | run.in_memory.pop("thumbnails", {})
    made |= more or {}
    if made or not (run.folder / "thumbnails.parquet").exists():
        _keep(run, stored | made)


def known(run: Run) -> dict[str, bytes | None]:
    """The pictures of `thumbnails.parquet` by photo_id; none if it is missing or damaged."""
    path = run.folder / "thumbnails.parquet"
    stored: dict[str, bytes | None] = {}
    if path.exists():
        try:
            table = read_parquet(path, ("photo_id", "webp"))
            stored = dict(zip(table["photo_id"], table["webp"], strict=True))
        except (OSError, Flaw) as error:  # the photos can mend it
            log.warning("Making the damaged %s again (%s)", path, reason_of(error, path, DAMAGED))
    return stored


def _missing(run: Run, rows: np.ndarray, known: Mapping[str, bytes | None]) -> dict[str, bytes]:
    """New pictures, by photo_id, of those rows that have none and can be read."""
    ids, paths = run.photos["photo_id"].to_numpy(), run.photos["path"].to_numpy()
    missing = [i for i in rows if known.get(ids[i]) is None]
    cache: PictureCache | None = run.in_memory.get("pictures")
    places, side = Places(run.where, paths[missing]), kept_side(len(rows))
    made = make_thumbnails(places, [side] * len(missing), photo_ids=list(ids[missing]) if cache else (), cache=cache)
    return {ids[i]: data for i, data in zip(missing, made, strict=True) if data}


def draw_rows(run: Run, matrix: np.ndarray, pixels: tuple[int, int]) -> None:
    """Make the thumbnails of a run whose rows are grey pictures and not photos, for `kept` to find.

    Args:
        run: The run.
        matrix: Its rows (n, h · w).
        pixels: h and w. Each pixel is drawn as a square, so that a digit of 8 x 8 can be seen. Rows of another width
            are features of the pictures, and nothing is drawn.
    """
    if matrix.shape[1] != pixels[0] * pixels[1]:
        return
    rows = shown(run)
    low, high = min(0.0, float(matrix.min())), float(matrix.max())
    grey = np.uint8(255 * (matrix[rows].reshape(-1, *pixels) - low) / (high - low or 1))
    enlarged = max(1, round(_DRAWN / max(pixels)))
    made = []
    for picture in tqdm(grey, "thumbnails", unit="row", leave=False, disable=len(rows) < 500):
        stream = io.BytesIO()
        Image.fromarray(picture.repeat(enlarged, 0).repeat(enlarged, 1)).save(stream, "WEBP", lossless=True, method=0)
        made.append(stream.getvalue())
    _keep(run, dict(zip(run.photos["photo_id"].to_numpy()[rows], made, strict=True)))


def _keep(run: Run, pictures: Mapping[str, bytes | None]) -> None:
    """Write the run's `thumbnails.parquet`: the picture of each photo_id."""
    import pandas as pd

    table = pd.DataFrame({"photo_id": list(pictures), "webp": list(pictures.values())})
    write_parquet(run.folder / "thumbnails.parquet", table, compression=None)


def make_thumbnails(
    paths: Places | Sequence[Path | str],
    sides: Sequence[int],
    instead: Sequence[bytes | None] = (),
    photo_ids: Sequence[str] = (),
    cache: PictureCache | None = None,
) -> list[bytes | None]:
    """WebP thumbnails, None where a photo can no longer be read.

    Args:
        paths: The photos: files or addresses, asked for where the cache lacks a thumbnail.
        sides: Longer side of each thumbnail, in pixels.
        instead: Encoded pictures to take where a photo is gone, or where they are large enough.
        photo_ids: If given, a file that has become another photo counts as gone where there is a picture instead.
        cache: Where thumbnails are looked up, and kept, by what they are made of.
    """
    nothing = [None] * len(paths)
    jobs = list(zip(sides, instead or nothing, photo_ids or nothing, strict=True))
    keys, known = _looked_up(cache, jobs) if cache else ([None] * len(jobs), {})
    made: list[bytes | None] = [None if key is None else known.get(key) for key in keys]
    missing = [i for i, data in enumerate(made) if data is None]
    with ThreadPoolExecutor() as pool:
        done = pool.map(lambda i: _made(paths[i], *jobs[i]), missing)
        bar = tqdm(done, "thumbnails", len(missing), unit="photo", leave=False, disable=len(missing) < 500)
        for i, (data, is_it) in zip(missing, bar, strict=True):
            made[i], key = data, keys[i]
            if cache and key is not None and data is not None and is_it:
                cache.add(key, data)
    if cache:
        cache.write()
    return made


def _looked_up(
    cache: PictureCache, jobs: Sequence[tuple[int, bytes | None, str | None]]
) -> tuple[list[str | None], dict[str, bytes]]:
    """The `_key` of each thumbnail, and what the cache keeps under them: what it keeps of a picture says already that
    the picture is large enough, and no picture is opened for that."""
    likely = [None if other is None else key_of_picture(other, f"webp {side}") for side, other, _ in jobs]
    known = cache.read(likely)
    keys = [key if key in known else _key(*job) for key, job in zip(likely, jobs, strict=True)]
    return keys, known | cache.read([key for key in keys if key not in known])


def _key(side: int, other: bytes | None, photo_id: str | None) -> str | None:
    """What a thumbnail is kept under: the picture that it is made of where that is large enough, else the photo."""
    what = f"webp {side}"
    if other is not None and max(Image.open(io.BytesIO(other)).size) >= side:
        return key_of_picture(other, what)
    return key_of_photo(photo_id, what)


def _made(path: Path | str, side: int, other: bytes | None, photo_id: str | None) -> tuple[bytes | None, bool]:
    """A thumbnail, and whether it was made of what `_key` names."""
    image = decoded(other) if other else None
    is_it = image is not None
    if image is None or max(image.size) < side:
        is_it = False
        try:
            source, is_it = _source(path, photo_id)
            if image is None or is_it or photo_id is None or is_address(path):
                image = open_image(source, shortest=max(side, SHORTEST))
        except PhotoError:
            is_it = False
        if image is None:
            return None, False
    return encoded(image, side), is_it


def encoded(image: Image.Image, side: int) -> bytes:
    """The WebP thumbnail of a picture, which is made as small in place: `side` is its longer side in pixels."""
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "WEBP", quality=72 if side > 64 else 60, method=2)
    return stream.getvalue()


def _source(path: Path | str, photo_id: str | None) -> tuple[Path | str | bytes, bool]:
    """What to open, and whether it is the photo of that id: a file's bytes are read once for both.

    The bytes of an address are taken to be the same for ever, but only those of the id are kept under it.

    Raises:
        PhotoError: It cannot be read.
    """
    if key_of_photo(photo_id, "") is None:
        return path, False
    if is_address(path):
        source = fetch(str(path))
    else:
        try:
            if not Path(path).is_file():  # opening a pipe would wait for ever
                return path, False
            source = Path(path).read_bytes()
        except (OSError, ValueError) as error:
            raise PhotoError("A photo cannot be read", where=path, why=reason_of(error, path)) from None
    return source, hashlib.sha256(source).hexdigest() == photo_id


def decoded(thumbnail: bytes) -> Image.Image:
    """The picture in RGB."""
    return Image.open(io.BytesIO(thumbnail)).convert("RGB")


def data_uri(thumbnail: bytes) -> str:
    """The picture as a `data:` address."""
    return "data:image/webp;base64," + base64.b64encode(thumbnail).decode("ascii")


def palette(thumbnails: Sequence[bytes], n_colors: int = 5) -> list[str]:
    """The main colours of some pictures as `#rrggbb`, most frequent first (Pillow's median cut)."""
    if not thumbnails:
        return []
    tiles = [Image.open(io.BytesIO(data)).convert("RGB").resize((48, 48)) for data in thumbnails]
    strip = Image.new("RGB", (48 * len(tiles), 48))
    for i, tile in enumerate(tiles):
        strip.paste(tile, (48 * i, 0))
    reduced = strip.quantize(n_colors, method=Image.Quantize.MEDIANCUT)
    colors, counts = reduced.getpalette() or [], reduced.getcolors() or []
    return [
        "#{:02x}{:02x}{:02x}".format(*colors[3 * int(str(i)) : 3 * int(str(i)) + 3])
        for _, i in sorted(counts, key=lambda entry: -entry[0])
    ]


def contact_sheet(thumbnails: Sequence[bytes], *, columns: int = 6, side: int = 200) -> Image.Image:
    """Square crops side by side on white."""
    rows = -(-len(thumbnails) // columns)
    sheet = Image.new("RGB", (columns * (side + 4) - 4, max(rows, 1) * (side + 4) - 4), "white")
    for i, data in enumerate(thumbnails):
        image = Image.open(io.BytesIO(data)).convert("RGB")
        edge = min(image.size)
        left, top = (image.width - edge) // 2, (image.height - edge) // 2
        tile = image.crop((left, top, left + edge, top + edge)).resize((side, side))
        sheet.paste(tile, ((i % columns) * (side + 4), (i // columns) * (side + 4)))
    return sheet
