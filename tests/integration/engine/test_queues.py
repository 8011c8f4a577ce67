"""The engine's queues: what one message costs while many wait."""

import subprocess
from pathlib import Path

from christmas_tasks.local.engine_build import ensure_built
from christmas_tasks.local.java import find_java_home

_PROGRAM = Path(__file__).parent / "TakeFromFullQueue.java"


def test_taking_a_message_leaves_those_that_wait_alone(tmp_path: Path) -> None:
    """H2 locks, and so writes, all that a reader selects for update; three of 500 are taken, in order."""
    kestras, ours = (
        _take(tmp_path / name.rpartition(".")[2], name)
        for name in ("io.kestra.queue.jdbc.client.JdbcQueueClient", "org.christmas.embedded.PromptQueues")
    )
    assert kestras[0] == ours[0] == "[0, 1, 2]"
    assert int(ours[1]) < int(kestras[1]) / 10, (
        "PromptQueues may have lost its reason, if Kestra's own client costs little"
    )


def _take(database: Path, client: str) -> list[str]:
    built = ensure_built()
    java: list[str | Path] = [find_java_home() / "bin" / "java", "-cp", f"{built / 'lib' / '*'}:{built / 'engine.jar'}"]
    url = f"jdbc:h2:async:{database};WRITE_DELAY=0"
    done = subprocess.run([*java, _PROGRAM, client, url], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.splitlines()
