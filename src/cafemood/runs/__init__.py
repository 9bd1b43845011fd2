"""The run folder: written once, read for years."""

from cafemood.runs.run import Run, RunWriter, clear_unfinished, distances_to_means, load, read_tensors, why_unfinished

__all__ = ["Run", "RunWriter", "clear_unfinished", "distances_to_means", "load", "read_tensors", "why_unfinished"]
