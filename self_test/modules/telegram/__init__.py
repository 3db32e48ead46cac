"""Tests of `modules/telegram/`."""
