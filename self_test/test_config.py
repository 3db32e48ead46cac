"""The shipped values: inside their bounds, and what the documents promise."""

from __future__ import annotations

from config import CONFIG
from modules.settings import BotConfig
from state.accounts import Domain


def test_the_values_pass_their_own_bounds() -> None:
    assert BotConfig.model_validate(CONFIG.model_dump()) == CONFIG


def test_a_paper_wallet_holds_a_thousand() -> None:
    assert all(settings.paper_balance == 1_000 for settings in CONFIG.domains.values())


def test_eight_spot_symbols_on_15_minutes_confirmed_by_5() -> None:
    crypto = CONFIG.domains[Domain.CRYPTO]
    assert len(set(crypto.symbols)) == 8
    for domain in (Domain.CRYPTO, Domain.PERPS):
        assert (CONFIG.domains[domain].confirm_ms, CONFIG.domains[domain].primary_ms) == (300_000, 900_000)


def test_seven_currency_pairs_on_an_hour_confirmed_by_a_quarter() -> None:
    forex = CONFIG.domains[Domain.FOREX]
    assert len(set(forex.symbols)) == 7 and (forex.confirm_ms, forex.primary_ms, forex.warmup_days) == (900_000, 3_600_000, 65)


def test_drawdown_steps_rise_and_no_pair_may_hold_more_than_the_account() -> None:
    risk = CONFIG.risk
    assert risk.half_drawdown < risk.stop_drawdown < risk.max_drawdown
    assert risk.loss < risk.base <= risk.pair <= risk.portfolio


def test_nothing_is_served_beyond_this_machine() -> None:
    assert CONFIG.http.host == "127.0.0.1"
