"""Forex and FX options: venue wires, sessions, pricing."""
