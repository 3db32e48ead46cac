"""The rollout: with what money each style of a domain trades, how it rises by evidence and a person's word, how it falls by itself.

`mode(domain, style) = min(stage cell, standing, toggle, profile)`: accounts come from stage, toggles and profile
(`modules/accounts.py`), the standing is kept here. Verdicts are computed once a UTC day from the account's own ledger rows; a PASS offers,
a person confirms, figures demote. Pure: called by the engine, replayed with its journal. Source: definitions, "Stage and standing", "KPIs
and the gate", "Demotion".
"""

from __future__ import annotations

import msgspec

from modules.engine.mandate import Mandate
from risk.breakers import probation
from risk.drawdown import NO_ENTRIES
from state.accounts import Account, Domain, Mode
from state.messages import Command, Record, Report
from state.runtime import RuntimeState
from state.stages import paper_account
from state.standing import Fall, Level, Standing, standing_key
from telemetry.demotion import Canary, Demotion, canary_finished, cooldown_until, demotion, fallen, still_falls, trades_factor
from telemetry.gates import Verdict, evaluate, opens
from telemetry.ledger_rows import read_rows
from telemetry.sample import Sample, sample_of
from utils.fixed import money, plain

DAY_MS = 86_400_000
STYLE_NAMES = ("swing", "scalp")
OPENED_BY = {Domain.CRYPTO: (2, 3), Domain.FOREX: (4, 5)}
"""The stages that a domain opens: when it is promoted, and when its canary has ended."""
GOES_ON = "its probation goes on"


def live_styles(mandate: Mandate, account: Account) -> tuple[int, ...]:
    """Styles (0 swing, 1 scalp) with a strategy that counts on `account`."""
    found = {
        STYLE_NAMES.index(mandate.strategies[s].style) for s in mandate.allowed.get(account, frozenset()) if mandate.strategies[s].confirmed
    }
    return tuple(sorted(found))


def _goes_live(mandate: Mandate, domain: Domain, style: str) -> bool:
    """Whether any strategy of the style may trade real money there at all; one that may not has nothing to be promoted for."""
    return any(mandate.strategies[s].style == style and mandate.strategies[s].confirmed for s in mandate.lives.get(domain, frozenset()))


def standing(state: RuntimeState, domain: Domain, style: str) -> Standing:
    """Where a style stands; on paper until it has earned more."""
    return state.standings.get(standing_key(domain, style), Standing())


def policy_here(state: RuntimeState, mandate: Mandate, i: int, s: int) -> bool:
    """Whether the policy's own entries of strategy `s` are made on seat `i`: where its style stands, and the demo everywhere."""
    account, card = state.account_of(i), mandate.strategies[s]
    if not card.confirmed:
        return True
    real = standing(state, account.domain, card.style).real
    if account.mode is Mode.LIVE:
        return real
    live = Account(account.domain, Mode.LIVE)
    return not (real and s in mandate.allowed.get(live, frozenset()))


# --- boot -----------------------------------------------------------------------------------------------------------------------------


def at_boot(state: RuntimeState, mandate: Mandate, ts: int, *, override: bool, out: list[Command]) -> None:
    """Samples that are new, or whose procedure changed, begin; an override puts what never fell on probation with real money."""
    for account in mandate.allowed:
        for style in live_styles(mandate, account):
            name, domain = STYLE_NAMES[style], account.domain
            known = standing(state, domain, name)
            if override and account.mode is Mode.LIVE and known.level is Level.PAPER and not known.falls:
                _rise(state, account, style, ts, "the gates were overridden", out)
            procedure = mandate.procedures.get(standing_key(domain, name), "")
            if state.samples.get(_sample_key(account, name)) != procedure:
                reason = "first activation" if _sample_key(account, name) not in state.samples else "the procedure changed"
                _begin(state, mandate, account, name, ts, reason, out)


def _sample_key(account: Account, style: str) -> str:
    return f"{account}/{style}"


def _begin(state: RuntimeState, mandate: Mandate, account: Account, style: str, ts: int, reason: str, out: list[Command]) -> None:
    """A fresh sample of evidence."""
    procedure = mandate.procedures.get(standing_key(account.domain, style), "")
    state.samples[_sample_key(account, style)] = procedure
    row = {"what": "start", "ts": ts, "account": str(account), "style": style, "procedure": procedure, "reason": reason}
    out.append(Record("verdict", row))
    known = standing(state, account.domain, style)
    if account.mode is Mode.PAPER and known.offered_ts:  # what was offered rested on the sample that is over
        state.standings[standing_key(account.domain, style)] = msgspec.structs.replace(known, offered_ts=0)
        text = f"{standing_key(account.domain, style)}: the offer of real money is withdrawn, {reason}"
        out.append(Report(ts=ts, what="rollout", account=str(account), rule="offer", text=text))
    if reason != "first activation":
        text = f"{account} {style}: a fresh sample of evidence begins, {reason}"
        out.append(Report(ts=ts, what="rollout", account=str(account), rule="sample", text=text))


def fresh_samples(state: RuntimeState, mandate: Mandate, account: Account, ts: int, reason: str, out: list[Command]) -> None:
    """Every style of `account` starts its evidence over (a wallet reset, a resume after a halt)."""
    for style in live_styles(mandate, account):
        _begin(state, mandate, account, STYLE_NAMES[style], ts, reason, out)


# --- a day --------------------------------------------------------------------------------------------------------------------------


def at_day(state: RuntimeState, mandate: Mandate, a: int, ts: int, out: list[Command]) -> None:
    """After a UTC day of account `a`: verdicts, offers, demotions, the end of a canary."""
    account = state.accounts[a]
    for style in live_styles(mandate, account):
        name = STYLE_NAMES[style]
        sample = _sample(state, mandate, account, name, ts, out)
        verdict = evaluate(sample, mandate.gate, ts)
        out.append(Record("verdict", {"what": "verdict", "account": str(account), "style": name, **msgspec.to_builtins(verdict)}))
        if account.mode is Mode.PAPER:
            _offer(state, mandate, account, name, verdict, ts, out)
        elif not _falls(state, mandate, a, style, sample, ts, out):
            _canary_done(state, mandate, a, style, sample, ts, out)


def _sample(state: RuntimeState, mandate: Mandate, account: Account, style: str, ts: int, out: list[Command]) -> Sample:
    """The evidence of a style on an account, today's rows in `out` included."""
    book = read_rows(_concerning(account, [*state.evidence, *_rows(out)]))
    factor = trades_factor(_past(state, account, style), str(account), style, mandate.demotion)
    return sample_of(book, str(account), style, mandate.env, ts, factor)


def _concerning(account: Account, rows: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """The rows that speak of `account`, or do not say of whom; verdicts, the longest of all, are no evidence themselves.

    Told by their bytes, because the engine waits while years of rows are decoded.
    """
    mine = b'"account":"%b"' % str(account).encode()
    return [
        (kind, text)
        for kind, text in rows
        if (mine in text or b'"account":"' not in text) and (kind != "verdict" or b'"what":"start"' in text or b'"what":"damage"' in text)
    ]


def _past(state: RuntimeState, account: Account, style: str) -> list[Demotion]:
    """The falls of a style, as the arithmetic of demotion wants them."""
    falls = standing(state, account.domain, style).falls
    return [Demotion(ts=fall.ts, account=str(account), style=style, to=fall.to, reason=fall.reason) for fall in falls]


def _canary_of(state: RuntimeState, a: int, style: int) -> Canary | None:
    """How the probation of a style goes; None when it is on none."""
    acct = state.acct[a]
    if not acct["canary"][style]:
        return None
    return Canary(
        trades=int(acct["canary_trades"][style]),
        since_ts=int(acct["canary_since"][style]),
        realised=float(acct["canary_realised"][style]),
        equity=float(acct["day_start"]),
    )


def _falls(state: RuntimeState, mandate: Mandate, a: int, style: int, sample: Sample, ts: int, out: list[Command]) -> bool:
    """Demote the style where its figures ask for it; whether it fell."""
    account, name = state.accounts[a], STYLE_NAMES[style]
    level = standing(state, account.domain, name).level
    past, probation_now = _past(state, account, name), _canary_of(state, a, style)
    found = demotion(sample, level, _drawdown(state, a), probation_now, past, mandate.demotion, mandate.canary, ts)
    if found is not None:
        _demote(state, mandate, a, style, found, out)
    return found is not None


def _drawdown(state: RuntimeState, a: int) -> float | None:
    """How far the equity of account `a` is below its peak, 0..1; None before it has one."""
    peak = int(state.acct[a]["peak"])
    return (peak - int(state.acct[a]["equity"])) / peak if peak > 0 else None  # 1 - 920 / 1000 is a hair less than 0.08


def look(state: RuntimeState, mandate: Mandate, a: int, ts: int, out: list[Command]) -> None:
    """Between two days, when the drawdown took a step or a canary lost: whether a style of account `a` must fall now."""
    account = state.accounts[a]
    for style in live_styles(mandate, account):
        if standing(state, account.domain, STYLE_NAMES[style]).real:
            _falls(state, mandate, a, style, _sample(state, mandate, account, STYLE_NAMES[style], ts, out), ts, out)


def _rows(out: list[Command]) -> list[tuple[str, bytes]]:
    return [(one.kind, msgspec.json.encode(one.row)) for one in out if isinstance(one, Record)]


def _offer(state: RuntimeState, mandate: Mandate, account: Account, style: str, verdict: Verdict, ts: int, out: list[Command]) -> None:
    """A PASS on paper offers real money; the next verdict that is none takes the offer back."""
    key, known = standing_key(account.domain, style), standing(state, account.domain, style)
    cool = cooldown_until(_past(state, account, style), str(account), style, mandate.demotion) or 0
    fit = _goes_live(mandate, account.domain, style) and opens(verdict, mandate.env) is None
    wanted = fit and known.level is Level.PAPER and ts >= cool
    if wanted == bool(known.offered_ts):
        return
    state.standings[key] = msgspec.structs.replace(known, offered_ts=ts if wanted else 0)
    text = (
        f"{key} passed its gate twice in a row: real money is offered, in canary size; a person confirms with `promote {key}`"
        if wanted
        else f"{key}: the offer of real money is withdrawn, the newest verdict is {verdict.state}"
    )
    out.append(Report(ts=ts, what="rollout", account=str(account), rule="offer", text=text))


# --- up and down ----------------------------------------------------------------------------------------------------------------------


def promote(state: RuntimeState, mandate: Mandate, domain: Domain, style: str, ts: int, who: str, out: list[Command]) -> None:
    """A person confirms an offer; without one nothing happens but the saying so."""
    key = standing_key(domain, style)
    live = Account(domain, Mode.LIVE)
    no = _not_yet(state, live, style)
    if no:
        out.append(Report(ts=ts, what="rollout", rule="refused", text=f"{key}: {no}"))
        return
    _rise(state, live, STYLE_NAMES.index(style), ts, f"confirmed by {who}", out)
    _open_stage(state, domain, 0, ts, out)
    if live in mandate.allowed:
        _begin(state, mandate, live, style, ts, "the canary begins", out)
    else:
        state.samples.pop(_sample_key(live, style), None)  # it begins when the account is opened, with nothing of an earlier time in it


def _not_yet(state: RuntimeState, live: Account, style: str) -> str:
    """Why a promotion cannot be confirmed now, in words; an offer that has to wait stands."""
    if not standing(state, live.domain, style).offered_ts:
        return "nothing is offered, its gate has not passed"
    stage = OPENED_BY.get(live.domain, (0, 0))[0]
    if stage > state.earned + 1:
        return f"stage {stage - 1} comes first; stage {state.earned} is earned"
    if live in state.accounts and state.acct[state.accounts.index(live)]["level"] >= NO_ENTRIES:
        return f"{live} stands at its drawdown step; resume it first, which begins a new peak"
    return ""


def _rise(state: RuntimeState, account: Account, style: int, ts: int, reason: str, out: list[Command]) -> None:
    """A style begins its probation with real money."""
    key = standing_key(account.domain, STYLE_NAMES[style])
    known = state.standings.get(key, Standing())
    state.standings[key] = msgspec.structs.replace(known, level=Level.CANARY, since_ts=ts, reason=reason, offered_ts=0)
    if account in state.accounts:
        probation(state.acct, state.accounts.index(account), style, ts)
    out.append(Report(ts=ts, what="rollout", account=str(account), rule="promoted", text=f"{key}: paper -> canary, {reason}"))


def probation_again(state: RuntimeState, a: int, ts: int, reason: str, out: list[Command]) -> None:
    """Every style that trades real money on account `a` is on probation from now on (a new wallet, a resume after a halt)."""
    account = state.accounts[a]
    for style, name in enumerate(STYLE_NAMES):
        known, key = standing(state, account.domain, name), standing_key(account.domain, name)
        if account.mode is not Mode.LIVE or not known.real:
            continue
        probation(state.acct, a, style, ts)
        if known.level is Level.LIVE:
            state.standings[key] = msgspec.structs.replace(known, level=Level.CANARY, since_ts=ts, reason=reason)
            text = f"{key}: live -> canary, {reason}"
            out.append(Report(ts=ts, what="rollout", account=str(account), rule="probation", text=text))


def _open_stage(state: RuntimeState, domain: Domain, step: int, ts: int, out: list[Command]) -> None:
    """What a domain's progress opens: its own two stages, and those only after the ones before them.

    A canary that ends has its stage, whatever began it: under an override the first of the two was never asked for.
    """
    first, stage = OPENED_BY.get(domain, (0, 0))[0], OPENED_BY.get(domain, (0, 0))[step]
    if stage > state.earned >= first - 1:
        state.earned = stage
        out.append(Report(ts=ts, what="rollout", rule="stage", text=f"stage {stage} is earned: --stage {stage} opens it"))


def _canary_done(state: RuntimeState, mandate: Mandate, a: int, style: int, sample: Sample, ts: int, out: list[Command]) -> None:
    """The probation ends when it lasted long enough and traded often enough (or either, as configured) and nothing asks for another."""
    found = _canary_of(state, a, style)
    account, name = state.accounts[a], STYLE_NAMES[style]
    key = standing_key(account.domain, name)
    if found is None or standing(state, account.domain, name).level is not Level.CANARY or not canary_finished(found, mandate.canary, ts):
        return
    kept = still_falls(sample, _drawdown(state, a), mandate.demotion)
    if kept is not None:
        if not state.standings[key].reason.startswith(GOES_ON):  # told once, not daily
            state.standings[key] = msgspec.structs.replace(state.standings[key], reason=f"{GOES_ON}: {kept}")
            out.append(Report(ts=ts, what="rollout", account=str(account), rule="probation", text=f"{key}: {GOES_ON}: {kept}"))
        return
    state.acct[a]["canary"][style] = 0
    reason = f"its probation ended: {found.trades} trades, {plain(money(int(found.realised)))} realised"
    state.standings[key] = msgspec.structs.replace(state.standings[key], level=Level.LIVE, since_ts=ts, reason=reason)
    out.append(Report(ts=ts, what="rollout", account=str(account), rule="promoted", text=f"{key}: canary -> live, {reason}"))
    _open_stage(state, account.domain, 1, ts, out)


def _demote(state: RuntimeState, mandate: Mandate, a: int, style: int, fall: Demotion, out: list[Command]) -> None:
    """A style falls to canary size or to paper; what it holds runs to its exits under the venue's stops. The stage stays."""
    account, name, ts = state.accounts[a], STYLE_NAMES[style], fall.ts
    key, known = standing_key(account.domain, name), standing(state, account.domain, name)
    falls = (*known.falls, Fall(ts, fall.to, fall.reason))
    state.standings[key] = Standing(level=fall.to, since_ts=ts, reason=fall.reason, falls=falls)
    state.acct[a]["canary"][style] = 0
    if fall.to is Level.CANARY:
        probation(state.acct, a, style, ts)
        _begin(state, mandate, account, name, ts, "demoted", out)  # the fall that brought it here is paid for
    else:
        _begin(state, mandate, paper_account(account.domain), name, ts, "demoted", out)
    text = f"{key}: {known.level} -> {fall.to}, {fall.reason}; nothing is offered for {mandate.demotion.cooldown_days} days"
    out.append(Report(ts=ts, what="rollout", account=str(account), rule="demoted", text=text))


def drifted(state: RuntimeState, mandate: Mandate, domain: Domain, ts: int, reason: str, out: list[Command]) -> None:
    """The domain's world has changed: its live styles are on probation again, as a fall of their own; what is on paper or canary stays."""
    account = Account(domain, Mode.LIVE)
    if account not in state.accounts:
        return
    for style, name in enumerate(STYLE_NAMES):
        if standing(state, domain, name).level is Level.LIVE:
            fall = fallen(_past(state, account, name), str(account), name, reason, mandate.demotion, ts)
            _demote(state, mandate, state.accounts.index(account), style, fall, out)


def after_trade(state: RuntimeState, mandate: Mandate, a: int, ts: int, out: list[Command]) -> None:
    """The canary's loss budget is looked at after every trade: spent, it is over at once."""
    acct, budget = state.acct[a], mandate.canary.loss
    if any(acct["canary"][style] and acct["canary_realised"][style] < -budget * acct["day_start"] for style in range(len(STYLE_NAMES))):
        look(state, mandate, a, ts, out)
