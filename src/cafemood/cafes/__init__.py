"""Cafés and moods: looks, names, profiles, similar cafés, new photos."""
