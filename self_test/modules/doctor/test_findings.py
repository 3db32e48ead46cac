from __future__ import annotations

from modules.doctor.findings import code_of, fail, lines, ok, skip, warn
from utils.errors import ExitCode


def test_the_code_is_that_of_what_trying_again_does_not_mend() -> None:
    net, key = fail("venue", "silent", "wait", ExitCode.UNREACHABLE), fail("key", "no", "another", ExitCode.CREDENTIALS)
    assert code_of([ok("a", "b"), warn("c", "d", "e"), skip("f", "g")]) is ExitCode.DONE
    assert code_of([net]) is ExitCode.UNREACHABLE
    assert code_of([net, key]) is ExitCode.CREDENTIALS
    assert code_of([net, key, fail("disk", "full", "free some")]) is ExitCode.USAGE


def test_a_line_says_verdict_check_words_and_remedy() -> None:
    assert lines([ok("disk", "much"), fail("port", "taken", "another")]) == ["ok    disk  much", "fail  port  taken -> another"]
    assert lines([]) == []
