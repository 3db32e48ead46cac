from __future__ import annotations

import pytest

from state.accounts import Account, Domain, Mode


@pytest.mark.parametrize("domain", list(Domain))
@pytest.mark.parametrize("mode", list(Mode))
def test_an_account_is_written_and_read_back(domain: Domain, mode: Mode) -> None:
    account = Account(domain, mode)
    assert str(account) == f"{domain.value}/{mode.value}"
    assert Account.parse(str(account)) == account


@pytest.mark.parametrize("text", ["", "CRYPTO", "CRYPTO/", "crypto/PAPER", "CRYPTO/PAPER/x", "STOCKS/LIVE", "/LIVE"])
def test_anything_else_is_no_account(text: str) -> None:
    with pytest.raises(ValueError, match="is not a valid"):
        Account.parse(text)
