from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from marketdata.bybit_rows import (
    parse_book,
    parse_envelope,
    parse_funding,
    parse_instruments,
    parse_klines,
    parse_tickers,
    parse_time,
)
from self_test.marketdata.samples import perp, spot
from state.accounts import Domain
from state.market import Candle, FundingRate
from utils.frames import FrameError

SPOT_ROW = {
    "symbol": "BTCUSDT",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "innovation": "0",
    "status": "Trading",
    "lotSizeFilter": {
        "basePrecision": "0.000001",
        "quotePrecision": "0.01",
        "minOrderQty": "0.000011",
        "maxOrderQty": "80",
        "minOrderAmt": "5",
    },
    "priceFilter": {"tickSize": "0.01"},
}
LINEAR_ROW = {
    "symbol": "ETHUSDT",
    "contractType": "LinearPerpetual",
    "status": "PreLaunch",
    "baseCoin": "ETH",
    "quoteCoin": "USDT",
    "fundingInterval": 240,
    "lotSizeFilter": {"maxOrderQty": "7000", "minOrderQty": "0.01", "qtyStep": "0.01", "minNotionalValue": "5"},
    "priceFilter": {"minPrice": "0.01", "tickSize": "0.01"},
}


def result(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def captured(market_data: Path, name: str) -> msgspec.Raw:
    return parse_envelope((market_data / "wire" / "bybit_v5" / "messages" / f"{name}.json").read_bytes(), name).result


def test_a_spot_row_has_its_own_names_for_the_filters():
    page = parse_instruments(result({"category": "spot", "list": [SPOT_ROW]}), Domain.CRYPTO)
    (instrument,) = page.instruments
    assert (instrument.key, instrument.tick, instrument.step) == ("CRYPTO:BTCUSDT", Decimal("0.01"), Decimal("0.000001"))
    assert (instrument.min_qty, instrument.max_qty, instrument.min_notional) == (Decimal("0.000011"), Decimal(80), Decimal(5))
    assert (instrument.base, instrument.quote, instrument.trading, instrument.funding_interval_min) == ("BTC", "USDT", True, 0)
    assert page.cursor == ""


def test_the_limit_of_a_limit_order_is_the_one_that_counts():
    lot = SPOT_ROW["lotSizeFilter"] | {"maxLimitOrderQty": "70"}  # type: ignore[operator]
    (instrument,) = parse_instruments(result({"list": [SPOT_ROW | {"lotSizeFilter": lot}]}), Domain.CRYPTO).instruments
    assert instrument.max_qty == Decimal(70)


def test_a_linear_row_and_its_funding_interval():
    page = parse_instruments(result({"list": [LINEAR_ROW], "nextPageCursor": "abc%3D"}), Domain.PERPS)
    (instrument,) = page.instruments
    assert (instrument.key, instrument.step, instrument.min_notional) == ("PERPS:ETHUSDT", Decimal("0.01"), Decimal(5))
    assert (instrument.funding_interval_min, instrument.trading) == (240, False)
    assert page.cursor == "abc%3D"


def test_dated_futures_are_left_out():
    assert parse_instruments(result({"list": [LINEAR_ROW | {"contractType": "LinearFutures"}]}), Domain.PERPS).instruments == []


@pytest.mark.parametrize(
    "change, field",
    [
        ({"priceFilter": {"tickSize": ""}}, "priceFilter.tickSize"),
        ({"priceFilter": {"tickSize": "0"}}, "tick"),
        ({"priceFilter": {}}, "priceFilter.tickSize"),
        ({"status": None}, "status"),
    ],
)
def test_one_odd_row_does_not_hide_the_rest(change: dict[str, object], field: str):
    page = parse_instruments(result({"list": [SPOT_ROW | change, SPOT_ROW | {"symbol": "ETHUSDT"}]}), Domain.CRYPTO)
    assert [instrument.symbol for instrument in page.instruments] == ["ETHUSDT"]
    assert page.refused["BTCUSDT"].field == field


def test_candles_keep_the_answers_order():
    rows = [["600000", "101", "103", "100", "102", "7", "700"], ["300000", "100", "101.5", "99", "101", "5", "500"]]
    assert parse_klines(result({"symbol": "BTCUSDT", "list": rows}), spot(tick="0.5")) == [
        Candle("CRYPTO:BTCUSDT", 600000, 202, 206, 200, 204, 7.0),
        Candle("CRYPTO:BTCUSDT", 300000, 200, 203, 198, 202, 5.0),
    ]


@pytest.mark.parametrize(
    "row, field",
    [
        (["300000", "100", "101", "99", "x", "5", "500"], "list[0][4]"),
        (["300000", "100", "101", "102", "101", "5", "500"], "list[0]"),
        (["300000", "100", "101"], "list[0]"),
    ],
)
def test_a_broken_candle_is_named(row: list[str], field: str):
    with pytest.raises(FrameError) as caught:
        parse_klines(result({"list": [row]}), spot())
    assert caught.value.field == field
    assert "BTCUSDT" in caught.value.topic


def test_funding_time_book_and_tickers():
    funding = {"list": [{"symbol": "BTCUSDT", "fundingRate": "-0.00015", "fundingRateTimestamp": "1709856000000"}]}
    assert parse_funding(result(funding), perp()) == [FundingRate("PERPS:BTCUSDT", 1709856000000, -15_000)]
    assert parse_time(result({"timeSecond": "1688639403", "timeNano": "1688639403423213947"})) == 1688639403423
    book = parse_book(result({"s": "BTCUSDT", "b": [["100.1", "1"]], "a": [["100.2", "2"]], "ts": 5, "u": 6, "seq": 7, "cts": 4}), perp())
    assert (book.snapshot, book.ts, book.u, book.bids, book.asks) == (True, 5, 6, [(1001, 1000)], [(1002, 2000)])
    rows = [{"symbol": "ETHUSDT", "lastPrice": "1"}, {"symbol": "BTCUSDT", "lastPrice": "100.1", "bid1Price": "", "bid1Size": ""}]
    (ticker,) = parse_tickers(result({"list": rows}), {"BTCUSDT": perp()}, 77)
    assert (ticker.key, ticker.ts, ticker.last, ticker.bid) == ("PERPS:BTCUSDT", 77, 1001, None)


@pytest.mark.parametrize(
    "parse",
    [
        lambda: parse_funding(result({"list": [{"fundingRate": "lots", "fundingRateTimestamp": "1"}]}), perp()),
        lambda: parse_book(result({"b": [["inf", "1"]], "a": [], "ts": 5, "u": 6}), perp()),
        lambda: parse_tickers(result({"list": [{"symbol": "BTCUSDT", "lastPrice": "?"}]}), {"BTCUSDT": perp()}, 1),
        lambda: parse_envelope(b"<html>", "/v5/market/time"),
        lambda: parse_time(result({})),
        lambda: parse_instruments(result({}), Domain.CRYPTO),
    ],
)
def test_other_broken_answers_are_named_too(parse: Callable[[], object]):
    with pytest.raises(FrameError):
        parse()


@pytest.mark.data
def test_captured_answers(market_data: Path):
    assert [i.key for i in parse_instruments(captured(market_data, "http_get_instruments_spot"), Domain.CRYPTO).instruments] == [
        "CRYPTO:BTCUSDT",
        "CRYPTO:ETHUSDT",
    ]
    linear = parse_instruments(captured(market_data, "http_get_instruments_linear"), Domain.PERPS)
    assert [(i.symbol, i.tick, i.step) for i in linear.instruments] == [
        ("BTCUSDT", Decimal("0.5"), Decimal("0.001")),
        ("ETHUSDT", Decimal("0.05"), Decimal("0.01")),
    ]
    assert linear.cursor == ""  # null in this capture
    assert parse_klines(captured(market_data, "http_get_klines_linear"), linear.instruments[0]) == [
        Candle("PERPS:BTCUSDT", 1709891679000, 54900, 54920, 54880, 54910, 123.45)
    ]
    assert [rate.rate_e8 for rate in parse_funding(captured(market_data, "http_get_funding_history"), perp())] == [10_000, 15_000]
    book = parse_book(captured(market_data, "http_get_orderbook"), linear.instruments[0])
    assert (book.bids[0], book.asks[0], book.u) == ((54901, 1500), (54902, 1200), 1234567)
