from __future__ import annotations

from bench.peers.interleave import in_turns


def test_contestants_take_turns_after_one_run_that_does_not_count() -> None:
    order: list[str] = []
    now = [0.0]

    def work(who: str, seconds: float) -> None:
        order.append(who)
        now[0] += seconds

    found = in_turns(10, {"a": lambda: work("a", 2.0), "b": lambda: work("b", 5.0)}, 2, lambda: now[0])
    assert order == ["a", "b", "a", "b", "a", "b"]
    assert found == {"a": [5.0, 5.0], "b": [2.0, 2.0]}
