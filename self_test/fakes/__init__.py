"""Small honest stand-ins: hand-made rows, engines and markets, built with the program's own tables."""
