from __future__ import annotations

import numpy as np
import pytest

from state.books import ACCT, INST, LIMITS, NATURAL, PAR_E9, POS, RULES, natural, rows


@pytest.mark.parametrize("dtype", [ACCT, INST, LIMITS, POS, RULES])
def test_new_rows_are_zero_but_for_what_has_another_neutral_value(dtype: np.dtype[np.void]) -> None:
    found = rows(dtype, 2)
    for name in dtype.names or ():
        assert (found[name] == NATURAL.get(name, 0)).all(), name


def test_a_neutral_instrument_is_priced_in_its_accounts_currency() -> None:
    (row,) = rows(INST)
    assert (int(row["rate_e9"]), int(row["via"]), int(row["on_margin"])) == (PAR_E9, -1, 0)
    assert set(NATURAL) <= set(INST.names or ()) | set(LIMITS.names or ()), "every exception belongs to some row"


def test_rows_without_such_fields_are_left_alone() -> None:
    assert natural(np.zeros(1, ACCT)).tobytes() == np.zeros(1, ACCT).tobytes()
