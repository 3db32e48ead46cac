"""Tests of feeds, gathering and backfill."""
