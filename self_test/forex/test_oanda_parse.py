"""OANDA's market rows on the instrument's grid: what is understood, what is refused by name, what is passed over."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from forex import oanda_parse as parse
from forex.oanda_parse import Beat, Fault
from self_test.forex.scripted import EURUSD, INSTRUMENT, PRICE, candle
from state.market import Candle, Quote
from utils.frames import FrameError


def raw(body: Any) -> bytes:
    return json.dumps(body).encode()


def test_a_pair_with_its_terms():
    [terms] = parse.instruments(
        raw({"instruments": [INSTRUMENT, {**INSTRUMENT, "name": "XAU_USD", "type": "METAL"}], "lastTransactionID": "6"})
    )
    assert terms.instrument == EURUSD
    assert (terms.pip, terms.margin_rate, terms.long_rate, terms.short_rate) == (
        Decimal("0.0001"),
        Decimal("0.02"),
        Decimal("-0.0225"),
        Decimal("0.0047"),
    )
    assert terms.days == (1, 1, 3, 1, 1, 0, 0)


def test_terms_that_are_not_said_are_none_and_impossible_ones_are_named():
    bare = {name: value for name, value in INSTRUMENT.items() if name != "financing"}
    [terms] = parse.instruments(raw({"instruments": [bare]}))
    assert (terms.long_rate, terms.short_rate, terms.days) == (None, None, None)
    for field, value in (("marginRate", "0"), ("minimumTradeSize", "NaN"), ("maximumOrderUnits", "-1")):
        with pytest.raises(FrameError, match="EUR_USD"):
            parse.instruments(raw({"instruments": [{**bare, field: value}]}))
    with pytest.raises(FrameError) as caught:
        parse.instruments(raw({"instruments": [{**bare, "marginRate": "much"}]}))
    assert caught.value.field == "instruments[0].marginRate" or "marginRate" in str(caught.value)


def test_names_there_and_here():
    assert (parse.wire_name("EURUSD"), parse.symbol_of("EUR_USD"), parse.key_of("USD_JPY")) == ("EUR_USD", "EURUSD", "FOREX:USDJPY")
    for symbol in ("BTCUSDT", "EUR", "eurusd", ""):
        with pytest.raises(ValueError):
            parse.wire_name(symbol)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2016-06-22T18:41:36.201836422Z", 1_466_620_896_201),
        ("2016-06-22T18:41:36Z", 1_466_620_896_000),
        ("1466620896.201836422", 1_466_620_896_201),
        ("1466620896", 1_466_620_896_000),
    ],
)
def test_times_have_nine_decimals(text: str, ms: int):
    assert parse.time_ms(text) == ms
    assert parse.time_ms(parse.rfc3339(ms)) == ms


@pytest.mark.parametrize("text", ["", "yesterday", "2016-13-01T00:00:00Z", "2016-06-22T18:41:36.xyz"])
def test_what_is_no_time_is_refused(text: str):
    with pytest.raises(FrameError):
        parse.time_ms(text)


def test_candles_of_one_side():
    body = {
        "instrument": "EUR_USD",
        "granularity": "M15",
        "candles": [
            candle("2025-03-04T08:00:00.000000000Z", "1.10000", "1.10050", "1.09990", "1.10010"),
            candle("2025-03-04T08:15:00.000000000Z", "1.10010", "1.10010", "1.10010", "1.10010", complete=False),
        ],
    }
    [(first, done), (_, running)] = parse.candles(raw(body), EURUSD, "B")
    assert first == Candle("FOREX:EURUSD", 1_741_075_200_000, 110_000, 110_050, 109_990, 110_010, 7.0)
    assert done and not running
    with pytest.raises(FrameError, match="ask"):
        parse.candles(raw(body), EURUSD, "A")


@pytest.mark.parametrize(
    "bar", [("1.1", "1.0", "1.0", "1.1"), ("1.1", "1.2", "x", "1.1"), ("1.1", "inf", "1.0", "1.1"), ("0", "0", "0", "0")]
)
def test_bars_that_cannot_be(bar: tuple[str, str, str, str]):
    with pytest.raises(FrameError):
        parse.candles(raw({"candles": [candle("2025-03-04T08:00:00Z", *bar)]}), EURUSD, "B")


def test_a_price_and_one_of_a_shut_market():
    known = {"EUR_USD": EURUSD}
    found = parse.price_line(raw(PRICE), known)
    assert isinstance(found, parse.Priced) and found.tradeable
    assert found.quote == Quote("FOREX:EURUSD", 1_741_075_200_123, 110_010, 110_024, 1_000_000, 500_000)
    [same] = parse.prices(raw({"prices": [PRICE, {**PRICE, "instrument": "GBP_USD"}], "time": PRICE["time"]}), known)
    assert same == found
    [shut] = parse.prices(raw({"prices": [{**PRICE, "tradeable": False, "bids": [], "asks": []}]}), known)
    assert not shut.tradeable
    assert (shut.quote.bid, shut.quote.ask, shut.quote.bid_steps) == (110_006, 110_028, 0)
    one_sided = parse.price_line(raw({**PRICE, "asks": []}), known)
    assert isinstance(one_sided, parse.Priced) and not one_sided.tradeable, "nobody sells: there is nothing to trade on"


def test_lines_of_the_price_stream():
    known = {"EUR_USD": EURUSD}
    beat = {"type": "HEARTBEAT", "time": "2025-03-04T08:00:05.000000000Z"}
    assert parse.price_line(raw(beat), known) == Beat(1_741_075_205_000)
    assert parse.beat(raw({**beat, "lastTransactionID": "6360"}), "transactions") == Beat(1_741_075_205_000, 6360)
    assert parse.price_line(raw({"type": "PRICE_OF_TOMORROW", "x": 1}), known) is None
    assert parse.price_line(raw({**PRICE, "instrument": "USD_JPY"}), known) is None
    assert parse.price_line(raw({}), known) is None
    for bad in (b"", b"{", b"\xff", raw({**PRICE, "bids": 3}), raw({**PRICE, "bids": [{"price": "x"}]}), raw([1])):
        with pytest.raises(FrameError):
            parse.price_line(bad, known)
    with pytest.raises(FrameError):
        parse.beat(raw({**beat, "lastTransactionID": "six"}), "transactions")


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"errorMessage": "Insufficient authorization to perform request."}, "", "Insufficient authorization to perform request."),
        (
            {
                "orderRejectTransaction": {"type": "MARKET_ORDER_REJECT", "id": "7", "rejectReason": "UNITS_INVALID"},
                "relatedTransactionIDs": ["7"],
                "lastTransactionID": "7",
                "errorCode": "UNITS_INVALID",
                "errorMessage": "The units specified are invalid",
            },
            "UNITS_INVALID",
            "The units specified are invalid",
        ),
        ({"stopLossOrderRejectTransaction": {"rejectReason": "PRICE_INVALID"}, "errorMessage": "no"}, "PRICE_INVALID", "no"),
        ({"errorCode": "NO_SUCH_ORDER", "errorMessage": "gone"}, "NO_SUCH_ORDER", "gone"),
    ],
)
def test_every_shape_of_error(body: dict[str, Any], code: str, message: str):
    assert parse.fault(raw(body)) == Fault(code, message)


@pytest.mark.parametrize(
    "body", [b"", b"<html>Bad Gateway</html>", b"[]", b"\xff\xfe", b'{"errorMessage": 3}', b'{"xRejectTransaction": 1}']
)
def test_an_error_that_cannot_be_read_says_nothing(body: bytes):
    assert parse.fault(body) == Fault("", "")
