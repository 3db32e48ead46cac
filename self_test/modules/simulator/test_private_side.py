"""The wired private side: the same requests make the same ledger, market and commands make it again after a kill, scripted faults act."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from modules.simulator import state_folder
from modules.simulator.clock import VenueClock
from modules.simulator.commands import main
from modules.simulator.exchange_journal import NAME
from modules.simulator.faults import parse
from modules.simulator.generated import DEFAULT_START, GeneratedMarket
from modules.simulator.hub import Hub
from modules.simulator.keyring import PERP_UID, UID, Access
from modules.simulator.order_types import Accepted, Now, OrderRequest
from modules.simulator.private_side import PrivateSide
from modules.simulator.publisher import Publisher
from modules.simulator.venue import Venue
from self_test.conftest import REPO
from self_test.modules.simulator.test_commands import PROGRAM
from self_test.modules.simulator.trader import LIMIT_S, Trader
from utils.errors import Refusal

MINUTE = 60_000
HOUR = 60 * MINUTE


class Box:
    """A venue without sockets whose time is moved by hand."""

    def __init__(
        self, folder: Path | None = None, seed: int = 3, at_ms: int = DEFAULT_START, access: Access | None = None, wall: int = 1_000_000
    ) -> None:
        self.market = GeneratedMarket(seed, DEFAULT_START, ("BTCUSDT",))
        self.market.extend(at_ms + MINUTE)
        self.clock = VenueClock(at_ms, 1.0, wall_ms=0.0)
        self.wall = wall
        self.venue, self.hub = Venue(self.market, self.clock), Hub()
        self.side = PrivateSide(self.venue, seed, access or Access(), folder, self.now)
        self.publisher = Publisher(self.venue, self.hub, self.side)
        self.side.join(self.hub, self.publisher.forget)
        self.side.start()

    def now(self) -> Now:
        return Now(self.clock.now_ms, self.wall)

    def go(self, ms: int) -> None:
        until = self.clock.now_ms + ms
        while self.clock.now_ms < until:
            self.publisher.advance(until)

    def buy(self, qty: str = "0.02", price: str | None = None, **more: Any) -> Accepted:
        request = OrderRequest(
            category="linear", symbol="BTCUSDT", side="Buy", order_type="Limit" if price else "Market", qty=Decimal(qty),
            price=Decimal(price) if price else None, **more,
        )  # fmt: skip
        answer = self.side.exchange.create_order(UID, request, self.now())
        assert isinstance(answer, Accepted), answer
        return answer

    def play(self) -> None:
        """Some trading over eight hours: fills, a stop, funding, a rest."""
        for hour in range(5):
            self.buy(link_id=f"m{hour}")
            price = self.side.exchange.positions(UID, "BTCUSDT")[0]["markPrice"]
            self.buy("0.01", f"{float(price) * 0.998:.1f}", stop_loss=Decimal(int(float(price) * 0.97)), link_id=f"l{hour}")
            self.go(HOUR + 7 * MINUTE)
        self.go(3 * HOUR)

    def hash(self) -> str:
        found: str = self.side.ledger()["hash"]
        return found


def test_same_seed_and_requests_make_the_same_ledger() -> None:
    one, two, other = Box(), Box(), Box(seed=4)
    for box in (one, two, other):
        box.play()
    assert one.hash() == two.hash() != other.hash()
    kinds = {row["execType"] for row in one.side.ledger()["fills"]}
    assert kinds == {"Trade", "Funding"}
    cash = one.side.ledger()["cash"]
    for uid in (UID, PERP_UID):
        total = sum(Decimal(row["amount"]) for row in cash if row["account"] == uid)
        assert total == one.side.exchange.accounts[uid].balance("USDT")


def test_after_a_kill_market_and_commands_make_it_again(tmp_path: Path) -> None:
    one = Box(tmp_path)
    one.play()  # and nothing is said at the end: as if killed
    again = Box(tmp_path, at_ms=one.clock.now_ms)
    assert again.hash() == one.hash()
    assert again.side.exchange.state() == one.side.exchange.state()
    one.go(HOUR)
    again.go(HOUR)
    assert again.hash() == one.hash()
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


def test_it_goes_on_from_the_last_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modules.simulator.private_side.REPLAY_LINES", 3)
    one = Box(tmp_path)
    for number in range(8):
        one.buy("0.01", link_id=str(number))
        one.side.keep_up()
        one.go(MINUTE)
    assert len(list(tmp_path.glob("exchange-*.log"))) == 1
    again = Box(tmp_path, at_ms=one.clock.now_ms)
    assert again.hash() == one.hash() and again.side.api_key == one.side.api_key


def test_a_torn_last_line_was_never_answered(tmp_path: Path) -> None:
    one = Box(tmp_path)
    one.buy(link_id="whole")
    log = next(tmp_path.glob("exchange-*.log"))
    whole = log.read_bytes()
    one.buy(link_id="torn")
    log.write_bytes(log.read_bytes()[:-9])
    again = Box(tmp_path, at_ms=one.clock.now_ms)
    assert again.side.exchange.order(UID, link_id="whole") and not again.side.exchange.order(UID, link_id="torn")
    assert whole.count(b"\n") == 1
    (tmp_path / NAME).write_bytes(b"{")
    with pytest.raises(Refusal, match=NAME):
        Box(tmp_path)


def test_a_gap_goes_through_a_stop_and_is_remembered(tmp_path: Path) -> None:
    box = Box(tmp_path)
    mark = float(box.side.exchange.positions(UID, "BTCUSDT")[0]["markPrice"])
    box.buy(stop_loss=Decimal(int(mark * 0.98)))
    at = DEFAULT_START + 10 * MINUTE + 1
    box.side.add_fault(parse({"kind": "price_gap", "symbol": "BTCUSDT", "value": -0.1, "at_ts": at}))
    box.go(10 * MINUTE)
    assert box.side.exchange.positions(UID)
    box.go(2 * MINUTE)
    assert not box.side.exchange.positions(UID)
    sold = box.side.ledger()["fills"][-1]
    assert sold["stopOrderType"] == "StopLoss" and float(sold["execPrice"]) < mark * 0.93, "through it, not at it"
    assert int(sold["execTime"]) == DEFAULT_START + 11 * MINUTE
    bars = box.market.series["linear:BTCUSDT"].bars
    spot = box.market.series["spot:BTCUSDT"].bars
    at_gap = int(((bars["ts"]) == DEFAULT_START + 11 * MINUTE).argmax())
    for rows in (bars, spot):
        assert rows["open"][at_gap] < 0.93 * rows["close"][at_gap - 1]
    again = Box(tmp_path, at_ms=box.clock.now_ms)
    assert (again.market.series["linear:BTCUSDT"].bars == bars).all() and again.hash() == box.hash()
    again.go(MINUTE)
    assert len(again.side.faults.rows()) == 1 and again.side.faults.rows()[0]["spent"], "it does not happen again"


def test_takeovers_are_scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box()
    heard: list[bytes] = []
    monkeypatch.setattr(box.hub, "publish", lambda _listeners, payload: heard.append(payload))
    listener: Any = object()
    box.hub.subscribers("linear", "allLiquidation.BTCUSDT").add(listener)
    box.buy("0.03")
    box.side.add_fault(parse({"kind": "adl", "symbol": "BTCUSDT", "value": "0.01"}))
    assert box.side.exchange.positions(UID)[0]["size"] == "0.02"
    box.side.add_fault(parse({"kind": "liquidate", "symbol": "BTCUSDT", "at_ts": DEFAULT_START + MINUTE}))
    box.go(MINUTE - 1)
    assert box.side.exchange.positions(UID)
    box.go(1)
    assert not box.side.exchange.positions(UID)
    assert [row["execType"] for row in box.side.ledger()["fills"]] == ["Trade", "AdlTrade", "BustTrade"]
    (frame,) = [payload for payload in heard if b"allLiquidation" in payload]
    told = json.loads(frame)
    assert (told["topic"], told["data"][0]["s"], told["data"][0]["S"], told["data"][0]["v"]) == (
        "allLiquidation.BTCUSDT",
        "BTCUSDT",
        "Buy",
        "0.02",
    )


def test_filters_change_for_orders_and_for_who_asks(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.side.add_fault(
        parse({"kind": "filters", "symbol": "BTCUSDT", "match": "linear", "value": {"minOrderQty": "0.5", "qtyStep": "0.5"}})
    )
    with pytest.raises(AssertionError, match="Refused"):
        box.buy("0.02")
    again = Box(tmp_path, at_ms=box.clock.now_ms)
    for one in (box, again):
        assert one.market.series["linear:BTCUSDT"].listing.instrument.min_qty == Decimal("0.5")
        assert one.side.listings["spot:BTCUSDT"].instrument.min_qty != Decimal("0.5")


def test_the_second_account_is_a_stranger_and_survives_as_well(tmp_path: Path) -> None:
    one = Box(tmp_path, access=Access(balance="USDT=500", api_key="mine", perp_balance="USDT=700,BTC=1"))
    request = OrderRequest(category="linear", symbol="BTCUSDT", side="Buy", order_type="Market", qty=Decimal("0.01"), link_id="same")
    one.buy("0.01", link_id="same")
    assert isinstance(one.side.exchange.create_order(PERP_UID, request, one.now()), Accepted), "a name is used once per account"
    assert {row["account"] for row in one.side.ledger()["fills"]} == {UID, PERP_UID}
    again = Box(tmp_path, access=Access(balance="USDT=500.0"), at_ms=one.clock.now_ms)
    assert again.hash() == one.hash() and again.side.accounts() == one.side.accounts()
    first, second = again.side.accounts()
    assert (first["uid"], first["api_key"], second["uid"]) == (UID, "mine", PERP_UID)
    assert second["api_key"] not in {"mine", None} and len(second["positions"]) == 1
    assert again.side.exchange.accounts[PERP_UID].balance("BTC") == 1
    for wrong, says in ((Access(balance="USDT=501"), "--balance"), (Access(perp_balance="USDT=500"), "--perp-balance")):
        with pytest.raises(Refusal, match=f"^{says}"):
            Box(tmp_path, access=wrong)


def test_a_stored_venue_without_the_second_account_is_given_one(tmp_path: Path) -> None:
    one = Box(tmp_path, access=Access(balance="USDT=500"))
    one.side.close()
    stored = json.loads((tmp_path / NAME).read_bytes())
    del stored["perp"], stored["rights"], stored["exchange"]["accounts"][PERP_UID]
    (tmp_path / NAME).write_text(json.dumps(stored))
    again = Box(tmp_path, at_ms=one.clock.now_ms)
    assert [one["uid"] for one in again.side.accounts()] == [UID, PERP_UID]
    assert again.side.exchange.accounts[PERP_UID].balance("USDT") == 500
    third = Box(tmp_path, at_ms=one.clock.now_ms)
    assert third.side.exchange.accounts[PERP_UID].balance("USDT") == 500 and third.hash() == again.hash()


def gap(box: Box) -> tuple[int, int | None, int]:
    (row,) = box.side.ledger()["unprotected"]
    return row["from_ts"], row["to_ts"], row["wall_ms"]


def test_times_without_a_stop_are_as_long_after_a_restart(tmp_path: Path) -> None:
    """A limit order fills on the market's own move, so its gap begins at a point, not at a command."""
    one = Box(tmp_path)
    touch = one.side.exchange.positions(UID, "BTCUSDT")[0]["markPrice"]
    one.buy("0.02", f"{float(touch) * 0.9995:.1f}")
    while not one.side.exchange.positions(UID):
        one.go(1000)
        one.wall += 1000
        one.side.keep_up()
    one.go(5000)
    one.wall += 5000
    one.side.keep_up()
    begun, ended, wall_ms = gap(one)
    assert ended is None and 5000 <= wall_ms <= 6000
    again = Box(tmp_path, at_ms=one.clock.now_ms, wall=one.wall + 60_000)
    assert gap(again)[:2] == (begun, None)
    assert abs(gap(again)[2] - wall_ms) <= 1000, "it is lived again at its own wall time, and the minute away does not count"
    again.wall += 500
    again.buy("0.01", stop_loss=Decimal(int(float(touch) * 0.9)))
    total = gap(again)
    assert total[1] is not None and abs(total[2] - wall_ms - 500) <= 1000
    third = Box(tmp_path, at_ms=again.clock.now_ms, wall=again.wall + 60_000)
    assert gap(third) == total


def test_a_clock_that_is_wrong_for_the_api_does_not_measure(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.side.add_fault(parse({"kind": "clock_skew", "ms": 60_000}))
    assert box.side.api_now().wall == box.wall + 60_000
    body = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.01"}
    key = box.side.keyring.credentials.find(box.side.api_key)
    assert key is not None and box.side.rest.order(key, "/v5/order/create", body).code == 0
    box.wall += 700
    assert gap(box)[2] == 700


def spawned(folder: Path, *more: str) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    words = [*PROGRAM, "--symbols", "BTCUSDT", "--speed", "60", "--pace", "free", "--state-folder", str(folder), *more]
    process = subprocess.Popen(words, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


@pytest.mark.asyncio
async def test_kill_minus_nine_loses_no_order_that_was_acknowledged(tmp_path: Path) -> None:
    folder, ledger_file, script = tmp_path / "venue", tmp_path / "ledger.json", tmp_path / "faults.json"
    script.write_text(json.dumps([{"kind": "adl", "symbol": "BTCUSDT", "value": "0.01", "at_ts": DEFAULT_START}]))
    known: list[str] = []

    async def orders(ready: dict[str, Any], count: int) -> dict[str, Any]:
        async with Trader(ready["bybit"]["http"], ready["api_key"], ready["api_secret"]) as trader:
            for _ in range(count):
                answer = await trader.order(orderType="Limit", price="40000", orderLinkId=f"o{len(known)}")
                assert answer["retCode"] == 0, answer
                known.append(answer["result"]["orderId"])
            assert (await trader.order(qty="0.03"))["retCode"] == 0
            return (await trader.control("GET", "/ledger"))[1]

    async with asyncio.timeout(LIMIT_S):
        process, ready = spawned(folder, "--balance", "USDT=50000", "--faults", str(script))
        before = await orders(ready, 8)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        process, again = spawned(folder, "--faults", str(script), "--ledger", str(ledger_file))
        assert (again["api_key"], again["api_secret"]) == (ready["api_key"], ready["api_secret"])
        async with Trader(again["bybit"]["http"], again["api_key"], again["api_secret"]) as trader:
            after = (await trader.control("GET", "/ledger"))[1]
            assert [row["orderId"] for row in after["orders"]][: len(before["orders"])] == [row["orderId"] for row in before["orders"]]
            assert {row["execId"] for row in before["fills"]} <= {row["execId"] for row in after["fills"]}
            assert set(known) <= {row["orderId"] for row in after["orders"]}
            assert (await trader.control("GET", "/faults"))[1]["faults"][0]["spent"], "the script is not begun again"
        final = await orders(again, 2)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
        assert process.returncode == 0
    written = json.loads(ledger_file.read_bytes())
    assert len(written["orders"]) >= len(final["orders"]) and written["hash"]
    assert state_folder.load(folder) is not None


def test_a_script_that_makes_no_sense_is_refused_by_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "faults.json"
    cases: list[tuple[str, Callable[[str], bool]]] = [
        ("{}", lambda said: "list" in said),
        ("[", lambda said: "cannot be read" in said),
        ('[{"kind": "cut"}, {"kind": "quake"}]', lambda said: "number 2" in said and "lose_fill" in said),
    ]
    for content, fits in cases:
        script.write_text(content)
        assert main(["simulator", "--symbols", "BTCUSDT", "--faults", str(script)]) == 2
        assert fits(capsys.readouterr().err)
