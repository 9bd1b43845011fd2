"""What stands in a drawn café: each builder puts shapes (and the shadow under them) into a scene."""

from __future__ import annotations

import numpy as np

from cafecrawl.replica import textures as tx
from cafecrawl.replica.textures import Colour
from cafecrawl.replica.tracing import Light, Scene, Shape, Texture

Rng = np.random.Generator
METAL: Colour = (0.10, 0.10, 0.11)


def scaled(colour: Colour, factor: float) -> Colour:
    """A colour, or a light's strength, times a factor."""
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def _any_colour(rng: Rng, low: float, high: float) -> Colour:
    grey = rng.uniform(low, high)  # half-saturated: nobody furnishes a café in primary colours
    r, g, b = (float(0.6 * grey + 0.4 * c) for c in rng.uniform(low, high, 3))
    return r, g, b


def box(scene: Scene, x: float, y: float, z: float, size: tuple[float, float, float], texture: Texture, **more) -> None:
    """A box by the middle of its underside and its size."""
    w, h, d = size
    scene.shapes.append(Shape("box", (x - w / 2, y, z - d / 2), (x + w / 2, y + h, z + d / 2), texture, **more))


def post(scene: Scene, x: float, y: float, z: float, radius: float, height: float, texture: Texture, **more) -> None:
    """An upright cylinder by the middle of its underside."""
    scene.shapes.append(Shape("cylinder", (x, y + height / 2, z), (radius, height / 2, 0), texture, **more))


def ball(scene: Scene, x: float, y: float, z: float, radius: float, texture: Texture, **more) -> None:
    """A sphere by its middle."""
    scene.shapes.append(Shape("sphere", (x, y, z), (radius, 0, 0), texture, **more))


def table(scene: Scene, x: float, z: float, style: str, wood: Colour, rng: Rng) -> None:
    """A café table with what people left on it."""
    top = tx.planks(wood, width=0.09) if style != "round" else tx.plain(wood)
    height = 0.73
    if style == "round":
        post(scene, x, height, z, 0.36, 0.03, top)
        post(scene, x, 0, z, 0.03, height, tx.plain(METAL))
        post(scene, x, 0, z, 0.22, 0.02, tx.plain(METAL))
    else:
        w = 1.3 if style == "long" else 0.72
        box(scene, x, height, z, (w, 0.04, 0.7), top)
        for sx in (-1, 1):
            for sz in (-1, 1):
                box(scene, x + sx * (w / 2 - 0.05), 0, z + sz * 0.29, (0.05, height, 0.05), tx.plain(METAL))
    scene.shadows.append((x, z, 0.55 if style != "long" else 0.8, 0.5, 0.45))
    for _ in range(int(rng.integers(0, 3))):
        cx, cz = x + rng.uniform(-0.25, 0.25), z + rng.uniform(-0.2, 0.2)
        post(scene, cx, height + 0.03, cz, 0.07, 0.01, tx.plain((0.8, 0.78, 0.74)))
        post(scene, cx, height + 0.04, cz, 0.04, 0.07, tx.plain((0.85, 0.82, 0.78)))


def chair(scene: Scene, x: float, z: float, style: str, turn: int, wood: Colour, cloth: Colour) -> None:
    """A seat that faces one of four ways (`turn` quarter turns); its style tells the place more than its colour."""
    dx, dz = ((0, 1), (1, 0), (0, -1), (-1, 0))[turn % 4]
    if style == "stool":
        post(scene, x, 0.44, z, 0.17, 0.04, tx.plain(wood))
        post(scene, x, 0, z, 0.025, 0.44, tx.plain(METAL))
        post(scene, x, 0.0, z, 0.16, 0.02, tx.plain(METAL))
    elif style == "armchair":
        soft = tx.plain(cloth, grain=0.06)
        box(scene, x, 0.08, z, (0.72, 0.32, 0.72), soft)
        box(scene, x - dx * 0.3, 0.3, z - dz * 0.3, (0.72 if dz else 0.18, 0.52, 0.72 if dx else 0.18), soft)
        for side in (-1, 1):
            box(
                scene,
                x + side * dz * 0.3,
                0.3,
                z + side * dx * 0.3,
                (0.14 if dz else 0.7, 0.26, 0.14 if dx else 0.7),
                soft,
            )
    elif style == "bentwood":
        post(scene, x, 0.44, z, 0.2, 0.03, tx.plain(wood))
        for i in range(4):
            angle = np.pi / 4 + i * np.pi / 2
            post(scene, x + 0.16 * np.cos(angle), 0, z + 0.16 * np.sin(angle), 0.014, 0.44, tx.plain(wood))
        for i in range(5):
            angle = np.pi * (i / 4 - 0.5) * 0.8
            bx = x - dx * 0.18 * np.cos(angle) + dz * 0.18 * np.sin(angle)
            bz = z - dz * 0.18 * np.cos(angle) + dx * 0.18 * np.sin(angle)
            post(scene, bx, 0.45, bz, 0.012, 0.42, tx.plain(wood))
        box(scene, x - dx * 0.17, 0.85, z - dz * 0.17, (0.3 if dz else 0.03, 0.03, 0.3 if dx else 0.03), tx.plain(wood))
    else:
        box(scene, x, 0.43, z, (0.4, 0.04, 0.4), tx.plain(wood))
        box(scene, x - dx * 0.18, 0.55, z - dz * 0.18, (0.4 if dz else 0.03, 0.3, 0.4 if dx else 0.03), tx.plain(wood))
        for sx in (-1, 1):
            for sz in (-1, 1):
                box(scene, x + sx * 0.17, 0, z + sz * 0.17, (0.03, 0.43, 0.03), tx.plain(wood))
        for side in (-1, 1):
            px, pz = x - dx * 0.18 + side * dz * 0.17, z - dz * 0.18 + side * dx * 0.17
            box(scene, px, 0.43, pz, (0.03, 0.42, 0.03), tx.plain(wood))
    scene.shadows.append((x, z, 0.3, 0.3, 0.4 if style != "armchair" else 0.6))


def plant(scene: Scene, x: float, z: float, height: float, rng: Rng, *, base: float = 0.0) -> None:
    """A potted plant: a stem, and leaves in a cloud of balls."""
    pot = (0.55, 0.3, 0.2) if rng.random() < 0.5 else (0.75, 0.73, 0.7)
    radius = 0.10 + 0.06 * height
    post(scene, x, base, z, radius, radius * 1.7, tx.plain(pot))
    green = (0.10 + 0.12 * rng.random(), 0.19 + 0.10 * rng.random(), 0.08 + 0.08 * rng.random())
    if height > 0.8:
        post(scene, x, base, z, 0.02, height * 0.7, tx.plain((0.25, 0.17, 0.1)))
    spread = 0.16 + 0.17 * height
    for _ in range(int(5 + 7 * height)):
        offset = rng.normal(0, 0.5, 3) * spread
        top = base + radius * 1.7 + height * 0.55 + offset[1]
        ball(
            scene,
            x + offset[0],
            top,
            z + offset[2],
            spread * rng.uniform(0.35, 0.6),
            tx.leaves(green, rng.random() * 9),
        )
    if not base:
        scene.shadows.append((x, z, spread + 0.12, spread + 0.12, 0.55))


def shelf(
    scene: Scene, x: float, z: float, width: float, rng: Rng, wood: Colour, *, books: float, along_x: bool
) -> None:
    """A bookcase against a wall; `books` is how full it is, 0 to 1."""
    deep, high = 0.3, 2.1
    size = (width, high, 0.03) if along_x else (0.03, high, width)
    box(scene, x, 0, z, size, tx.plain(scaled(wood, 0.5)))
    for level in range(6):
        y = level * high / 5
        box(scene, x, y, z, (width, 0.03, deep) if along_x else (deep, 0.03, width), tx.plain(wood))
        if level == 5:
            break
        at = -width / 2 + 0.05
        while at < width / 2 - 0.08:
            step = float(rng.uniform(0.03, 0.07)) if rng.random() < books else 0.16
            if step < 0.1:
                tall = float(rng.uniform(0.2, 0.33))
                colour = _any_colour(rng, 0.05, 0.45)
                bx, bz = (x + at, z) if along_x else (x, z + at)
                size = (step * 0.9, tall, 0.2) if along_x else (0.2, tall, step * 0.9)
                box(scene, bx, y + 0.03, bz, size, tx.plain(colour, grain=0.1))
            at += step
    scene.shadows.append((x, z, width / 2 if along_x else 0.4, 0.4 if along_x else width / 2, 0.5))


def counter(scene: Scene, x: float, z: float, width: float, front: Texture, wood: Colour, rng: Rng) -> None:
    """The bar, with a coffee machine, jars and a till."""
    box(scene, x, 0, z, (width, 1.05, 0.6), front)
    box(scene, x, 1.05, z, (width + 0.1, 0.05, 0.72), tx.plain(wood))
    machine = x + rng.uniform(-0.3, 0.3) * width
    box(scene, machine, 1.1, z + 0.05, (0.75, 0.42, 0.45), tx.plain((0.55, 0.56, 0.58)))
    box(scene, machine, 1.12, z - 0.19, (0.6, 0.2, 0.03), tx.plain((0.08, 0.08, 0.09)))
    for i in range(int(rng.integers(3, 9))):
        jx = x - width / 2 + 0.2 + i * 0.17
        if abs(jx - machine) > 0.45:
            colour = _any_colour(rng, 0.2, 0.75)
            post(scene, jx, 1.1, z, 0.05, float(rng.uniform(0.12, 0.26)), tx.plain(colour))
    scene.shadows.append((x, z - 0.2, width / 2 + 0.2, 0.6, 0.5))


def pendant(scene: Scene, x: float, z: float, drop: float, style: str, warm: Colour, strength: float) -> None:
    """A hanging lamp and its light."""
    top = scene.size[1]
    y = top - drop
    post(scene, x, y, z, 0.008, drop, tx.plain((0.05, 0.05, 0.05)))
    if style == "globe":
        ball(scene, x, y, z, 0.14, tx.plain(warm), glow=2.2 * strength**0.5)
    elif style == "shade":
        post(scene, x, y, z, 0.2, 0.16, tx.plain((0.16, 0.15, 0.14)), glow=0.05)
        ball(scene, x, y, z, 0.07, tx.plain(warm), glow=4.0)
    else:  # a bare bulb
        post(scene, x, y, z, 0.025, 0.08, tx.plain(METAL))
        ball(scene, x, y - 0.05, z, 0.055, tx.plain(warm), glow=5.0)
    scene.lights.append(Light((x, y - 0.22, z), scaled(warm, strength)))


def spot_rail(scene: Scene, x: float, n: int, warm: Colour, strength: float) -> None:
    """A rail of small spots under the ceiling, along the room."""
    high, deep = scene.size[1] - 0.12, scene.size[2]
    scene.shapes.append(Shape("cylinder", (x, high + 0.05, deep / 2), (0.02, deep / 2, 0), tx.plain(METAL), axis=2))
    for i in range(n):
        z = deep * (i + 0.7) / n
        post(scene, x, high - 0.2, z, 0.05, 0.18, tx.plain(METAL))
        ball(scene, x, high - 0.21, z, 0.045, tx.plain(warm), glow=6.0)
        scene.lights.append(Light((x, high - 0.3, z), scaled(warm, strength)))


def pipes(scene: Scene, rng: Rng) -> None:
    """Ducts and pipes under the ceiling."""
    wide, high, deep = scene.size
    duct = tx.plain((0.42, 0.43, 0.45), grain=0.08)
    x = float(rng.uniform(0.25, 0.75)) * wide
    scene.shapes.append(Shape("cylinder", (x, high - 0.32, deep / 2), (0.22, deep / 2, 0), duct, axis=2))
    for z in np.arange(0.6, deep, 1.2):
        scene.shapes.append(
            Shape("cylinder", (x, high - 0.32, float(z)), (0.24, 0.03, 0), tx.plain((0.3, 0.3, 0.31)), axis=2)
        )
    for i in range(3):
        y, z = high - 0.15 - 0.07 * i, float(rng.uniform(0.3, 0.9)) * deep
        scene.shapes.append(Shape("cylinder", (wide / 2, y, z), (0.035, wide / 2, 0), tx.plain(METAL), axis=0))


def frames(scene: Scene, n: int, rng: Rng, wood: Colour) -> None:
    """Pictures on the walls, hung salon style."""
    wide, _, deep = scene.size
    for _ in range(n):
        w, h = rng.uniform(0.25, 0.7), rng.uniform(0.25, 0.6)
        y = rng.uniform(1.2, 1.9)
        one, two = _any_colour(rng, 0.1, 0.85), _any_colour(rng, 0.1, 0.85)
        inner = tx.picture(int(rng.integers(99)), one, two)
        wall = ("left", "right", "back")[int(rng.integers(3))]
        if wall == "back":
            x = float(rng.uniform(0.5, wide - 0.5))
            box(scene, x, y, deep - 0.01, (w + 0.06, h + 0.06, 0.04), tx.plain(wood))
            box(scene, x, y + 0.03, deep - 0.02, (w, h, 0.04), inner)
        else:
            x, z = (0.01 if wall == "left" else wide - 0.01), float(rng.uniform(1.0, deep - 0.5))
            inward = 0.01 if wall == "left" else -0.01
            box(scene, x, y, z, (0.04, h + 0.06, w + 0.06), tx.plain(wood))
            box(scene, x + inward, y + 0.03, z, (0.04, h, w), inner)


def window(scene: Scene, side: str, start: float, width: float, height: float, sky: Colour, strength: float) -> None:
    """A window with its bars; `side` is left, right or back, `start` where it begins along the wall."""
    wide, _, deep = scene.size
    glass = tx.view_outside(sky, (0.25, 0.26, 0.28), 0.9)
    low = 0.75 if height < 1.8 else 0.12
    middle = start + width / 2
    n_bars = max(2, round(width / 0.9))
    if side == "back":
        box(scene, middle, low, deep, (width, height, 0.03), glass, glow=1.1 * strength)
        for i in range(n_bars + 1):
            box(scene, start + i * width / n_bars, low, deep - 0.03, (0.05, height, 0.05), tx.plain((0.12, 0.12, 0.12)))
        for y in (low - 0.04, low + height * 0.68, low + height):
            box(scene, middle, y, deep - 0.03, (width, 0.05, 0.06), tx.plain((0.12, 0.12, 0.12)))
    else:
        x, inside = (0.0, 0.03) if side == "left" else (wide, wide - 0.03)
        box(scene, x, low, middle, (0.03, height, width), glass, glow=1.1 * strength)
        for i in range(n_bars + 1):
            box(scene, inside, low, start + i * width / n_bars, (0.05, height, 0.05), tx.plain((0.12, 0.12, 0.12)))
        for y in (low - 0.04, low + height * 0.68, low + height):
            box(scene, inside, y, middle, (0.06, 0.05, width), tx.plain((0.12, 0.12, 0.12)))
    for part in (0.25, 0.75):
        along = start + part * width
        at = {"left": (0.25, along), "right": (wide - 0.25, along), "back": (along, deep - 0.25)}[side]
        power = strength * height * width * 0.32
        scene.lights.append(Light((at[0], low + height * 0.6, at[1]), scaled(sky, power), 0.9))
