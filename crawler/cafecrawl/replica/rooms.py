"""Drawn cafés with a known atmosphere: a pure function of the seed, and a labelled benchmark for clustering.

An atmosphere is no colour. It is a way to light, furnish and fill a room: each one *prefers* some values
of eight factors, and a café follows its preference in four cases of five. Palette and tint of the light
are drawn without regard to the atmosphere, so that colours alone do not give it away. The views of one
café share room, furniture and light; the camera stands somewhere else.

    café = draw_cafe(seed=0, number=3)
    photo = draw_photo(café, view=1)         # a Pillow image
    café.atmosphere, café.factors            # the truth, for scoring only
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from cafecrawl.replica import furniture as fu
from cafecrawl.replica import textures as tx
from cafecrawl.replica.textures import Colour
from cafecrawl.replica.tracing import Camera, Scene, Texture, render, tone

PALETTES: dict[str, tuple[Colour, Colour, Colour]] = {
    "oak": ((0.78, 0.72, 0.62), (0.42, 0.27, 0.14), (0.45, 0.32, 0.22)),
    "snow": ((0.82, 0.82, 0.80), (0.58, 0.46, 0.33), (0.55, 0.55, 0.54)),
    "sage": ((0.56, 0.63, 0.53), (0.36, 0.24, 0.14), (0.30, 0.38, 0.30)),
    "rose": ((0.78, 0.60, 0.55), (0.45, 0.28, 0.20), (0.60, 0.35, 0.35)),
    "slate": ((0.38, 0.42, 0.47), (0.30, 0.20, 0.13), (0.20, 0.25, 0.33)),
    "mustard": ((0.75, 0.62, 0.35), (0.33, 0.21, 0.12), (0.50, 0.38, 0.12)),
}
"""Wall, wood and cloth, linear RGB; drawn without regard to the atmosphere."""

FACTORS: dict[str, tuple[str, ...]] = {
    "light": ("lamps", "daylight", "spots", "globes"),
    "ceiling": ("low", "middle", "high"),
    "floor": ("planks", "concrete", "check", "cross"),
    "walls": ("plain", "brick", "concrete", "panelled"),
    "seats": ("chair", "stool", "armchair", "bentwood"),
    "density": ("sparse", "some", "dense"),
    "clutter": ("bare", "pictures", "books", "plants", "pipes"),
    "windows": ("none", "small", "large"),
}


def _prefers(*values: str) -> dict[str, str]:
    return dict(zip(FACTORS, values, strict=True))


ATMOSPHERES: dict[str, dict[str, str]] = {
    "cosy": _prefers("lamps", "low", "planks", "plain", "armchair", "dense", "books", "small"),
    "minimal": _prefers("daylight", "middle", "concrete", "plain", "stool", "sparse", "bare", "large"),
    "industrial": _prefers("spots", "high", "concrete", "brick", "stool", "some", "pipes", "small"),
    "botanical": _prefers("daylight", "high", "planks", "plain", "chair", "some", "plants", "large"),
    "vintage": _prefers("globes", "middle", "check", "panelled", "bentwood", "dense", "pictures", "none"),
}
"""What each atmosphere prefers of each factor."""
FAITH = 0.8
"""How often a café follows its atmosphere's preference, factor by factor."""
TINTS: tuple[Colour, ...] = ((1.0, 0.76, 0.50), (1.0, 0.86, 0.68), (1.0, 0.93, 0.84), (0.93, 0.97, 1.0))
"""Colours of lamps and of the sky, from candle to overcast; drawn without regard to the atmosphere, too."""


@dataclass(frozen=True, slots=True)
class Cafe:
    """A café of the replica: its seed, its truth, and what was drawn for each factor."""

    seed: int
    number: int
    atmosphere: str
    palette: str
    factors: dict[str, str]


def draw_cafe(seed: int, number: int) -> Cafe:
    """Draw the factors of café `number`; atmospheres take turns, so that all are equally frequent."""
    rng = np.random.default_rng([seed, number, 0])
    atmosphere = list(ATMOSPHERES)[number % len(ATMOSPHERES)]
    factors = {
        name: ATMOSPHERES[atmosphere][name] if rng.random() < FAITH else str(rng.choice(values))
        for name, values in FACTORS.items()
    }
    return Cafe(seed, number, atmosphere, str(rng.choice(list(PALETTES))), factors)


def draw_photo(cafe: Cafe, view: int, size: tuple[int, int] = (512, 384)) -> Image.Image:
    """Draw a view of a café: the camera's place, its turn and its exposure depend on `view` alone."""
    scene = furnish(cafe)
    rng = np.random.default_rng([cafe.seed, cafe.number, 1 + view])
    wide, high, deep = scene.size
    x = float(rng.uniform(0.2, 0.8)) * wide
    yaw = float(np.degrees(np.arctan2(wide / 2 - x, deep * 0.55))) + float(rng.uniform(-30, 30))
    camera = Camera(
        (x, float(rng.uniform(1.25, 1.65)), float(rng.uniform(0.12, 1.1))),
        yaw,
        pitch=float(rng.uniform(-9, 0)) + (2.5 if high > 3.3 else 0),
        view=float(rng.uniform(66, 80)),
    )
    light = render(scene, camera, size)
    bright = float(np.percentile(light.mean(-1), 70))
    exposure = (0.62 / max(bright, 1e-3)) ** 0.45 * float(rng.uniform(0.85, 1.15))  # a camera evens out, not fully
    pixels = tone(light, exposure).astype(np.float32)
    yy, xx = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
    pixels *= (1 - 0.16 * (xx**2 + yy**2) / 2)[..., None]
    pixels += rng.normal(0, 0.8 + 1.2 / max(exposure, 0.4), pixels.shape[:2])[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def furnish(cafe: Cafe) -> Scene:
    """Build the room of a café; the same for all of its views."""
    rng = np.random.default_rng([cafe.seed, cafe.number, 999])
    wall, wood, cloth = (_vary(colour, rng) for colour in PALETTES[cafe.palette])
    f = cafe.factors
    high = {"low": 2.35, "middle": 2.9, "high": 4.0}[f["ceiling"]] + float(rng.uniform(-0.1, 0.15))
    size = (float(rng.uniform(4.6, 6.6)), high, float(rng.uniform(6.0, 8.5)))
    ambient = {"lamps": 0.09, "globes": 0.16, "spots": 0.12, "daylight": 0.34}[f["light"]]
    tint, sky = (TINTS[int(rng.integers(len(TINTS)))] for _ in range(2))
    ceiling: Texture = tx.plain(_towards(wall, 0.75), grain=0.02)
    if f["clutter"] == "pipes":
        ceiling = tx.concrete((0.34, 0.34, 0.34))
    scene = Scene(size, _walls(f, wall, wood, rng), _floor(f, wood, rng), ceiling, _times(tint, ambient))
    _windows(scene, f, sky, rng)
    _lamps(scene, f, tint, rng)
    front = (
        tx.planks(wood, width=0.12, up=True) if rng.random() < 0.6 else tx.tiles(_towards(wall, 0.8), wood, pattern="")
    )
    fu.counter(
        scene, size[0] * float(rng.uniform(0.3, 0.7)), size[2] - 1.1, float(rng.uniform(2.0, 3.0)), front, wood, rng
    )
    _seats(scene, f, wood, cloth, rng)
    _clutter(scene, f, wood, rng)
    return scene


def _walls(f: dict[str, str], wall: Colour, wood: Colour, rng: np.random.Generator) -> Texture:
    salt = float(rng.random() * 9)
    if f["walls"] == "brick":
        return tx.bricks(_towards(wall, 0.45), salt=salt)
    if f["walls"] == "concrete":
        return tx.concrete(_times(wall, 0.7), salt=salt)
    if f["walls"] == "panelled":
        paper = tx.striped(wall, _times(wall, 0.8), 0.11)
        return tx.panelled(paper, tx.planks(wood, width=0.13, up=True, salt=salt), 1.05)
    return tx.plain(wall, salt=salt)


def _floor(f: dict[str, str], wood: Colour, rng: np.random.Generator) -> Texture:
    light, dark = _towards(wood, 0.72), _times(wood, 0.45)
    return {
        "planks": tx.planks(_times(wood, 1.15), salt=float(rng.random() * 9)),
        "concrete": tx.concrete((0.42, 0.41, 0.40), salt=float(rng.random() * 9)),
        "check": tx.tiles(light, dark, width=0.33),
        "cross": tx.tiles(light, _times(wood, 0.8), width=0.25, pattern="cross"),
    }[f["floor"]]


def _windows(scene: Scene, f: dict[str, str], sky: Colour, rng: np.random.Generator) -> None:
    _, high, deep = scene.size
    strength = 2.4 if f["light"] == "daylight" else 0.55
    if f["windows"] == "none":
        return
    side = "left" if rng.random() < 0.5 else "right"
    if f["windows"] == "small":
        for start in (deep * 0.3, deep * 0.65):
            fu.window(scene, side, start, 1.0, 1.1, sky, strength)
    else:
        fu.window(scene, side, deep * 0.22, deep * 0.62, high - 0.55, sky, strength)


def _lamps(scene: Scene, f: dict[str, str], tint: Colour, rng: np.random.Generator) -> None:
    wide, high, deep = scene.size
    if f["light"] == "spots":
        for x in (wide * 0.3, wide * 0.7):
            fu.spot_rail(scene, x, 4, tint, 0.55)
    elif f["light"] == "globes":
        for i in range(6):
            fu.pendant(
                scene, wide * (0.3 + 0.4 * (i % 2)), deep * (0.3 + 0.22 * (i // 2)), high * 0.3, "globe", tint, 0.5
            )
    elif f["light"] == "lamps":
        for _ in range(5):
            x, z = float(rng.uniform(0.15, 0.85)) * wide, float(rng.uniform(0.3, 0.85)) * deep
            style = "shade" if rng.random() < 0.6 else "bulb"
            fu.pendant(scene, x, z, high - float(rng.uniform(1.55, 1.8)), style, tint, 0.42)
    else:
        for i in range(2):
            fu.pendant(scene, wide / 2, deep * (0.4 + 0.3 * i), high * 0.25, "bulb", tint, 0.25)


def _seats(scene: Scene, f: dict[str, str], wood: Colour, cloth: Colour, rng: np.random.Generator) -> None:
    wide, _, deep = scene.size
    columns, rows = {"sparse": (2, 1), "some": (2, 2), "dense": (3, 3)}[f["density"]]
    style = "long" if f["clutter"] == "plants" else "round" if f["seats"] in ("bentwood", "armchair") else "square"
    for i in range(columns):
        for j in range(rows):
            x = wide * (i + 0.5) / columns + float(rng.uniform(-0.15, 0.15))
            z = 1.9 + (deep - 3.9) * (j + 0.5) / rows + float(rng.uniform(-0.15, 0.15))
            fu.table(scene, x, z, style, wood, rng)
            reach = 0.85 if style == "long" or f["seats"] == "armchair" else 0.6
            along = bool(rng.random() < 0.6)
            for side in (-1, 1):
                if along:
                    fu.chair(scene, x + side * reach, z, f["seats"], 3 if side > 0 else 1, wood, cloth)
                else:
                    fu.chair(scene, x, z + side * reach, f["seats"], 2 if side > 0 else 0, wood, cloth)


def _clutter(scene: Scene, f: dict[str, str], wood: Colour, rng: np.random.Generator) -> None:
    wide, _, deep = scene.size
    if f["clutter"] == "books":
        fu.shelf(scene, 0.2, deep * 0.55, 2.4, rng, wood, books=0.9, along_x=False)
        fu.shelf(scene, wide * 0.3, deep - 0.2, 2.0, rng, wood, books=0.85, along_x=True)
        fu.frames(scene, 3, rng, wood)
    elif f["clutter"] == "pictures":
        fu.frames(scene, 13, rng, wood)
    elif f["clutter"] == "pipes":
        fu.pipes(scene, rng)
    elif f["clutter"] == "plants":
        for i in range(9):
            x = 0.35 if i % 2 else wide - 0.35
            fu.plant(scene, x, 1.4 + (deep - 2.2) * i / 9, float(rng.uniform(0.6, 1.7)), rng)
        for _ in range(4):  # hanging from the ceiling
            x, z = float(rng.uniform(0.2, 0.8)) * wide, float(rng.uniform(0.35, 0.85)) * deep
            fu.plant(scene, x, z, 0.45, rng, base=scene.size[1] - 0.95)
    if f["clutter"] != "bare" and rng.random() < 0.5:
        fu.plant(scene, wide - 0.4, deep - 0.6, 0.9, rng)


def _vary(colour: Colour, rng: np.random.Generator) -> Colour:
    r, g, b = (float(np.clip(c * rng.uniform(0.88, 1.12), 0.02, 0.95)) for c in colour)
    return r, g, b


def _times(colour: Colour, factor: float) -> Colour:
    r, g, b = (min(c * factor, 0.95) for c in colour)
    return r, g, b


def _towards(colour: Colour, light: float) -> Colour:
    """The colour's hue at a given mean lightness, half washed out."""
    mean = sum(colour) / 3
    r, g, b = (min((c - mean) * 0.5 + light, 0.95) for c in colour)
    return r, g, b
