from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from marketdata.bybit_parse import StreamParser, parse_ack, topic_of
from marketdata.items import BookUpdate, Item, Kline, Ticker
from self_test.marketdata.samples import M5, book_frame, kline_frame, perp, spot
from state.market import Candle, Trade
from utils.frames import FrameError

SPOT = StreamParser([spot(), spot("BTCUSDC")])
PERP = StreamParser([perp(), perp("LTCUSDT", "0.01", "0.1")])


def read(parser: StreamParser, raw: bytes) -> list[Item]:
    return list(parser.parse(topic_of(raw), raw))


def test_a_candle_comes_out_in_ticks():
    frame = kline_frame("BTCUSDT", 1672324800000)
    assert read(SPOT, frame) == [
        Kline(Candle("CRYPTO:BTCUSDT", 1672324800000, 1664950, 1667700, 1660800, 1667700, 2.081), M5, confirmed=True, ts=1672325100000)
    ]


def test_a_running_candle_is_not_confirmed():
    (item,) = read(SPOT, kline_frame("BTCUSDT", 1672324800000, confirm=False))
    assert isinstance(item, Kline)
    assert not item.confirmed


def test_prints_come_out_one_by_one_with_the_takers_side():
    frame = (
        b'{"topic":"publicTrade.BTCUSDT","ts":1680652847526,"type":"snapshot","data":[{"i":"2290000000050703789","T":1680652847524,'
        b'"p":"28165.38","v":"0.041732","S":"Sell","s":"BTCUSDT","BT":false},{"i":"2290000000050703790","T":1680652847524,"p":"28165.38",'
        b'"v":"0.008513","S":"Buy","s":"BTCUSDT","BT":false}]}'
    )
    assert read(SPOT, frame) == [
        Trade("CRYPTO:BTCUSDT", 1680652847524, 2816538, 41732, False),
        Trade("CRYPTO:BTCUSDT", 1680652847524, 2816538, 8513, True),
    ]


def test_a_book_delta_keeps_its_deletions():
    frame = (
        b'{"topic":"orderbook.50.BTCUSDT","ts":1680652808085,"type":"delta","data":{"s":"BTCUSDT","b":[["28161.04","0.177474"],["28145.71","0"]],'
        b'"a":[["28184.33","0"]],"u":59438061,"seq":4281282232}}'
    )
    assert read(SPOT, frame) == [
        BookUpdate(
            key="CRYPTO:BTCUSDT",
            ts=1680652808085,
            snapshot=False,
            u=59438061,
            seq=4281282232,
            bids=[(2816104, 177474), (2814571, 0)],
            asks=[(2818433, 0)],
        )
    ]


def test_a_ticker_delta_says_only_what_changed_and_merges():
    first = (
        b'{"topic":"tickers.BTCUSDT","type":"snapshot","data":{"symbol":"BTCUSDT","lastPrice":"17216.00","markPrice":"17217.30",'
        b'"nextFundingTime":"1673280000000","fundingRate":"-0.000212","bid1Price":"17215.50","bid1Size":"84.489","ask1Price":"17216.00",'
        b'"ask1Size":"83.020","fundingIntervalHour":"8"},"cs":24987956059,"ts":1673272861686}'
    )
    delta = (
        b'{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","fundingRate":"","lastPrice":"17216.10"},"cs":1,'
        b'"ts":1673272861786}'
    )
    (one,), (two,) = read(PERP, first), read(PERP, delta)
    assert isinstance(one, Ticker)
    assert isinstance(two, Ticker)
    assert (one.funding_rate_e8, one.next_funding_ts, one.bid, one.ask_steps) == (-21_200, 1673280000000, 172155, 83020)
    assert two == Ticker("PERPS:BTCUSDT", 1673272861786, last=172161)
    merged = one.merged(two)
    assert (merged.ts, merged.last, merged.bid, merged.funding_rate_e8) == (1673272861786, 172161, 172155, -21_200)


def test_a_ticker_that_says_nought_says_something():
    frame = b'{"topic":"tickers.BTCUSDT","data":{"symbol":"BTCUSDT","fundingRate":"0","ask1Size":"0","nextFundingTime":"0"},"ts":5}'
    assert read(PERP, frame) == [Ticker("PERPS:BTCUSDT", 5, ask_steps=0, funding_rate_e8=0, next_funding_ts=0)]


def test_key_order_and_spaces_do_not_matter():
    frame = msgspec.json.decode(kline_frame("BTCUSDT", 1672324800000))
    spaced = msgspec.json.format(msgspec.json.encode(dict(sorted(frame.items()))))
    assert topic_of(spaced) == b"kline.5.BTCUSDT"
    assert read(SPOT, spaced) == read(SPOT, kline_frame("BTCUSDT", 1672324800000))


KLINE = kline_frame("BTCUSDT", 1672324800000)
BOOK = book_frame("BTCUSDT", 1680652806504)


@pytest.mark.parametrize(
    "raw, topic, field",
    [
        (KLINE.replace(b'"16608"', b'"x"'), "kline.5.BTCUSDT", "data[0].low"),
        (KLINE.replace(b'"16608"', b'""'), "kline.5.BTCUSDT", "data[0].low"),
        (KLINE.replace(b'"16608"', b"null"), "kline.5.BTCUSDT", "data[0].low"),
        (KLINE.replace(b'"16608"', b'"nan"'), "kline.5.BTCUSDT", "data[0].low"),
        (KLINE.replace(b'"high":"16677",', b""), "kline.5.BTCUSDT", "data[0].high"),
        (KLINE.replace(b'"interval":"5"', b'"interval":"7"'), "kline.5.BTCUSDT", "data[0].interval"),
        (KLINE.replace(b'"16608"', b'"17000"'), "kline.5.BTCUSDT", "data"),
        (KLINE.replace(b'"16608"', b'"0"'), "kline.5.BTCUSDT", "data"),
        (KLINE[:-7], "kline.5.BTCUSDT", "frame"),
        (BOOK.replace(b'"16676.99"', b'"inf"'), "orderbook.1.BTCUSDT", "data.b"),
        (BOOK.replace(b"snapshot", b"guess"), "orderbook.1.BTCUSDT", "type"),
        (b'{"topic":"tickers.BTCUSDT","ts":1,"data":{"symbol":"BTCUSDT","fundingRate":"much"}}', "tickers.BTCUSDT", "data.fundingRate"),
        (kline_frame("DOGEUSDT", 0), "kline.5.DOGEUSDT", "topic"),
        (b'{"topic":"liquidation.BTCUSDT","ts":1,"data":{}}', "liquidation.BTCUSDT", "topic"),
        (b'[{"topic":"kline.5.BTCUSDT"}]', "?", "frame"),
        (b"\xff\xfe", "?", "frame"),
    ],
)
def test_a_frame_that_cannot_be_understood_names_topic_and_field(raw: bytes, topic: str, field: str):
    with pytest.raises(FrameError) as caught:
        read(SPOT, raw)
    assert (caught.value.topic, caught.value.field) == (topic, field)


def test_answers_to_requests_have_no_topic():
    ok = b'{"success":true,"ret_msg":"","conn_id":"cejreaspqfm9se7usbrg-2xh","req_id":"sub-orderbook-1","op":"subscribe"}'
    no = b'{"success":false,"ret_msg":"error:handler not found,topic:foo.BTCUSDT","conn_id":"x","req_id":7,"op":"subscribe"}'
    pong = b'{"success":true,"ret_msg":"pong","conn_id":"x","op":"ping"}'
    assert [topic_of(raw) for raw in (ok, no, pong)] == [b"", b"", b""]
    assert (parse_ack(ok).ok, parse_ack(ok).req_id) == (True, "sub-orderbook-1")
    assert (parse_ack(no).ok, parse_ack(no).req_id, parse_ack(no).reason) == (False, "7", "error:handler not found,topic:foo.BTCUSDT")
    assert (parse_ack(pong).op, parse_ack(pong).req_id) == ("ping", "")


def test_an_answer_without_success_is_refused():
    with pytest.raises(FrameError) as caught:
        parse_ack(b'{"op":"subscribe"}')
    assert caught.value.field == "success"


@pytest.mark.data
def test_every_captured_frame_of_our_topics_is_understood(market_data: Path):
    folder = market_data / "wire" / "bybit_v5"
    symbols = ("BTCUSDT", "BTCUSDC", "BTCUSD", "LTCUSDT", "BTCPERP", "BTCUSDU23", "BTC-USDT")
    parser = StreamParser([perp(symbol, "0.01", "0.000001") for symbol in symbols])
    counts: Counter[str] = Counter()
    lines = [line for name in ("frames_spot.jsonl", "frames_linear_inverse.jsonl") for line in (folder / name).read_bytes().splitlines()]
    lines += [
        (folder / "messages" / f"{name}.json").read_bytes()
        for name in ("ws_kline", "ws_orderbook_snapshot", "ws_orderbook_delta", "ws_ticker_linear")
    ]
    for raw in lines:
        topic = topic_of(raw).decode()
        kind, symbol = topic.split(".")[0], topic.split(".")[-1]
        if kind not in {"kline", "orderbook", "publicTrade", "tickers"} or symbol not in symbols:
            with pytest.raises(FrameError):
                read(parser, raw)
            counts["other"] += 1
            continue
        told = msgspec.json.decode(raw)
        for item in read(parser, raw):
            counts[kind] += 1
            if isinstance(item, Trade):
                assert {"Buy": True, "Sell": False}[told["data"][0]["S"]] == item.buyer_is_taker
                assert item.price == round(float(told["data"][0]["p"]) * 100)
            elif isinstance(item, BookUpdate):
                assert item.u == told["data"]["u"]
                assert [price for price, _ in item.bids] == [round(float(level[0]) * 100) for level in told["data"]["b"]]
            elif isinstance(item, Ticker) and "fundingRate" in told["data"] and told["data"]["fundingRate"]:
                assert item.funding_rate_e8 == round(float(told["data"]["fundingRate"]) * 1e8)
    assert counts["kline"] == 1
    assert counts["publicTrade"] == 9
    assert counts["orderbook"] == 11
    assert counts["tickers"] == 6
    assert counts["other"] == 3


@pytest.mark.data
def test_captured_acknowledgement(market_data: Path):
    ack = parse_ack((market_data / "wire" / "bybit_v5" / "messages" / "ws_subscription_ack.json").read_bytes())
    assert (ack.op, ack.ok, ack.req_id) == ("subscribe", True, "sub-orderbook-1")
