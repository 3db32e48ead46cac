"""What the program is made of: `python -m deploy.supply` writes the bill of materials and judges licences and known vulnerabilities.

Its tools stand in an environment of their own (requirements-audit.txt): `make audit` makes it. Exit code 1: a licence that may not be, or
a known vulnerability. A vulnerability database that cannot be reached is told as just that, and is no verdict.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from deploy.licences import Verdict, judged, normal, table

REPO = Path(__file__).resolve().parents[1]
TOOLS = REPO / ".venv-audit" / "bin"
BILL_S = 300.0
"""At most for a bill, which takes seconds."""
DATABASE_S, ANSWER_S = 300.0, 10
"""At most for all questions to the database (one a package), and for one."""


def named_in(requirements: str) -> list[Requirement]:
    """What a requirements file asks for; its options and comments left out."""
    lines = (line.split("#", 1)[0].strip() for line in requirements.splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def installed(name: str) -> list[str] | None:
    """What an installed package asks for, with extras and markers; None when it is not here."""
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return None


def reached(roots: Iterable[Requirement], asks: Callable[[str], list[str] | None] = installed) -> set[str]:
    """Names of all that `roots` need on this platform, themselves included; extras only where somebody asked for them.

    (The graph in the bill has no extras: by it a library needs whatever could be used with it.)
    """
    found: set[str] = set()
    done: set[tuple[str, str]] = set()
    open_ = list(roots)
    while open_:
        one = open_.pop()
        for extra in ("", *one.extras):
            below = asks(one.name)
            if below is None or (normal(one.name), extra) in done:
                continue
            found.add(normal(one.name))
            done.add((normal(one.name), extra))
            parts = [Requirement(text) for text in below]
            open_ += [part for part in parts if part.marker is None or part.marker.evaluate({"extra": extra})]
    return found


def scoped(bill: Mapping[str, Any], needed: AbstractSet[str]) -> dict[str, Any]:
    """The bill with a scope for each component: `required` by the program, `excluded` (CycloneDX's word for tests and tools)."""
    return {
        **bill,
        "components": [one | {"scope": "required" if normal(one["name"]) in needed else "excluded"} for one in bill["components"]],
    }


def judge(bill: Mapping[str, Any]) -> list[Verdict]:
    """A verdict on the licences of each component of a scoped bill."""
    return [judged(one, one["scope"] == "required") for one in bill["components"]]


def pinned(bill: Mapping[str, Any]) -> str:
    """The components as lines `name==version`; local versions (`+cpu`) are known to no database and left off."""
    return "".join(f"{one['name']}=={one['version'].split('+')[0]}\n" for one in bill["components"])


def vulnerabilities(answer: str) -> list[str] | None:
    """What pip-audit's JSON tells, one line per finding; None when it is no answer: the database was not reached."""
    start = answer.find('{"dependencies"')
    if start < 0:
        return None
    rows = json.loads(answer[start:].splitlines()[0])["dependencies"]
    return [
        f"{row['name']} {row.get('version', '')}: {one['id']}, mended in {', '.join(one['fix_versions']) or 'no version yet'}"
        for row in rows
        for one in row.get("vulns", ())
    ]


def _tool(words: Sequence[str], limit_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  tools of .venv-audit, words of ours  # nosec B603
        [str(TOOLS / words[0]), *words[1:]], cwd=REPO, capture_output=True, text=True, timeout=limit_s, check=False
    )


def made(folder: Path) -> dict[str, Any]:
    """The bill of the environment this runs in, scoped and written to `folder`/sbom.cdx.json; raises SystemExit when the tool fails."""
    raw = folder / "environment.cdx.json"
    done = _tool(["cyclonedx-py", "environment", "--output-reproducible", "--short-PURLs", "-o", str(raw), sys.executable], BILL_S)
    if done.returncode != 0:
        raise SystemExit(f"cyclonedx-py failed: {done.stderr.strip()}")
    roots = named_in((REPO / "requirements.txt").read_text(encoding="utf-8"))
    bill = scoped(json.loads(raw.read_bytes()), reached(roots))
    raw.unlink()
    (folder / "sbom.cdx.json").write_text(json.dumps(bill, indent=1) + "\n", encoding="utf-8")
    return bill


def known(bill: Mapping[str, Any], folder: Path) -> list[str] | None:
    """Known vulnerabilities of the bill's components; None when no database could be reached."""
    listed = folder / "versions.txt"
    listed.write_text(pinned(bill), encoding="utf-8")
    words = ["pip-audit", "-r", str(listed), "--no-deps", "--disable-pip", "-s", "osv", "-f", "json", "--progress-spinner", "off"]
    try:
        return vulnerabilities(_tool([*words, "--timeout", str(ANSWER_S)], DATABASE_S).stdout)
    except subprocess.TimeoutExpired:
        return None


def main(words: Sequence[str] | None = None) -> int:
    """The command; 0 when nothing is wrong that could be looked at."""
    parser = argparse.ArgumentParser(prog="python -m deploy.supply", description=__doc__)
    parser.add_argument("--folder", type=Path, default=REPO / "var" / "audit", help="where bill and table are written (default: var/audit)")
    folder: Path = parser.parse_args(words).folder
    folder.mkdir(parents=True, exist_ok=True)
    bill = made(folder)
    verdicts = judge(bill)
    (folder / "licences.md").write_text(table(verdicts), encoding="utf-8")
    needed = sum(one.needed for one in verdicts)
    print(f"bill of materials: {len(verdicts)} packages, {needed} of them the program's ({folder / 'sbom.cdx.json'})")
    bad = [one for one in verdicts if one.wrong]
    for one in bad:
        print(f"licence: {one.name} {one.version}: {one.wrong}")
    print(f"licences: {len(verdicts) - len(bad)} allowed, {len(bad)} not ({folder / 'licences.md'})")
    found = known(bill, folder)
    if found is None:
        print("vulnerabilities: NOT LOOKED AT: no database (OSV) can be reached from here; run this where one can")
    else:
        print("\n".join([*(f"vulnerability: {one}" for one in found), f"vulnerabilities: {len(found)} known"]))
    return 1 if bad or found else 0


if __name__ == "__main__":
    raise SystemExit(main())
