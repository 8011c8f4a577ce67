"""A short storm over the whole product; the long one is ``make soak``."""

from pathlib import Path

import pytest

from tests.faults import report
from tests.faults.driver import Size, product
from tests.faults.report import say

_SEED = 20251124
_SHORT = Size(20, 3, minute_s=3.0, over_s=15.0, calls_between=15, workers=1, worker_threads=3)
_TAKEN_OVER_S = 60.0


@pytest.mark.timeout(600)
def test_a_storm_breaks_no_promise(tmp_path: Path) -> None:
    """Leads over all handlers, three kills, a full disk among them, every vendor fault: each mail exactly once."""
    with product(tmp_path, _SHORT) as (world, disk):
        found = report.run(world, disk, _SEED, _SHORT, say, patience_s=240.0)
    say(found.text())
    assert not found.wrong, f"seed {_SEED}; again: python -m pytest tests/faults/test_storm.py"
    assert found.takeover_s < _TAKEN_OVER_S
