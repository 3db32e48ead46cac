"""Tests of the orchestration floor."""
