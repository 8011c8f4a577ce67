"""How soon a dead server's work is taken over: the same settings on one machine and in production."""

import re
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
EMBEDDED = CHECKOUT / "kestra" / "embedded" / "src" / "main" / "resources" / "application.yml"
COMPOSE = CHECKOUT / "docker-compose.kestra.yml"
NAMES = ("worker-task-restart-strategy:", "termination-grace-period:", "liveness:")


def lines_of(path: Path) -> list[str]:
    lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    return [line for name in NAMES for line in lines if line.startswith(name)]


def test_a_dead_server_is_replaced_within_a_minute_everywhere() -> None:
    """What the takeover test shows on the embedded engine holds for the Compose file, which has the same lines."""
    embedded = lines_of(EMBEDDED)
    assert len(embedded) == len(NAMES)
    assert lines_of(COMPOSE) == embedded
    # Not IMMEDIATELY: what still waits after the grace would be given away twice.
    assert "AFTER_TERMINATION_GRACE_PERIOD" in embedded[0]
    grace = re.search(r"(\d+)s", embedded[1])
    assert grace is not None
    spans = {name: int(seconds) for name, seconds in re.findall(r"(\w[\w-]*): (\d+)s", embedded[2])}
    assert spans["timeout"] + int(grace[1]) + 2 * spans["interval"] < 60
    assert spans["heartbeat-interval"] * 3 <= spans["timeout"]
