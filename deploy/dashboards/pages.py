"""Every dashboard, in the order of the menu, and its file."""

from __future__ import annotations

import json

from deploy.dashboards.accounts import DOMAINS, OVERVIEW
from deploy.dashboards.grammar import Page, dashboard
from deploy.dashboards.learning import LEARNING
from deploy.dashboards.quality import EXECUTION, RISK
from deploy.dashboards.system import SYSTEM

PAGES: tuple[Page, ...] = (OVERVIEW, *DOMAINS, EXECUTION, RISK, LEARNING, SYSTEM)


def file_of(page: Page) -> str:
    """The file's name in `deploy/grafana/dashboards`."""
    return f"{page.name}.json"


def text_of(page: Page) -> str:
    """What stands in it: indented, so that a change can be read in a diff."""
    return json.dumps(dashboard(page), indent=1, ensure_ascii=False) + "\n"
