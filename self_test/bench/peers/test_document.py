from __future__ import annotations

from bench.peers.compare import Contest, Entry
from bench.peers.document import page


def test_the_page_tells_machine_tables_and_how_to_repeat_it() -> None:
    told = page(
        {"cores": 2, "python": "3.11", "gpu": None}, [Contest(name="race", unit="bars/s", entries=[Entry(who="ours", rates=[1.0])])], 3
    )
    assert "Measured on: cores 2, python 3.11; 3 rounds." in told and "gpu" not in told
    assert "## race" in told and "make bench-peers" in told
