"""What may be set about the chat. Names and secrets are not here: they come from the environment (`modules/telegram/identity.py`)."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

POLL_SLACK_S = 10


class TelegramConfig(BaseModel):
    """The operator's chat; all times are transport time."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    api_base: str = "https://api.telegram.org"
    """Where the Bot API is; `TELEGRAM_API_BASE` wins over it."""
    poll_s: Annotated[int, Field(ge=1, le=50)] = 30
    """For how long the API may hold a question for news open."""
    answer_s: Annotated[float, Field(ge=0.1, le=60.0)] = 10.0
    """A call without an answer for so long has failed (on top of `poll_s` for the question for news)."""
    deaf_s: Annotated[int, Field(ge=1, le=3_600)] = 90
    """What was said or tapped while the API was out for longer is dropped, not done late; the chat is told."""
    kept: Annotated[int, Field(ge=10, le=10_000)] = 500
    """So many ordinary messages wait for each chat in an outage; the oldest beyond become a count. Fills and disasters have no limit."""
    flood: Annotated[int, Field(ge=1, le=100)] = 5
    """More messages than these waiting at once go out as one."""
    per_minute: Annotated[int, Field(ge=1, le=60)] = 12
    """More notifications a minute are held back and merged; fills and disasters never wait for that."""

    @model_validator(mode="after")
    def _deaf_is_longer_than_a_poll(self) -> Self:
        """Else every quiet minute would look like an outage."""
        if self.deaf_s < self.poll_s + POLL_SLACK_S:
            raise ValueError(f"deaf_s {self.deaf_s} is less than poll_s {self.poll_s} + {POLL_SLACK_S}")
        return self
