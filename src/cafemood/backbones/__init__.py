"""Frozen networks by name: specs, weight files, preprocessing."""
