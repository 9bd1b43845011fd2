"""Small drawn rooms of two moods, quick to make."""

import numpy as np
from PIL import Image, ImageDraw

MOODS = {"어두운 나무": ((52, 34, 24), (250, 190, 90)), "밝은 흰색": ((236, 234, 228), (120, 170, 120))}


def draw_room(seed: int, mood: str, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A room with walls in perspective, lamps and furniture, in the light of its mood."""
    rng = np.random.default_rng(seed)
    wall, accent = MOODS[mood]
    shade = lambda color, by: tuple(int(np.clip(c + by + rng.integers(-12, 12), 0, 255)) for c in color)  # noqa: E731
    image = Image.new("RGB", size, shade(wall, 0))
    draw = ImageDraw.Draw(image)
    w, h = size
    horizon = int(h * rng.uniform(0.45, 0.65))
    draw.polygon([(0, h), (w, h), (int(w * 0.8), horizon), (int(w * 0.2), horizon)], fill=shade(wall, -25))
    for _ in range(int(rng.integers(3, 7))):
        x, y, r = int(rng.uniform(0, w)), int(rng.uniform(0, horizon)), int(rng.uniform(8, 26))
        draw.ellipse([x - r, y - r, x + r, y + r], fill=shade(accent, 0))
        x = int(rng.uniform(0, w - 60))
        draw.rectangle(
            [x, horizon + 10, x + int(rng.uniform(20, 60)), h - int(rng.uniform(5, 40))], fill=shade(wall, 40)
        )
    noise = rng.normal(0, 4, (h, w, 3))
    return Image.fromarray(np.clip(np.asarray(image, dtype=float) + noise, 0, 255).astype(np.uint8))
