from __future__ import annotations

from modules.telegram.pace import Pace


def test_one_a_second_to_each_chat_in_the_order_asked() -> None:
    pace = Pace()
    assert [pace.reserve(1, 0) for _ in range(3)] == [0, 1000, 2000]
    assert pace.reserve(2, 0) == 0
    assert pace.reserve(1, 10_000) == 0


def test_silence_holds_for_all_chats_and_the_longest_demand_stands() -> None:
    pace = Pace()
    pace.hold(0, 5_000)
    pace.hold(0, 2_000)
    assert (pace.reserve(1, 1_000), pace.reserve(2, 1_000)) == (4_000, 4_000)
    assert pace.held_ms(4_999) == 1 and pace.held_ms(5_000) == 0
