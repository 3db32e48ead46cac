import pytest

from utils.errors import BotError, ExitCode, Invariant, Refusal, Rejected, Transient, Unknown


def test_the_four_families_are_strangers_so_that_catching_one_never_catches_another() -> None:
    families = (Transient, Rejected, Unknown, Invariant, Refusal)
    for one in families:
        assert issubclass(one, BotError)
        assert not any(issubclass(one, other) for other in families if other is not one)


def test_a_rejection_carries_the_other_sides_own_code() -> None:
    error = Rejected("not enough balance", 110007)
    assert (str(error), error.code) == ("not enough balance", 110007)
    assert Rejected("no").code == ""


def test_a_refusal_carries_its_exit_code_and_is_bad_usage_unless_said_otherwise() -> None:
    assert Refusal("unknown symbol").code is ExitCode.USAGE
    assert Refusal("no key", ExitCode.CREDENTIALS).code == 7


@pytest.mark.parametrize(
    "code, number",
    [
        (ExitCode.DONE, 0),
        (ExitCode.USAGE, 2),
        (ExitCode.GATE_REFUSED, 3),
        (ExitCode.UNREACHABLE, 4),
        (ExitCode.NO_STATE_CHAIN, 5),
        (ExitCode.ALREADY_RUNNING, 6),
        (ExitCode.CREDENTIALS, 7),
        (ExitCode.INTERNAL, 70),
    ],
)
def test_the_exit_codes_are_the_contract_of_the_command_line(code: ExitCode, number: int) -> None:
    assert int(code) == number
