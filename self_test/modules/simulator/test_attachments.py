"""Lockstep: who is waited for, for how long, and who is not."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from modules.simulator.attachments import LIFE_S, Attachments, process_lives

CLOSE = 300_000


class Hand:
    """A wall clock and a process table that the test sets."""

    def __init__(self) -> None:
        self.wall = 100.0
        self.dead: set[int] = set()
        self.attached = Attachments(lambda: self.wall, lambda pid: pid not in self.dead)


def test_the_silent_and_the_dead_are_let_go() -> None:
    hand = Hand()
    hand.attached.register("silent", None, 0)
    hand.attached.register("dead", 11, 0)
    hand.attached.register("well", 12, 0)
    hand.dead.add(11)
    hand.attached.register("talking", None, 0)
    hand.wall += LIFE_S - 1
    hand.attached.register("talking", None, 0)
    hand.wall += 2
    assert [one.name for one in hand.attached.live()] == ["well", "talking"], "a process that lives need not talk"


def test_a_daemon_answers_for_closes_after_its_registration() -> None:
    hand = Hand()
    hand.attached.register("old", None, CLOSE - 1)
    hand.attached.register("new", None, CLOSE)
    assert hand.attached.behind(CLOSE) == ["old"]
    assert hand.attached.ack(CLOSE, "old")
    assert hand.attached.behind(CLOSE) == []
    assert hand.attached.behind(2 * CLOSE) == ["old", "new"]


def test_registering_again_is_a_sign_of_life_but_another_process_begins_anew() -> None:
    hand = Hand()
    hand.attached.register("bot", 11, 0)
    hand.attached.ack(CLOSE)
    hand.attached.register("bot", 11, 2 * CLOSE)
    assert hand.attached.behind(2 * CLOSE) == ["bot"]
    hand.attached.register("bot", 12, 2 * CLOSE)
    assert hand.attached.behind(2 * CLOSE) == []


def test_an_ack_must_say_who_when_there_are_two() -> None:
    hand = Hand()
    assert not hand.attached.ack(CLOSE)
    hand.attached.register("a", None, 0)
    assert hand.attached.ack(CLOSE)
    hand.attached.register("b", None, 0)
    assert not hand.attached.ack(CLOSE)
    assert not hand.attached.ack(CLOSE, "c")
    assert hand.attached.ack(CLOSE, "b")


@pytest.mark.asyncio
async def test_the_close_waits_for_everybody() -> None:
    hand = Hand()
    for name in ("a", "b"):
        hand.attached.register(name, None, 0)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(hand.attached.wait(CLOSE))
        await asyncio.sleep(0)
        hand.attached.ack(CLOSE, "a")
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waiting.done()
        hand.attached.ack(CLOSE, "b")
    assert waiting.result() is True
    assert hand.attached.late == 0


@pytest.mark.asyncio
async def test_patience_ends_and_is_counted() -> None:
    hand = Hand()
    hand.attached.register("slow", None, 0)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(hand.attached.wait(CLOSE, 5.0))
        await asyncio.sleep(0)
        hand.wall += 6.0
        hand.attached.ack(CLOSE - 1)
    assert waiting.result() is False
    assert hand.attached.late == 1


@pytest.mark.asyncio
async def test_nobody_waits_for_a_dead_process_or_after_dismissal() -> None:
    hand = Hand()
    hand.attached.register("bot", 11, 0)
    hand.dead.add(11)
    assert await hand.attached.wait(CLOSE)  # noticed at the next look, well before the patience ends
    hand.attached.register("bot", 12, 0)
    hand.attached.dismiss()
    assert await hand.attached.wait(CLOSE)
    hand.attached.register("bot", 12, 0)
    assert hand.attached.unregister("bot") and not hand.attached.unregister("bot")
    assert await hand.attached.wait(CLOSE)


def test_process_lives() -> None:
    assert process_lives(os.getpid())
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.read() == b""
    while process_lives(child.pid):  # it ends by itself within a moment, and nobody has collected it yet
        continue
    child.wait()
    assert not process_lives(child.pid)
    child.stdout.close()
