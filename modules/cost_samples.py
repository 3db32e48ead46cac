"""Samples of slippage at rest: entry fills of live accounts in the ledger, and the walked book in files of a month each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from risk.cost_model import Conditions, Sample
from state.accounts import Account, Mode
from state.ledger import LedgerRow

FOLDER = "samples"
MONTHS = 2
"""So many of the newest files are read."""

_decode = msgspec.json.Decoder(Sample).decode


class _Fill(msgspec.Struct):
    """The fields of a ledger fill that a sample needs; only entries that were decided on a quote have all of them."""

    ts: int
    account: str
    symbol: str
    order_id: str
    qty: str
    maker: bool
    decided_ts: int
    spread_bp: float
    sigma_bp: float
    share: float
    slip_bp: float


def live_samples(rows: Iterable[LedgerRow]) -> dict[str, list[Sample]]:
    """By pair, one sample an entry order of a live account: its executions together, weighted by quantity.

    Resting orders and fills of paper accounts are no measurement of taking and are left out, as are fills without a scene.
    """
    orders: dict[tuple[str, str], list[_Fill]] = {}
    for row in rows:
        try:
            fill = msgspec.json.decode(row.row, type=_Fill)
        except msgspec.ValidationError:
            continue
        if not fill.maker and Account.parse(fill.account).mode is Mode.LIVE:
            orders.setdefault((fill.account, fill.order_id), []).append(fill)
    found: dict[str, list[Sample]] = {}
    for fills in orders.values():
        first = fills[0]
        key = f"{Account.parse(first.account).domain}:{first.symbol}"
        weights = [float(fill.qty) for fill in fills]
        slip = sum(weight * fill.slip_bp for weight, fill in zip(weights, fills, strict=True)) / sum(weights)
        at = Conditions(
            spread_bp=first.spread_bp,
            sigma_bp=first.sigma_bp,
            share=first.share,
            latency_s=max(0, first.ts - first.decided_ts) / 1000.0,
        )
        found.setdefault(key, []).append(Sample(ts=first.ts, key=key, at=at, slip_bp=slip))
    return found


def keep_book_samples(folder: Path, samples: Iterable[Sample]) -> None:
    """Append samples of the walked book to their months' files; OSError when the disk refuses."""
    lines: dict[str, list[bytes]] = {}
    for one in samples:
        month = datetime.fromtimestamp(one.ts / 1000, UTC)
        lines.setdefault(f"book-{month:%Y%m}.jsonl", []).append(msgspec.json.encode(one))
    for name, text in lines.items():
        (folder / FOLDER).mkdir(parents=True, exist_ok=True)
        with (folder / FOLDER / name).open("ab") as file:
            file.write(b"\n" + b"\n".join(text))  # a line that was torn by a kill stays alone


def book_samples(folder: Path) -> dict[str, list[Sample]]:
    """By pair, the samples of the newest two months; lines that are not whole are left out."""
    found: dict[str, list[Sample]] = {}
    for path in sorted((folder / FOLDER).glob("book-*.jsonl"))[-MONTHS:]:
        for line in path.read_bytes().splitlines():
            try:
                one = _decode(line)
            except msgspec.DecodeError:
                continue
            found.setdefault(one.key, []).append(one)
    return found
