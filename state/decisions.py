"""One decision as the ledger keeps it for ever: what was seen, what was allowed, what was chosen by whom, and what became of it.

These rows are the experience that policies learn from (ledger kind `decision`). Every confirmed candidate leaves one, also one that was
skipped or refused; the demo leaves none. It is a file format: add fields with defaults, never change a meaning.
"""

from __future__ import annotations

from typing import Any

import msgspec


class DecisionRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A ledger row of kind `decision`. Fields that have their default are not written."""

    id: str
    """`order_id(account, key, ts, "e") + strategy`, e.g. `CP-BTCUSDT-195...-eC1`: one a candidate and account."""
    ts: int
    """Close of the confirming bar, ms UTC."""
    account: str
    """`CRYPTO/PAPER`."""
    key: str
    strategy: str
    """`C1`."""
    side: int
    """1 long, -1 short; of an option which way its pair shall go."""
    contract: str = ""
    """The option's symbol, `EURUSD-20250321-C-1.05000`; its `reference` and `atr` are premium. Empty elsewhere."""
    regime: int
    """Code of `strategy.regime`."""
    reference: int
    """Confirming close, ticks."""
    atr: float
    """Primary ATR28, ticks."""
    turnover: float = 0.0
    """Median quote turnover of a confirm bar."""
    spread: float = 0.0
    """Of the quote that was used, as a fraction of the price; 0 over bars."""
    cost: float = 0.0
    """Expected round trip, as a fraction of notional."""
    costs: str = ""
    """The cost model in force: taker fee, maker fee, slippage, usual spread in ppm, `1000/1000/200/0`."""
    obs: list[float] | None = None
    """The 34 features, each the shortest decimal of its float32; None where there was no observation."""
    schema: str = ""
    """First 12 hex digits of `strategy.features.OBS_SCHEMA_HASH`."""
    no_obs: str = ""
    """Why there is no observation."""
    mask: int = 0
    """Exit profiles that cost, stop cap and regime allowed, bits TIGHT 1, BASE 2, WIDE 4."""
    greedy: int = 0
    """Action the policy in force prefers (`strategy.actions`)."""
    action: int = 0
    """Action taken: the greedy one, or the explored one."""
    propensity: float = 1.0
    """Chance that this action had of being taken."""
    explored: bool = False
    level: int = 0
    """Of the policy: 0 static, 1 lcb_table, 2 sb3_dqn."""
    policy: str = "static"
    """Version of the policy in force."""
    values: list[float | None] | None = None
    """What the policy held each of the 7 actions for (R; None: it knows nothing of it); None for the static one."""
    challenger: str = ""
    """Version of the policy that decides in shadow; empty: none."""
    challenger_action: int = 0
    challenger_values: list[float | None] | None = None
    sentiment: float = 0.0
    order: str = ""
    """Id of the entry order; empty where there is none."""
    refused: str = ""
    """Rule that was in the way; `policy_skip` where the policy itself would not, `superseded` where an explored entry went instead."""


def decision_row(raw: bytes | msgspec.Raw) -> DecisionRow:
    """A stored row; msgspec.ValidationError for one that is none."""
    return msgspec.json.decode(raw, type=DecisionRow)


def as_record(row: DecisionRow) -> dict[str, Any]:
    """The row as a `Record` command carries it."""
    found: dict[str, Any] = msgspec.to_builtins(row)
    return found
