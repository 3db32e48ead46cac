"""The values: what this bot trades, how much, at which cost. Types, bounds and reasons are in `modules/settings.py`.

Order of precedence: this file < parameters put into force by `promote FILE` < `BOT_SECTION__KEY` in the environment
< `--set section.key=value`. Secrets come from the environment or
`$CREDENTIALS_DIRECTORY` only and never stand here.
"""

from __future__ import annotations

from modules.settings import BotConfig, Capital, Costs, DomainSettings, Http, Learning, Paper, Risk, Swap
from modules.timeframes import BY_DAYS
from state.accounts import Domain

MINUTE_MS = 60_000

CONFIG = BotConfig(
    domains={
        Domain.CRYPTO: DomainSettings(
            symbols=("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "DOGEUSDT", "BNBUSDT", "LINKUSDT"),
            confirm_ms=5 * MINUTE_MS,
            primary_ms=15 * MINUTE_MS,
            warmup_days=40,
            costs=Costs(taker_ppm=1_000, maker_ppm=1_000),  # 10 bp each way, Bybit spot without a VIP level
        ),
        Domain.PERPS: DomainSettings(
            symbols=("ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "DOGEUSDT"),  # BTC's minimum needs a larger wallet
            confirm_ms=5 * MINUTE_MS,
            primary_ms=15 * MINUTE_MS,
            warmup_days=40,
            # 5.5 bp taker, 2 bp maker; 2 % covers the first risk tier of all of them
            costs=Costs(taker_ppm=550, maker_ppm=200, leverage=3, maintenance_ppm=20_000),
        ),
        Domain.FOREX: DomainSettings(
            symbols=("EURUSD", "GBPUSD", "USDJPY", "AUDUSD", "USDCAD", "EURGBP", "EURJPY"),
            confirm_ms=15 * MINUTE_MS,
            primary_ms=60 * MINUTE_MS,
            warmup_days=65,
            # No commission: the spread pays. 1 bp a side is a calm hour's half spread with some slippage; margin rate 1/30.
            costs=Costs(taker_ppm=0, maker_ppm=0, slip_ppm=100, leverage=30),
            # Difference of the two policy rates in the middle of 2025 less 0.8 % for the broker, until the broker says its own.
            swap={
                "EURUSD": Swap(long=-0.031, short=0.015),
                "GBPUSD": Swap(long=-0.009, short=-0.007),
                "USDJPY": Swap(long=0.030, short=-0.046),
                "AUDUSD": Swap(long=-0.013, short=-0.003),
                "USDCAD": Swap(long=0.008, short=-0.024),
                "EURGBP": Swap(long=-0.030, short=0.014),
                "EURJPY": Swap(long=0.007, short=-0.023),
            },
        ),
        Domain.OPTIONS: DomainSettings(
            symbols=("EURUSD", "USDJPY"),
            confirm_ms=15 * MINUTE_MS,
            primary_ms=60 * MINUTE_MS,
            by_days=BY_DAYS,
            warmup_days=65,
            costs=Costs(taker_ppm=0, maker_ppm=0, slip_ppm=0),  # the spread of the premium is the cost; premium is paid in full
        ),
    },
    risk=Risk(),
    paper=Paper(),
    capital=Capital(),
    learning=Learning(),
    http=Http(),
)
