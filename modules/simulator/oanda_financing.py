"""What holding currencies overnight costs: at 17:00 New York each trading day every open trade is charged or paid; pure.

Amount = units x price (the middle) x rate of the side / 365 x days charged, in the quote currency, turned into home currency at the middle.
Days are those of the pair's own table: most carry the weekend on Wednesday.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from forex import sessions
from modules.simulator.oanda_desk import Desk
from modules.simulator.oanda_types import ZERO, Row, Trade, money

YEAR = 365
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def next_turn(after_ms: int) -> int:
    """The first 17:00 in New York after this time (ms)."""
    day = (EPOCH + timedelta(milliseconds=after_ms)).astimezone(sessions.NEW_YORK).date()
    while (found := _at(day)) <= after_ms:
        day += timedelta(days=1)
    return found


def weekday(turn_ms: int) -> int:
    """Of a turn in New York, Monday = 0."""
    return (EPOCH + timedelta(milliseconds=turn_ms)).astimezone(sessions.NEW_YORK).weekday()


def _at(day: date) -> int:
    moment = datetime.combine(day, time(17), sessions.NEW_YORK)
    return int((moment - EPOCH) / timedelta(milliseconds=1))


def charge(desk: Desk, trade: Trade, turn_ms: int) -> Decimal:
    """Home currency that a trade is paid (below 0: pays) at a turn; 0 where nothing is charged on that day or no price is known."""
    pair, quote = desk.pair(trade.instrument), desk.quotes.get(trade.instrument)
    days = pair.days[weekday(turn_ms)]
    if quote is None or not days:
        return ZERO
    rate = pair.long_rate if trade.units > 0 else pair.short_rate
    return money(abs(trade.units) * quote.mid * rate * days / YEAR * desk.mid_factor(pair.quote))


def settle(desk: Desk, turn_ms: int) -> Row | None:
    """Book the turn: one DAILY_FINANCING for the account; None when nothing is held or charged."""
    amounts = [(trade, charge(desk, trade, turn_ms)) for trade in desk.open_trades()]
    amounts = [one for one in amounts if desk.pair(one[0].instrument).days[weekday(turn_ms)]]
    if not amounts:
        return None
    desk.begin()
    positions = []
    for name in dict.fromkeys(trade.instrument for trade, _ in amounts):
        mine = [(trade, amount) for trade, amount in amounts if trade.instrument == name]
        positions.append(
            {
                "instrument": name,
                "financing": desk.text(sum((amount for _, amount in mine), ZERO)),
                "openTradeFinancings": [{"tradeID": trade.id, "financing": desk.text(amount)} for trade, amount in mine],
                "accountFinancingMode": "DAILY",
            }
        )
    for trade, amount in amounts:
        trade.financing += amount
        brought = desk.state.position_pl.setdefault(trade.instrument, [ZERO] * 4)
        brought[2 if trade.units > 0 else 3] += amount
    total = sum((amount for _, amount in amounts), ZERO)
    desk.state.balance += total
    desk.state.financing += total
    return desk.book(
        "DAILY_FINANCING", turn_ms, financing=desk.text(total), accountBalance=desk.text(desk.state.balance),
        accountFinancingMode="DAILY", positionFinancings=positions,
    )  # fmt: skip
