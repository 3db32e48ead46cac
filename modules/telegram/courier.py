"""Carries the outbox: one loop a chat that sends, and one that keeps the queue on disk, off the event loop.

`put` only touches memory; the disk follows at once for what must not be dropped, within a second for the rest. A kill in the milliseconds
before it loses the words, not the fact: fills and disasters are in the journal and the ledger first.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import structlog

from modules.telegram.outbox import Outbox, Parcel, Unreadable
from modules.telegram.wire import Letter, Refused, Sender, Urgency
from utils.clock import Clock
from utils.errors import Rejected, Transient, Unknown
from utils.files import atomic_write, quarantine
from utils.supervise import Policy, unless

log = structlog.get_logger("chat")

FILE = "telegram_outbox.json"
BACKOFF = Policy(first_delay_s=1.0, max_delay_s=30.0)
SHUT_OUT_S = 60.0
"""Between tries at a chat that a person must open again."""
LOOK_S = 1.0
"""A message held back for the sake of calm looks this often whether something urgent has come."""
SAVE_GAP_S = 1.0
DISK_AGAIN_S = 10.0


class Courier:
    """The outbox in motion. Made by `open_courier`; `deliver` for each chat and `keep` run as tasks."""

    def __init__(self, outbox: Outbox, sender: Sender, clock: Clock, rng: random.Random, path: Path) -> None:
        self._outbox, self._sender, self._clock, self._rng, self._path = outbox, sender, clock, rng, path
        self._news: dict[int, asyncio.Event] = {}
        self._unsaved, self._urgent = asyncio.Event(), asyncio.Event()
        self._writing = asyncio.Lock()
        self._saved = outbox.changes
        self._shut_out: set[int] = set()

    def put(self, letter: Letter) -> None:
        """Take a letter: synchronous, O(1), no disk, no network."""
        self._outbox.put(letter, self._clock.now_ms())
        if letter.urgency is Urgency.NEVER_DROP:
            self._urgent.set()
        self._changed()

    @property
    def waiting(self) -> int:
        """Letters not delivered yet."""
        return len(self._outbox)

    async def deliver(self, chat: int) -> None:
        """Send what waits for `chat`, in the outbox's order, for ever."""
        news = self._news.setdefault(chat, asyncio.Event())
        failures = 0
        while True:
            now = self._clock.now_ms()
            parcel = self._outbox.take(chat, now)
            if parcel is None:
                news.clear()
                await news.wait()
            elif hold := self._outbox.hold_ms(chat, now):
                await self._clock.sleep(min(hold / 1000, LOOK_S))
            elif await self._send(parcel):
                failures = 0
            else:
                failures += 1
                pause_s = SHUT_OUT_S if chat in self._shut_out else BACKOFF.delay_s(failures, self._rng)
                await self._clock.sleep(pause_s)

    async def _send(self, parcel: Parcel) -> bool:
        """True when the queue has moved on; False when the same should be tried again later."""
        try:
            await self._sender.send(parcel.chat, parcel.text, parcel.buttons, silent=parcel.silent)
        except Transient:
            return False
        except Unknown:
            self._outbox.perhaps(parcel)
            self._changed()
            return False
        except Rejected as error:
            return self._refused(parcel, error)
        if parcel.chat in self._shut_out:
            self._shut_out.discard(parcel.chat)
            log.warning("the chat takes messages again", chat=parcel.chat)
        self._outbox.delivered(parcel, self._clock.now_ms())
        self._changed()
        return True

    def _refused(self, parcel: Parcel, error: Rejected) -> bool:
        if error.code == Refused.CONTENT:
            log.error("a message was refused", chat=parcel.chat, reason=str(error), entries=len(parcel.numbers))
            for entry in self._outbox.refused(parcel):
                log.error("what must not be lost could not be told in the chat", chat=entry.chat, text=entry.text)
            self._changed()
            return True
        if error.code == Refused.CHAT and parcel.chat not in self._shut_out:
            self._shut_out.add(parcel.chat)
            log.error("the chat takes no messages; they are kept", chat=parcel.chat, reason=str(error))
        return False

    async def keep(self) -> None:
        """Write every change to disk, at most once in `SAVE_GAP_S` unless it must not be dropped, and what is left when this task ends."""
        try:
            while True:
                self._unsaved.clear()
                if self._saved == self._outbox.changes:
                    await self._unsaved.wait()
                self._urgent.clear()
                if await self._save_aside():
                    await unless(self._urgent, self._clock.sleep(SAVE_GAP_S), "telegram: between two writes")
                else:
                    await self._clock.sleep(DISK_AGAIN_S)
        finally:
            self.save()

    def save(self) -> None:
        """Write what is unsaved, now. A disk that refuses is logged: stopping must not be stopped."""
        if self._saved == self._outbox.changes or self._writing.locked():  # somebody who is writing goes on until it is written
            return
        changes = self._outbox.changes
        try:
            atomic_write(self._path, self._outbox.dump(), 0o600)
        except OSError as error:
            log.warning("the outbox cannot be written", path=str(self._path), error=error.strerror)
        else:
            self._saved = changes

    async def settle(self, limit_s: float) -> int:
        """Wait until everything is delivered, at most `limit_s`, and write down what is not; returns how many letters that is."""
        for _ in range(round(limit_s / 0.05)):
            if not self.waiting:
                break
            await self._clock.sleep(0.05)
        await self._save_aside()
        return self.waiting

    async def _save_aside(self) -> bool:
        async with self._writing:
            if self._saved == self._outbox.changes:
                return True
            changes, data = self._outbox.changes, self._outbox.dump()
            writing = asyncio.get_running_loop().run_in_executor(None, atomic_write, self._path, data, 0o600)
            try:
                await asyncio.shield(writing)
            except OSError as error:
                log.warning("the outbox cannot be written", path=str(self._path), error=error.strerror)
                return False
            except asyncio.CancelledError:
                await asyncio.wait({writing})  # two writers of one file would tread on each other
                raise
            self._saved = changes
            return True

    def _changed(self) -> None:
        self._unsaved.set()
        for news in self._news.values():
            news.set()


def open_courier(outbox: Outbox, sender: Sender, clock: Clock, rng: random.Random, folder: Path) -> Courier:
    """A courier with what an earlier life left in `folder`; a damaged file is set aside and told once."""
    path = folder / FILE
    try:
        outbox.load(path.read_bytes())
    except FileNotFoundError:
        pass
    except OSError as error:
        log.warning("the outbox cannot be read", path=str(path), error=error.strerror)
    except Unreadable as error:
        log.warning("messages of an earlier run are lost", reason=str(error), aside=str(quarantine(path, str(error))))
    return Courier(outbox, sender, clock, rng, path)
