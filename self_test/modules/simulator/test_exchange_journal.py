"""The journal of commands: each is written before it is done, with all its arguments, and can be done again."""

from __future__ import annotations

import inspect
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from modules.simulator import filters
from modules.simulator.exchange import Exchange
from modules.simulator.exchange_journal import COMMANDS, ExchangeStore, JournalledExchange, Line, Snapshot, repeat
from modules.simulator.order_types import Now
from utils.errors import Refusal

NOW = Now(5, 6)


def exchange() -> JournalledExchange:
    found = [filters.listing("BTCUSDT", "spot"), filters.listing("BTCUSDT", "linear")]
    return JournalledExchange([one for one in found if one is not None], seed=1)


def snapshot() -> Snapshot:
    return Snapshot(number=0, ts=5, uid="1", api_key="k", api_secret="s", balance="USDT=1", exchange=exchange().state())


def test_every_method_that_takes_the_time_to_change_something_is_a_command() -> None:
    reads = {"orders_closed", "ledger", "on_point", "on_funding"}
    timed = {name for name, one in inspect.getmembers(Exchange, inspect.isfunction) if "now" in inspect.signature(one).parameters}
    assert {name for name in timed if not name.startswith("_")} - reads <= set(COMMANDS)


def test_a_command_is_noted_first_and_repeats_silently() -> None:
    one, lines = exchange(), list[bytes]()
    seen: list[int] = []

    def note(name: str, given: dict[str, Any]) -> None:
        seen.append(len(one.accounts))
        lines.append(msgspec.json.encode(Line(name, 5, given)))

    one.note = note
    one.open_account("1", {"USDT": Decimal("12.5")}, NOW)
    one.transfer("1", "USDT", Decimal(-2), now=NOW)
    assert one.cancel_order("1", "spot", "BTCUSDT", NOW, link_id="x") is not None
    assert seen[0] == 0 and len(lines) == 3
    again = exchange()
    again.note = note
    for line in lines:
        repeat(again, msgspec.json.decode(line, type=Line))
    assert again.state() == one.state() and len(lines) == 3 and again.note is note


def test_a_store_without_a_snapshot_writes_nothing(tmp_path: Path) -> None:
    store = ExchangeStore(tmp_path / "venue")
    assert store.load() is None
    store.write(Line("x", 1, {}))
    assert not (tmp_path / "venue").exists()
    store.save(snapshot(), durable=False)
    store.write(Line("x", 1, {"a": Decimal("1.5")}))
    store.write(Line("y", 2, {}))
    loaded = ExchangeStore(tmp_path / "venue").load()
    assert loaded is not None and [(one.do, one.ts, one.given) for one in loaded[1]] == [("x", 1, {"a": "1.5"}), ("y", 2, {})]
    store.save(snapshot())
    assert store.lines == 0 and sorted(one.name for one in (tmp_path / "venue").iterdir()) == ["exchange-2.log", "exchange.json"]
    store.close()


def test_what_cannot_be_read_or_written_is_refused_by_name(tmp_path: Path) -> None:
    store = ExchangeStore(tmp_path)
    store.save(snapshot())
    store.write(Line("x", 1, {}))
    (tmp_path / "exchange-1.log").write_bytes(b"nonsense\n")
    with pytest.raises(Refusal, match=r"exchange-1\.log"):
        ExchangeStore(tmp_path).load()
    old = snapshot()
    old.schema = 99
    (tmp_path / "exchange.json").write_bytes(msgspec.json.encode(old))
    with pytest.raises(Refusal, match="schema 99"):
        ExchangeStore(tmp_path).load()
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match="cannot be written"):
        ExchangeStore(tmp_path / "file" / "venue").save(snapshot())
