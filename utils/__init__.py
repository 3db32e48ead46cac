"""Helpers that know nothing of trading."""
