from __future__ import annotations

import msgspec

from self_test.telemetry.samples import PERPS, SPOT, T0, hold, small_state
from telemetry.status import status_of


def test_the_contract_of_status_json() -> None:
    state = small_state()
    hold(state, 0)
    state.halted[str(PERPS)] = "drawdown"
    found = msgspec.json.decode(msgspec.json.encode(status_of(state, "simulated")))
    assert list(found) == ["env", "stage", "live", "halted", "time", "accounts"]
    assert (found["env"], found["stage"], found["live"], found["halted"], found["time"]) == ("simulated", 1, True, True, T0)
    assert list(found["accounts"]) == [str(SPOT), str(PERPS)]
    spot = found["accounts"][str(SPOT)]
    assert set(spot) == {
        "equity",
        "balance",
        "closed_trades",
        "realised_pnl",
        "drawdown",
        "halted",
        "standing",
        "canary",
        "held_by",
        "barred",
        "open_positions",
    }
    assert spot["equity"] == "1000"
    assert spot["halted"] is None
    assert found["accounts"][str(PERPS)]["halted"] == "drawdown"
    assert spot["open_positions"] == [
        {"symbol": "BTCUSDT", "side": "long", "qty": "0.002", "entry": "50000", "stop": "48000", "target": "56000", "opened_ts": T0}
    ]


def test_a_stored_state_shows_the_same_but_not_live() -> None:
    state = small_state()
    hold(state, 0)
    found = status_of(state, "demo", live=False)
    assert found == msgspec.structs.replace(status_of(state, "demo"), live=False)
    assert found.live is False
