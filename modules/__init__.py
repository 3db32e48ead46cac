"""Orchestration: everything that awaits, wired together."""
