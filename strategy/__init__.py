"""When to trade: windows, indicators, regimes and the rules that arm and confirm a signal."""
