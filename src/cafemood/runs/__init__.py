"""The run folder: written once, read for years."""

from cafemood.runs.run import Run, clear_unfinished, load, read_tensors, why_unfinished
from cafemood.runs.writer import RunWriter, distances_to_means

__all__ = ["Run", "RunWriter", "clear_unfinished", "distances_to_means", "load", "read_tensors", "why_unfinished"]
