"""Scenes for answers: a bot over spot and perpetuals, on paper and live, with what is held and done set by hand."""

from __future__ import annotations

from pathlib import Path

import msgspec

from config import CONFIG
from modules.engine.core import Engine
from modules.engine.desk import chosen_strategies, make_mandate, make_state
from modules.ui.operator import Answer
from modules.ui.recent import Recent
from modules.ui.scene import Scene, columns
from self_test.fakes.books import M5, coin
from state.accounts import Account, Domain, Mode
from state.books import OPEN
from utils.fixed import MONEY_SCALE

T0 = 1_741_184_700_000
"""2025-03-05 14:25 UTC, a Wednesday."""
PAPER, LIVE, PERP = Account(Domain.CRYPTO, Mode.PAPER), Account(Domain.CRYPTO, Mode.LIVE), Account(Domain.PERPS, Mode.PAPER)
COINS = (coin("BTCUSDT"), coin("1000PEPEUSDT"), coin("BTCUSDT", Domain.PERPS))
BTC, PEPE, BTC_PERP = (one.key for one in COINS)
WIDTH = 40
"""Columns of a phone."""


def scene_of(folder: Path = Path(), *, accounts: tuple[Account, ...] = (PAPER, LIVE, PERP)) -> Scene:
    """1,000 USDT in each wallet, nothing held, every instrument in a trend since an hour and a half."""
    state = make_state(CONFIG, COINS, accounts)
    for a in range(len(accounts)):
        for field in ("cash", "equity", "peak", "day_start"):
            state.acct[a][field] = 1_000 * MONEY_SCALE
    state.ts = T0
    market = state.market
    market["regime"], market["dwell"], market["primary_ts"] = 1, 6, T0 - T0 % 900_000 - 900_000
    market["last_ts"], market["last_close"], market["confirm_bars"] = T0 - M5, 10_000, 10_000
    mandate = make_mandate(CONFIG, COINS, accounts, chosen_strategies(None), quotes=True)
    return Scene(Engine(state, mandate), Recent(state), "simulated", folder=folder)


def hold(scene: Scene, account: Account, key: str, *, mark: int = 10_100, side: int = 1) -> int:
    """100 USDT at 100.00, stop 2 away, target 6 away, opened three hours and twelve minutes ago."""
    state = scene.state
    i = state.row_of(account, key)
    row, unit = state.pos[i], int(state.inst[i]["unit"])
    row["status"], row["side"], row["steps"], row["filled"], row["mark"] = OPEN, side, 10_000, 10_000, mark
    row["value"], row["risk"], row["regime"], row["strategy"] = 10_000 * 10_000 * unit, 200, 1, 0
    row["paid"] = row["value"] if scene.state.inst[i]["spot"] else 0
    row["initial_stop"] = row["stop"] = 10_000 - side * 200
    row["target"], row["opened_ts"], row["fees"] = 10_000 + side * 600, T0 - 11_520_000, MONEY_SCALE // 10
    return i


def fits(answer: Answer) -> bool:
    """Whether it can be shown: a table as wide as a phone at most, plain lines, a document."""
    msgspec.json.encode(answer.data)
    narrow = answer.table is None or columns(answer.table.head, answer.table.rows) <= WIDTH
    return narrow and all(line.isprintable() for line in (answer.title, *answer.lines))
