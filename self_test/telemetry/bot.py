"""What a daemon would answer, settable by a test."""

from __future__ import annotations

from typing import Any

from telemetry.server import Answers, Ask
from utils.errors import ExitCode, Refusal


class Bot:
    """The other side of `Answers`."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.missing: list[str] = []
        self.asked: list[Ask] = []

    def answers(self) -> Answers:
        return Answers(
            metrics=lambda: b"bot_stage 1.0\n",
            unhealthy=lambda: self.wrong,
            missing=lambda: self.missing,
            status=lambda: {"env": "simulated"},
            control=self.control,
        )

    async def control(self, wanted: Ask) -> Any:
        self.asked.append(wanted)
        if wanted.name == "explode":
            raise Refusal("no such request: explode", ExitCode.GATE_REFUSED)
        return {"done": wanted.name}
