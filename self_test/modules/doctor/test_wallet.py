from __future__ import annotations

from pathlib import Path

from config import CONFIG
from modules.boot import never_tradable
from modules.doctor import stored, wallet
from modules.doctor.findings import Verdict
from modules.engine.desk import fresh_engine
from self_test.fakes.stored import COINS, Played
from self_test.risk.test_option_caps import slot
from strategy.base import O1
from utils.fixed import MONEY_SCALE


def test_without_prices_nothing_is_said() -> None:
    assert [one.verdict for one in wallet.findings(CONFIG, (), {}, None)] == [Verdict.SKIP]


def test_the_smallest_wallet_is_the_smallest_order_over_the_share_of_one_trade() -> None:
    prices = {one.key: 10_000 for one in COINS}
    least = wallet.smallest(CONFIG, COINS, prices)
    for one in COINS:
        by_quantity = one.min_qty * 10_000 * one.tick
        assert least[one.key] == int(max(by_quantity, one.min_notional) * MONEY_SCALE)
    (told,) = wallet.findings(CONFIG, COINS, prices, None)
    assert told.verdict is Verdict.OK
    dear = {one.key: 10**9 for one in COINS}
    (told,) = wallet.findings(CONFIG, COINS, dear, None)
    needed = max(wallet.smallest(CONFIG, COINS, dear).values()) / float(CONFIG.risk.base) / MONEY_SCALE
    assert told.verdict is Verdict.WARN and f"{needed:.2f}" in told.words and "bring more" in told.remedy


def test_a_stored_wallet_is_judged_as_the_start_judges_it(tmp_path: Path) -> None:
    bot = Played(tmp_path)
    bot.minutes(10)
    bot.crash()
    _, engine = stored.look(tmp_path, running=False)
    assert engine is not None
    assert [one.verdict for one in wallet.findings(CONFIG, (), {}, engine)] == [Verdict.OK] and never_tradable(engine) == []
    engine.state.acct[0]["equity"] = 1 * MONEY_SCALE
    (told,) = wallet.findings(CONFIG, (), {}, engine)
    assert told.verdict is Verdict.WARN and len(never_tradable(engine)) == len(COINS)
    assert all(one.symbol in told.words for one in COINS)


def test_a_slot_of_options_is_not_judged_by_its_pairs_price() -> None:
    engine, _ = fresh_engine(CONFIG, (slot("EURUSD"),), frozenset({O1}), 1_735_689_600_000, quotes=True)
    engine.state.market["last_close"] = 108_000
    assert [one.verdict for one in wallet.findings(CONFIG, (), {}, engine)] == [Verdict.SKIP]
    assert never_tradable(engine) == []
