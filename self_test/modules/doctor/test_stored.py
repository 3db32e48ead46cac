from __future__ import annotations

from pathlib import Path

from config import CONFIG
from modules.doctor import stored
from modules.doctor.findings import Verdict
from modules.procedure import procedures
from self_test.fakes.stored import Played
from state.accounts import Domain
from utils.errors import ExitCode


def test_nothing_stored_is_nothing_wrong(tmp_path: Path) -> None:
    found, engine = stored.look(tmp_path / "simulated", running=False)
    assert [one.verdict for one in found] == [Verdict.SKIP] and engine is None
    assert [one.verdict for one in stored.resets(None, CONFIG, tmp_path)] == [Verdict.SKIP]


def test_a_state_is_read_to_its_end_and_left_as_it_was(tmp_path: Path) -> None:
    bot = Played(tmp_path)
    bot.minutes(30)
    bot.crash()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    found, engine = stored.look(tmp_path, running=False)
    assert {one.check: one.verdict for one in found} == {"state": Verdict.OK, "ledger": Verdict.OK}
    assert engine is not None and engine.state.ts == bot.engine.state.ts
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before

    of_a_running_one, younger = stored.look(tmp_path, running=True)
    assert of_a_running_one[0].verdict is Verdict.OK and younger is not None and younger.state.ts < bot.engine.state.ts


def test_damage_is_told_with_what_to_do(tmp_path: Path) -> None:
    Played(tmp_path).close()
    for path in tmp_path.glob("runtime_state*.json"):
        path.write_bytes(b"{}")
    found, engine = stored.look(tmp_path, running=False)
    assert engine is None and (found[0].verdict, found[0].code) == (Verdict.FAIL, ExitCode.NO_STATE_CHAIN) and found[0].remedy


def test_a_procedure_that_changed_is_shown_before_the_start_that_resets_it(tmp_path: Path) -> None:
    bot = Played(tmp_path)
    bot.close()
    _, engine = stored.look(tmp_path, running=False)
    assert engine is not None
    today = procedures(CONFIG, (Domain.CRYPTO,), stored.chosen_of(engine))
    engine.state.samples.clear()
    assert [one.verdict for one in stored.resets(engine, CONFIG, tmp_path)] == [Verdict.SKIP]
    engine.state.samples["CRYPTO/PAPER/swing"] = today["CRYPTO/swing"]
    assert [one.verdict for one in stored.resets(engine, CONFIG, tmp_path)] == [Verdict.OK]
    engine.state.samples["CRYPTO/PAPER/swing"] = "another"
    (told,) = stored.resets(engine, CONFIG, tmp_path)
    assert told.verdict is Verdict.WARN and told.words.startswith("CRYPTO/PAPER swing: ")
    assert stored.changed_samples({"FOREX/PAPER/swing": "x"}, today) == []
