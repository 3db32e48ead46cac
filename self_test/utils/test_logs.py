import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from utils.logs import LONGEST_KEPT, MASK, last_lines, mask_keys, mask_values, setup


@pytest.fixture(autouse=True)
def put_logging_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def last_json(stream: io.StringIO) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(stream.getvalue().splitlines()[-1])
    return line


def test_a_json_line_has_time_level_logger_event_and_its_fields() -> None:
    stream = io.StringIO()
    setup(form="json", stream=stream)
    structlog.get_logger("engine").info("order filled", symbol="BTCUSDT", ts=5)
    line = last_json(stream)
    assert line.pop("time").endswith("Z")
    assert line == {"event": "order filled", "level": "info", "logger": "engine", "symbol": "BTCUSDT", "ts": 5}


def test_a_console_line_reads_without_colour_codes() -> None:
    stream = io.StringIO()
    setup(stream=stream)
    structlog.get_logger("engine").warning("stale feed", topic="kline.5")
    text = stream.getvalue()
    assert "stale feed" in text
    assert "topic=kline.5" in text
    assert "\x1b" not in text


def test_libraries_come_out_of_the_same_door_and_chatty_ones_only_from_warning_on() -> None:
    stream = io.StringIO()
    setup(form="json", stream=stream)
    logging.getLogger("httpx").info("GET /")
    assert stream.getvalue() == ""
    logging.getLogger("httpx").warning("slow %s", "reply")
    assert last_json(stream)["event"] == "slow reply"
    logging.getLogger("some.library").info("hello")
    assert last_json(stream)["logger"] == "some.library"


def test_the_level_cuts_what_is_below_it() -> None:
    stream = io.StringIO()
    setup(form="json", level="warning", stream=stream)
    structlog.get_logger("x").info("quiet")
    logging.getLogger("x").info("quiet")
    assert stream.getvalue() == ""
    structlog.get_logger("x").error("loud")
    assert last_json(stream)["event"] == "loud"


def test_an_unknown_level_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'LOUD'"):
        setup(level="LOUD")


def test_setting_up_twice_does_not_print_twice() -> None:
    first, second = io.StringIO(), io.StringIO()
    setup(form="json", stream=first)
    setup(form="json", stream=second)
    structlog.get_logger("x").info("once")
    assert first.getvalue() == ""
    assert len(second.getvalue().splitlines()) == 1


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_secret_never_leaves_in_a_message_a_field_or_a_traceback(form: Any) -> None:
    secret = 'kE"y\\with-odd'
    stream = io.StringIO()
    setup(form=form, stream=stream, secrets=[secret, "kE"])
    log = structlog.get_logger("x")
    message = f"signing with {secret}"
    log.info(message, note=secret, nested={"api_key": "abc", "rows": [{"X-BAPI-SIGN": "f00"}]})
    try:
        raise RuntimeError(f"refused {secret}")
    except RuntimeError:
        log.exception("request failed")
    logging.getLogger("lib").error("bad key %s", secret)
    text = stream.getvalue()
    assert "request failed" in text
    assert "RuntimeError" in text
    for leak in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], "abc", "f00"):
        assert leak not in text
    assert text.count(MASK) >= 5


@pytest.mark.parametrize(
    "key", ["api_key", "apiKey", "BYBIT_API_SECRET", "telegram_token", "password", "Authorization", "X-BAPI-SIGN", "sign"]
)
def test_secret_looking_keys_are_masked(key: str) -> None:
    assert mask_keys(None, "info", {key: "value"}) == {key: MASK}


@pytest.mark.parametrize("key", ["symbol", "design", "signal", "tokens_left", "key", "assign"])
def test_innocent_keys_are_not(key: str) -> None:
    assert mask_keys(None, "info", {key: "value"}) == {key: "value"}


def test_a_missing_secret_is_shown_as_missing() -> None:
    assert mask_keys(None, "info", {"api_key": None}) == {"api_key": None}


def test_short_values_do_not_eat_innocent_text_and_bot_tokens_go_by_shape() -> None:
    assert mask_values("abc of the abcd", ["abc"]) == "abc of the abcd"
    assert mask_values("a secret-1 b", ["secret-1"]) == f"a {MASK} b"
    url = "http://127.0.0.1/bot123456789:AAE9xyzAAE9xyzAAE9xyzAAE9xyzAAE9xyz/getMe"
    assert mask_values(url, []) == f"http://127.0.0.1/bot{MASK}/getMe"
    assert mask_values(url.replace("9:", "9%3a"), []) == f"http://127.0.0.1/bot{MASK}/getMe"
    assert mask_values("https://h/?x=a%2Fb%3Dcdefg", ["a/b=cdefg"]) == f"https://h/?x={MASK}"


def test_the_longer_of_two_overlapping_secrets_is_cut_whole() -> None:
    stream = io.StringIO()
    setup(form="json", stream=stream, secrets=["abcdef", "abcdef-ghijkl"])
    structlog.get_logger("x").info("v abcdef-ghijkl")
    assert last_json(stream)["event"] == f"v {MASK}"


def test_the_last_lines_are_kept_for_people_masked_and_bounded_whatever_is_written() -> None:
    stream = io.StringIO()
    setup(form="json", level="warning", stream=stream, secrets=["s3cret-value"], keep=3)
    log = structlog.get_logger("feed")
    for n in range(5):
        log.info("connected", n=n, api_key="abcdef123", url="https://x/s3cret-value")
    log.debug("too fine")
    assert stream.getvalue() == ""
    found = last_lines(10)
    assert [f"n={n}" in line for n, line in zip((2, 3, 4), found, strict=True)] == [True] * 3
    assert "s3cret" not in "".join(found)
    assert "abcdef123" not in "".join(found)
    assert last_lines(2) == found[-2:]
    log.warning("long ".ljust(2_000, "x"))
    assert len(last_lines(1)[0]) == LONGEST_KEPT
    assert "long xxx" in stream.getvalue()


def test_without_keeping_there_are_no_last_lines() -> None:
    setup(level="info", stream=io.StringIO())
    structlog.get_logger("feed").info("connected")
    assert last_lines(5) == []


def test_whatever_is_logged_is_one_line_that_any_reader_of_json_takes() -> None:
    stream = io.StringIO()
    logging.getLogger().handlers.clear()  # pytest has one of its own, which a wrong format ends
    setup(form="json", level="debug", stream=stream, secrets=["s3cret-value"])
    log = structlog.get_logger("x")
    log.info("odd", nan=float("nan"), deep=[{"inf": -float("inf")}], raw=b"\xff", made=object(), whole={1: {2}}, lines="a\nb\u2028c")
    try:
        raise ValueError("https://h/?sign=s3cret-value\nand more")
    except ValueError as error:
        logging.getLogger("aiohttp.client").exception("failed for %r", {"key": "s3cret-value"})
        log.warning("failed", exc_info=error, stack_info=True)
    logging.getLogger("some.library").error("one %s and two %s: 100 %", "s3cret-value")
    logging.getLogger("some.library").info({"a": b"s3cret-value"})
    lines = stream.getvalue().split("\n")

    def no_json(word: str) -> None:
        raise AssertionError(word)

    found = [json.loads(line, parse_constant=no_json) for line in lines[:-1]]
    assert len(found) == 5 and lines[-1] == "" and "s3cret" not in stream.getvalue()
    assert (found[0]["nan"], found[0]["deep"]) == ("nan", [{"inf": "-inf"}])
    assert "ValueError" in found[1]["exception"] and "Traceback" in found[2]["exception"]


def test_a_librarys_wrong_format_is_a_line_like_any_other(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    logging.getLogger().handlers.clear()  # pytest has one of its own, which a wrong format ends
    setup(form="json", stream=stream, secrets=["s3cret-value"])
    logging.getLogger("some.library").error("%d orders", "s3cret-value")
    assert last_json(stream)["event"] == f"%d orders ('{MASK}',)"
    assert capsys.readouterr().err == "", "the standard module would have written all of it there, as it stood"
