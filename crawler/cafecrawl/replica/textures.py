"""Surfaces for the drawn rooms: plain, planks, tiles, bricks, concrete, cloth, leaves; functions of the position."""

from __future__ import annotations

import numpy as np

from cafecrawl.replica.tracing import Array, Texture

Colour = tuple[float, float, float]


def _random(*cells: Array, salt: float = 0.0) -> Array:
    """A repeatable random number, 0 to 1, for each cell of a grid."""
    value = np.full(cells[0].shape, salt, dtype=np.float64)
    for cell, prime in zip(cells, (127.1, 311.7, 74.7), strict=False):
        value += cell.astype(np.float64) * prime
    return (np.sin(value) * 43758.5453 % 1.0).astype(np.float32)


def _smooth(points: Array, scale: float, salt: float) -> Array:
    """Soft random clouds, -1 to 1: three waves that do not repeat together."""
    x, y, z = (points[:, i] / scale for i in range(3))
    waves = (
        np.sin(2.1 * x + 1.3 * z + salt) + np.sin(1.7 * y - 2.3 * x + 2 * salt) + np.sin(2.9 * z + 1.9 * y + 3 * salt)
    )
    return (waves / 3).astype(np.float32)


def _surface(points: Array, normals: Array) -> tuple[Array, Array]:
    """Coordinates along a surface (u across, v up or away), whichever way it faces."""
    across = np.abs(normals)
    flat = across[:, 1] > 0.6
    u = np.where(flat | (across[:, 2] > 0.6), points[:, 0], points[:, 2])
    v = np.where(flat, points[:, 2], points[:, 1])
    return u, v


def _paint(colour: Colour, light: Array) -> Array:
    return np.clip(np.array(colour, dtype=np.float32) * light[:, None], 0, 1)


def plain(colour: Colour, *, grain: float = 0.03, salt: float = 0.0) -> Texture:
    """One colour with a breath of unevenness."""
    return lambda p, n: _paint(colour, 1 + grain * _smooth(p, 0.6, salt))


def planks(colour: Colour, *, width: float = 0.14, salt: float = 0.0, up: bool = False) -> Texture:
    """Boards with seams and grain, lying along v (or standing along u)."""

    def texture(p: Array, n: Array) -> Array:
        u, v = _surface(p, n)
        u, v = (v, u) if up else (u, v)
        board = np.floor(u / width)
        piece = np.floor(v / 1.4 + _random(board, salt=salt))
        tint = 0.75 + 0.45 * _random(board, piece, salt=salt)
        grain = 1 + 0.06 * np.sin(u * 210 + 3 * np.sin(v * 4 + board))
        seam = np.where((u / width) % 1 < 0.05, 0.55, 1.0)
        return _paint(colour, tint * grain * seam)

    return texture


def tiles(one: Colour, two: Colour, *, width: float = 0.3, pattern: str = "check") -> Texture:
    """Square tiles with joints: a chequerboard, one colour, or a small cross in each."""

    def texture(p: Array, n: Array) -> Array:
        u, v = _surface(p, n)
        i, j = np.floor(u / width), np.floor(v / width)
        x, y = u / width - i - 0.5, v / width - j - 0.5
        if pattern == "check":
            second = (i + j) % 2 == 1
        elif pattern == "cross":
            second = (np.abs(x) + np.abs(y) < 0.32) ^ (np.hypot(x, y) < 0.12) ^ (np.abs(np.abs(x) - np.abs(y)) > 0.42)
        else:
            second = np.zeros(len(p), dtype=bool)
        colour = np.where(second[:, None], np.array(two, dtype=np.float32), np.array(one, dtype=np.float32))
        joint = np.where((np.abs(x) > 0.475) | (np.abs(y) > 0.475), 0.7, 1.0) * (0.94 + 0.12 * _random(i, j))
        return np.clip(colour * joint[:, None], 0, 1).astype(np.float32)

    return texture


def bricks(colour: Colour, *, salt: float = 0.0) -> Texture:
    """A brick wall in running bond."""

    def texture(p: Array, n: Array) -> Array:
        u, v = _surface(p, n)
        row = np.floor(v / 0.085)
        across = u / 0.24 + 0.5 * (row % 2)
        brick = np.floor(across)
        mortar = ((v / 0.085) % 1 < 0.12) | (across % 1 < 0.05)
        return _paint(colour, np.where(mortar, 1.25, 0.7 + 0.5 * _random(row, brick, salt=salt)))

    return texture


def concrete(colour: Colour, *, salt: float = 0.0) -> Texture:
    """Cast concrete: clouds, the seams of its panels, the holes of its anchors."""

    def texture(p: Array, n: Array) -> Array:
        u, v = _surface(p, n)
        clouds = (
            1 + 0.10 * _smooth(p, 0.5, salt) + 0.06 * _smooth(p, 0.13, salt + 1) + 0.05 * _smooth(p, 0.04, salt + 2)
        )
        seam = ((u / 1.2) % 1 < 0.008) | ((v / 0.9) % 1 < 0.01)
        hole = np.hypot((u / 1.2) % 1 * 1.2 - 0.3, (v / 0.9) % 1 * 0.9 - 0.45) < 0.018
        return _paint(colour, clouds * np.where(seam | hole, 0.6, 1.0))

    return texture


def panelled(upper: Texture, lower: Texture, height: float = 1.1) -> Texture:
    """Wainscot: one surface up to `height` with a moulding, another above it."""

    def texture(p: Array, n: Array) -> Array:
        colour = np.where((p[:, 1] < height)[:, None], lower(p, n), upper(p, n))
        moulding = np.abs(p[:, 1] - height) < 0.03
        return np.where(moulding[:, None], colour * 0.6, colour).astype(np.float32)

    return texture


def striped(one: Colour, two: Colour, width: float = 0.12) -> Texture:
    """Stripes: wallpaper, awnings, rugs."""

    def texture(p: Array, n: Array) -> Array:
        u, _ = _surface(p, n)
        return np.where(((u / width) % 2 < 1)[:, None], np.array(one), np.array(two)).astype(np.float32)

    return texture


def picture(seed: int, one: Colour, two: Colour) -> Texture:
    """A framed picture: fields of two colours with a horizon."""

    def texture(p: Array, n: Array) -> Array:
        u, v = _surface(p, n)
        wave = np.sin(u * (5 + seed % 5) + seed) + np.cos(v * (7 + seed % 3) - seed)
        return np.where((wave > 0.2)[:, None], np.array(one), np.array(two)).astype(np.float32)

    return texture


def leaves(colour: Colour, salt: float = 0.0) -> Texture:
    """Foliage: bright and dark leaves, smaller than the ball they are painted on."""

    def texture(p: Array, n: Array) -> Array:
        cell = [np.floor(p[:, i] / 0.035 + 0.6 * np.sin(p[:, (i + 1) % 3] * 40)) for i in range(3)]
        return _paint(colour, 0.35 + 1.0 * _random(*cell, salt=salt))

    return texture


def view_outside(sky: Colour, ground: Colour, horizon: float) -> Texture:
    """What a window shows: sky that brightens downwards, houses, a street."""

    def texture(p: Array, n: Array) -> Array:
        u, v = _surface(p, n)
        house = np.floor(u / 0.55)
        roof = horizon + 0.2 + 0.55 * _random(house, salt=3.0)
        pane = ((u / 0.14) % 1 < 0.5) & ((v / 0.2) % 1 < 0.55)
        town = np.array(ground, dtype=np.float32) * np.where(pane, 0.7, 1.0)[:, None]
        fade = (0.8 + 0.25 * np.clip((roof - v) / 2, -1, 1))[:, None]
        return np.where((v < roof)[:, None], town, np.array(sky, dtype=np.float32) * fade).astype(np.float32)

    return texture
