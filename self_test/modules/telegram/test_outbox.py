from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.telegram.outbox import LATE_MS, PERHAPS, Outbox, Parcel, Unreadable
from modules.telegram.texts import units
from modules.telegram.wire import TEXT_LIMIT, Button, Letter, Urgency

NOW = 1_735_689_600_000
TAP = ((Button("on", "fx:on:n"),),)


def note(text: str, urgency: Urgency = Urgency.NORMAL, key: str = "", **more: object) -> Letter:
    return Letter(text=text, urgency=urgency, key=key, **more)  # type: ignore[arg-type]


def never(text: str, key: str = "fill") -> Letter:
    return note(text, Urgency.NEVER_DROP, key)


def box(*letters: Letter, **more: int) -> Outbox:
    found = Outbox((1,), **more)
    for letter in letters:
        found.put(letter, NOW)
    return found


def drain(found: Outbox, chat: int = 1, now: int = NOW) -> list[Parcel]:
    parcels = []
    while (parcel := found.take(chat, now)) is not None:
        parcels.append(parcel)
        found.delivered(parcel, now)
    return parcels


def test_order_is_kept_and_what_is_not_answered_stays() -> None:
    found = box(note("a"), never("b"), note("c"))
    first = found.take(1, NOW)
    assert first is not None and first == found.take(1, NOW) and first.text == "a"
    assert [parcel.text for parcel in drain(found)] == ["a", "b", "c"] and len(found) == 0


def test_a_halt_is_told_before_the_fills_that_wait_and_both_in_their_order() -> None:
    found = box(*(never(f"fill {n}") for n in range(4000)), flood=5)
    under_way = found.take(1, NOW)
    for text in ("HALTED", "verified flat"):
        found.put(note(text, Urgency.NEVER_DROP, ahead=True), NOW)
    assert under_way is not None
    found.delivered(under_way, NOW)
    texts = [parcel.text for parcel in drain(found)]
    assert texts[:2] == ["HALTED", "verified flat"], "alone and whole, not at the end of a flood"
    assert re.findall("• fill ([0-9]+)", "\n".join((under_way.text, *texts))) == [str(n) for n in range(4000)]


def test_many_that_go_ahead_are_one_message_without_the_rest() -> None:
    found = box(*(never(f"fill {n}") for n in range(9)), *(note(f"halt {n}", key="breaker", ahead=True) for n in range(6)), flood=5)
    first, second = drain(found)
    assert first.text.startswith("6 messages: breaker 6\n• halt 0") and "fill" not in first.text
    assert second.text.startswith("9 messages: fill 9")


def test_what_was_left_out_is_said_by_the_rest_or_by_who_is_alone() -> None:
    found = box(note("a"), note("b"), note("c", Urgency.NEVER_DROP, ahead=True), most=1)
    assert [parcel.text for parcel in drain(found)] == ["c", "Left out before: other 1\n• b"]
    alone = box(note("a"), note("halted", ahead=True), most=1)
    assert [parcel.text for parcel in drain(alone)] == ["Left out before: other 1\n• halted"]


def test_another_life_still_knows_what_goes_ahead() -> None:
    after = Outbox((1,))
    after.load(box(never("fill"), note("halted", Urgency.NEVER_DROP, ahead=True)).dump())
    assert [parcel.text for parcel in drain(after)] == ["halted", "fill"]
    early = Outbox((1,))  # written by a release that knew of no haste
    early.load(b'{"version":1,"entries":[{"number":1,"chat":1,"text":"x","urgency":"never drop","ts":1}]}')
    assert [parcel.text for parcel in drain(early, now=1)] == ["x"]


def test_a_letter_goes_to_every_chat_or_to_its_own_or_to_nobody_unknown() -> None:
    found = Outbox((1, -2))
    for letter in (note("all"), note("two", chat=-2), note("nobody", chat=99)):
        found.put(letter, NOW)
    assert [p.text for p in drain(found, 1)] == ["all"] and [p.text for p in drain(found, -2)] == ["all", "two"]


def test_of_status_only_the_newest_of_its_key_waits() -> None:
    letters = [note(f"{key}{n}", Urgency.STATUS, key) for n in range(1000) for key in "xy"]
    found = box(note("first"), *letters)
    assert [parcel.text for parcel in drain(found)] == ["first", "x999", "y999"]


def test_a_flood_becomes_one_message_with_counts() -> None:
    found = box(*(note(f"entry {n}\nlong story", key="entry") for n in range(9)), never("filled\n1 BTC"), flood=5)
    (parcel,) = drain(found)
    assert parcel.text.startswith("10 messages: entry 9, fill 1\n• entry 0\n• entry 1")
    assert "long story" not in parcel.text and parcel.text.endswith("• filled\n1 BTC")


def test_a_few_are_not_a_flood() -> None:
    assert len(drain(box(*(note(str(n)) for n in range(5)), flood=5))) == 5


def test_a_letter_with_buttons_goes_alone_and_in_its_place() -> None:
    found = box(*(note(f"a{n}") for n in range(4)), note("tap", buttons=TAP), *(note(f"b{n}") for n in range(4)), flood=3)
    parcels = drain(found)
    assert [(len(p.numbers), bool(p.buttons)) for p in parcels[:2]] == [(4, False), (1, True)]
    assert sum(len(p.numbers) for p in parcels) == 9


def test_what_may_be_dropped_is_bounded_and_what_was_left_out_is_said() -> None:
    found = box(never("keep me"), *(note(f"n{n}", key="chatter") for n in range(1000)), most=10)
    assert len(found) == 11 and found.dropped["normal"] == 990
    parcels = drain(found)
    assert "Left out before: chatter 990" in parcels[0].text and "keep me" in parcels[0].text
    assert "Left out" not in "".join(parcel.text for parcel in parcels[1:])


def test_what_was_left_out_is_said_until_it_was_delivered() -> None:
    found = box(note("a"), note("b\nwhole"), most=1)
    first = found.take(1, NOW)
    assert first is not None and first.text == "Left out before: other 1\n• b\nwhole"
    assert found.take(1, NOW) == first


def test_never_drop_is_never_dropped_and_every_word_arrives() -> None:
    words = [f"fill {n} of a very long story {'x' * 300}" for n in range(3000)]
    found = box(*(never(word) for word in words), most=1)
    parcels = drain(found)
    text = "\n".join(parcel.text for parcel in parcels)
    assert all(f"fill {n} of" in text for n in range(3000)) and text.count("x" * 300) == 3000
    assert max(units(parcel.text) for parcel in parcels) <= TEXT_LIMIT and len(parcels) < 300


def test_a_long_letter_goes_in_parts_with_its_buttons_under_the_last() -> None:
    parcels = drain(box(note("x" * 5000, buttons=TAP)))
    assert [(len(p.text), bool(p.buttons)) for p in parcels] == [(4096, False), (904, True)]


def test_a_long_status_is_cut() -> None:
    (parcel,) = drain(box(note("x" * 5000, Urgency.STATUS, "k")))
    assert units(parcel.text) == TEXT_LIMIT and parcel.text.endswith("…")


def test_full_parts_stay_within_the_limit_in_a_flood() -> None:
    parcels = drain(box(*(never("y" * 4096) for _ in range(20))), now=NOW + LATE_MS * 2)
    assert len(parcels) == 20 and all(parcel.text == "y" * 4096 for parcel in parcels)


def test_what_comes_late_says_when_it_was() -> None:
    found = box(note("old news"))
    parcel = found.take(1, NOW + LATE_MS + 1)
    assert parcel is not None and parcel.text == "[00:00 UTC]\nold news"


def test_what_may_have_been_sent_says_so() -> None:
    found = box(never("filled"))
    parcel = found.take(1, NOW)
    assert parcel is not None
    found.perhaps(parcel)
    again = found.take(1, NOW)
    assert again is not None and again.text == f"{PERHAPS}\nfilled"


def test_calm_is_kept_in_a_window_but_not_for_what_is_urgent() -> None:
    found = box(*(note(str(n)) for n in range(3)), burst=2, window_ms=60_000)
    for at in (0, 1_000):
        parcel = found.take(1, NOW + at)
        assert parcel is not None and found.hold_ms(1, NOW + at) == 0
        found.delivered(parcel, NOW + at)
    assert found.hold_ms(1, NOW + 2_000) == 58_000
    assert found.hold_ms(1, NOW + 60_000) == 0
    assert found.hold_ms(1, NOW - 5_000_000) == 0  # a clock set back holds nothing up
    calm = box(note("a"), note("b"), burst=1)
    first = calm.take(1, NOW)
    assert first is not None
    calm.delivered(first, NOW)
    assert calm.hold_ms(1, NOW) > 0
    calm.put(never("disaster"), NOW)
    assert calm.hold_ms(1, NOW) == 0


def test_a_refused_message_does_not_stop_those_behind_it() -> None:
    found = box(note("bad"), note("good"))
    bad = found.take(1, NOW)
    assert bad is not None and found.refused(bad) == () and found.dropped["normal"] == 1
    assert [p.text for p in drain(found)] == ["Left out before: other 1\n• good"]


def test_a_refused_flood_goes_again_piece_by_piece() -> None:
    found = box(*(never(f"f{n}") for n in range(8)), flood=3)
    flood = found.take(1, NOW)
    assert flood is not None and len(flood.numbers) == 8 and found.refused(flood) == ()
    assert [p.text for p in drain(found)] == [f"f{n}" for n in range(8)]


def test_what_must_not_be_dropped_is_handed_back_when_nothing_helps() -> None:
    found = box(note("disaster", Urgency.NEVER_DROP, buttons=TAP))
    parcel = found.take(1, NOW)
    assert parcel is not None and found.refused(parcel) == ()
    bare = found.take(1, NOW)
    assert bare is not None and bare.buttons == () and bare.text == "disaster"
    assert [entry.text for entry in found.refused(bare)] == ["disaster"] and len(found) == 0


def test_a_newer_status_replaces_one_that_is_on_its_way() -> None:
    found = box(note("1", Urgency.STATUS, "s"))
    first = found.take(1, NOW)
    found.put(note("2", Urgency.STATUS, "s"), NOW)
    assert first is not None
    found.delivered(first, NOW)
    assert [p.text for p in drain(found)] == ["2"]


def test_a_restart_keeps_order_and_forgets_status_and_buttons() -> None:
    found = box(note("a", key="k"), note("s", Urgency.STATUS, "s"), never("b"), note("t", buttons=TAP), note("z"), most=2)
    found.put(note("e"), NOW)  # most=2: "a" and "t" are left out
    after = Outbox((1,), most=2)
    after.load(found.dump())
    after.put(note("new", Urgency.STATUS, "s"), NOW)
    (first, *rest) = drain(after)
    assert first.text.startswith("4 messages: ") and "\nLeft out before: k 1, other 1\n" in first.text
    assert [line for parcel in (first, *rest) for line in parcel.text.splitlines() if line.startswith("•")] == [
        "• b",
        "• z",
        "• e",
        "• new",
    ]
    assert not any(parcel.buttons for parcel in (first, *rest))


def test_another_life_with_other_chats_takes_only_its_own() -> None:
    found = Outbox((1, 2))
    found.put(never("x"), NOW)
    after = Outbox((2,))
    after.load(found.dump())
    assert len(after) == 1


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"entries":[{"number":"x"}]}', b'{"version":9}', b"\xff"])
def test_damage_is_named(data: bytes) -> None:
    with pytest.raises(Unreadable):
        Outbox((1,)).load(data)


word = st.text(st.characters(exclude_characters="«»", exclude_categories=["Cs"]), max_size=30)
letters = st.lists(
    st.tuples(st.sampled_from(list(Urgency)), st.sampled_from("abc"), word, st.booleans(), st.booleans(), st.booleans()), max_size=60
)


@given(letters, st.integers(1, 8), st.integers(1, 20))
def test_whatever_comes_nothing_urgent_is_lost_doubled_or_overtaken_by_its_equals(
    asked: list[tuple[Urgency, str, str, bool, bool, bool]], flood: int, most: int
) -> None:
    found = box(flood=flood, most=most)
    parcels: list[Parcel] = []
    for n, (urgency, key, text, tap, send, ahead) in enumerate(asked):
        found.put(Letter(text=f"«{n}»{text}", urgency=urgency, key=key, buttons=TAP if tap else (), ahead=ahead), NOW)
        if send and (parcel := found.take(1, NOW)) is not None:
            found.delivered(parcel, NOW)
            parcels.append(parcel)
        if n % 7 == 6:  # another life
            data = found.dump()
            found = box(flood=flood, most=most)
            found.load(data)
    parcels += drain(found)
    assert all(units(parcel.text) <= TEXT_LIMIT for parcel in parcels)
    told = [int(n) for parcel in parcels for n in re.findall("«([0-9]+)»", parcel.text)]
    assert len(told) == len(set(told))
    for lane in (True, False):
        mine = [n for n in told if asked[n][5] is lane]
        assert mine == sorted(mine)
    assert {n for n, (urgency, *_) in enumerate(asked) if urgency is Urgency.NEVER_DROP} <= set(told)
    assert len(found) == 0
