"""The table of pairs: names, grids, and the way home from every currency."""

from __future__ import annotations

from modules.simulator.oanda_pairs import PAIRS, route, wire_name


def test_names_in_every_spelling() -> None:
    assert wire_name("eurusd") == wire_name("EUR_USD") == wire_name("EUR/USD") == "EUR_USD"
    assert wire_name("BTCUSDT") is None


def test_every_currency_has_a_way_home() -> None:
    assert route("USD") is None and route("GBP") == ("GBP_USD", False) and route("JPY") == ("USD_JPY", True)
    for pair in PAIRS.values():
        for currency in (pair.base, pair.quote):
            way = route(currency)
            assert way is None or way[0] in PAIRS


def test_a_week_has_seven_days_to_charge() -> None:
    for pair in PAIRS.values():
        assert sum(pair.days) == 7 and len(pair.row()["financing"]["financingDaysOfWeek"]) == 7
    assert PAIRS["USD_JPY"].row()["minimumTrailingStopDistance"] == "0.050" and PAIRS["EUR_USD"].price(PAIRS["EUR_USD"].tick) == "0.00001"
