"""Tests of dataio."""
