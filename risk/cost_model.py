"""What one leg of a trade costs on a pair: its fee and the slippage against the mid of the decision, as a model with a version.

    cost_bp = fee(maker | taker) + a * spread_bp + Y * sigma_h_bp * sqrt(Q / V_h) + c * sigma_h_bp * sqrt(latency_s / 3600)

`sigma_h_bp` is the volatility of an hour, Q / V_h the order's share of an hour's usual turnover (square-root impact: Donier & Bonart),
`latency_s` the time from decision to execution. Funding is counted apart and exactly. A resting entry pays its maker fee and no slippage
here: that it fills only when the price goes through it is the venue model's business.
"""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec

PRIOR = (0.5, 1.0, 0.1)
"""a, Y, c before anything was measured: half the spread, impact of the literature, a tenth of the volatility during the delay."""
PPM_PER_BP = 100
STRESS = 1.5
"""Costs of a stress test are at least this many times the usual ones."""


class Source(StrEnum):
    """What a model was fitted on."""

    PRIOR = "prior"
    BOOK = "book"
    """The recorded book at decision plus latency: paper's only source, because its fills come out of this very model."""
    LIVE = "live"
    """Fills of a live account."""


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """The market around an order: spread and hourly volatility in bp, share of an hour's turnover (fraction), latency in seconds."""

    spread_bp: float = 0.0
    sigma_bp: float = 0.0
    share: float = 0.0
    latency_s: float = 0.0

    @property
    def row(self) -> tuple[float, float, float]:
        """What a, Y and c are multiplied with, in bp."""
        return self.spread_bp, self.sigma_bp * math.sqrt(self.share), self.sigma_bp * math.sqrt(self.latency_s / 3600.0)


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One measured taking execution: the conditions and the slippage paid (bp of the decision's mid, negative = improved)."""

    ts: int
    key: str
    at: Conditions
    slip_bp: float


class CostModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of one pair's costs. Fees in ppm of value; `fee_ts` = when the venue said so, 0 = never (the configuration's count)."""

    key: str
    version: int = 0
    source: Source = Source.PRIOR
    a: float = PRIOR[0]
    y: float = PRIOR[1]
    c: float = PRIOR[2]
    n: int = 0
    """Fills (or book samples) it was fitted on."""
    fitted_ts: int = 0
    usual: Conditions = Conditions()
    """Medians of the samples: where `slip_ppm` is taken."""
    p90_bp: float = 0.0
    """90 % quantile of the slippage measured."""
    holdout_mae_bp: float = 0.0
    taker_ppm: int = 0
    maker_ppm: int = 0
    fee_ts: int = 0

    @property
    def coefficients(self) -> tuple[float, float, float]:
        """a, Y, c."""
        return self.a, self.y, self.c

    @property
    def measured(self) -> bool:
        """Whether the slippage comes from samples; otherwise the configured one counts."""
        return self.source is not Source.PRIOR


def slippage_bp(model: CostModel, at: Conditions) -> float:
    """Expected slippage of one taking leg against the decision's mid, in bp."""
    return sum(k * x for k, x in zip(model.coefficients, at.row, strict=True))


def cost_bp(model: CostModel, at: Conditions, *, maker: bool = False) -> float:
    """Expected cost of one leg in bp: the fee, and for a taking leg the slippage."""
    if maker:
        return model.maker_ppm / PPM_PER_BP
    return model.taker_ppm / PPM_PER_BP + slippage_bp(model, at)


def slip_ppm(model: CostModel) -> int:
    """Usual slippage of a taking leg, half the usual spread and more included, in ppm rounded up: INST.slip_ppm."""
    return math.ceil(slippage_bp(model, model.usual) * PPM_PER_BP - 1e-9)


def spread_ppm(model: CostModel) -> int:
    """The usual spread that `slip_ppm` already holds, in ppm rounded down: INST.spread_ppm."""
    return math.floor(model.usual.spread_bp * PPM_PER_BP)


def stress_bp(model: CostModel) -> float:
    """Slippage of a taking leg in a stress test: the 90 % quantile, and at least 1.5 times the usual one."""
    return max(model.p90_bp, STRESS * slippage_bp(model, model.usual))
