"""Commands and reasons are found where a reader sees them, and a comment that nobody would find is a fault."""

from __future__ import annotations

from self_test.docs.pages import PAGES, Command, every_command, parse, read

PAGE = """
# A page

```
python main.py --stage 1   # a run
make test
```

Text.

<!-- not run here: needs root -->
```sh
sudo cp a \\
    b
```

1. An item

   ```sh
   export A=1
   cd there
   python main.py status
   ```

```text
$ python main.py --set risk.base=0
risk.base = '0'
```

```
a ──▶ b
```

```python
make = 1
```
"""


def test_commands_are_found() -> None:
    assert parse(PAGE, "p").commands == (
        Command("p", 4, 5, "python main.py --stage 1"),
        Command("p", 4, 6, "make test"),
        Command("p", 12, 13, "sudo cp a b", "needs root"),
        Command("p", 19, 22, "python main.py status", None, ("export A=1", "cd there")),
        Command("p", 25, 26, "python main.py --set risk.base=0"),
    )
    assert parse(PAGE, "p").faults == ()
    assert parse("```sh\nexport A=1\n```", "p").commands == (Command("p", 1, 2, "export A=1"),)


def test_a_comment_that_is_no_reason_is_a_fault() -> None:
    block = "```sh\nmake test\n```\n"
    assert parse("<!-- not run here:  -->\n" + block, "p").faults == ("p:1: a reason that says nothing",)
    assert parse("<!-- not run here: long -->\n\n" + block, "p").faults[0].startswith("p:1: a reason stands as")
    assert parse("<!-- not run: long -->\n" + block, "p").commands[0].reason is None
    assert len(parse("<!-- not run: long -->\n" + block, "p").faults) == 1
    assert parse("<!-- not run here: long -->\n```text\na\n```", "p").faults == ("p:1: a reason above a block without a command",)
    assert parse("```sh\nmake test", "p").faults == ("p:1: a block that nothing closes",)


def test_the_pages_have_commands_and_no_fault() -> None:
    assert [fault for page in PAGES for fault in read(page).faults] == []
    assert len(every_command()) > 80
