"""What is still to be said: a pure queue per chat that survives outages of any length and merges floods.

What was put `ahead` goes before the rest, each of the two in the order it came; merged are only equals.

`put` is synchronous and O(1): it never waits, so telling never delays trading. What may be dropped is bounded: of STATUS only the newest of
each key waits, of NORMAL the newest `most`, and what was left out is counted and said. NEVER_DROP waits until the API has answered for it.
Delivery is at least once: an entry leaves the queue only after the answer, so where none came (a timeout, a crash between answer and disk)
it goes again, and says that it may have been sent before. Times are transport (wall) ms.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, takewhile

import msgspec

from modules.telegram.texts import clip, plain, split, units
from modules.telegram.wire import TEXT_LIMIT, Keyboard, Letter, Urgency
from utils.errors import BotError

MOST = 500
FLOOD = 5
WINDOW_MS = 60_000
BURST = 12
LATE_MS = 120_000
"""What is told later than this says when it happened."""
PERHAPS = "(may have been sent before)"


class Entry(msgspec.Struct, kw_only=True):
    """One letter, or one part of a long one, for one chat."""

    number: int
    """Rises with every entry: the order."""
    chat: int
    text: str
    urgency: Urgency
    ts: int
    """When it was put here."""
    key: str = ""
    buttons: Keyboard = ()
    silent: bool = False
    tried: bool = False
    """Sent once without an answer."""
    alone: bool = False
    """Never merged: it has buttons, or was part of a message that was refused."""
    ahead: bool = False
    """Goes before all that is not."""


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """One message to send now: an entry, or a flood merged."""

    chat: int
    text: str
    buttons: Keyboard = ()
    silent: bool = False
    numbers: tuple[int, ...] = ()
    """The entries in it."""
    left_out: Counter[str] = msgspec.field(default_factory=Counter)
    """What its head says was left out."""


class Stored(msgspec.Struct, kw_only=True):
    """The queue at rest."""

    version: int = 1
    entries: list[Entry] = []
    left_out: dict[int, dict[str, int]] = {}


class Unreadable(BotError):
    """What was stored is not a queue."""


class _Line:
    """The queue of one chat."""

    def __init__(self) -> None:
        self.entries: OrderedDict[int, Entry] = OrderedDict()
        self.ahead: OrderedDict[int, None] = OrderedDict()
        self.normal: OrderedDict[int, None] = OrderedDict()
        self.newest: dict[str, int] = {}
        """STATUS key -> its entry."""
        self.never = 0
        """How many NEVER_DROP wait."""
        self.left_out: Counter[str] = Counter()
        self.sent: deque[int] = deque()
        """When messages went, within the window."""

    def remove(self, number: int) -> Entry | None:
        entry = self.entries.pop(number, None)
        if entry is not None:
            self.ahead.pop(number, None)
            self.normal.pop(number, None)
            self.never -= entry.urgency is Urgency.NEVER_DROP
            if self.newest.get(entry.key) == number:
                del self.newest[entry.key]
        return entry

    def queue(self) -> Iterator[Entry]:
        """What goes next, in order: all that goes ahead, else the rest."""
        return (self.entries[number] for number in self.ahead) if self.ahead else iter(self.entries.values())

    def to_confess(self) -> Counter[str]:
        """What the next message says was left out: nothing while it goes ahead of others, which say it."""
        return Counter() if self.ahead and len(self.ahead) < len(self.entries) else self.left_out


class Outbox:
    """The queue. Notifications to chat 0 go to each of `chats`."""

    def __init__(
        self, chats: Sequence[int], *, most: int = MOST, flood: int = FLOOD, window_ms: int = WINDOW_MS, burst: int = BURST
    ) -> None:
        self._chats = tuple(chats)
        self._most, self._flood, self._window_ms, self._burst = most, flood, window_ms, burst
        self._lines: dict[int, _Line] = {chat: _Line() for chat in chats}
        self._next = 1
        self.changes = 0
        """Grows with every change: what the disk has not seen yet."""
        self.dropped: Counter[str] = Counter()
        """Urgency -> entries left out since the start, for metrics. Superseded STATUS is not counted: nothing was lost."""

    def __len__(self) -> int:
        return sum(len(line.entries) for line in self._lines.values())

    def put(self, letter: Letter, now_ms: int) -> None:
        """Take a letter; returns at once. One to a chat that is not on the allow-list is not kept."""
        for chat in self._chats if letter.chat == 0 else (letter.chat,):
            line = self._lines.get(chat)
            if line is not None:
                self._add(line, chat, letter, now_ms)
        self.changes += 1

    def _add(self, line: _Line, chat: int, letter: Letter, now_ms: int) -> None:
        if letter.urgency is Urgency.STATUS:
            line.remove(line.newest.get(letter.key, 0))
            parts = [clip(plain(letter.text))]
        else:
            parts = split(plain(letter.text))
        for at, part in enumerate(parts, start=1):
            self._append(
                line,
                Entry(
                    number=self._next,
                    chat=chat,
                    text=part,
                    urgency=letter.urgency,
                    ts=letter.ts or now_ms,
                    key=letter.key,
                    buttons=letter.buttons if at == len(parts) else (),
                    alone=bool(letter.buttons) and at == len(parts),
                    silent=letter.silent,
                    ahead=letter.ahead,
                ),
            )

    def _append(self, line: _Line, entry: Entry) -> None:
        self._next = max(self._next, entry.number) + 1
        line.entries[entry.number] = entry
        if entry.ahead:
            line.ahead[entry.number] = None
        match entry.urgency:
            case Urgency.NEVER_DROP:
                line.never += 1
            case Urgency.STATUS:
                line.newest[entry.key] = entry.number
            case Urgency.NORMAL:
                line.normal[entry.number] = None
                if len(line.normal) > self._most:
                    gone = line.remove(next(iter(line.normal)))
                    if gone is not None:
                        self._leave_out(line, gone)

    def _leave_out(self, line: _Line, entry: Entry) -> None:
        line.left_out[entry.key or "other"] += 1
        self.dropped[entry.urgency.value] += 1

    def waiting(self, chat: int) -> int:
        """How many entries wait for `chat`."""
        return len(self._lines[chat].entries)

    def hold_ms(self, chat: int, now_ms: int) -> int:
        """For how long the next message should still be held back, so that `burst` in a window are not passed; 0 for now.

        What must not be dropped never waits for that, and takes along what is before it.
        """
        line = self._lines[chat]
        while line.sent and not 0 <= now_ms - line.sent[0] < self._window_ms:
            line.sent.popleft()
        if line.never or len(line.sent) < self._burst:
            return 0
        return line.sent[0] + self._window_ms - now_ms

    def take(self, chat: int, now_ms: int) -> Parcel | None:
        """The next message for `chat`, which stays in the queue until `delivered`; None when nothing waits."""
        line = self._lines[chat]
        if not line.entries:
            return None
        first, left_out = next(line.queue()), line.to_confess()
        if not first.alone and (left_out or (len(line.ahead) or len(line.entries)) > self._flood):
            return _merged(chat, _run(line.queue()), left_out, now_ms)
        return Parcel(chat=chat, text=_single(first, now_ms), buttons=first.buttons, silent=first.silent, numbers=(first.number,))

    def delivered(self, parcel: Parcel, now_ms: int) -> None:
        """The API has answered for it: it is not sent again."""
        line = self._lines[parcel.chat]
        for number in parcel.numbers:
            line.remove(number)
        line.left_out -= parcel.left_out
        line.sent.append(now_ms)
        self.changes += 1

    def perhaps(self, parcel: Parcel) -> None:
        """Nobody knows whether it was sent: it goes again and says so."""
        for number in parcel.numbers:
            if entry := self._lines[parcel.chat].entries.get(number):
                entry.tried = True
        self.changes += 1

    def refused(self, parcel: Parcel) -> tuple[Entry, ...]:
        """The API will not have this message as it is.

        A merged one goes again piece by piece, one with buttons that must not be dropped without them. What still cannot be sent leaves
        the queue, because what stands behind it must be told, too, and is counted; what of it must not be dropped is returned: the caller
        says it elsewhere (a log line).
        """
        line = self._lines[parcel.chat]
        self.changes += 1
        if len(parcel.numbers) > 1:
            for number in parcel.numbers:
                if entry := line.entries.get(number):
                    entry.alone = True
            return ()
        hopeless: list[Entry] = []
        for number in parcel.numbers:
            entry = line.entries.get(number)
            if entry is None:
                continue
            if entry.urgency is Urgency.NEVER_DROP and entry.buttons:
                entry.buttons = ()
                continue
            line.remove(number)
            self._leave_out(line, entry)
            if entry.urgency is Urgency.NEVER_DROP:
                hopeless.append(entry)
        return tuple(hopeless)

    def dump(self) -> bytes:
        """What must survive the process. STATUS is not worth it: the next life has a newer one."""
        entries = [entry for line in self._lines.values() for entry in line.entries.values() if entry.urgency is not Urgency.STATUS]
        left_out = {chat: dict(line.left_out) for chat, line in self._lines.items() if line.left_out}
        return msgspec.json.encode(Stored(entries=entries, left_out=left_out))

    def load(self, data: bytes) -> None:
        """Take up what an earlier life left, before anything is put. Buttons do not survive: their nonces died with the process.

        Entries for chats that are no longer on the allow-list are not taken. `Unreadable` when `data` is not a queue.
        """
        try:
            stored = msgspec.json.decode(data, type=Stored)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unreadable(f"the outbox at rest cannot be read: {type(error).__name__}") from None
        if stored.version != 1:
            raise Unreadable(f"the outbox at rest is of version {stored.version}")
        for entry in sorted(stored.entries, key=lambda one: one.number):
            if entry.chat in self._lines:
                self._append(self._lines[entry.chat], msgspec.structs.replace(entry, buttons=()))
        for chat, counts in stored.left_out.items():
            if chat in self._lines:
                self._lines[chat].left_out.update(counts)


def _clock(ts: int) -> str:
    """Minute of a day, UTC."""
    minutes = ts // 60_000 % 1440
    return f"{minutes // 60:02d}:{minutes % 60:02d} UTC"


def _single(entry: Entry, now_ms: int) -> str:
    words = [f"[{_clock(entry.ts)}]"] if now_ms - entry.ts > LATE_MS else []
    words += [PERHAPS] if entry.tried else []
    # The head may push a full-length part over the limit; then it stays away, the words come first.
    head = " ".join(words)
    return f"{head}\n{entry.text}" if head and units(entry.text) + units(head) < TEXT_LIMIT else entry.text


def _run(entries: Iterable[Entry]) -> list[Entry]:
    """The entries at the head that may go in one message: up to the next one that goes alone, no more than could fit."""
    return list(islice(takewhile(lambda entry: not entry.alone, entries), TEXT_LIMIT // 4))


def _merged(chat: int, run: Sequence[Entry], left_out: Counter[str], now_ms: int) -> Parcel:
    """As many entries as fit, oldest first, under a head that counts them. Among others, what may be dropped gives its first line only."""
    taken: list[Entry] = []
    body: list[str] = []
    size = 0
    for entry in run:
        text = entry.text if entry.urgency is Urgency.NEVER_DROP or len(run) == 1 else entry.text.partition("\n")[0]
        stamp = f"{_clock(entry.ts)} " if now_ms - entry.ts > LATE_MS else ""
        piece = f"• {stamp}{text}"
        size += units(piece) + 1
        if size + units(_head([*taken, entry], left_out)) > TEXT_LIMIT:
            break
        taken.append(entry)
        body.append(piece)
    if not taken:  # a part of full length: alone, without a head
        return Parcel(chat=chat, text=run[0].text, silent=run[0].silent, numbers=(run[0].number,))
    return Parcel(
        chat=chat,
        text="\n".join((_head(taken, left_out), *body)).lstrip("\n"),
        silent=all(entry.silent for entry in taken),
        numbers=tuple(entry.number for entry in taken),
        left_out=Counter(left_out),
    )


def _head(taken: Sequence[Entry], left_out: Counter[str]) -> str:
    counts = Counter(entry.key or "other" for entry in taken)
    lines = []
    if len(taken) > 1:
        lines.append(f"{len(taken)} messages: {_counted(counts)}")
    if left_out:
        lines.append(f"Left out before: {_counted(left_out)}")
    if any(entry.tried for entry in taken):
        lines.append(PERHAPS)
    return "\n".join(lines)


def _counted(counts: Counter[str]) -> str:
    shown = [f"{key[:24]} {count}" for key, count in counts.most_common(8)]
    rest = counts.total() - sum(count for _, count in counts.most_common(8))
    return ", ".join([*shown, *([f"others {rest}"] if rest else [])])
