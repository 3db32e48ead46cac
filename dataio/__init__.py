"""Market history on disk."""
