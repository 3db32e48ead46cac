"""`costs.json`: the cost model of each pair in force, and every version before it. Written whole or not at all, checked when read."""

from __future__ import annotations

from pathlib import Path

import msgspec

from risk.cost_model import CostModel
from utils.errors import Refusal
from utils.files import atomic_write, quarantine

NAME = "costs.json"
SCHEMA = 1


class CostBook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The models by instrument key (`CRYPTO:BTCUSDT`); `before` holds the versions they replaced, oldest first."""

    schema: int = SCHEMA
    models: dict[str, CostModel] = {}
    before: dict[str, tuple[CostModel, ...]] = {}

    def model(self, key: str) -> CostModel:
        """The model of a pair in force; the prior where there is none."""
        return self.models.get(key) or CostModel(key=key)

    def with_model(self, model: CostModel) -> CostBook:
        """The book with `model` in force; a version that it replaces is kept."""
        old = self.models.get(model.key)
        kept = dict(self.before)
        if old is not None and old.version != model.version:
            kept[model.key] = (*kept.get(model.key, ()), old)
        return msgspec.structs.replace(self, models={**self.models, model.key: model}, before=kept)


def read_book(path: Path) -> CostBook:
    """The book in a file; Refusal when it is missing, damaged or of another schema."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=CostBook)
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise Refusal(f"{path} is no book of costs: {error}") from error
    wrong = [key for key, model in found.models.items() if key != model.key or not _sane(model)]
    if found.schema != SCHEMA or wrong:
        raise Refusal(f"{path} is no book of costs of schema {SCHEMA}: {', '.join(wrong) or f'schema {found.schema}'}")
    return found


def load_book(folder: Path) -> tuple[CostBook, str]:
    """The book of a state directory and a warning; a damaged one is set aside, then the configured costs count."""
    path = folder / NAME
    if not path.exists():
        return CostBook(), ""
    try:
        return read_book(path), ""
    except Refusal as error:
        return CostBook(), f"{error}; set aside as {quarantine(path, str(error)).name}, the configured costs count"


def save_book(folder: Path, book: CostBook) -> None:
    """Store the book; OSError when the disk refuses: the old one stands."""
    atomic_write(folder / NAME, msgspec.json.format(msgspec.json.encode(book), indent=1))


def _sane(model: CostModel) -> bool:
    """Nothing below zero, no version without a number: such figures would make trading look free."""
    at = model.usual
    return min(*model.coefficients, model.taker_ppm, model.maker_ppm, model.version, at.spread_bp, at.sigma_bp, at.share, at.latency_s) >= 0
