from __future__ import annotations

import pytest

from modules.panel.browse import ROWS, Browser
from modules.ui.recent import Recent
from self_test.modules.panel.house import Aside, lively_state, remember
from self_test.telemetry.samples import BTC, T0, refused
from state.messages import Tick
from utils.errors import Refusal

pytestmark = pytest.mark.asyncio


async def test_the_newest_page_is_from_memory_when_it_is_full() -> None:
    recent, aside = Recent(lively_state()), Aside()
    for n in range(ROWS + 5):
        recent(n, Tick(T0 + n), [refused(f"rule {n}", ts=T0 + n)])
    found = await Browser("folder", aside.run).page({"key": BTC, "what": "refused"}, recent)
    assert aside.asked == [] and len(found["told"]) == ROWS
    assert found["told"][0].seq == ROWS + 4 and found["following"] == "/journal?key=CRYPTO%3ABTCUSDT&what=refused&before=5"


async def test_what_memory_lacks_comes_from_disk() -> None:
    recent, aside = Recent(lively_state()), Aside()
    remember(recent)
    found = await Browser("folder", aside.run).page({"account": "CRYPTO/PAPER"}, recent)
    assert [job for job, _ in aside.asked] == ["page"] and found["following"] == ""
    assert aside.asked[0][1]["folder"] == "folder" and aside.asked[0][1]["account"] == "CRYPTO/PAPER"


@pytest.mark.parametrize("before, asked", [("12", 12), ("-3", 0), ("x", 0), ("٣", 0), ("9" * 30, 0), ("", 0)])
async def test_a_place_that_is_none_is_the_newest(before: str, asked: int) -> None:
    aside = Aside()
    await Browser("folder", aside.run).page({"before": before}, Recent(lively_state()))
    assert aside.asked[0][1]["before"] == asked


@pytest.mark.parametrize("query", [{"key": "x"}, {"account": "CRYPTO"}, {"what": "everything"}])
async def test_filters_that_name_nothing_are_refused(query: dict[str, str]) -> None:
    aside = Aside()
    with pytest.raises(Refusal, match="of that name"):
        await Browser("folder", aside.run).page(query, Recent(lively_state()))
    assert aside.asked == []


async def test_a_chain_is_read_or_said_to_be_gone() -> None:
    recent, aside = Recent(lively_state()), Aside()
    browser = Browser("folder", aside.run)
    assert [one.kind for one in (await browser.chain(3, BTC, recent))["steps"]] == ["event", "refusal"]
    with pytest.raises(Refusal, match="nothing of that name"):
        await browser.chain(3, "x", recent)

    async def gone(_job: str, _given: bytes) -> bytes:
        return b"[]"

    with pytest.raises(Refusal, match="no longer holds entry 7"):
        await Browser("folder", gone).chain(7, "", recent)
