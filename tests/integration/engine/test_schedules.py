"""The campaign's own schedules, each second instead of each hour, over tasks that never end."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.engine.conftest import ENDED

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.integration

_FLOWS = Path(__file__).parents[3] / "kestra" / "flows" / "christmas"
_SLEEPER = (Path(__file__).parent / "flows" / "sleeper.yml").read_text("utf-8")
_EACH_SECOND = 'cron: "* * * * * *"\n    withSeconds: true'


def test_what_never_ends_does_not_keep_the_next_one_away(api: Any, until: Callable[..., Any]) -> None:
    """Kestra holds a schedule until its execution has ended, and one that was lost in a kill never does."""
    headers = {"content-type": "application/x-yaml"}
    for flow in ("reconcile", "health-check"):
        triggers = re.search(r"^triggers:\n(?:[ #].*\n)+", (_FLOWS / f"{flow}.yml").read_text("utf-8"), re.MULTILINE)
        assert triggers is not None
        source = _SLEEPER.replace("id: sleeper", f"id: {flow}", 1) + re.sub(r'cron: ".*"', _EACH_SECOND, triggers[0])
        api.json(api.http.post("/flows", content=source, headers=headers))
        until(lambda flow=flow: len(_running(api, flow)) >= 2)
        assert api.http.delete(f"/flows/engine/{flow}").is_success
        until(lambda flow=flow: not _kill_all(api, flow))


def _running(api: Any, flow: str) -> list[str]:
    found = api.search(flowId=flow)["results"]
    return [one["id"] for one in found if one["state"]["current"] not in ENDED]


def _kill_all(api: Any, flow: str) -> list[str]:
    """Also what the schedule has started until the flow was gone; returns what has not ended yet."""
    running = _running(api, flow)
    for one in running:
        api.http.delete(f"/executions/{one}/actions/kill")
    return running
