"""The integer rows that positions, wallets, instruments and limits live in; kernels and engine work on the same ones.

Prices are ticks, quantities steps, cash money units (1e-10 of the account's currency). A row of INST and POS is a *seat*: one instrument
on one account, as many as there are pairs of them; INST says which account and which market row. With one account per instrument all
indices agree. ACCT rows are accounts. The nouns that people and venues see are made from these rows, never the other way round.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[Any]
"""A one-dimensional structured array."""

STRATEGIES = 8
"""Room in the strategy tables (C1 to C4, demo, F1, F2, O1)."""
ARMS = 3
"""Exit profiles: tight, base, wide."""
STYLES = 2
"""Swing and scalp."""
HOLDS = 64
"""How many of the last holding times a strategy's median looks at."""

FLAT, PENDING, OPEN = 0, 1, 2
"""POS.status: nothing; an entry is in flight or resting; held."""

INST = np.dtype(
    [
        ("account", "i8"),
        ("market", "i8"),
        ("spot", "i8"),
        ("tick", "f8"),
        ("unit", "i8"),
        ("min_steps", "i8"),
        ("max_steps", "i8"),
        ("min_notional", "i8"),
        ("taker_ppm", "i8"),
        ("maker_ppm", "i8"),
        ("slip_ppm", "i8"),
        ("spread_ppm", "i8"),
        ("leverage", "i8"),
        ("maintenance_ppm", "i8"),
        ("funding_interval_ms", "i8"),
        ("funding_e8", "i8"),
        ("session", "i8"),
        ("open_ts", "i8"),
        ("close_ts", "i8"),
        ("rest_ts", "i8"),
        ("rest_until", "i8"),
        ("rate_e9", "i8"),
        ("via", "i8"),
        ("inverse", "i8"),
        ("via_tick", "f8"),
        ("on_margin", "i8"),
        ("base_ccy", "i8"),
        ("quote_ccy", "i8"),
        ("swap_long_e8", "i8"),
        ("swap_short_e8", "i8"),
        ("option", "i8"),
        ("lot_steps", "i8"),
    ]
)
"""Venue filters and costs of one instrument. `tick` in quote currency (features only), `min_notional` in money units,
`slip_ppm` is what a taking leg loses to the mid, `spread_ppm` the spread that it already holds (0: it comes on top), `funding_e8` the last
known rate x 1e8. `maintenance_ppm`: the part of its value that a position's own margin may not fall below, 0 where the venue
liquidates no single position.
`session` says what the week is to it (`risk/weekend.py`), 0 = it trades day and night; then `open_ts` and `close_ts` are
the ends of the session that runs or ran last (ms UTC), `rest_ts` to `rest_until` the next or present time without entries, all kept by the
caller (`forex/sessions.py`), and 0 before they are known.

`rate_e9`: account currency per quote currency x 1e9 (1e9 where they are the same, 0 unknown: no entries); it comes from the market row
`via` (-1: none needed), whose tick is `via_tick` in its quote currency, `inverse` = 1 where it is one over that price
(`state/conversion.py`). `on_margin` = 1: shares of equity count margin, value / leverage (FOREX). `base_ccy`, `quote_ccy` number the
currencies of an engine. `swap_long_e8`, `swap_short_e8`: what a position earns (negative: pays) in a year, x 1e8 of its value.

`option` = 1: the row is the slot of a pair's options. Bars and indicators are the pair's; whatever is held or ordered has a contract
(`POS.right`, `strike`, `expiry_ts`), and its prices are the premium in ticks of the pair. `lot_steps`: an order is a whole number of
so many steps (0: of any)."""

POS = np.dtype(
    [
        ("status", "i8"),
        ("strategy", "i8"),
        ("arm", "i8"),
        ("regime", "i8"),
        ("side", "i8"),
        ("steps", "i8"),
        ("working", "i8"),
        ("value", "i8"),
        ("bought", "i8"),
        ("paid", "i8"),
        ("filled", "i8"),
        ("order_type", "i8"),
        ("reference", "i8"),
        ("limit", "i8"),
        ("expires_ts", "i8"),
        ("decided_ts", "i8"),
        ("opened_ts", "i8"),
        ("stop", "i8"),
        ("target", "i8"),
        ("initial_stop", "i8"),
        ("extreme", "i8"),
        ("mark", "i8"),
        ("risk", "i8"),
        ("max_hold_ms", "i8"),
        ("closing", "i8"),
        ("closes", "i8"),
        ("close_after", "i8"),
        ("close_ts", "i8"),
        ("close_leg", "i8"),
        ("explored", "i8"),
        ("unprotected_ms", "i8"),
        ("fees", "i8"),
        ("funding", "i8"),
        ("realised", "i8"),
        ("exit_value", "i8"),
        ("exit_steps", "i8"),
        ("exit_reason", "i8"),
        ("bid", "i8"),
        ("ask", "i8"),
        ("slip", "i8"),
        ("atr", "f8"),
        ("trail_k", "f8"),
        ("sigma_bp", "f8"),
        ("share", "f8"),
        ("right", "i8"),
        ("strike", "i8"),
        ("expiry_ts", "i8"),
        ("delta", "f8"),
        ("vol", "f8"),
    ]
)
"""One position or pending entry.

Values (`value`, `bought`, `exit_value`) are in quote currency, results (`realised`, `fees`, `funding`, `slip`) in the account's.
`steps` are held, `working` steps of the entry order are still in flight or resting; `value` is the entry value of what is held (money
units), `paid` what the wallet gave for it in its own currency (spot and options, else 0), `bought` the value of all that was ever filled on
entry, `filled` its steps; `extreme` the best price seen by closed bars since entry;
`risk` = |entry - stop| in ticks at the fill; `closing` = the exit reason code of a close under way (0 none), `exit_reason` the one of the
last exit fill, in the same code (booked by the engine alone), `closes` how many closes were asked for,
`close_after` until when (venue ms) time and halt wait after one that was refused, `close_ts` the latest time
at which one was asked for on this seat, `close_leg` the number in its id: these two outlive the position;
`bid`, `ask` (ticks, 0 without a quote), `sigma_bp` and `share` are the scene of the decision, `slip` what executions lost (money units);
`unprotected_ms` = transport time that the position stood without a confirmed stop on its venue; `explored` = 1: a trial on paper.
`right` (1 call, -1 put), `strike` (ticks of the pair) and `expiry_ts` (ms UTC) are the contract of an option, 0 elsewhere; an option is
always held long, so `side` is 1 whatever the right; `delta` and `vol` are the contract's when it was ordered (told, never booked with).
"""

ACCT = np.dtype(
    [
        ("cash", "i8"),
        ("equity", "i8"),
        ("peak", "i8"),
        ("live", "i8"),
        ("free", "i8"),
        ("outside", "i8"),
        ("canary", "i8", (STYLES,)),
        ("canary_since", "i8", (STYLES,)),
        ("canary_trades", "i8", (STYLES,)),
        ("canary_realised", "i8", (STYLES,)),
        ("won", "i8", (STYLES,)),
        ("marked", "i8", (STYLES,)),
        ("day", "i8"),
        ("day_start", "i8"),
        ("day_stopped", "i8"),
        ("level", "i8"),
        ("halted", "i8"),
        ("trades", "i8", (STYLES,)),
        ("wins", "i8", (STYLES,)),
        ("streak", "i8", (STYLES,)),
        ("pause_until", "i8", (STYLES,)),
        ("pause_day", "i8", (STYLES,)),
        ("pauses", "i8", (STYLES,)),
        ("hold_n", "i8", (STRATEGIES,)),
        ("holds_ms", "i8", (STRATEGIES, HOLDS)),
    ]
)
"""One wallet and its breakers. Amounts in money units; `day` counts UTC days; `level` is the drawdown step 0 to 3. On a `live` account
`free` is what the venue says new orders may bind and `outside` the cash there that is not ours; `canary` = 1 (by style) means
canary size, and the counters beside it say since when, how many trades, with which result. `won` sums the net results of a style's counting
policy trades, `marked` is that with the open ones at their marks when the day began."""

RULES = np.dtype(
    [
        ("style", "i8"),
        ("order_type", "i8"),
        ("max_hold_ms", "i8"),
        ("primary_ms", "i8"),
        ("stop_k", "f8", (ARMS,)),
        ("trail_k", "f8", (ARMS,)),
        ("target_k", "f8", (ARMS,)),
        ("stop_cap", "f8"),
        ("cost_limit", "f8"),
        ("prior_hold_ms", "i8"),
        ("free", "i8"),
    ]
)
"""One strategy as the gate sees it: exits in ATR per arm, caps as fractions. `free` = 1: without the cost gate, and its
trades never count (the demo)."""

LIMITS = np.dtype(
    [
        ("base", "f8"),
        ("loss", "f8"),
        ("canary_base", "f8"),
        ("canary_loss", "f8"),
        ("canary_factor", "f8"),
        ("pair", "f8"),
        ("portfolio", "f8"),
        ("volume", "f8"),
        ("volatile_factor", "f8"),
        ("half_at", "f8"),
        ("stop_at", "f8"),
        ("halt_at", "f8"),
        ("half_factor", "f8"),
        ("daily_loss", "f8"),
        ("ioc_cap_ppm", "i8"),
        ("slip_cap_ppm", "i8"),
        ("min_amend_r", "f8"),
        ("min_amend_ticks", "i8"),
        ("streak_low", "i8"),
        ("streak_high", "i8"),
        ("streak_min_trades", "i8"),
        ("streak_chance", "f8"),
        ("pause_bars", "i8"),
        ("hold_min_trades", "i8"),
        ("weekend", "i8"),
        ("weekend_lead_min", "i8"),
        ("max_move", "f8"),
        ("liquidation_stops", "f8"),
        ("fx_pair_gross", "f8"),
        ("fx_gross", "f8"),
        ("fx_currency", "f8"),
        ("by_mark", "i8"),
        ("option_base", "f8"),
        ("option_total", "f8"),
        ("option_exit_days", "f8"),
    ]
)
"""Every limit of the guardrails, one row; fractions of equity unless named otherwise; `weekend` is a code of `risk/weekend.py`.
`fx_*` bind where shares of equity count margin: gross of a pair, of the account, net of a currency, in multiples of equity.
`option_base`, `option_total`: premium of one option and of all of an account, fractions of equity;
`option_exit_days`: days before its expiry by which an option is sold.
`by_mark` = 1: stops, targets and values of perpetuals go by the mark price, not the last."""

PAR_E9 = 1_000_000_000
"""INST.rate_e9 where prices are in the account's own currency."""
NATURAL: dict[str, float] = {"rate_e9": PAR_E9, "via": -1, "fx_pair_gross": 2.0, "fx_gross": 4.0, "fx_currency": 2.0}
"""Fields whose neutral value is not zero."""


def natural(found: Rows) -> Rows:
    """Zeroed rows with every field at its neutral value."""
    for name in NATURAL.keys() & set(found.dtype.names or ()):
        found[name] = NATURAL[name]
    return found


def rows(dtype: np.dtype[Any], n: int = 1) -> Rows:
    """`n` neutral rows: zero, or what `NATURAL` says."""
    return natural(np.zeros(n, dtype))
