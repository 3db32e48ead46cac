"""Write every dashboard to `deploy/grafana/dashboards`, and take away what is none any more: `python -m deploy.dashboards`."""

from __future__ import annotations

from pathlib import Path

from deploy.dashboards.pages import PAGES, file_of, text_of

FOLDER = Path(__file__).resolve().parents[1] / "grafana" / "dashboards"


def write(folder: Path) -> list[str]:
    """Make `folder` hold the pages and nothing else that is JSON; the names of the files, in the order of the pages."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [file_of(page) for page in PAGES]
    for old in folder.glob("*.json"):
        if old.name not in names:
            old.unlink()
    for page, name in zip(PAGES, names, strict=True):
        (folder / name).write_text(text_of(page), encoding="utf-8")
    return names


if __name__ == "__main__":
    for name in write(FOLDER):
        print(FOLDER / name)
