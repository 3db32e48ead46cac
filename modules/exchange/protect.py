"""Protection recipes: what a position shall have on its venue against what stands there, and the one next thing to do about it. Pure.

| product | how the entry brings it | how it moves | fallback | size |
|---|---|---|---|---|
| spot | legs of the limit order become one exit order when it is done | amend it | a stop order; the target is watched here | amended |
| perpetual | legs of the order become the position's | position stop and target, set together | the same | follows the position |
| options | children of the entry, one group | the leg that differs moves in place | the same | what one fills is taken off the other |
| forex | made on the entry's fill, bound to the trade | the leg that differs is replaced in place | the same | follows the trade |

The venue's stop has priority: nothing here cancels a stop before another stands. A stop only moves in favour: of the one wanted and the one
standing the better counts. What is below the venue's smallest order at its stop is dust and needs none.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from modules.exchange.reports import ZERO, OrderKind, OrderReport, OrderStatus, PositionReport
from state.accounts import Domain
from state.instruments import Instrument

LEGS = frozenset({OrderKind.STOP_LOSS, OrderKind.TAKE_PROFIT, OrderKind.TRAILING})
SPOT_EXITS = frozenset({OrderKind.SPOT_EXIT, OrderKind.SPOT_BRACKET})


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What one product of a venue can do."""

    attaches: bool
    """An entry may carry stop and target."""
    attaches_at_end: bool
    """They come into being only when the entry is done, so that a resting entry that fills in part is taken back."""
    by_position: bool
    """Stop and target belong to the position and follow its size; else they are orders with a size of their own."""
    locks: bool
    """A protective order binds what it would sell: it must go before a market close."""


RECIPES: dict[Domain, Recipe] = {
    Domain.CRYPTO: Recipe(attaches=True, attaches_at_end=True, by_position=False, locks=True),
    Domain.PERPS: Recipe(attaches=True, attaches_at_end=False, by_position=True, locks=False),
    Domain.FOREX: Recipe(attaches=True, attaches_at_end=False, by_position=True, locks=False),
    Domain.OPTIONS: Recipe(attaches=True, attaches_at_end=False, by_position=True, locks=False),
}
"""The capability matrix (Bybit v5, OANDA v20, Interactive Brokers; `docs/` and the contract tests say where each line comes from)."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A position and the protection it shall have: steps, ticks."""

    side: int
    steps: int
    stop: int
    target: int


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue has for one instrument: its open protective orders that are ours, and the perpetual position."""

    orders: tuple[OrderReport, ...] = ()
    position: PositionReport | None = None


class SetStops(msgspec.Struct, frozen=True):
    """Set the position's stop and target (ticks)."""

    stop: int
    target: int


class CreateStop(msgspec.Struct, frozen=True):
    """Make a stop order for `steps` at `stop` (ticks)."""

    steps: int
    stop: int


class Amend(msgspec.Struct, frozen=True, kw_only=True):
    """Change a protective order in place; None stays. Ticks and steps."""

    venue_id: str
    bracket: bool
    stop: int | None = None
    target: int | None = None
    steps: int | None = None

    @property
    def resizes(self) -> bool:
        """It makes up for a change of what is held, so it may not wait."""
        return self.steps is not None


class Sweep(msgspec.Struct, frozen=True):
    """Take an own protective order back: what it protected is gone, or it is one too many."""

    venue_id: str


Action = SetStops | CreateStop | Amend | Sweep


def better(side: int, one: int, other: int) -> int:
    """The stop (ticks) that is more in favour of a position of `side`; 0 is no stop."""
    if not one or not other:
        return one or other
    return max(one, other) if side > 0 else min(one, other)


def is_dust(instrument: Instrument, steps: int, stop: int) -> bool:
    """Whether `steps` are too few to be sold, at a stop of `stop` ticks (0 = size alone counts)."""
    qty = instrument.qty(steps)
    return steps <= 0 or qty < instrument.min_qty or (stop > 0 and qty * instrument.price(stop) < instrument.min_notional)


def is_stop(order: OrderReport, target: Decimal) -> bool:
    """Whether an own protective order stops a loss, given the target's price (0 = none): by its kind, else by its level."""
    if order.kind in {OrderKind.STOP_LOSS, OrderKind.TRAILING}:
        return True
    if order.kind is OrderKind.SPOT_BRACKET:
        return order.stop > ZERO
    if order.kind is OrderKind.SPOT_EXIT:
        return target == ZERO or order.trigger < target
    return False


def level(order: OrderReport) -> Decimal:
    """The price at which an own stop fires."""
    return order.stop if order.kind is OrderKind.SPOT_BRACKET else order.trigger


def stops_of(wanted: Wanted, standing: Standing, instrument: Instrument) -> list[OrderReport]:
    """The untriggered stops that stand against the position, brackets first, then the larger."""
    target = instrument.price(wanted.target)
    found = [
        one
        for one in standing.orders
        if one.status in {OrderStatus.WAITING, OrderStatus.OPEN} and one.side == -wanted.side and is_stop(one, target) and level(one) > ZERO
    ]
    return sorted(found, key=lambda one: (one.kind is not OrderKind.SPOT_BRACKET, -one.qty, one.venue_id))


def covered_steps(recipe: Recipe, wanted: Wanted, standing: Standing, instrument: Instrument) -> int:
    """How many steps of the position a stop stands for, at whatever level."""
    position = standing.position
    stops = stops_of(wanted, standing, instrument)
    if recipe.by_position:
        holds = position is not None and position.side == wanted.side and position.stop > ZERO
        return wanted.steps if holds or stops else 0
    return min(wanted.steps, sum(instrument.steps(one.qty - one.filled) for one in stops))


def is_covered(recipe: Recipe, wanted: Wanted, standing: Standing, instrument: Instrument) -> bool:
    """Whether at most dust stands without a stop. A stop that has just triggered is selling: that is cover, too."""
    if any(one.status is OrderStatus.TRIGGERED and one.side == -wanted.side for one in standing.orders):
        return True
    return is_dust(instrument, wanted.steps - covered_steps(recipe, wanted, standing, instrument), wanted.stop)


def effective(recipe: Recipe, wanted: Wanted, standing: Standing, instrument: Instrument) -> Wanted:
    """`wanted` with the better of its stop and the one standing: a stop never moves against the position."""
    best = wanted.stop
    levels = [level(one) for one in stops_of(wanted, standing, instrument)]
    position = standing.position
    if recipe.by_position and position is not None and position.side == wanted.side and position.stop > ZERO:
        levels.append(position.stop)
    for price in levels:
        quotient, rest = divmod(price, instrument.tick)
        if not rest:
            best = better(wanted.side, best, int(quotient))
    return msgspec.structs.replace(wanted, stop=best)


def verify(recipe: Recipe, wanted: Wanted, standing: Standing, instrument: Instrument) -> list[str]:
    """What stands on the venue, read back, against what is wanted: the differences in words, none when it is as wanted."""
    if is_dust(instrument, wanted.steps, wanted.stop):
        return []
    stop, target = instrument.price(wanted.stop), instrument.price(wanted.target)
    if recipe.by_position:
        return _verify_position(wanted, standing, stop, target)
    found: list[str] = []
    stops = stops_of(wanted, standing, instrument)
    if not stops:
        return [f"no stop stands for {wanted.steps} steps"]
    for one in stops:
        if level(one) != stop:
            found.append(f"the stop {one.venue_id} stands at {level(one)}, not at {stop}")
        if one.kind is OrderKind.SPOT_BRACKET and one.target != target:
            found.append(f"the target {one.venue_id} stands at {one.target}, not at {target}")
    bound = sum(instrument.steps(one.qty - one.filled) for one in stops)
    if bound > wanted.steps:
        found.append(f"stops stand for {bound} steps, held are {wanted.steps}")
    elif not is_dust(instrument, wanted.steps - bound, wanted.stop):
        found.append(f"{wanted.steps - bound} steps have no stop")
    return found


def _verify_position(wanted: Wanted, standing: Standing, stop: Decimal, target: Decimal) -> list[str]:
    """A perpetual: the position's own figures, or the child orders that it shows them by."""
    found: list[str] = []
    position = standing.position
    rows = [one for one in standing.orders if one.kind in LEGS and one.status is OrderStatus.WAITING and one.side == -wanted.side]
    for name, kind, price in (("stop", OrderKind.STOP_LOSS, stop), ("target", OrderKind.TAKE_PROFIT, target)):
        by_order = [one for one in rows if one.kind is kind]
        if by_order:
            found += [f"the {name} stands at {one.trigger}, not at {price}" for one in by_order if one.trigger != price]
            found += [f"the {name} may open a position" for one in by_order if not one.reduce_only]
        elif position is None or position.side != wanted.side:
            found.append(f"no {name} stands and the position was not seen")
        else:
            shown = position.stop if kind is OrderKind.STOP_LOSS else position.target
            if shown != price:
                found.append(f"the position's {name} is {shown}, not {price}")
    return found


def software_target(recipe: Recipe, wanted: Wanted, standing: Standing, instrument: Instrument) -> bool:
    """Whether the venue holds the stop alone, so that the target has to be watched here."""
    if recipe.by_position:
        return False
    return not any(one.kind is OrderKind.SPOT_BRACKET for one in stops_of(wanted, standing, instrument))


def next_action(recipe: Recipe, wanted: Wanted, standing: Standing, instrument: Instrument) -> Action | None:
    """The one thing that brings what stands nearer to what is wanted; None when nothing differs. Nothing is sent without a difference."""
    if not wanted.steps:
        return sweep(standing.orders)
    if is_dust(instrument, wanted.steps, wanted.stop):
        return None
    want = effective(recipe, wanted, standing, instrument)
    if not verify(recipe, want, standing, instrument):
        return None
    if recipe.by_position:
        return SetStops(want.stop, want.target)
    return _spot_action(want, standing, instrument)


def _spot_action(want: Wanted, standing: Standing, instrument: Instrument) -> Action | None:
    if any(one.status is OrderStatus.TRIGGERED for one in standing.orders):
        return None  # it is selling; what it leaves will be seen
    useless = next((one for one in standing.orders if one.kind not in SPOT_EXITS), None)
    if useless is not None:
        return Sweep(useless.venue_id)  # the venue made something else of a stop of ours, and it binds the coin
    stops = stops_of(want, standing, instrument)
    if not stops:
        return CreateStop(want.steps, want.stop)
    bound = sum(instrument.steps(one.qty - one.filled) for one in stops)
    spare = bound - want.steps
    extra = next((one for one in reversed(stops[1:]) if instrument.steps(one.qty - one.filled) <= spare), None)
    if extra is not None:
        return Sweep(extra.venue_id)
    first = stops[0]
    if spare > 0 or not is_dust(instrument, -spare, want.stop):
        steps = instrument.steps(first.qty) - spare
        if steps > instrument.steps(first.filled):
            return _amend(first, want, instrument, steps)
    for one in stops:
        wrong_target = one.kind is OrderKind.SPOT_BRACKET and one.target != instrument.price(want.target)
        if level(one) != instrument.price(want.stop) or wrong_target:
            return _amend(one, want, instrument, None)
    return None


def _amend(order: OrderReport, want: Wanted, instrument: Instrument, steps: int | None) -> Amend:
    bracket = order.kind is OrderKind.SPOT_BRACKET
    return Amend(
        venue_id=order.venue_id,
        bracket=bracket,
        stop=want.stop if level(order) != instrument.price(want.stop) else None,
        target=want.target if bracket and order.target != instrument.price(want.target) else None,
        steps=steps,
    )


def sweep(orders: Iterable[OrderReport]) -> Sweep | None:
    """An own protective order that outlived its position, if there is one."""
    orphan = next((one for one in orders if one.status in {OrderStatus.WAITING, OrderStatus.OPEN}), None)
    return None if orphan is None else Sweep(orphan.venue_id)
