"""Configuration, sweeps and the command line."""
