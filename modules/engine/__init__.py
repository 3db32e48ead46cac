"""The decision core and the loops that drive it."""
