"""One module a source; none yet."""
