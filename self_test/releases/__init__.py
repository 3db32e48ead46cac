"""A state of every released version, as that version left it: what an upgrade has to open."""
