"""The closing summary as lines: what each account did, by strategy and by way out, what was refused, and what it does not prove. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from modules.ui.tally import Group, Tally, Wallet
from modules.ui.wording import amount, date_time, span
from utils.fixed import money

LABEL = 14
HONESTLY = (
    "This is no evidence of profit: few trades, on paper, in one stretch of market.",
    "Evidence would be hundreds of trades over many months, after all costs.",
)


def summary_lines(tally: Tally, *, env: str, wall_s: float, state_dir: str) -> Iterator[str]:
    """Everything, in at most 80 columns."""
    ran = (tally.last_ts - tally.first_ts) / 1000
    yield f"Summary: {env}, {span(ran)} of venue time in {span(wall_s)}"
    yield f"{'':2}{date_time(tally.first_ts)} to {date_time(tally.last_ts)}"
    for account, wallet in tally.wallets.items():
        yield ""
        yield from _wallet_lines(tally, account, wallet)
    several = len(tally.wallets) > 1
    for title, groups in (("strategy", tally.by_strategy), ("exit", tally.by_reason)):
        if groups:
            yield ""
            yield from table((title, "trades", "won", "lost", "result", "mean R"), _group_rows(groups, several=several))
    if tally.refused:
        yield ""
        yield from table(("not entered because", "times"), [(rule, f"{count:,}") for rule, count in tally.refused.most_common()])
    yield ""
    yield f"State: {state_dir}"
    yield from HONESTLY


def _wallet_lines(tally: Tally, account: str, wallet: Wallet) -> Iterator[str]:
    start, end, closed, quote = money(wallet.start), money(wallet.equity), wallet.closed, wallet.quote
    change = f" ({float(end / start - 1):+.2%})" if start else ""
    yield account
    yield _row("equity", f"{amount(start)} -> {amount(end)} {quote}{change}, deepest fall {wallet.drawdown:.2%}")
    lost = closed.trades - closed.won
    yield _row("closed trades", f"{closed.trades} ({closed.won} won, {lost} lost), realised {amount(closed.pnl, sign=True)} {quote}")
    if wallet.best is not None and wallet.worst is not None:
        yield _row("best, worst", f"{_one(wallet.best)}, {_one(wallet.worst)}")
    yield _row("fees", f"{amount(wallet.fees)} {quote}")
    yield _row("still open", f"{tally.open_now(account)}")
    trades, result = tally.before(account)
    if trades > closed.trades:
        yield _row("all runs", f"{trades} closed trades, {amount(result, sign=True)} {quote}")


def _row(label: str, text: str) -> str:
    return f"{'':2}{label:<{LABEL}} {text}"


def _one(trade: tuple[Decimal, str]) -> str:
    return f"{amount(trade[0], sign=True)} {trade[1]}"


def _group_rows(groups: Mapping[tuple[str, str], Group], *, several: bool) -> list[tuple[str, ...]]:
    return [
        (
            f"{account} {name}" if several else name,
            str(group.trades),
            str(group.won),
            str(group.trades - group.won),
            amount(group.pnl, sign=True),
            f"{group.r / group.trades:+.2f}",
        )
        for (account, name), group in sorted(groups.items())
    ]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as they need to be: the first to the left, figures to the right."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    for row in (head, ["-" * width for width in widths], *rows):
        first, *figures = row
        yield "  ".join([f"{first:<{widths[0]}}", *(f"{text:>{width}}" for text, width in zip(figures, widths[1:], strict=True))]).rstrip()
