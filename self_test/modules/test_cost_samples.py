from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from modules.cost_samples import FOLDER, book_samples, keep_book_samples, live_samples
from risk.cost_model import Conditions, Sample
from state.ledger import LedgerRow, Ref, RowKind

NOW, DAY = 1_735_689_600_000, 86_400_000
KEY = "CRYPTO:AAAUSDT"
FILL: dict[str, Any] = {
    "ts": NOW + 400,
    "account": "CRYPTO/LIVE",
    "symbol": "AAAUSDT",
    "order_id": "o1",
    "exec_id": "e",
    "side": "buy",
    "price": "100",
    "qty": "1",
    "fee": "0",
    "maker": False,
    "decided_ts": NOW,
    "mid": "100",
    "spread_bp": 2.0,
    "sigma_bp": 60.0,
    "share": 0.001,
    "slip_bp": 1.0,
}


def stored(**changes: Any) -> LedgerRow:
    row = {name: value for name, value in {**FILL, **changes}.items() if value is not None}
    return LedgerRow(RowKind.FILL, Ref(1, 0), msgspec.Raw(msgspec.json.encode(row)))


def test_an_order_is_one_sample_weighted_by_what_each_execution_brought() -> None:
    found = live_samples([stored(), stored(qty="3", slip_bp=5.0, ts=NOW + 900), stored(order_id="o2", slip_bp=-2.0)])
    first, second = found[KEY]
    at = Conditions(spread_bp=2.0, sigma_bp=60.0, share=0.001, latency_s=0.4)
    assert first == Sample(ts=NOW + 400, key=KEY, at=at, slip_bp=4.0)
    assert second.slip_bp == -2.0


@pytest.mark.parametrize("changes", [{"account": "CRYPTO/PAPER"}, {"maker": True}, {"slip_bp": None}])
def test_paper_resting_orders_and_what_was_decided_blindly_are_no_samples(changes: dict[str, Any]) -> None:
    """The first is the heart of it: a model must not be fitted on what it made up itself."""
    assert live_samples([stored(**changes)]) == {}


def sample(ts: int, slip: float = 1.0) -> Sample:
    return Sample(ts=ts, key=KEY, at=Conditions(spread_bp=2.0), slip_bp=slip)


def test_the_newest_two_months_of_the_book_are_read(tmp_path: Path) -> None:
    assert book_samples(tmp_path) == {}
    keep_book_samples(tmp_path, [])
    assert not (tmp_path / FOLDER).exists()
    keep_book_samples(tmp_path, [sample(NOW), sample(NOW + 31 * DAY), sample(NOW + 31 * DAY, 2.0), sample(NOW + 60 * DAY)])
    keep_book_samples(tmp_path, [sample(NOW + 61 * DAY, 3.0)])
    assert [one.slip_bp for one in book_samples(tmp_path)[KEY]] == [1.0, 2.0, 1.0, 3.0]


def test_a_line_torn_by_a_kill_costs_itself_alone(tmp_path: Path) -> None:
    keep_book_samples(tmp_path, [sample(NOW)])
    (path,) = (tmp_path / FOLDER).iterdir()
    path.write_bytes(path.read_bytes() + b'\n{"ts": 17')
    keep_book_samples(tmp_path, [sample(NOW + 1, 2.0)])
    assert [one.slip_bp for one in book_samples(tmp_path)[KEY]] == [1.0, 2.0]
