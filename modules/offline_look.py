"""Looking without a daemon: the stored engine through the very views that the running one has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from modules.cli_kpi import stored_figures
from modules.offline import stored_engine
from modules.ui.answers import LOOKS
from modules.ui.commands import Wanted
from modules.ui.recent import Recent
from modules.ui.scene import Scene


def look_offline(place: Path, env: str, wanted: Wanted) -> dict[str, Any]:
    """What looking says, as it would come over the socket; Refusal where there is nothing to see."""
    engine = stored_engine(place)
    scene = Scene(engine, Recent(engine.state), env, live=False, folder=place)
    if wanted.name == "kpi":
        scene.kpis = stored_figures(place)
    found: dict[str, Any] = msgspec.to_builtins(LOOKS[wanted.name](scene, wanted.args))
    return found
