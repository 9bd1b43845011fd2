"""Drawn photos that show no place: a cup, a cake, a receipt, a menu board, a close-up; each of a seed."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

KINDS = ("cup", "cake", "receipt", "menu", "close-up")


def draw_thing(seed: int, kind: str, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A photo of one kind, its colours, sizes and places drawn by the seed."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    image = {"cup": _cup, "cake": _cake, "receipt": _receipt, "menu": _menu, "close-up": _close_up}[kind](rng, *size)
    light = np.asarray(image, dtype=float) * rng.uniform(0.75, 1.15)
    return Image.fromarray(np.clip(light + rng.normal(0, 4, light.shape), 0, 255).astype(np.uint8))


def _table(rng: np.random.Generator, w: int, h: int) -> Image.Image:
    """A table top: wood with its grain, stone or cloth."""
    tone = np.array([(120, 80, 50), (190, 150, 105), (225, 222, 215), (60, 58, 60), (150, 45, 40)])[rng.integers(5)]
    grain = np.cumsum(rng.normal(0, 1, (h, 1)), axis=0) + rng.normal(0, 1, (h, 1)) * 2
    rows = tone + 0.6 * grain[:, :, None] + rng.normal(0, 3, (h, w, 1))
    shade = 1 - 0.25 * np.hypot(*np.meshgrid(np.linspace(-1, 1, w) + rng.uniform(-0.5, 0.5), np.linspace(-1, 1, h)))
    return Image.fromarray(np.clip(rows * shade[:, :, None], 0, 255).astype(np.uint8))


def _oval(draw: ImageDraw.ImageDraw, x: float, y: float, rx: float, ry: float, fill: tuple[int, ...]) -> None:
    draw.ellipse([x - rx, y - ry, x + rx, y + ry], fill=fill)


def _colour(rng: np.random.Generator, low: int, high: int) -> tuple[int, ...]:
    return tuple(int(v) for v in rng.integers(low, high, 3))


def _cup(rng: np.random.Generator, w: int, h: int) -> Image.Image:
    image = _table(rng, w, h)
    draw = ImageDraw.Draw(image)
    x, y, flat = w * rng.uniform(0.4, 0.6), h * rng.uniform(0.42, 0.58), rng.uniform(0.6, 1)
    r = h * rng.uniform(0.24, 0.36)
    saucer, cup = _colour(rng, 190, 245), _colour(rng, 60, 250)
    _oval(draw, x + 6, y + 10, 1.35 * r, 1.35 * r * flat, (40, 30, 25))
    _oval(draw, x, y, 1.35 * r, 1.35 * r * flat, saucer)
    _oval(draw, x + r, y, 0.4 * r, 0.2 * r, cup)
    _oval(draw, x, y - 0.05 * r, r * 0.8, r * 0.8 * flat, cup)
    _oval(draw, x, y - 0.05 * r, r * 0.68, r * 0.68 * flat, (105, 70, 45))
    _oval(draw, x - 0.1 * r, y - 0.1 * r, r * 0.3, r * 0.35 * flat, (225, 205, 175))
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1)))


def _cake(rng: np.random.Generator, w: int, h: int) -> Image.Image:
    image = _table(rng, w, h)
    draw = ImageDraw.Draw(image)
    x, y, r = w * rng.uniform(0.45, 0.55), h * rng.uniform(0.5, 0.6), h * rng.uniform(0.3, 0.42)
    _oval(draw, x, y, r * 1.2, r * 0.8, _colour(rng, 215, 250))
    left, right, top = x - 0.7 * r, x + 0.8 * r, y - 0.75 * r
    sponge, cream = _colour(rng, 90, 230), _colour(rng, 200, 255)
    for i in range(4):
        step = 0.26 * r
        draw.polygon(
            [(left, top + i * step), (right, top + i * step + 12), (right, top + (i + 1) * step + 12),
             (left, top + (i + 1) * step)],
            fill=sponge if i % 2 else cream,
        )  # fmt: skip
    for _ in range(int(rng.integers(1, 5))):
        _oval(draw, x + rng.uniform(-0.5, 0.5) * r, top - 4, 0.13 * r, 0.13 * r, (190, 30, 50))
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1)))


def _lines(rng: np.random.Generator, draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], ink: tuple) -> None:
    """Words of a text that fills a box: small strokes side by side, in lines."""
    left, top, right, bottom = box
    high = int(rng.integers(5, 9))
    for y in range(top + 6, bottom - high, int(high * rng.uniform(1.5, 2.2))):
        x, end = left + int(rng.integers(6, 14)), right - int(rng.integers(6, (right - left) // 2))
        while x < end:
            for _ in range(int(rng.integers(2, 9))):  # the letters of a word
                draw.line([x, y, x, y + high], fill=ink)
                draw.line([x, y + int(rng.integers(0, high)), x + 2, y + int(rng.integers(0, high))], fill=ink)
                x += 4
            x += 5


def _receipt(rng: np.random.Generator, w: int, h: int) -> Image.Image:
    image = _table(rng, w, h)
    paper = Image.new("RGB", (int(w * rng.uniform(0.5, 0.75)), int(h * rng.uniform(0.85, 1.1))), (238, 236, 230))
    _lines(rng, ImageDraw.Draw(paper), (0, 0, *paper.size), (50, 50, 55))
    mask = Image.new("L", paper.size, 255)
    turn = float(rng.uniform(-12, 12))
    paper, mask = (part.rotate(turn, expand=True, resample=Image.Resampling.BICUBIC) for part in (paper, mask))
    image.paste(paper, ((w - paper.width) // 2, (h - paper.height) // 2), mask)
    return image.filter(ImageFilter.GaussianBlur(0.5))


def _menu(rng: np.random.Generator, w: int, h: int) -> Image.Image:
    dark = rng.random() < 0.5
    image = Image.new("RGB", (w, h), (34, 38, 36) if dark else (240, 232, 214))
    draw, ink = ImageDraw.Draw(image), (225, 222, 210) if dark else (60, 45, 35)
    columns = int(rng.integers(1, 4))
    for i in range(columns):
        _lines(rng, draw, (i * w // columns, int(rng.integers(0, 40)), (i + 1) * w // columns, h), ink)
    return image.filter(ImageFilter.GaussianBlur(0.5))


def _close_up(rng: np.random.Generator, w: int, h: int) -> Image.Image:
    """One sharp thing before a background that is out of focus."""
    far = Image.new("RGB", (w, h), _colour(rng, 40, 200))
    draw = ImageDraw.Draw(far)
    for _ in range(14):
        r = rng.uniform(10, 40)
        _oval(draw, rng.uniform(0, w), rng.uniform(0, h), r, r, _colour(rng, 40, 240))
    image = far.filter(ImageFilter.GaussianBlur(rng.uniform(9, 14)))
    draw = ImageDraw.Draw(image)
    x, y, r = w * rng.uniform(0.4, 0.6), h * rng.uniform(0.5, 0.6), h * rng.uniform(0.25, 0.35)
    tone = np.array(_colour(rng, 60, 220))
    for i in range(40):  # a thing with much detail
        a, b = rng.uniform(0, 2 * np.pi), r * np.sqrt(rng.random()) * 0.85
        if not i:
            _oval(draw, x, y, r, r, tuple(tone.tolist()))
        _oval(draw, x + b * np.cos(a), y + b * np.sin(a), 5, 3, tuple(np.clip(tone + rng.integers(-60, 60), 0, 255)))
    return image
