from __future__ import annotations

from modules.simulator.order_types import Accepted
from self_test.modules.simulator.stage import T0, UID, Stage


def test_ledger_rows_carry_venue_times_and_field_names():
    stage = Stage()
    stage.place("linear", "Buy", "0.1", stop_loss="79000")
    found = stage.exchange.ledger(stage.now)
    assert set(found) == {"orders", "fills", "cash", "positions", "unprotected", "hash"}
    assert found["cash"][0] == {
        "ts": T0 + 2000,
        "account": UID,
        "coin": "USDT",
        "amount": "10000",
        "kind": "TRANSFER_IN",
        "ref": found["cash"][0]["ref"],
    }
    assert found["cash"][1]["ref"] == found["fills"][0]["execId"]
    assert found["positions"][0]["size"] == "0.1" and found["orders"][0]["account"] == UID
    assert len(found["hash"]) == 64


def test_the_same_requests_under_the_same_seed_give_the_same_hash_and_ids():
    def run(seed: int) -> tuple[str, list[str]]:
        stage = Stage(seed=seed)
        ids = []
        for number in range(20):
            answer = stage.send("linear", "Buy" if number % 3 else "Sell", "0.01", str(79_990 + number))
            assert isinstance(answer, Accepted)
            ids.append(answer.order_id)
            stage.move(str(79_980 + number * 3), taker="Sell" if number % 2 else "Buy", size="0.02")
        return stage.exchange.ledger(stage.now)["hash"], ids

    first, again, other = run(1), run(1), run(2)
    assert first == again
    assert first[0] == other[0] and first[1] != other[1], "the hash is of what happened, not of how ids are made"


def test_another_fill_gives_another_hash():
    one, two = Stage(), Stage()
    one.place("linear", "Buy", "0.01")
    two.place("linear", "Buy", "0.02")
    assert one.exchange.ledger(one.now)["hash"] != two.exchange.ledger(two.now)["hash"]
