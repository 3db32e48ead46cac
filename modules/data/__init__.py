"""Feeds, history and recording."""
