"""Which adapter a live account has, by its domain: Bybit's for crypto, one of each broker for FOREX and OPTIONS, each with its stream."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from modules.accounts import GatewayKey, Key
from modules.environment import BrokerHosts, Hosts
from modules.exchange.bybit import BybitVenue
from modules.exchange.bybit_stream import BybitAccountStream
from modules.exchange.ibkr import IbkrVenue
from modules.exchange.ibkr_gateway import IbkrGateway
from modules.exchange.ibkr_slots import IbkrSlots, IbkrSlotStream
from modules.exchange.oanda import OandaVenue
from modules.exchange.oanda_stream import OandaAccountStream
from modules.ports import AccountStream
from modules.settings import BotConfig
from state.accounts import Account, Domain
from utils.clock import Clock
from utils.throttle import Throttle

Door = BybitVenue | OandaVenue | IbkrSlots
"""A venue of one live account; it opens connections of its own, and whoever opens it closes it."""


class Doors:
    """Makes them. `hosts` are those of Bybit; without `broker` there is no door to FOREX."""

    def __init__(
        self,
        config: BotConfig,
        hosts: Hosts,
        broker: BrokerHosts | None,
        keys: Mapping[Domain, Key],
        throttle: Throttle,
        clock: Clock,
        rng: random.Random,
        venue_now: Callable[[], int],
    ) -> None:
        """`keys`: only those that open accounts of this environment."""
        self._config, self._hosts, self._broker, self._throttle = config, hosts, broker, throttle
        self._clock, self._rng, self._venue_now = clock, rng, venue_now
        self.keys = {domain: key for domain, key in keys.items() if domain is not Domain.FOREX or broker is not None}

    def open(self, account: Account) -> Door:
        """The venue of an account whose domain has a key."""
        key = self.keys[account.domain]
        if account.domain is Domain.FOREX and self._broker is not None:
            return OandaVenue(self._broker.http, key.secret, key.key, self._throttle, self._clock, self._rng, venue_now=self._venue_now)
        if isinstance(key, GatewayKey) and key.place is not None:
            return IbkrSlots(IbkrVenue(IbkrGateway(key.place), self._clock, venue_now=self._venue_now))
        return BybitVenue(
            self._hosts.http,
            key.key,
            key.secret,
            account.domain,
            self._throttle,
            self._clock,
            self._rng,
            leverage=self._config.domains[account.domain].costs.leverage,
            by_mark=self._config.risk.trigger == "mark",
            venue_now=self._venue_now,
        )

    def sign(self, venue: Door, prefix: str) -> None:
        """Tell a door how the client ids of this bot begin: a broker's keeps trades apart, and touches no other's."""
        if isinstance(venue, OandaVenue | IbkrSlots):
            venue.prefix = prefix

    def stream(self, account: Account, venue: Door) -> AccountStream:
        """The private stream of an account behind its open door."""
        key = self.keys[account.domain]
        if isinstance(venue, OandaVenue):
            stream = "" if self._broker is None else self._broker.stream
            return OandaAccountStream(venue, stream, key.secret, self._clock, self._rng)
        if isinstance(venue, IbkrSlots):
            return IbkrSlotStream(venue, self._clock, self._rng)
        url = f"{self._hosts.ws}/v5/private"
        return BybitAccountStream(url, key.key, key.secret, account.domain, self._clock, venue.venue_ms, self._rng)

    def sharing(self, account: Account, others: Mapping[Account, object]) -> tuple[Account, ...]:
        """The other live accounts whose key, and so whose wallet, is the same."""
        key = self.keys[account.domain].key
        return tuple(one for one in others if one != account and self.keys[one.domain].key == key)
