"""What the tests of live orders share: the two products, and an entry that stands."""

from __future__ import annotations

import pytest

from self_test.fakes.live_floor import LiveFloor
from state.accounts import Domain
from state.messages import Protected

both = pytest.mark.parametrize("domain", [Domain.CRYPTO, Domain.PERPS])


async def opened(floor: LiveFloor, steps: int = 1_000) -> str:
    """An entry that filled and is protected."""
    name = floor.place(floor.approved(steps))
    await floor.until(lambda: bool(floor.told(Protected)))
    return name
