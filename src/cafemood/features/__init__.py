"""A `PhotoSet` to features: extraction, runtimes, cache."""
