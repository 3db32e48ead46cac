from __future__ import annotations

import re
from pathlib import Path

import pytest

from config import CONFIG
from modules import cli
from modules.learning.parameter_file import PROMOTED
from modules.overrides import apply_overrides, in_force
from state.accounts import Domain
from utils.errors import ExitCode, Refusal


def test_nothing_said_changes_nothing() -> None:
    assert apply_overrides(CONFIG, {"PATH": "x", "BOT_CACHE_DIR": "y", "BOT_MARKET_DATA": "z", "BOT_": ""}, []) == CONFIG


def test_the_command_line_wins_over_the_environment_over_the_file() -> None:
    made = apply_overrides(CONFIG, {"BOT_RISK__BASE": "0.02", "BOT_RISK__LOSS": "0.004"}, ["risk.base=0.03"])
    assert (made.risk.base, made.risk.loss) == (0.03, 0.004)
    assert CONFIG.risk.base != 0.03, "the values of the roof are left alone"


def test_deep_names_lists_and_any_case() -> None:
    made = apply_overrides(CONFIG, {"BOT_DOMAINS__CRYPTO__WARMUP_DAYS": "7"}, ["domains.CRYPTO.symbols=BTCUSDT, ETHUSDT", "Http.Port=0"])
    assert made.domains[Domain.CRYPTO].warmup_days == 7
    assert made.domains[Domain.CRYPTO].symbols == ("BTCUSDT", "ETHUSDT")
    assert made.http.port == 0


@pytest.mark.parametrize(
    "environ, settings, said",
    [
        ({}, ["risk.max_drawdown=0.9"], r"risk.max_drawdown = '0.9': input should be less than or equal to 0.5"),
        ({}, ["risk.base=abc"], r"risk.base = 'abc': input should be a valid number"),
        ({}, ["risk.nope=1"], r"--set risk.nope: there is no setting risk.nope; there is base, loss"),
        (
            {},
            ["rusk.base=1"],
            r"--set rusk.base: there is no setting rusk; there is domains, risk, .*, gates, canary",
        ),
        ({}, ["risk.base.x=1"], r"--set risk.base.x: there is no setting risk.base.x; there is nothing below it"),
        ({}, ["domains.crypto=1"], r"domains.crypto is a group; name one of symbols"),
        ({}, ["foo"], r"--set: 'foo' is not section.key=value"),
        ({}, ["foo=1"], r"--set: 'foo=1' is not section.key=value"),
        ({"BOT_RISK__BASE": "7"}, [], r"risk.base = '7': input should be less than or equal to 1"),
        ({"BOT_RISK__NOPE": "1"}, [], r"BOT_RISK__NOPE: there is no setting risk.nope"),
        ({"BOT_RISK_BASE": "0.02"}, [], r"^BOT_RISK_BASE: write BOT_RISK__BASE$"),
        ({"BOT_HTTP__PORT": "99999"}, [], r"http.port = '99999'"),
        (
            {},
            ["domains.crypto.confirm_ms=60000"],
            r"^domains.CRYPTO.confirm_ms = '60000': is not one of 300000, .*, 43200000 \(ms\)$",
        ),
        ({}, ["domains.crypto.confirm_ms=420000"], r"domains.CRYPTO.confirm_ms = '420000': is not one of 300000"),
        ({}, ["domains.crypto.primary_ms=300000"], r"domains.CRYPTO.primary_ms = '300000': is not one of 900000"),
        (
            {},
            ["domains.crypto.confirm_ms=1200000", "domains.crypto.primary_ms=3600000"],
            r"^domains.CRYPTO.confirm_ms = '1200000': is not one of",
        ),
        ({}, ["domains.crypto.confirm_ms=900000"], r"^domains.CRYPTO: primary_ms 900000 is not a multiple, .* of confirm_ms 900000$"),
        ({}, ["domains.perps.primary_ms=86400000"], r"domains.PERPS.primary_ms = '86400000': is not one of"),
        ({}, ["risk.streak_low=9"], r"^risk: streak_low 9 <= streak_high 8 does not hold$"),
        ({}, ["risk.half_drawdown=0.12"], r"^risk: half_drawdown 0.12 is not below both stop_drawdown 0.12 and"),
        ({}, ["risk.max_drawdown=0.05"], r"^risk: half_drawdown 0.08 is not below both stop_drawdown 0.12 and max_drawdown 0.05$"),
        ({}, ["risk.base=0.2"], r"^risk: base 0.2 <= pair 0.15 <= portfolio 0.3 does not hold$"),
        ({}, ["risk.portfolio=0.1"], r"^risk: base 0.05 <= pair 0.15 <= portfolio 0.1 does not hold$"),
    ],
)
def test_a_wrong_one_is_named_with_its_value_and_what_is_allowed(environ: dict[str, str], settings: list[str], said: str) -> None:
    with pytest.raises(Refusal, match=said) as refused:
        apply_overrides(CONFIG, environ, settings)
    assert refused.value.code is ExitCode.USAGE
    assert "\n" not in str(refused.value)


def test_all_wrong_ones_are_named_at_once() -> None:
    with pytest.raises(Refusal) as refused:
        apply_overrides(
            CONFIG,
            {"BOT_X__Y": "2", "BOT_RISK__LOSS": "9"},
            ["risk.max_drawdown=0.9", "risk.base=abc", "risk.nope=1", "foo", "http.port=-1"],
        )
    text = str(refused.value)
    assert all(name in text for name in ("BOT_X__Y", "risk.loss", "risk.max_drawdown", "risk.base", "risk.nope", "'foo'", "http.port"))


def test_coarser_timeframes_that_nest_are_fine() -> None:
    made = apply_overrides(CONFIG, {}, ["domains.crypto.confirm_ms=900000", "domains.crypto.primary_ms=3600000"])
    assert (made.domains[Domain.CRYPTO].confirm_ms, made.domains[Domain.CRYPTO].primary_ms) == (900_000, 3_600_000)


def test_what_is_in_force_is_laid_one_over_the_other(tmp_path: Path) -> None:
    (tmp_path / PROMOTED).write_text("[C3]\nstop = 1.25\nvolume_z = 0.5\n")
    promoted = in_force(CONFIG, tmp_path, {}).parameters.C3
    assert (promoted.stop, promoted.volume_z, promoted.squeeze_bars) == (1.25, 0.5, CONFIG.parameters.C3.squeeze_bars)
    both = in_force(CONFIG, tmp_path, {"BOT_PARAMETERS__C3__STOP": "0.75"}, ["parameters.C3.volume_z=1.5"]).parameters.C3
    assert (both.stop, both.volume_z) == (0.75, 1.5)
    assert in_force(CONFIG, None, {}) == in_force(CONFIG, tmp_path / "none", {}) == CONFIG
    (tmp_path / PROMOTED).write_text("[C3\n")
    with pytest.raises(Refusal, match="is damaged"):
        in_force(CONFIG, tmp_path, {})


def test_no_command_takes_the_file_for_what_is_in_force() -> None:
    """`setup` alone may: what is compiled does not depend on values."""
    raw = re.compile(r"(?<!in_force\()(?<!_config\()\bload\(\)")
    found = {path.name: raw.findall(path.read_text()) for path in Path(cli.__file__).parent.glob("cli*.py")}
    assert {name: len(uses) for name, uses in found.items() if uses} == {
        "cli.py": 1,
        "cli_doctor.py": 1,
        "cli_run.py": 1,
        "cli_state.py": 1,
    }, "replay says what differs from the file, promote FILE judges by the bounds of its types, doctor looks at the layers one by one"
