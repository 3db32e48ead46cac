"""What every REST answer looks like, and the venue's explicit no: a code and a text inside an HTTP 200."""

from __future__ import annotations

from typing import Any

TIMED_OUT = 10000
PARAMETER = 10001
CLOCK = 10002
UNKNOWN_KEY = 10003
BAD_SIGNATURE = 10004
NO_PERMISSION = 10005
TOO_MANY = 10006
WRONG_IP = 10010
NO_ROUTE = 10017
TOO_MANY_IP = 10018
KEY_EXPIRED = 33004


class ApiError(Exception):
    """The venue's explicit no: a code and a text, sent with HTTP 200."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def envelope(result: Any, wall_ms: int, *, code: int = 0, message: str = "OK", ext: dict[str, Any] | None = None) -> dict[str, Any]:
    """What every answer looks like."""
    return {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {} if ext is None else ext, "time": wall_ms}
