"""Which bytes are a photo: the one rule of folders, lists and `assign`. Names do not count."""

from __future__ import annotations

from functools import cache

from PIL import features

HEAD = 4096
"""The first bytes of a file that the rule reads."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF", "JPEG2000")
"""What Pillow may open, by its own names; no others, so that no photo starts Ghostscript."""

_AVIF = (b"avif", b"avis")
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
_RAW = {
    b"IIU\0": "Panasonic's",
    b"IIRO": "Olympus's",
    b"IIRS": "Olympus's",
    b"MMOR": "Olympus's",
    b"FUJIFILMCCD-RAW": "Fujifilm's",
}
_RAW_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        "3fr arw cr2 cr3 dcr dng erf kdc mef mos nef nrw orf pef raf raw rw2 rwl sr2 srf srw x3f".split()  # noqa: SIM905
    )
)


def kind_of(head: bytes) -> str | None:
    """The format of a photo by its first bytes, under Pillow's name; None if they are no photo's."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0\x08\0", b"MM\0+\0\x08")):
        return "TIFF"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if head.startswith((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n")):
        return "JPEG2000"
    brands = _brands(head)
    if any(brand in _AVIF for brand in brands):
        return "AVIF"
    return "HEIF" if any(brand in _HEIC for brand in brands) else None


def flaw(head: bytes, suffix: str = "") -> str:
    """Why a file cannot be taken for a photo; nothing if it can be opened as one.

    Args:
        head: Its first `HEAD` bytes.
        suffix: Its name's suffix, which only tells the raw files of cameras from TIFF.
    """
    if not head:
        return "the file is empty"
    kind = kind_of(head)
    if kind in (None, "TIFF") and (maker := _raw_maker(head, suffix)):
        return f"{maker} raw file; export it as JPEG"
    if kind == "HEIF" and not heic_available():
        return "HEIC needs the package pillow-heif: pip install 'cafemood[heic]'"
    if kind == "AVIF" and not features.check("avif"):
        return "this Pillow was built without AVIF: pip install 'pillow>=11.3'"
    return "" if kind else "not an image"


@cache
def heic_available() -> bool:
    """Whether the `heic` extra is installed; registers its decoder with Pillow if so."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def _brands(head: bytes) -> list[bytes]:
    """The brands of an ISO media file, the major one first."""
    if head[4:8] != b"ftyp":
        return []
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return [head[8:12], *(head[i : i + 4] for i in range(16, end - 3, 4))]


def _raw_maker(head: bytes, suffix: str) -> str:
    """Whose raw file it is. Pillow would open the small preview of one that is built like TIFF."""
    if head[8:10] == b"CR" or (head[4:8] == b"ftyp" and head[8:12] == b"crx "):
        return "Canon's"
    named = next((maker for start, maker in _RAW.items() if head.startswith(start)), "")
    return named or ("a camera's" if suffix.lower() in _RAW_SUFFIXES else "")
