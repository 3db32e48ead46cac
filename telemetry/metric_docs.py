"""docs/metrics.md, written from the table: `python -m telemetry.metric_docs > docs/metrics.md`."""

from __future__ import annotations

import sys

from telemetry.metric_table import TABLE

HEAD = """# Metrics

What `/metrics` shows, for Prometheus. Written by `python -m telemetry.metric_docs` from `telemetry/metric_table.py`, which every number of
ours is registered from; a test holds the two together. Beside these come `process_*` (memory, processor, open file handles) and
`python_info` of the client library.

- `account` is `CRYPTO/PAPER`, `domain` is `CRYPTO`, `symbol` is `CRYPTO:BTCUSDT`, `style` is `swing` or `scalp`. No label is ever an id.
- Live accounts alone have order latencies, holds, reconciliation and cover times; on paper there is no way to measure.
- A gauge of something that is not known yet is absent, or NaN; it never reads 0 for that reason. What may come to be counted reads 0
  from the start (`telemetry/metric_zeros.py`), so that the first event is growth; what is rare or unbounded (a trade that ends by
  liquidation, a task, a reason of the chat) appears with its first event.
- Counters start at nothing with the process, except where the meaning says otherwise.
- Money is in the account's own currency (`_quote`), a result in R, the initial risk, is a `_ratio`. Venue time runs as the market's clock
  does: in the simulator faster than the wall's.

| name | type | labels | meaning |
|---|---|---|---|
"""


def page() -> str:
    """The page, as it should stand in docs/."""
    rows = (f"| `{row.name}` | {row.kind} | {', '.join(f'`{one}`' for one in row.labels)} | {row.text} |\n" for row in TABLE)
    return HEAD + "".join(rows).replace("|  |", "| |")


if __name__ == "__main__":
    sys.stdout.write(page())
