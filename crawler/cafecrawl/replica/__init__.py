"""The sources' sites on loopback, drawn from a seed: for tests, for trying the crawler offline, and as a benchmark."""
