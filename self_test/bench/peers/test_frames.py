from __future__ import annotations

import pytest

from bench.peers.frames import payloads
from modules.simulator.frames import text_frame


@pytest.mark.parametrize("sizes", [[], [0, 1], [125, 126], [65_535, 65_536, 3]])
def test_payloads_are_what_was_framed(sizes: list[int]) -> None:
    sent = [bytes([65 + n]) * size for n, size in enumerate(sizes)]
    assert payloads(b"".join(map(text_frame, sent))) == sent
