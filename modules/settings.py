"""The shape of the configuration: every number a person may set, with its unit, bounds and reason. Values live in `config.py`.

pydantic judges what people write; each wrong field is named with its value and what is allowed. Kernels get the same numbers as rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from forex.options_chain import GRID
from marketdata.intervals import NAME
from modules.data.sentiment_settings import SentimentConfig
from modules.data.surface_settings import OptionsConfig
from modules.learning.champion import PromotionConfig
from modules.learning.search_settings import Optimize
from modules.log_settings import LogConfig
from modules.panel.settings import Panel
from modules.parameters import Parameters, stretches
from modules.telegram.settings import TelegramConfig
from modules.timeframes import Frames, check, frames_of, map_of, parse_frames, parse_map
from risk.weekend import ALWAYS, CARRIED, CARRY, CLOSE, TIGHTEN, WEEKLY
from state.accounts import Domain
from state.booking import RATE_SCALE
from state.books import ARMS, INST, LIMITS, PAR_E9, RULES, Rows, rows
from state.conversion import via_of
from state.instruments import Instrument
from strategy.registry import STRATEGIES, EntryOrder, Style
from telemetry.demotion import CanaryConfig, DemotionConfig
from telemetry.gate_config import GateConfig
from utils.fixed import ceil_steps, floor_steps, money_units

Fraction = Annotated[float, Field(gt=0.0, le=1.0)]
Ppm = Annotated[int, Field(ge=0, le=100_000)]
DAY_MS = 86_400_000
MINUTE_MS = 60_000
FINEST_CONFIRM_MS, FINEST_PRIMARY_MS = 5 * MINUTE_MS, 15 * MINUTE_MS
"""The simulator waits for the bot at five-minute closes, and the strategies' windows are counted in bars no finer than these."""
MOST_COIN_LEVERAGE = 3
MOST_STEPS = 3_000_000_000
"""Largest order: the share of a partial exit is computed with steps x steps, which must fit int64."""


def _timeframe(value: int, finest: int) -> int:
    """A timeframe that the venues serve; all of them divide the day. ValueError names those there are."""
    allowed = [length for length in sorted(NAME) if length >= finest and DAY_MS % length == 0 and length < DAY_MS]
    if value not in allowed:
        raise ValueError(f"is not one of {', '.join(str(length) for length in allowed)} (ms)")
    return value


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Risk(_Group):
    """Caps and breakers; fractions are of the account's equity."""

    base: Fraction = 0.05
    """Largest notional of one trade."""
    loss: Annotated[float, Field(gt=0.0, le=0.05)] = 0.005
    """Largest loss at the stop, costs included."""
    canary_base: Fraction = 0.02
    """Largest notional of one trade of a live account on probation (the canary)."""
    canary_loss: Annotated[float, Field(gt=0.0, le=0.05)] = 0.0025
    """Largest loss at the stop of a canary's trade, costs included."""
    canary_factor: Fraction = 0.5
    """Regime and drawdown never shrink a canary's trade below this share of its size."""
    pair: Fraction = 0.15
    """Largest gross notional of one underlying."""
    portfolio: Fraction = 0.30
    """Largest gross notional of the account. FOREX counts margin in `base`, `canary_base`, `pair`, `portfolio`; and beside them these:"""
    fx_pair_gross: Annotated[float, Field(gt=0.0, le=20.0)] = 2.0
    """Largest gross of one currency pair, in multiples of equity."""
    fx_gross: Annotated[float, Field(gt=0.0, le=50.0)] = 4.0
    """Largest gross of the account, in multiples of equity."""
    fx_currency: Annotated[float, Field(gt=0.0, le=20.0)] = 2.0
    """Largest net position in one currency, the account's own included, in multiples of equity."""
    option_base: Fraction = 0.02
    """Largest premium of one option (OPTIONS counts premium, and these two instead of `base`, `pair` and `portfolio`)."""
    option_total: Fraction = 0.10
    """Largest premium of all options of the account."""
    option_exit_days: Annotated[float, Field(ge=0.0, le=10.0)] = 3.0
    """An option is sold so many days before its expiry; 0: it is held to its settlement. Bought with 14 or more: held for four at least."""
    volume: Fraction = 0.01
    """Largest share of the pair's median turnover in one confirm bar."""
    volatile_factor: Fraction = 0.5
    """Size in the volatile regime."""
    half_drawdown: Annotated[float, Field(gt=0.0, le=0.5)] = 0.08
    """Drawdown from which paper trades half size."""
    stop_drawdown: Annotated[float, Field(gt=0.0, le=0.5)] = 0.12
    """Drawdown from which nothing new is entered until a reset."""
    max_drawdown: Annotated[float, Field(gt=0.0, le=0.5)] = 0.15
    """Drawdown at which everything is closed and the account halts."""
    half_factor: Fraction = 0.5
    daily_loss: Annotated[float, Field(gt=0.0, le=0.5)] = 0.03
    """Loss since 00:00 UTC that stops entries for the day."""
    slip_cap_ppm: Ppm = 2_000
    """How far beyond the touch a market entry may fill (parts per million)."""
    ioc_cap_ppm: Ppm = 300
    """How far from the confirming close C3's entry may fill: 3 bp."""
    min_amend_r: Annotated[float, Field(ge=0.0, le=1.0)] = 0.1
    """A stop moves only by at least this share of the initial risk."""
    min_amend_ticks: Annotated[int, Field(ge=1, le=1_000)] = 2
    streak_low: Annotated[int, Field(ge=2, le=50)] = 5
    streak_high: Annotated[int, Field(ge=2, le=50)] = 8
    """Losses in a row that pause a style lie between these two."""
    streak_min_trades: Annotated[int, Field(ge=1)] = 30
    streak_chance: Fraction = 0.05
    pause_bars: Annotated[int, Field(ge=1, le=1_000)] = 4
    """Primary bars of pause for each loss of the run."""
    hold_min_trades: Annotated[int, Field(ge=1)] = 30
    """Trades before a strategy's own median holding time replaces its prior."""
    max_spread_ratio: Annotated[float, Field(ge=1.0, le=100.0)] = 3.0
    """Entries need a spread of at most this many times its median."""
    max_move: Annotated[float, Field(ge=0.0, le=1_000.0)] = 12.0
    """Standard deviations that a bar may go from the close before it; after a farther one no entries for an hour of bars. 0: no limit."""
    trigger: Literal["last", "mark"] = "last"
    """By which price the stops and targets of perpetuals trigger and their positions are valued: the last trade's or the mark."""
    liquidation_stops: Annotated[float, Field(ge=1.0, le=20.0)] = 3.0
    """A perpetual is entered only where liquidation is at least so many stop distances away."""
    weekend: Literal["close", "tighten", "carry"] = "close"
    """What happens to FOREX positions before the week's close; options are carried, crypto has no weekend."""
    weekend_lead_min: Annotated[int, Field(ge=1, le=1_440)] = 30
    """So many minutes before it: entries end, and positions are closed or tightened."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        """Caps and breakers that belong together must be in their order, or the narrower one never acts."""
        if not self.base <= self.pair <= self.portfolio:
            raise ValueError(f"base {self.base:g} <= pair {self.pair:g} <= portfolio {self.portfolio:g} does not hold")
        # A max_drawdown below stop_drawdown is only stricter: the account halts before it would stop entering.
        if not self.half_drawdown < min(self.stop_drawdown, self.max_drawdown):
            raise ValueError(
                f"half_drawdown {self.half_drawdown:g} is not below both stop_drawdown {self.stop_drawdown:g} and "
                f"max_drawdown {self.max_drawdown:g}"
            )
        if self.streak_low > self.streak_high:
            raise ValueError(f"streak_low {self.streak_low} <= streak_high {self.streak_high} does not hold")
        return self


class Costs(_Group):
    """What a domain's venue charges and what taking costs, in parts per million of notional."""

    taker_ppm: Ppm
    maker_ppm: Ppm
    slip_ppm: Ppm = 200
    """Slippage of a taking leg over bars: 2 bp."""
    leverage: Annotated[int, Field(ge=1, le=50)] = 1
    """Crypto: at most 3. FOREX: 1 / margin rate; there an instrument's own margin rate goes before it."""
    maintenance_ppm: Annotated[int, Field(ge=0, le=300_000)] = 0
    """Maintenance margin of a position (isolated), parts per million of its value; 0 where the venue liquidates no single position."""


YearlyRate = Annotated[float, Field(ge=-0.2, le=0.2)]


class Swap(_Group):
    """What holding a currency pair earns (negative: costs), a year, as a fraction of the position's value."""

    long: YearlyRate = 0.0
    short: YearlyRate = 0.0


class DomainSettings(_Group):
    """One domain: what it trades, on which timeframes, from which paper balance."""

    symbols: tuple[str, ...]
    confirm_ms: Annotated[int, Field(ge=60_000, le=DAY_MS)]
    primary_ms: Annotated[int, Field(ge=60_000, le=DAY_MS)]
    timeframes: dict[str, str] = {}
    """Symbols on other timeframes than the domain's, as primary/confirm: `{"EURUSD": "4h/1h"}`; in `--set`: EURUSD=4h/1h,USDJPY=4h/1h."""
    by_days: tuple[str, ...] = ()
    """OPTIONS: which timeframes govern a position by the days to its expiry, the most days first: `(">21:4h/1h", ">=0:1h/15m")`."""
    warmup_days: Annotated[int, Field(ge=1, le=365)]
    paper_balance: Annotated[int, Field(ge=10, le=1_000_000)] = 1_000
    """USDT (FOREX, OPTIONS: USD) in a fresh paper wallet."""
    costs: Costs
    swap: dict[str, Swap] = {}
    """FOREX: what a pair's financing is until its venue says otherwise; a pair that is not here has none."""

    @field_validator("confirm_ms")
    @classmethod
    def _confirms(cls, value: int) -> int:
        return _timeframe(value, FINEST_CONFIRM_MS)

    @field_validator("primary_ms")
    @classmethod
    def _decides(cls, value: int) -> int:
        return _timeframe(value, FINEST_PRIMARY_MS)

    @field_validator("timeframes", mode="before")
    @classmethod
    def _written(cls, value: object) -> object:
        return parse_map(value)

    @model_validator(mode="after")
    def _nested(self) -> Self:
        """A primary bar is a whole number of confirm bars, more than one; so for every symbol with its own."""
        check(Frames(self.primary_ms, self.confirm_ms))
        for symbol, text in self.timeframes.items():
            try:
                own = parse_frames(text)
                _timeframe(own.confirm_ms, FINEST_CONFIRM_MS)
                _timeframe(own.primary_ms, FINEST_PRIMARY_MS)
            except ValueError as error:
                raise ValueError(f"timeframes: {symbol} = {text}: {error}") from None
        for rung in map_of(self.by_days).rungs if self.by_days else ():
            _timeframe(rung.frames.confirm_ms, FINEST_CONFIRM_MS)
            _timeframe(rung.frames.primary_ms, FINEST_PRIMARY_MS)
        return self

    def frames(self, symbol: str) -> Frames:
        """The timeframes that `symbol` is traded on."""
        return frames_of(symbol, Frames(self.primary_ms, self.confirm_ms), self.timeframes)


class Paper(_Group):
    """The in-process paper venue (the quote model)."""

    latency_ms: Annotated[int, Field(ge=0, le=60_000)] = 150
    """Venue time from decision to the venue's book."""
    max_quote_age_s: Annotated[float, Field(gt=0.0, le=60.0)] = 5.0
    """An entry needs a quote that arrived within this (transport time)."""


class Capital(_Group):
    """Whose money is whose on the venue."""

    crypto_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    """CRYPTO's share of a wallet that it shares with PERPS under one key; with a sub-account each, every domain has its own."""
    deposits: Literal["outside", "own"] = "outside"
    """Money that comes to a live wallet: left alone as somebody else's, or the bot's to trade with."""
    key_may_withdraw: bool = False
    """Accept an API key that can withdraw; without it such a key is refused at the start."""


class Learning(_Group):
    """What the bot tries, and how much of it."""

    explore: Annotated[float, Field(ge=0.10, le=0.25)] = 0.10
    """Share of decisions that try another exit profile on paper beside live money; in chop it rises to 0.25."""
    promotion: PromotionConfig = PromotionConfig()
    """What a challenger must have shown, and when a champion goes back."""
    window_days: Annotated[int, Field(ge=120, le=180)] = 180
    """How far back decisions are learned from."""
    every_days: Annotated[int, Field(ge=1, le=90)] = 7
    """A challenger is trained anew so often."""
    apart_hours: Annotated[int, Field(ge=24, le=168)] = 24
    """Two trainings of a domain are at least so far apart, also when drift asks for one."""
    judge_hours: Annotated[int, Field(ge=1, le=168)] = 24
    """Champion and challenger are compared so often; for a roll-back a learned champion is looked at each hour."""
    max_disagreement: Annotated[float, Field(gt=0.0, le=0.5)] = 0.30
    """Share of held-out decisions that seeds may disagree on; with more a training is thrown away."""
    cpu_s_per_hour: Annotated[float, Field(gt=0.0, le=3600.0)] = 60.0
    """Computing time (s) that learning may take in an hour of wall time; what goes beyond waits."""
    job_limit_s: Annotated[float, Field(ge=10.0, le=3600.0)] = 600.0
    """Wall time after which a training is ended by force."""
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 1
    """Of everything random in a training: same seed and same decisions, same weights."""


class Http(_Group):
    """Where status, health and metrics are served; loopback unless told otherwise."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 9108


class BotConfig(_Group):
    """Everything the roof hands down."""

    domains: dict[Domain, DomainSettings]
    risk: Risk
    paper: Paper
    capital: Capital = Capital()
    learning: Learning = Learning()
    parameters: Parameters = Parameters()
    optimize: Optimize = Optimize()
    sentiment: SentimentConfig = SentimentConfig()
    options: OptionsConfig = OptionsConfig()
    gates: GateConfig = GateConfig()
    canary: CanaryConfig = CanaryConfig()
    demotion: DemotionConfig = DemotionConfig()
    telegram: TelegramConfig = TelegramConfig()
    http: Http
    logs: LogConfig = LogConfig()
    panel: Panel = Panel()

    @model_validator(mode="after")
    def _coins(self) -> Self:
        """No leverage above 3 on coins, whatever the venue would lend; one feed brings all coins' candles, of one length."""
        for domain in (Domain.CRYPTO, Domain.PERPS):
            if domain in self.domains and self.domains[domain].timeframes:
                raise ValueError(f"domains.{domain}.timeframes: only pairs of FOREX may have timeframes of their own")
            if domain in self.domains and self.domains[domain].costs.leverage > MOST_COIN_LEVERAGE:
                raise ValueError(f"domains.{domain}.costs.leverage {self.domains[domain].costs.leverage} is above {MOST_COIN_LEVERAGE}")
        options = self.domains.get(Domain.OPTIONS)
        if options is not None and (options.timeframes or not options.by_days):
            raise ValueError("domains.OPTIONS: timeframes are of pairs of FOREX; an option's go by_days, which must be given")
        unlisted = [symbol for symbol in options.symbols if symbol not in GRID] if options is not None else []
        if unlisted:
            raise ValueError(f"domains.OPTIONS.symbols: no options are listed on {', '.join(unlisted)}; there are on {', '.join(GRID)}")
        for domain, settings in self.domains.items():
            if settings.by_days and domain is not Domain.OPTIONS:
                raise ValueError(f"domains.{domain}.by_days: only OPTIONS have an expiry")
        return self


_ORDER = {EntryOrder.MARKET: 0, EntryOrder.IOC_LIMIT: 1, EntryOrder.MAKER: 2}


_WEEKEND = {"close": CLOSE, "tighten": TIGHTEN, "carry": CARRY}
_SESSION = {Domain.CRYPTO: ALWAYS, Domain.PERPS: ALWAYS, Domain.FOREX: WEEKLY, Domain.OPTIONS: CARRIED}


def limit_rows(risk: Risk) -> Rows:
    """The guardrails as the LIMITS row."""
    found = rows(LIMITS)
    for name in LIMITS.names or ():
        if name not in {"half_at", "stop_at", "halt_at", "weekend", "by_mark"}:
            found[0][name] = getattr(risk, name)
    found[0]["weekend"], found[0]["by_mark"] = _WEEKEND[risk.weekend], int(risk.trigger == "mark")
    found[0]["half_at"], found[0]["stop_at"], found[0]["halt_at"] = risk.half_drawdown, risk.stop_drawdown, risk.max_drawdown
    return found


def rule_rows(primary_ms: int | Mapping[Domain, int], parameters: Parameters = Parameters()) -> Rows:  # noqa: B008  frozen
    """The strategy table as RULES rows, in index order; `primary_ms` is the primary timeframe, by domain where there are several.

    A strategy's pauses count bars of the first of its domains that is there; single pairs on other timeframes change nothing of that.

    Demo and O1 measure in fractions of the price: their rows hold multiples of one `fraction` of it, which is passed as the ATR.
    """
    found = rows(RULES, len(STRATEGIES))
    primaries = primary_ms if isinstance(primary_ms, Mapping) else dict.fromkeys(Domain, primary_ms)
    for s, entry in enumerate(STRATEGIES):
        row = found[s]
        own = next((primaries[domain] for domain in entry.domains if domain in primaries), next(iter(primaries.values())))
        row["style"] = 0 if entry.style is Style.SWING else 1
        row["order_type"] = _ORDER[entry.entry]
        row["max_hold_ms"], row["primary_ms"] = entry.max_hold_ms, own
        row["stop_cap"], row["cost_limit"] = entry.stop_cap, entry.cost_cap
        row["prior_hold_ms"] = int(entry.prior_hold_h * 3_600_000)
        row["free"] = int(entry.cost_cap == 0.0)
        stop, trail, target = stretches(parameters, entry.id)
        for arm in range(ARMS):
            profile = entry.arms()[arm]
            unit = entry.fraction or 1.0
            row["stop_k"][arm], row["target_k"][arm] = profile.stop / unit * stop, profile.target / unit * target
            row["trail_k"][arm] = 0.0 if entry.fraction else profile.trail * trail
    return found


def instrument_rows(instruments: tuple[Instrument, ...], seats: Sequence[tuple[int, int]], domains: dict[Domain, DomainSettings]) -> Rows:
    """Venue filters and costs as INST rows, one a seat (account row, market row).

    ValueError for a grid too fine to book, Refusal for a quote currency that no pair here values in the account's.
    """
    found = rows(INST, len(seats))
    currencies = {name: n for n, name in enumerate(dict.fromkeys(ccy for one in instruments for ccy in (one.base, one.quote)))}
    for i, (account, market) in enumerate(seats):
        instrument = instruments[market]
        costs = domains[instrument.domain].costs
        row = found[i]
        row["account"], row["market"] = account, market
        row["spot"] = int(instrument.domain in {Domain.CRYPTO, Domain.OPTIONS})  # an option is paid in full
        row["option"] = int(instrument.domain is Domain.OPTIONS)
        row["tick"], row["unit"] = float(instrument.tick), instrument.unit
        row["min_steps"] = ceil_steps(instrument.min_qty, instrument.step)
        row["max_steps"] = min(floor_steps(instrument.max_qty, instrument.step), MOST_STEPS)
        row["min_notional"] = money_units(instrument.min_notional)
        row["taker_ppm"], row["maker_ppm"], row["slip_ppm"] = costs.taker_ppm, costs.maker_ppm, costs.slip_ppm
        row["leverage"], row["maintenance_ppm"] = costs.leverage, costs.maintenance_ppm
        row["session"] = _SESSION[instrument.domain]
        row["funding_interval_ms"] = instrument.funding_interval_min * 60_000
        via = via_of(instruments, market)
        row["via"], row["inverse"], row["via_tick"] = via.market, int(via.inverse), float(instruments[via.market].tick)
        row["rate_e9"] = PAR_E9 if via.market < 0 else 0
        row["base_ccy"], row["quote_ccy"] = currencies[instrument.base], currencies[instrument.quote]
        if instrument.domain is Domain.FOREX:
            _on_margin(row, instrument, domains[Domain.FOREX])
    return found


def _on_margin(row: Any, instrument: Instrument, settings: DomainSettings) -> None:
    """What is particular to a currency pair: its margin, and what its financing is."""
    swap = settings.swap.get(instrument.symbol, Swap())
    long, short = (swap.long, swap.short) if instrument.financing is None else (instrument.financing.long, instrument.financing.short)
    row["on_margin"] = 1
    if 0 < instrument.margin_rate < 1:  # else its venue has not said: the configured leverage counts
        row["leverage"] = int(1 / instrument.margin_rate)
    row["swap_long_e8"], row["swap_short_e8"] = round(long * RATE_SCALE), round(short * RATE_SCALE)
