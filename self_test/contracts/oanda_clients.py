"""Other people's OANDA clients pointed at the simulator: nothing but the host (and the token) is different."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from modules.simulator.server import Simulator
from self_test.modules.simulator.live import serving

v20: Any = pytest.importorskip("v20", reason="of requirements-dev.txt")
pytest.importorskip("six", reason="oandapyV20 needs it without saying so")
oandapyV20: Any = pytest.importorskip("oandapyV20", reason="of requirements-dev.txt")  # noqa: N816  its own name


@contextlib.asynccontextmanager
async def box(**more: Any) -> AsyncIterator[Simulator]:
    """A venue with one coin and all pairs, ten minutes a second."""
    async with serving(symbols=("BTCUSDT",), **more) as simulator:
        yield simulator


def official(simulator: Simulator, *, stream: bool = False, token: str | None = None) -> Any:
    """The broker's own client `v20`."""
    port = simulator.oanda.web.ports[1 if stream else 0]
    return v20.Context("127.0.0.1", port, ssl=False, token=token or simulator.oanda.token, poll_timeout=10, stream_timeout=10)


@contextlib.contextmanager
def oandapy(simulator: Simulator, token: str | None = None) -> Iterator[Any]:
    """`oandapyV20`."""
    web = simulator.oanda.web
    oandapyV20.oandapyV20.TRADING_ENVIRONMENTS["local"] = {"api": web.address(0), "stream": web.address(1)}
    with oandapyV20.API(token or simulator.oanda.token, environment="local", request_params={"timeout": 10}) as client:
        yield client
