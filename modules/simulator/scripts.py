"""What a script does to the venue at an instant: jumps of the price, takeovers, new filters, an instrument that stops trading."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from modules.simulator.exchange import Exchange
from modules.simulator.exchange_journal import Gap
from modules.simulator.faults import STATUS, Fault
from modules.simulator.filters import Listing
from modules.simulator.market import Market, Series
from modules.simulator.order_types import Now

FILTER_FIELDS = {
    "tickSize": "tick",
    "qtyStep": "step",
    "minOrderQty": "min_qty",
    "maxOrderQty": "max_qty",
    "minNotionalValue": "min_notional",
}


class Scripts:
    """`gaps` and `changed` are what has been done to the market so far; `forget`: the bars ahead of a listing have changed."""

    def __init__(self, market: Market, exchange: Exchange, now: Callable[[], Now]) -> None:
        self._market, self._exchange, self._now = market, exchange, now
        self.listings: dict[str, Listing] = {key: one.listing for key, one in market.series.items()}
        """As they are now, by series key."""
        self.changed: dict[str, Listing] = {}
        self.gaps: list[Gap] = []
        self.forget: Callable[[str], None] = lambda _: None

    def do(self, fault: Fault, now_ms: int) -> None:
        """Let it happen (a kind of `SCRIPTED`)."""
        match fault.kind:
            case "price_gap":
                self._gap(fault, now_ms)
            case "filters":
                for series in self._matching(fault):
                    self.relist(changed(series.listing, fault.value))
            case "liquidate":
                for uid in self._accounts(fault):
                    self._exchange.script_liquidation(uid, fault.symbol, self._now())
            case _:
                for uid in self._accounts(fault):
                    qty = None if fault.value is None else Decimal(str(fault.value))
                    self._exchange.script_adl(uid, fault.symbol, qty, self._now())

    def relist(self, listing: Listing) -> None:
        """Orders and who asks see this listing from now on; nothing for one that is not here."""
        if listing.key in self.listings:
            self._exchange.change_filters(listing)
            self.show(listing)

    def show(self, listing: Listing) -> None:
        """The same without the exchange, which knows already."""
        self.changed[listing.key] = self.listings[listing.key] = listing
        self._market.series[listing.key].listing = listing

    def again(self, gaps: list[Gap]) -> None:
        """Jumps that were scripted before a restart."""
        for gap in gaps:
            if gap.key in self.listings:
                self._market.series[gap.key].shift(gap.ts, gap.factor)
        self.gaps = list(gaps)

    def _gap(self, fault: Fault, now_ms: int) -> None:
        """The path jumps where the next bar opens, so candles and points still tell one story."""
        for series in self._matching(fault):
            gap = Gap(series.listing.key, -(-now_ms // series.tf_ms) * series.tf_ms, 1 + float(fault.value))
            self.gaps.append(gap)
            series.shift(gap.ts, gap.factor)
            self.forget(gap.key)

    def _matching(self, fault: Fault) -> list[Series]:
        return [one for key, one in self._market.series.items() if one.listing.symbol == fault.symbol and key.startswith(fault.match)]

    def _accounts(self, fault: Fault) -> list[str]:
        return [uid for uid in self._exchange.accounts if fault.account in {"", uid}]


def changed(listing: Listing, values: dict[str, Any]) -> Listing:
    """The listing with these filters and this status."""
    status = values.get(STATUS, listing.status)
    filters = {FILTER_FIELDS[name]: Decimal(str(value)) for name, value in values.items() if name != STATUS}
    instrument = msgspec.structs.replace(listing.instrument, trading=status == "Trading", **filters)
    return msgspec.structs.replace(listing, instrument=instrument, status=status)
