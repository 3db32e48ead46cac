from __future__ import annotations

import re

import pytest

from modules.exchange.bybit_codes import TABLE, Meaning, Verdict, meaning
from modules.ports import BAD_GRID, BAD_KEY, BAD_PRICE, BELOW_MINIMUM, DUPLICATE_ID, NO_FUNDS, NO_SUCH_ORDER, NOT_TRADING, NOTHING_TO_REDUCE

DOCUMENTED = """
10000, 10016, 170007, 170146, 170147
10001
10002
10003, 10004, 10005, 10007, 10010, 33004
10006, 10018, 170222
10014
10017
10024, 10027, 10028, 10029, 110066, 110074
110001, 170213, 110008, 110010, 170139, 170142, 170143
110003, 110120, 110121, 30208, 30209, 170132, 170133, 170192, 170193, 170194, 170371, 170372
110004, 110006, 110007, 110012, 110014, 110044, 110045, 110051, 110052, 110053, 170131, 170033
110009, 110020, 110061, 170810
110013, 110086, 110089, 110090
110017
110024, 110028, 110025, 110026, 110027, 110043, 34040
110064, 170313
110072, 170141
110079, 170191, 170212, 40004
110092, 110093, 170203, 170204
110094, 170140, 170136
170130
170134, 170137, 170148
170121, 110037
170210, 170149, 170150, 170151, 170157
10403, 10404, 10429, 10019, 20001, 20003, 20006
"""
"""The venue's table, row by row."""


@pytest.mark.parametrize("code", [int(text) for text in re.findall(r"\d+", DOCUMENTED)])
def test_every_documented_code_is_mapped(code: int):
    assert code in TABLE and meaning(code) is TABLE[code]


@pytest.mark.parametrize(
    "code, name",
    [
        (170141, DUPLICATE_ID),
        (110072, DUPLICATE_ID),
        (10014, DUPLICATE_ID),
        (170213, NO_SUCH_ORDER),
        (110001, NO_SUCH_ORDER),
        (110017, NOTHING_TO_REDUCE),
        (170131, NO_FUNDS),
        (110007, NO_FUNDS),
        (170140, BELOW_MINIMUM),
        (110094, BELOW_MINIMUM),
        (10003, BAD_KEY),
        (33004, BAD_KEY),
        (170121, NOT_TRADING),
        (110074, NOT_TRADING),
        (110092, BAD_PRICE),
        (170193, BAD_PRICE),
        (170134, BAD_GRID),
    ],
)
def test_refusals_that_decide_something_have_a_name(code: int, name: str):
    assert meaning(code) == Meaning(Verdict.REFUSED, name)


@pytest.mark.parametrize(
    "verdict, codes",
    [
        (Verdict.DONE, (0, 34040, 110025, 110026, 110027, 110043)),
        (Verdict.UNKNOWN, (10000, 10016, 170007, 170146, 170147)),
        (Verdict.LIMITED, (10006, 10018, 170222)),
        (Verdict.CLOCK, (10002,)),
        (Verdict.BUSY, (110079, 170191, 170212, 40004)),
    ],
)
def test_what_is_no_refusal(verdict: Verdict, codes: tuple[int, ...]):
    assert {meaning(code).verdict for code in codes} == {verdict}


def test_a_code_that_nobody_documented_is_a_refusal_under_its_number():
    assert meaning(987654) == Meaning(Verdict.REFUSED, 987654)
    assert meaning(10001) == Meaning(Verdict.REFUSED, 10001)


def test_no_code_has_two_meanings():
    from modules.exchange import bybit_codes

    numbers = [number for table in (bybit_codes._NAMED, bybit_codes._VERDICTS) for row in table.values() for number in row]
    assert len(numbers) == len(set(numbers)) == len(TABLE)
