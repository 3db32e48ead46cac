from __future__ import annotations

from modules.simulator.envelope import CLOCK, ApiError, envelope


def test_a_success_and_a_refusal_have_the_same_five_fields():
    assert envelope({"a": 1}, 5) == {"retCode": 0, "retMsg": "OK", "result": {"a": 1}, "retExtInfo": {}, "time": 5}
    told = envelope({}, 6, code=CLOCK, message="late", ext={"list": []})
    assert told == {"retCode": 10002, "retMsg": "late", "result": {}, "retExtInfo": {"list": []}, "time": 6}


def test_the_explicit_no_carries_code_and_text():
    error = ApiError(110001, "order not exists")
    assert (error.code, error.message, str(error)) == (110001, "order not exists", "order not exists")
