"""The long run: ``python -m tests.faults.soak --leads 300 --kills 25 --seed 7`` (``make soak``)."""

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path

from tests.faults import report
from tests.faults.driver import Size, product
from tests.faults.report import say

_PATIENCE_S = 1_800.0
_MINUTE_S = 24.0
_THREADS = 3
# About what two slow cores can do: the storm is one of faults. Faster, emails that wait for their turn fill the queue.
_SECONDS_FOR_ONE_LEAD = 4.0
_CALLS_OF_ONE_LEAD = 10


def main() -> int:
    """Run one storm, print its figures; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description="A storm over the whole product, and its figures.")
    parser.add_argument("--leads", type=int, default=300)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, help="repeats a run; drawn and printed if not given")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="an empty folder for the data, kept for a look")
    given = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    size = Size(
        given.leads,
        given.kills,
        minute_s=_MINUTE_S,
        over_s=given.leads * _SECONDS_FOR_ONE_LEAD,
        calls_between=given.leads * _CALLS_OF_ONE_LEAD // given.kills,
        workers=given.workers,
        worker_threads=_THREADS,
    )
    command = f"make soak LEADS={given.leads} KILLS={given.kills} WORKERS={given.workers} SEED={seed}"
    say(f"To repeat this run: {command}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, product(given.keep or Path(folder), size) as parts:
        world, disk = parts
        found = report.run(
            world,
            disk,
            seed,
            size,
            lambda line: say(f"{time.monotonic() - began:7.1f} s  {line}"),
            patience_s=_PATIENCE_S,
        )
    say(found.text())
    if found.wrong:
        say(f"{len(found.wrong)} promises broken. Again: {command}")
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
