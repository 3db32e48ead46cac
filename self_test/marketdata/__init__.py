"""Tests of the market data blocks."""
