"""The page of documentation that the command writes: what was measured, where, how to repeat it, and the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.peers.compare import Contest, markdown

BEGIN = """# Beside the peers

For whoever asks what a bot of one's own brings over the tools there are. Nobody edits this page: `make bench-peers ARGS="--doc
docs/performance_peers.md"` writes it. Here the same work is done by us and by what a user would pick instead, in turns, on one
machine; a part may be measured again alone, and then replaces its tables.

**How to read it.** Rates are medians over the rounds; beside each is its spread. The last number says how many times as fast ours is:
below 1 ours is slower. Absolute rates are this machine's, in those minutes; the ratios travel. Speed is not the reason to pick a tool:
freqtrade and nautilus_trader bring dozens of venues, plots and a community, vectorbt tries thousands of variants of a rule in one call.
Ours decides for one bot by one set of rules, and that is why it can be this short.
"""

REPEAT = """## To repeat it

<!-- not run here: makes four environments and takes minutes -->
```sh
make bench-peers                                   # everything; the environments are made once (.venv-peers, about 3 GB)
make bench-peers ARGS="--only frames"              # one part: replay, frames, storage, indicators
make bench-peers ARGS="--only vectorbt --rounds 5" # one tool beside ours
```

Candles come from `BOT_MARKET_DATA`; without them the replay is left out. A tool that cannot be installed is named with the reason.
The pins of each environment lie in `bench/peers/`.
"""


def page(machine: Mapping[str, object], contests: Sequence[Contest], rounds: int) -> str:
    """The whole page."""
    told = ", ".join(f"{name} {value}" for name, value in machine.items() if value is not None)
    return "\n".join([BEGIN, f"Measured on: {told}; {rounds} rounds.\n", markdown(contests), REPEAT])
