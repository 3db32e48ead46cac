"""The exchange's control API, as a plain loop asks it: venue time, faults, the truth."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

LIMIT_S = 30.0


class Venue:
    """The one at `url`, its control address. OSError when it does not answer or says no."""

    def __init__(self, url: str) -> None:
        self._url = url

    def now(self) -> int:
        """Venue time, ms."""
        return int(self.ask("/clock")["now"])

    def accounts(self) -> list[str]:
        """Ids of the accounts at the exchange."""
        return [one["uid"] for one in self.ask("/accounts")["accounts"]]

    def ledger(self) -> dict[str, Any]:
        """Orders, fills, cash, positions; `oanda` has the broker's."""
        return self.ask("/ledger")

    def post(self, body: dict[str, Any]) -> str:
        """Let a fault happen; its id."""
        return str(self.ask("/faults", body)["id"])

    def lift(self, fault: str) -> int:
        """Take it back; how often it struck."""
        found = next((one for one in self.ask("/faults")["faults"] if one["id"] == fault), {"hits": 0})
        try:
            self.ask(f"/faults/{fault}", method="DELETE")
        except urllib.error.HTTPError as error:  # spent and forgotten
            if error.code != 404:
                raise
        return int(found["hits"])

    def ask(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> dict[str, Any]:
        """One request."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._url}{path}", data=data, method=method)  # noqa: S310  loopback
        with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:  # noqa: S310  same  # nosec B310
            found: dict[str, Any] = json.loads(answer.read())
            return found
