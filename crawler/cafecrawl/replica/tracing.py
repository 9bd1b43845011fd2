"""A small ray caster: boxes, cylinders and spheres in a room, lit by lamps and windows. NumPy only, seeded by nothing.

Metres; x to the right, y up, z into the room. Each shape is tested only where its outline can be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Texture = Callable[[Array, Array], Array]
"""(positions (n, 3), normals (n, 3)) -> colours (n, 3), linear, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A box (two corners), a cylinder (centre, radius, half length, axis) or a sphere (centre, radius)."""

    kind: str
    a: tuple[float, float, float]
    b: tuple[float, float, float]
    texture: Texture
    glow: float = 0.0
    axis: int = 1


@dataclass(frozen=True, slots=True)
class Light:
    """A point light: where, its colour times its strength (at one metre), how soft it is (metres)."""

    at: tuple[float, float, float]
    colour: tuple[float, float, float]
    softness: float = 0.3


@dataclass(slots=True)
class Scene:
    """A room of `size` (x, y, z) and what stands in it; a shadow is (x, z, radius x, radius z, depth) on the floor."""

    size: tuple[float, float, float]
    walls: Texture
    floor: Texture
    ceiling: Texture
    ambient: tuple[float, float, float]
    shapes: list[Shape] = field(default_factory=list)
    lights: list[Light] = field(default_factory=list)
    shadows: list[tuple[float, float, float, float, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Camera:
    """Where it stands, where it turns to (degrees: 0 looks along z), its horizontal field of view."""

    at: tuple[float, float, float]
    yaw: float
    pitch: float = -4.0
    view: float = 72.0


def render(scene: Scene, camera: Camera, size: tuple[int, int]) -> Array:
    """Cast one ray a pixel.

    Returns:
        Linear light `(height, width, 3)`, not yet toned: see `tone`.
    """
    width, height = size
    origin = np.array(camera.at, dtype=np.float32)
    rotation, scale = _rotation(camera), np.tan(np.radians(camera.view) / 2)
    xs = (np.arange(width, dtype=np.float32) + 0.5) / width * 2 - 1
    ys = 1 - (np.arange(height, dtype=np.float32) + 0.5) / height * 2
    rays = np.empty((height, width, 3), dtype=np.float32)
    rays[..., 0], rays[..., 1] = xs[None, :] * scale, ys[:, None] * (scale * height / width)
    rays[..., 2] = 1
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    rays = rays @ rotation.T
    distance, owner, normals = _hit_room(scene, origin, rays)
    for number, shape in enumerate(scene.shapes, start=3):
        window = _outline(shape, origin, rotation, scale, size)
        if window is not None:
            _hit(shape, number, origin, rays[window], distance[window], owner[window], normals[window])
    points = origin + rays * distance[..., None]
    return _shade(scene, points.reshape(-1, 3), normals.reshape(-1, 3), owner.ravel()).reshape(height, width, 3)


def tone(light: Array, exposure: float = 1.0) -> NDArray[np.uint8]:
    """Linear light to 8-bit sRGB, its highlights rolled off (x / (1 + x), scaled so that 1 stays near 0.75)."""
    value = light * exposure
    value = value * (1 + value / 6.0) / (1 + value)
    return (np.clip(value, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8)


def _rotation(camera: Camera) -> Array:
    yaw, pitch = np.radians(camera.yaw), np.radians(camera.pitch)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    tilt = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    return (turn @ tilt).astype(np.float32)


def _hit_room(scene: Scene, origin: Array, rays: Array) -> tuple[Array, NDArray[np.int32], Array]:
    """The room's box from inside: owner 0 is a wall, 1 the floor, 2 the ceiling."""
    size = np.array(scene.size, dtype=np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.where(rays > 0, (size - origin) / rays, -origin / rays)
    far = np.where(np.isfinite(far), far, np.float32(1e9))
    axis = far.argmin(-1)
    distance = np.take_along_axis(far, axis[..., None], -1)[..., 0]
    normals = np.zeros_like(rays)
    sign = -np.sign(np.take_along_axis(rays, axis[..., None], -1))
    np.put_along_axis(normals, axis[..., None], sign, -1)
    owner = np.where(axis == 1, np.where(rays[..., 1] < 0, 1, 2), 0).astype(np.int32)
    return distance.astype(np.float32), owner, normals


def _corners(shape: Shape) -> Array:
    if shape.kind == "box":
        low, high = np.array(shape.a), np.array(shape.b)
    else:
        reach = np.full(3, shape.b[0])
        if shape.kind == "cylinder":
            reach[shape.axis] = shape.b[1]
        low, high = np.array(shape.a) - reach, np.array(shape.a) + reach
    return np.array(
        [[(low, high)[i][0], (low, high)[j][1], (low, high)[k][2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    )


def _outline(
    shape: Shape, origin: Array, rotation: Array, scale: float, size: tuple[int, int]
) -> tuple[slice, slice] | None:
    """The rectangle of pixels that a shape may cover; None if it is behind or beside the camera."""
    width, height = size
    corners = (_corners(shape) - origin) @ rotation
    depth = corners[:, 2]
    if depth.max() < 0.05:
        return None
    if depth.min() < 0.05:  # partly behind the camera: its outline has no bound
        return slice(0, height), slice(0, width)
    x = (corners[:, 0] / depth / scale + 1) / 2 * width
    y = (1 - corners[:, 1] / depth / scale * width / height) / 2 * height
    left, right = int(max(x.min() - 1, 0)), int(min(x.max() + 2, width))
    top, bottom = int(max(y.min() - 1, 0)), int(min(y.max() + 2, height))
    return (slice(top, bottom), slice(left, right)) if right > left and bottom > top else None


def _hit(
    shape: Shape, number: int, origin: Array, rays: Array, distance: Array, owner: NDArray[np.int32], normals: Array
) -> None:
    """Write where a shape is nearer than what was hit before; `distance`, `owner` and `normals` are views."""
    if shape.kind == "box":
        at, normal = _box(shape, origin, rays)
    elif shape.kind == "sphere":
        at, normal = _sphere(shape, origin, rays)
    else:
        at, normal = _cylinder(shape, origin, rays)
    nearer = (at > 1e-3) & (at < distance)
    distance[nearer], owner[nearer] = at[nearer], number
    normals[nearer] = normal[nearer]


def _box(shape: Shape, origin: Array, rays: Array) -> tuple[Array, Array]:
    safe = np.where(np.abs(rays) < 1e-7, np.float32(1e-7), rays)
    one = (np.array(shape.a, dtype=np.float32) - origin) / safe
    two = (np.array(shape.b, dtype=np.float32) - origin) / safe
    near, far = np.minimum(one, two), np.maximum(one, two)
    axis = near.argmax(-1)
    entry = near.max(-1)
    at = np.where(entry <= far.min(-1), entry, np.inf).astype(np.float32)
    normal = np.zeros_like(rays)
    np.put_along_axis(normal, axis[..., None], -np.sign(np.take_along_axis(rays, axis[..., None], -1)), -1)
    return at, normal


def _sphere(shape: Shape, origin: Array, rays: Array) -> tuple[Array, Array]:
    offset = origin - np.array(shape.a, dtype=np.float32)
    b = rays @ offset
    inside = b * b - (offset @ offset - shape.b[0] ** 2)
    at = np.where(inside > 0, -b - np.sqrt(np.maximum(inside, 0)), np.inf).astype(np.float32)
    points = offset + rays * np.where(np.isfinite(at), at, 0)[..., None]
    return at, (points / shape.b[0]).astype(np.float32)


def _cylinder(shape: Shape, origin: Array, rays: Array) -> tuple[Array, Array]:
    radius, half = shape.b[0], shape.b[1]
    axis = shape.axis
    across = [i for i in range(3) if i != axis]
    offset = origin - np.array(shape.a, dtype=np.float32)
    o, d = offset[across], rays[..., across]
    a = np.maximum((d * d).sum(-1), 1e-9)
    b = d @ o
    root = b * b - a * (o @ o - radius * radius)
    side = (-b - np.sqrt(np.maximum(root, 0))) / a
    along = offset[axis] + side * rays[..., axis]
    side = np.where((root > 0) & (np.abs(along) <= half), side, np.inf)
    slope = np.where(np.abs(rays[..., axis]) < 1e-7, np.float32(1e-7), rays[..., axis])
    cap = (-np.sign(slope) * half - offset[axis]) / slope
    spot = o + d * cap[..., None]
    cap = np.where(((spot * spot).sum(-1) <= radius * radius) & (cap > 0), cap, np.inf)
    at = np.minimum(side, cap).astype(np.float32)
    normal = np.zeros_like(rays)
    reach = np.where(np.isfinite(at), at, 0)
    on_side = side <= cap
    for i, j in enumerate(across):
        normal[..., j] = np.where(on_side, (o[i] + d[..., i] * reach) / radius, 0)
    normal[..., axis] = np.where(on_side, 0, -np.sign(slope))
    return at, normal


def _shade(scene: Scene, points: Array, normals: Array, owner: NDArray[np.int32]) -> Array:
    albedo = np.zeros_like(points)
    glow = np.zeros(len(points), dtype=np.float32)
    order = np.argsort(owner, kind="stable")
    borders = np.flatnonzero(np.diff(owner[order])) + 1
    for group in np.split(order, borders):
        number = int(owner[group[0]])
        shape = scene.shapes[number - 3] if number >= 3 else None
        texture = shape.texture if shape else (scene.walls, scene.floor, scene.ceiling)[number]
        albedo[group] = texture(points[group], normals[group])
        glow[group] = shape.glow if shape else 0.0
    return albedo * (_received(scene, points, normals, owner) + glow[:, None])


def _received(scene: Scene, points: Array, normals: Array, owner: NDArray[np.int32]) -> Array:
    """Light that reaches each point: ambient, darker in corners and under furniture, and every lamp's share."""
    size = np.array(scene.size, dtype=np.float32)
    near = np.sort(np.minimum(points, size - points), axis=1)
    corner = 0.55 + 0.45 * np.clip(np.where(owner < 3, near[:, 1], 0.8) / 0.8, 0, 1)  # two planes meet
    upward = 0.75 + 0.25 * normals[:, 1]
    shade = np.ones(len(points), dtype=np.float32)
    floor = np.flatnonzero((owner == 1) | ((points[:, 1] < 0.03) & (normals[:, 1] > 0.5)))
    x, z = points[floor, 0], points[floor, 2]
    for sx, sz, rx, rz, depth in scene.shadows:
        inside = np.clip(1.35 - np.hypot((x - sx) / rx, (z - sz) / rz), 0, 1)
        shade[floor] *= 1 - depth * np.minimum(inside * 1.6, 1)
    light = np.array(scene.ambient, dtype=np.float32) * (corner * upward * shade)[:, None]
    for lamp in scene.lights:
        way = np.array(lamp.at, dtype=np.float32) - points
        square = (way * way).sum(-1) + lamp.softness**2
        facing = (way * normals).sum(-1) / np.sqrt(square)
        share = (0.15 + 0.85 * np.clip(facing, 0, 1)) * shade / square
        light += share[:, None] * np.array(lamp.colour, dtype=np.float32)
    return light
