"""Chaos: the whole bot against the simulator, faults and kills at random, its ledger against the venue's."""
