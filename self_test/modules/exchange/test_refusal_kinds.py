"""Classes are a bounded set, whatever a venue's code is."""

from __future__ import annotations

import pytest

from modules import ports
from modules.exchange.refusal_kinds import KINDS, kind_of
from utils.errors import Rejected


@pytest.mark.parametrize(
    ("code", "kind"),
    [(ports.NO_FUNDS, "no_funds"), (ports.BARRED, "barred"), (ports.DUPLICATE_ID, ""), (110_007, ""), ("anything", ""), ("", "")],
)
def test_a_code_has_a_class_of_few(code: int | str, kind: str) -> None:
    assert kind_of(Rejected("words", code)) == kind
    assert kind in KINDS
