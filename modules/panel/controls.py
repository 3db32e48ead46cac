"""What changes something: logging in and out, asking, confirming, thinking better of it. Each needs the session and its CSRF token.

The panel decides nothing: it hands what was pressed to the operator's counter and shows what comes back.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web
from multidict import MultiDictProxy

from modules.engine import explore_live, switches
from modules.panel.auth import LONGEST_MS, Session, same
from modules.panel.replies import COOKIE, html
from modules.ui.commands import EXPLORE_CAP, EXPLORE_FLOOR, changes, parse
from modules.ui.operator import Done, Outcome, Who
from state.accounts import Domain, Mode
from state.barred import barred
from state.stages import STAGES

if TYPE_CHECKING:
    from modules.panel.site import Site, Sources

NEXT = re.compile(r"/(?!/)[\w/:.-]{0,100}")
DRAWN = frozenset({"chart", "report"})
"""Looks that are drawn beside the daemon."""
MOST_WORDS = 4
LONGEST_FIELD = 256
Form = MultiDictProxy[Any]


def mount(site: Site, app: web.Application) -> None:
    """Add the paths."""
    found = Controls(site)
    app.router.add_get("/controls", found.show)
    app.router.add_get("/login", found.door)
    for path, handler in (
        ("/login", found.login),
        ("/logout", found.logout),
        ("/ask", found.ask),
        ("/confirm", found.confirm),
        ("/cancel", found.cancel),
    ):
        app.router.add_post(path, handler)


class Controls:
    """The panel's buttons."""

    def __init__(self, site: Site) -> None:
        self._site = site

    # --- the door -------------------------------------------------------------------------------------------------------------------------

    async def door(self, request: web.Request) -> web.StreamResponse:
        """Ask for the token."""
        return self._door(request, _next(request.query.get("next", "")))

    def _door(self, request: web.Request, back: str, *, wrong: str = "", status: int = 200) -> web.Response:
        return self._site.page(request, "login", title="Log in", next=back, wrong=wrong, status=status)

    async def login(self, request: web.Request) -> web.StreamResponse:
        """Take the token: a session, or a wait that grows."""
        site, now, peer = self._site, self._site.clock.now_ms(), request.remote or "?"
        form = await request.post()
        back = _next(_field(form, "next"))
        if wait := site.tries.wait_ms(peer, now):
            seconds = -(-wait // 1000)
            answer = self._door(request, back, wrong=f"Too many wrong tokens: wait {seconds} s.", status=429)
            answer.headers["Retry-After"] = str(seconds)
            return answer
        if not same(_field(form, "token").strip(), site.token):
            site.tries.failed(peer, now)
            return self._door(request, back, wrong="That is not the token.", status=403)
        site.tries.succeeded(peer)
        site.sessions.close(request.cookies.get(COOKIE, ""))  # a session that somebody else planted ends here
        secret = site.draw()
        site.sessions.open(secret, site.draw(), now)
        response = web.Response(status=303, headers={"Location": back})
        response.set_cookie(
            COOKIE, secret, max_age=LONGEST_MS // 1000, path="/", httponly=True, samesite="Strict", secure=site.settings.secure_cookie
        )
        return response

    async def logout(self, request: web.Request) -> web.StreamResponse:
        """End the session."""
        if await self._mine(request) is not None:
            self._site.sessions.close(request.cookies.get(COOKIE, ""))
        response = web.Response(status=303, headers={"Location": "/"})
        response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
        return response

    # --- the counter ----------------------------------------------------------------------------------------------------------------------

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Every control with how it stands."""
        if self._site.session(request) is None:
            return self._site.to_login(request)
        return self._site.page(request, "controls", title="Controls", outcome=None, **standing(self._site.sources))

    async def ask(self, request: web.Request) -> web.StreamResponse:
        """What a button wants, in the words of the vocabulary."""
        session, form = await self._needed(request)
        if session is None:
            return self._refused(request, form)
        words = [str(word)[:LONGEST_FIELD] for word in form.getall("word", [])[:MOST_WORDS]]
        operator = self._site.sources.operator
        wanted = parse([_field(form, "name"), *words])
        if not changes(wanted):
            drawn = wanted.name in DRAWN
            return self._said(request, "looked", answer=await operator.picture(wanted) if drawn else operator.look(wanted))
        typed = "typed" in form
        return self._outcome(request, await operator.ask(wanted, _who(session), tapped=not typed))

    async def confirm(self, request: web.Request) -> web.StreamResponse:
        """The next step of what waits."""
        session, form = await self._needed(request)
        if session is None:
            return self._refused(request, form)
        return self._outcome(
            request, await self._site.sources.operator.confirm(_field(form, "nonce"), _who(session), _field(form, "digits"))
        )

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        """Forget what waits."""
        session, form = await self._needed(request)
        if session is None:
            return self._refused(request, form)
        self._site.sources.operator.cancel(_field(form, "nonce"), _who(session))
        return self._said(request, "cancelled", text="Cancelled. Nothing was changed.")

    # --- common ---------------------------------------------------------------------------------------------------------------------------

    async def _mine(self, request: web.Request) -> Session | None:
        """The session, if the form carries its CSRF token."""
        session = self._site.session(request)
        form = await request.post()
        return session if session is not None and same(_field(form, "csrf"), session.csrf) else None

    async def _needed(self, request: web.Request) -> tuple[Session | None, Form]:
        return await self._mine(request), await request.post()

    def _refused(self, request: web.Request, form: Form) -> web.StreamResponse:
        """Not logged in: to the door. Logged in, but not from a page of this session: no."""
        if self._site.session(request) is None:
            return self._site.to_login(request)
        return self._site.note(request, 403, "Refused", "This page is too old or not ours: load it again. Nothing was changed.")

    def _outcome(self, request: web.Request, outcome: Outcome) -> web.StreamResponse:
        if isinstance(outcome, Done):
            return self._said(request, "done", text=outcome.text)
        return self._said(request, "confirm", must=outcome)

    def _said(self, request: web.Request, kind: str, **values: Any) -> web.StreamResponse:
        """A piece of the page for htmx, else the whole page with it."""
        session = self._site.session(request)
        told: dict[str, Any] = {"kind": kind, **values}
        if "HX-Request" in request.headers:
            return html(self._site.pages.draw("parts/outcome", session=session, **told))
        return self._site.page(request, "controls", title="Controls", outcome=told, **standing(self._site.sources))


def _who(session: Session) -> Who:
    return Who(name="panel", surface="panel", person=session.person, place=session.person)


def _field(form: Form, name: str) -> str:
    """One field of a form, bounded; empty when it is missing or no text."""
    value = form.get(name, "")
    return value[:LONGEST_FIELD] if isinstance(value, str) else ""


def _next(path: str) -> str:
    """Where to go after the log-in: a page of ours, else the controls."""
    return path if NEXT.fullmatch(path) else "/controls"


def standing(source: Sources) -> dict[str, Any]:
    """How every control stands; `drawn` marks this very standing, so that a page knows whether it shows it."""
    state = source.recent.state
    domains = {account.domain for account in state.accounts}
    profile = "spot+perp" if {Domain.CRYPTO, Domain.PERPS} <= domains else "perp" if Domain.PERPS in domains else "spot"
    base = state.exploration or 100 * source.explore
    found = {
        "stages": [(number, row.name) for number, row in STAGES.items()],
        "stage": state.stage,
        "earned": state.earned,
        "profile": profile,
        "toggles": state.toggles,
        "explore": round(base),
        "explore_floor": EXPLORE_FLOOR,
        "explore_cap": EXPLORE_CAP,
        "explore_live": explore_live.anywhere(state),
        "unavailable": {name: switches.missing(state, name) for name in ("forex", "options")},
        "offers": sorted(key for key, one in state.standings.items() if one.offered_ts),
        "halted": sorted(state.halted),
        # Without the reason, whose figure moves with every mark: the page would be drawn anew each time.
        "barred": [f"{name}: {why.partition(': ')[0]}" for a, name in enumerate(state.accounts) if (why := barred(state, a))],
        "papers": [str(account) for account in state.accounts if account.mode is Mode.PAPER],
        "held": sorted({(state.symbol_of(i), str(state.account_of(i))) for i in range(len(state.pos)) if state.pos[i]["status"]}),
    }
    return {**found, "drawn": sha256(msgspec.json.encode(found, enc_hook=str)).hexdigest()[:16]}
