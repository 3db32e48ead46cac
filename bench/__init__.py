"""Measured figures, compared as ratios in one run."""
