"""Work in a process of its own: bytes there and back, one at a time, bounded, without secrets; a failure is one sentence."""

from __future__ import annotations

import asyncio
import os
import sys
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from modules.ui.beside import JOBS, WAITING, Beside
from modules.ui.charts import PriceChart
from utils.errors import Refusal

ECHO = "import sys; sys.stdout.write('{}')"


@pytest.mark.asyncio
async def test_a_chart_is_drawn_in_another_process() -> None:
    bars = np.column_stack([1_741_184_700_000 + 300_000 * np.arange(50), *([np.full(50, 100)] * 4), np.ones(50)]).astype(np.int64)
    ask = PriceChart(title="BTCUSDT", subtitle="", unit="USDT", tick=0.1, width_ms=300_000, bars=bars.tobytes())
    png = await Beside().run("chart", msgspec.msgpack.encode(ask))
    assert png.startswith(b"\x89PNG")


@pytest.mark.asyncio
async def test_what_is_no_request_is_refused_in_one_line() -> None:
    with pytest.raises(Refusal, match="could not be made") as told:
        await Beside().run("chart", b"nonsense")
    assert "\n" not in str(told.value)


@pytest.mark.asyncio
async def test_what_takes_too_long_is_ended() -> None:
    with pytest.raises(Refusal, match="longer than"):
        await Beside(limit_s=0.3).command([sys.executable, "-c", "import time; time.sleep(600)"])


@pytest.mark.asyncio
async def test_they_take_turns_and_too_many_are_sent_away() -> None:
    beside = Beside()
    wait = [sys.executable, "-c", "import time; print(time.monotonic_ns()); time.sleep(0.2); print(time.monotonic_ns())"]
    found = await asyncio.gather(*(beside.command(wait) for _ in range(WAITING + 3)), return_exceptions=True)
    refused = [one for one in found if isinstance(one, Refusal)]
    spans = sorted(tuple(map(int, one.split())) for one in found if isinstance(one, bytes))
    assert len(refused) == 2
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    assert await beside.command([sys.executable, "-c", ECHO.format("again")]) == b"again"


@pytest.mark.asyncio
async def test_the_process_is_told_no_secrets_and_runs_at_the_lowest_priority() -> None:
    environ = {"PATH": os.environ.get("PATH", ""), "BYBIT_API_SECRET": "x", "TELEGRAM_BOT_TOKEN": "y", "PANEL_TOKEN": "z", "LANG": "C"}
    code = "import os, time; time.sleep(0.3); print(sorted(os.environ), os.getpriority(os.PRIO_PROCESS, 0))"
    said = (await Beside(environ).command([sys.executable, "-c", code])).decode()
    assert "BYBIT" not in said
    assert "TOKEN" not in said
    assert said.split()[-1] == "19"


def test_every_job_is_there() -> None:
    for module, name in JOBS.values():
        assert callable(getattr(__import__(module, fromlist=[name]), name))
