"""The exchange in a box."""
