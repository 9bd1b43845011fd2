"""cafemood: group café photos by atmosphere, and say how far each grouping can be trusted."""

__version__ = "0.1.0"
