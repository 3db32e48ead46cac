"""No key in the repository: `python -m deploy.secret_scan` looks for what resembles one and is not in .secrets.baseline.

The baseline holds what tests and pages made up, as hashes. `--accept` writes it anew, for whoever has looked at every line that was told.
(detect-secrets' own hook would rewrite it whenever a line moves.)
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import default_settings

REPO = Path(__file__).resolve().parents[1]
BASELINE = ".secrets.baseline"
GENERATED = ("deploy/grafana/dashboards/", BASELINE)
"""Made from code that is looked at."""
FEW = 20
"""Up to so many files no further process is started."""


def files(repo: Path) -> list[str]:
    """What is or could be committed: tracked, or new and not ignored. Raises subprocess.CalledProcessError outside a repository."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    told = subprocess.run(words, cwd=repo, capture_output=True, text=True, check=True).stdout  # noqa: S603  words of ours  # nosec B603
    return sorted(name for name in told.split("\0") if name and not name.startswith(GENERATED) and (repo / name).is_file())


def looked_at(repo: Path, names: Sequence[str]) -> SecretsCollection:
    """What in these files resembles a secret, by all of detect-secrets' detectors."""
    found = SecretsCollection(root=str(repo))
    with default_settings():
        if len(names) > FEW:
            found.scan_files(*names, num_processors=os.cpu_count() or 1)
        else:
            for name in names:
                found.scan_file(name)
    return found


def marks(repo: Path, found: SecretsCollection) -> dict[tuple[str, str, str], int]:
    """(file, kind, hash) -> line of each find. Lines move and checkouts lie elsewhere, so neither is part of what is compared."""
    seen = {}
    for path, one in found:
        name = Path(path)
        relative = name.relative_to(repo) if name.is_absolute() else name
        seen[relative.as_posix(), str(one.type), str(one.secret_hash)] = int(one.line_number)
    return seen


def accepted(repo: Path) -> set[tuple[str, str, str]]:
    """What the baseline holds; nothing when there is none."""
    path = repo / BASELINE
    return {(name, kind, digest) for name, kind, digest in json.loads(path.read_bytes())} if path.is_file() else set()


def accept(repo: Path, found: Iterable[tuple[str, str, str]]) -> None:
    """Write the baseline: one find a line, as hash."""
    lines = ",\n".join(json.dumps(one) for one in sorted(found))
    (repo / BASELINE).write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def main(words: Sequence[str] | None = None, repo: Path = REPO) -> int:
    """The command; 1 when something new resembles a secret."""
    parser = argparse.ArgumentParser(prog="python -m deploy.secret_scan", description=__doc__)
    parser.add_argument("--accept", action="store_true", help="what is found is made up: write it to the baseline")
    given = parser.parse_args(words)
    found = marks(repo, looked_at(repo, files(repo)))
    if given.accept:
        accept(repo, found)
        return 0
    new = sorted((one[0], found[one], one[1]) for one in found.keys() - accepted(repo))
    for name, line, kind in new:
        print(f"{name}:{line}: resembles a secret ({kind}). One that is real is revoked where it was issued; one made up is --accept-ed")
    return 1 if new else 0


if __name__ == "__main__":
    raise SystemExit(main())
