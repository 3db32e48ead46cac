"""The web panel: pages and live values for whoever looks, controls for whoever has logged in."""
