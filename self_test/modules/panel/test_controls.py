"""Nothing changes without the token, the session's own CSRF token and a page of ours; and then only what the counter says."""

from __future__ import annotations

import re

import aiohttp
import msgspec
import pytest
import pytest_asyncio
import structlog

from modules.panel.auth import FREE_TRIES, IDLE_MS
from modules.panel.controls import standing
from modules.panel.settings import Panel
from self_test.modules.panel.house import NASTY, TOKEN, House, browser, open_house
from state.accounts import Account, Domain, Mode

pytestmark = pytest.mark.asyncio
CHANGES = ["/ask", "/confirm", "/cancel", "/logout"]


class Visitor:
    """A browser with a session, or without one."""

    def __init__(self, house: House, web: aiohttp.ClientSession) -> None:
        self.house, self.web, self.csrf = house, web, ""

    async def post(
        self, path: str, *, origin: str | None = None, htmx: bool = True, csrf: str | None = None, **fields: object
    ) -> tuple[int, str, str]:
        """Status, text and where it sends the browser."""
        data = [("csrf", self.csrf if csrf is None else csrf)]
        for name, value in fields.items():
            data += [(name, str(one)) for one in (value if isinstance(value, list) else [value])]
        headers = {"Origin": self.house.url if origin is None else origin} | ({"HX-Request": "true"} if htmx else {})
        async with self.web.post(self.house.url + path, data=data, headers=headers, allow_redirects=False) as answer:
            where = str(answer.headers.get("HX-Redirect") or answer.headers.get("Location") or "")
            return answer.status, await answer.text(), where

    async def login(self, token: str = TOKEN, back: str = "/controls") -> tuple[int, str, str]:
        found = await self.post("/login", htmx=False, token=token, next=back)
        async with self.web.get(f"{self.house.url}/controls", allow_redirects=False) as answer:
            self.csrf = (re.findall(r'name="csrf" value="([^"]+)"', await answer.text()) or [""])[0]
        return found


@pytest_asyncio.fixture
async def visitor(house: House, web: aiohttp.ClientSession) -> Visitor:
    return Visitor(house, web)


def nonce_of(text: str) -> str:
    return str(re.findall(r'name="nonce" value="([^"]+)"', text)[0])


# --- the door ---------------------------------------------------------------------------------------------------------------------------


async def test_the_token_opens_the_controls(house: House, visitor: Visitor) -> None:
    async with visitor.web.get(f"{house.url}/controls", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/login?next=/controls")
    assert (await visitor.login())[::2] == (303, "/controls")
    (cookie,) = [one for one in visitor.web.cookie_jar if one.key == "bot_panel"]
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"], cookie["path"]) == (True, "Strict", "", "/")
    assert TOKEN not in cookie.value
    async with visitor.web.get(f"{house.url}/controls") as answer:
        text = await answer.text()
    assert answer.status == 200 and "Flatten everything" in text and TOKEN not in text and cookie.value not in text


async def test_controls_say_which_account_is_barred_and_do_not_change_with_every_mark(house: House, visitor: Visitor) -> None:
    await visitor.login()
    page = f"{house.url}/controls"

    async def drawn() -> str:
        async with visitor.web.get(page) as answer:
            return await answer.text()

    assert "Entries are open." in await drawn()
    row = house.state.acct[0]
    row["day_stopped"], row["day_start"] = 1, row["equity"]
    first = standing(house.sources)["drawn"]
    told = await drawn()
    assert "CRYPTO/PAPER: entries barred until 00:00 UTC." in told and "open where no account is halted or barred" in told
    row["equity"] -= row["equity"] // 50
    assert standing(house.sources)["drawn"] == first


async def test_behind_https_the_cookie_is_for_https_alone(web: aiohttp.ClientSession) -> None:
    async with open_house(Panel(secure_cookie=True)) as house:
        form, headers = {"token": TOKEN}, {"Origin": house.url}
        answer = await web.post(f"{house.url}/login", data=form, headers=headers, allow_redirects=False)
        assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "", "/x\r\nSet-Cookie: a=b"]
)
async def test_a_login_leads_to_no_other_site(visitor: Visitor, back: str) -> None:
    assert (await visitor.login(back=back))[::2] == (303, "/controls")


async def test_wrong_tokens_are_counted_and_told_once_and_never_repeated(house: House, visitor: Visitor) -> None:
    with structlog.testing.capture_logs() as lines:
        for token in ("almost-" + TOKEN, TOKEN[:-1], "x"):
            assert (await visitor.login(token))[0] == 403
    (line,) = lines
    assert (line["log_level"], line["address"], line["times"]) == ("warning", "127.0.0.1", 1)
    assert TOKEN[:8] not in repr(line)
    assert house.site.tries.wrong == 3


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper()])
async def test_a_wrong_token_opens_nothing(house: House, visitor: Visitor, token: str) -> None:
    status, text, _ = await visitor.login(token)
    assert status == 403 and "not the token" in text and visitor.csrf == ""
    assert len(house.site.sessions) == 0


async def test_who_guesses_waits_and_longer_each_time(house: House, visitor: Visitor) -> None:
    for _ in range(FREE_TRIES):
        assert (await visitor.login("wrong"))[0] == 403
    status, text, _ = await visitor.login()
    assert status == 429 and "wait 2 s" in text, "even the right token is not looked at"
    await house.clock.advance(2)
    assert (await visitor.login("wrong"))[0] == 403
    await house.clock.advance(2)
    assert (await visitor.login())[0] == 429
    await house.clock.advance(2)
    assert (await visitor.login())[0] == 303


async def test_logging_out_ends_the_session_everywhere(house: House, visitor: Visitor) -> None:
    await visitor.login()
    (cookie,) = [one.value for one in visitor.web.cookie_jar if one.key == "bot_panel"]
    assert (await visitor.post("/logout"))[2] == "/"
    assert len(house.site.sessions) == 0
    async with browser() as other, other.get(f"{house.url}/controls", cookies={"bot_panel": cookie}, allow_redirects=False) as answer:
        assert answer.status == 303


async def test_a_session_is_left_alone_only_so_long(house: House, visitor: Visitor) -> None:
    await visitor.login()
    await house.clock.advance(IDLE_MS / 1000)
    assert (await visitor.post("/ask", name="pause"))[2].startswith("/login")
    assert house.desk.did == []


async def test_a_login_ends_a_session_that_the_browser_came_with(house: House, visitor: Visitor) -> None:
    await visitor.login()
    await visitor.login()
    assert len(house.site.sessions) == 1


# --- what must not get through ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", ""])
async def test_another_site_cannot_press_a_button(house: House, visitor: Visitor, path: str, origin: str) -> None:
    await visitor.login()
    status, text, _ = await visitor.post(path, origin=origin, name="pause", nonce="n1.0", htmx=False)
    assert status == 403 and "another site" in text
    assert house.desk.did == [] and len(house.site.sessions) == 1


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize("csrf", ["", "wrong", "secret-1"])
async def test_without_the_token_of_the_session_nothing_happens(house: House, visitor: Visitor, path: str, csrf: str) -> None:
    await visitor.login()
    status, _, _ = await visitor.post(path, csrf=csrf, name="pause", nonce="n1.0", htmx=False)
    assert status == (303 if path == "/logout" else 403)
    assert house.desk.did == [] and len(house.site.sessions) == 1


@pytest.mark.parametrize("path", ["/ask", "/confirm", "/cancel"])
async def test_without_a_session_the_door_is_shown(house: House, visitor: Visitor, path: str) -> None:
    assert (await visitor.post(path, name="pause"))[2].startswith("/login")
    assert house.desk.did == []


async def test_a_session_of_another_browser_is_no_session_of_mine(house: House, visitor: Visitor) -> None:
    await visitor.login()
    async with browser() as other:
        stranger = Visitor(house, other)
        assert (await stranger.post("/ask", csrf=visitor.csrf, name="pause"))[2].startswith("/login")
        await stranger.login()
        assert "too old" in (await stranger.post("/ask", csrf=visitor.csrf, name="pause"))[1]
    assert house.desk.did == []


async def test_only_forms_are_read(house: House, visitor: Visitor) -> None:
    await visitor.login()
    async with visitor.web.post(f"{house.url}/ask", json={"name": "pause"}, headers={"Origin": house.url}) as answer:
        assert answer.status == 415
    async with visitor.web.get(f"{house.url}/ask", params={"name": "pause", "csrf": visitor.csrf}) as answer:
        assert answer.status == 405
    assert house.desk.did == []


@pytest.mark.parametrize("path", ["/metrics", "/status", "/healthz", "/", "/kpi", "/data/equity"])
async def test_what_is_for_reading_stays_so(house: House, visitor: Visitor, path: str) -> None:
    await visitor.login()
    assert (await visitor.post(path, name="pause"))[0] == 405


# --- what gets through ------------------------------------------------------------------------------------------------------------------


async def test_a_button_is_carried_out_under_the_panels_name(house: House, visitor: Visitor) -> None:
    await visitor.login()
    status, text, _ = await visitor.post("/ask", name="explore", word=["15"])
    assert (status, house.desk.did) == (200, [("explore 15", "panel")])
    assert "explore 15 done" in text and "<html" not in text
    status, text, _ = await visitor.post("/ask", htmx=False, name="pause")
    assert "pause done" in text and "<html" in text, "without scripts the whole page comes back"


async def test_a_disaster_takes_two_taps_of_one_session(house: House, visitor: Visitor) -> None:
    await visitor.login()
    _, text, _ = await visitor.post("/ask", name="flatten")
    assert "Step 2 of 2" in text and "Expires in" in text and house.desk.did == []
    nonce = nonce_of(text)
    async with browser() as other:
        stranger = Visitor(house, other)
        await stranger.login()
        assert (await stranger.post("/confirm", nonce=nonce))[1].count("nothing waits") == 1
    assert house.desk.did == []
    assert "flatten done" in (await visitor.post("/confirm", nonce=nonce))[1]
    assert "done already" in (await visitor.post("/confirm", nonce=nonce))[1]
    assert house.desk.did == [("flatten", "panel")]


async def test_a_typed_disaster_is_asked_twice_more(house: House, visitor: Visitor) -> None:
    await visitor.login()
    _, text, _ = await visitor.post("/ask", name="flatten", typed="1")
    assert "Step 1 of 2" in text
    _, text, _ = await visitor.post("/confirm", nonce=nonce_of(text))
    assert "Step 2 of 2" in text and house.desk.did == []
    await visitor.post("/confirm", nonce=nonce_of(text))
    assert house.desk.did == [("flatten", "panel")]


async def test_a_confirmation_that_comes_too_late_or_was_taken_back_does_nothing(house: House, visitor: Visitor) -> None:
    await visitor.login()
    _, text, _ = await visitor.post("/ask", name="flatten")
    await house.clock.advance(31)
    assert "too late" in (await visitor.post("/confirm", nonce=nonce_of(text)))[1]
    _, text, _ = await visitor.post("/ask", name="flatten")
    assert "Nothing was changed" in (await visitor.post("/cancel", nonce=nonce_of(text)))[1]
    assert "nothing waits" in (await visitor.post("/confirm", nonce=nonce_of(text)))[1]
    assert house.desk.did == []


async def test_real_money_needs_the_digits_of_the_account(web: aiohttp.ClientSession) -> None:
    async with open_house(env="live") as house:
        house.desk.lives = (Account(Domain.CRYPTO, Mode.LIVE),)
        visitor = Visitor(house, web)
        await visitor.login()
        _, text, _ = await visitor.post("/ask", name="stage", word=["2"])
        assert "Last 4 characters" in text and "4567" not in text
        nonce = nonce_of(text)
        assert "not the last 4" in (await visitor.post("/confirm", nonce=nonce, digits="1234"))[1]
        assert "stage 2 done" in (await visitor.post("/confirm", nonce=nonce, digits="4567"))[1]


async def test_two_accounts_with_real_money_need_the_digits_of_each(web: aiohttp.ClientSession) -> None:
    async with open_house(env="live") as house:
        house.desk.lives = (Account(Domain.CRYPTO, Mode.LIVE), Account(Domain.PERPS, Mode.LIVE))
        visitor = Visitor(house, web)
        await visitor.login()
        _, text, _ = await visitor.post("/ask", name="stage", word=["4"])
        assert "account 1 of 2" in text
        _, text, _ = await visitor.post("/confirm", nonce=nonce_of(text), digits="4567")
        assert "account 2 of 2" in text and "PERPS/LIVE" in text and house.desk.did == []
        assert "stage 4 done" in (await visitor.post("/confirm", nonce=nonce_of(text), digits="4567"))[1]


@pytest.mark.parametrize(
    "name, word, words",
    [
        ("stage", ["9"], "from 1 to 5"),
        ("explore", ["5"], "from 10 to 25"),
        ("close", ["NONE"], "nothing is held"),
        ("close", [], "close what"),
        ("close", [NASTY], "close is written: close SYMBOL"),
        ("close", ["<b>&"], "no symbol"),
        ("close", ["🚀"], "no symbol"),
        ("close", ["x" * 5000], "characters; a command is a word or two"),
        ("explore", ["-1e99"], "from 10 to 25"),
        ("nonsense", [], "no command"),
        ("🚀" * 20, [], "no command"),
        ("x" * 5000, [], "no command"),
        ("", [], "nothing was asked"),
        ("pause", ["a", "b", "c", "d", "e"], "takes nothing"),
        (NASTY, [], "no command"),
    ],
)
async def test_nonsense_gets_a_short_answer_and_changes_nothing(
    house: House, visitor: Visitor, name: str, word: list[str], words: str
) -> None:
    await visitor.login()
    status, text, _ = await visitor.post("/ask", name=name, word=word)
    assert status == 200 and words in text and len(text) < 700 and NASTY not in text
    assert house.desk.did == []


async def test_looking_in_words_is_answered_and_escaped(house: House, visitor: Visitor) -> None:
    await visitor.login()
    _, text, _ = await visitor.post("/ask", name="why BTCUSDT", typed="1")
    assert "about why BTCUSDT" in text and NASTY not in text and text.count("&lt;img") == 2
    _, text, _ = await visitor.post("/ask", name="chart BTCUSDT", typed="1")
    assert 'src="data:image/png;base64,cG5n"' in text
    assert house.desk.did == []


async def test_a_report_shows_all_its_pictures(visitor: Visitor) -> None:
    await visitor.login()
    _, text, _ = await visitor.post("/ask", name="report", typed="1")
    assert re.findall(r'src="data:image/png;base64,([^"]+)"', text) == ["cG5n", "dHdv", "c2l4"]
    assert 'alt="equity"' in text and NASTY not in text


async def test_the_page_says_which_standing_it_shows(house: House, visitor: Visitor) -> None:
    await visitor.login()
    async with visitor.web.get(f"{house.url}/controls") as answer:
        drawn = re.findall(r'id="standing" data-drawn="([0-9a-f]+)"', await answer.text())
    told = house.site._parts("controls")
    assert told is not None and drawn == [told["standing"]["drawn"]]
    house.state.toggles = msgspec.structs.replace(house.state.toggles, paused=True)
    later = house.site._parts("controls")
    assert later is not None and later["standing"]["drawn"] != drawn[0]
