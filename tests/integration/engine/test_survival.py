"""What outlives the engine's process."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from christmas_tasks.local.engine import EngineError
from christmas_tasks.local.engine_build import ensure_built
from christmas_tasks.local.java import find_java_home
from tests.integration.conftest import OFFICIAL_PLUGIN

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.integration

_APPLICATION = Path(__file__).parents[3] / "kestra" / "embedded" / "src" / "main" / "resources" / "application.yml"
BY_STATE = """\
id: by_state
type: io.kestra.plugin.core.dashboard.chart.Table
data:
  type: io.kestra.plugin.core.dashboard.data.Executions
  columns:
    state: {field: STATE}
    total: {field: ID, agg: COUNT}
"""


_NOTICED_SOON = {
    "KESTRA_SERVER_LIVENESS_INTERVAL": "1s",
    "KESTRA_SERVER_LIVENESS_HEARTBEAT_INTERVAL": "1s",
    "KESTRA_SERVER_LIVENESS_INITIAL_DELAY": "5s",
    "KESTRA_SERVER_LIVENESS_TIMEOUT": "5s",
    "KESTRA_SERVER_TERMINATION_GRACE_PERIOD": "2s",
}


def states_of(api: Any, execution: str) -> list[str]:
    """The states of an execution's task runs."""
    return [run["state"]["current"] for run in api.execution(execution).get("taskRunList") or []]


def test_a_kill_loses_nothing_that_was_answered(new_engine: Callable[..., Any], api_of: Callable[..., Any]) -> None:
    """A planned execution waits in CREATED and runs at its date; an answered webhook is carried out."""
    engine = new_engine()
    engine.start()
    api = api_of(engine)
    due = datetime.now(UTC) + timedelta(seconds=6)
    parent = api.ended(api.create("parent", date=due.isoformat())["id"])
    child = api.outputs(parent, "plan")["executionId"]
    assert api.execution(child)["state"]["current"] == "CREATED"
    answered = [api.hook("echo").json()["id"] for _ in range(5)]
    engine.kill()
    engine.start()
    api = api_of(engine)
    for execution in answered:
        # A task that ran when the engine died is given to a new worker once the old one is missed.
        assert api.ended(execution, 60)["state"]["current"] == "SUCCESS"
    done = api.ended(child)
    assert done["state"]["current"] == "SUCCESS"
    ran_at = next(entry["date"] for entry in done["state"]["histories"] if entry["state"] == "RUNNING")
    assert datetime.fromisoformat(ran_at) >= due


def test_a_webhook_that_was_answered_from_the_queue_survives_a_kill(
    new_engine: Callable[..., Any], api_of: Callable[..., Any]
) -> None:
    """In a burst an answer doesn't wait for the executor: what is in the queue is on disk.

    Kestra's own wait is so short here that each answer would be an error if it came from there.
    """
    patience = {"EMBEDDED_WEBHOOK_PATIENCE": "0s", "KESTRA_ASYNC_OPERATIONS_WAIT_TIMEOUT": "1ms"}
    engine = new_engine(env=patience)
    engine.start()
    api = api_of(engine)
    with ThreadPoolExecutor(10) as callers:
        answers = list(callers.map(api.hook, ["echo"] * 10))
    answered = [api.json(answer)["id"] for answer in answers]
    engine.kill()
    engine.start()
    api = api_of(engine)
    for execution in answered:
        assert api.ended(execution, 60)["state"]["current"] == "SUCCESS"


def test_a_kill_between_a_state_and_its_message_leaves_nothing_hanging(
    new_engine: Callable[..., Any], api_of: Callable[..., Any], until: Callable[..., Any], tmp_path: Path
) -> None:
    """One execution's date had come, another one's first task had ended: both go on after the next start."""
    engine = new_engine()
    engine.start()
    api = api_of(engine)
    flag = tmp_path / "flag"
    flag.touch()
    halfway = api.ended(api.create("gate", flag=str(flag))["id"])["id"]
    due = datetime.now(UTC) + timedelta(seconds=10)
    waiting = api.create("child", params={"scheduleDate": due.isoformat()})["id"]
    api.reached(waiting, "CREATED")
    engine.stop()
    java = find_java_home() / "bin" / "java"
    program = Path(__file__).parent / "LoseMessages.java"
    subprocess.run([java, "-cp", ensure_built() / "lib" / "*", program, engine.data_dir, waiting, halfway], check=True)
    until(lambda: datetime.now(UTC) > due)
    engine.start()
    api = api_of(engine)
    for one in (waiting, halfway):
        assert api.ended(one)["state"]["current"] == "SUCCESS"
    assert states_of(api, halfway) == ["SUCCESS"] * 2


def test_a_kill_in_a_transaction_leaves_states_readable(
    new_engine: Callable[..., Any], api_of: Callable[..., Any]
) -> None:
    """H2 reads them as numbers for as long as the connection lives that has rolled such a transaction back."""
    engine = new_engine()
    engine.start()
    assert api_of(engine).ended(api_of(engine).hook("echo").json()["id"])["state"]["current"] == "SUCCESS"
    engine.stop()
    java = find_java_home() / "bin" / "java"
    killed = subprocess.run(
        [java, "-cp", ensure_built() / "lib" / "*", Path(__file__).parent / "LeaveOpen.java", engine.data_dir],
        check=False,
    )
    assert killed.returncode == 9
    engine.start()
    api = api_of(engine)
    figures = api.json(api.http.post("/dashboards/charts/preview", json={"chart": BY_STATE}))
    assert figures["results"] == [{"state": "SUCCESS", "total": 1}]


def test_the_database_survives_kills_in_the_middle_of_heavy_writing(tmp_path: Path) -> None:
    """H2 itself with the engine's options: written in the background, kills damage it."""
    options = re.search(r"jdbc:h2:async:\$\{ENGINE_DATA_DIR}/db/kestra(;.+)", _APPLICATION.read_text("utf-8"))
    assert options is not None
    url = f"jdbc:h2:async:{tmp_path}/kestra{options[1]}"
    java: list[str | Path] = [find_java_home() / "bin" / "java", "-cp", ensure_built() / "lib" / "*"]
    program = Path(__file__).parent / "WriteUntilKilled.java"
    for milliseconds in (1_500, 2_500, 2_000):
        assert subprocess.run([*java, program, "write", url, str(milliseconds)], check=False).returncode == 9
        subprocess.run([*java, program, "read", url], check=True)


def test_one_engine_holds_its_folder_and_stops_clean_and_quick(new_engine: Callable[..., Any]) -> None:
    """A second one would run everything twice: it says why it does not start. SIGTERM ends the first by itself."""
    first, second = new_engine(), new_engine()
    first.start()
    with pytest.raises(EngineError, match="in use by another engine"):
        second.start()
    assert first.is_running
    pid = first.pid
    began = time.monotonic()
    first.stop()
    assert time.monotonic() - began < 15
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    # Both have written into the same log.
    assert [line for line in first.log_path.read_text("utf-8").splitlines() if "ERROR" in line] == []


def test_a_damaged_database_is_told_with_its_remedy(new_engine: Callable[..., Any]) -> None:
    """A person moves it away and goes on from the tracker."""
    engine = new_engine()
    folder = engine.data_dir / "db"
    folder.mkdir(parents=True)
    (folder / "kestra.mv.db").write_bytes(b"no database" * 1_000)
    with pytest.raises(EngineError, match=re.escape(f"move the folder {folder} away, start again, and run reconcile")):
        engine.start()


def test_tasks_come_in_their_order_and_outlive_a_stop(
    new_engine: Callable[..., Any], api_of: Callable[..., Any], until: Callable[..., Any], tmp_path: Path
) -> None:
    """Of those that wait one may be put back when the worker's last place is taken at that moment, not all.

    A worker holds as many tasks in store as it has threads: after a stop in order they run with the next start. No
    queue is looked into here before something has arrived in it.
    """
    engine = new_engine(worker_threads=1, env={"EMBEDDED_QUEUE_PATIENCE": "1h"})
    engine.start()
    api = api_of(engine)
    flag = tmp_path / "flag"
    ids = []
    for _ in range(20):
        ids.append(api.create("holder", flag=str(flag))["id"])
        until(lambda: states_of(api, ids[-1]))
    flag.touch()
    for one in ids:
        assert api.ended(one, 60)["state"]["current"] == "SUCCESS"
    begun = flag.with_suffix(".begun").read_text("utf-8").split()
    assert sorted(begun) == sorted(ids)
    assert sum(place - ids.index(one) > 1 for place, one in enumerate(begun)) <= 2

    flag.unlink()
    first = api.create("holder", flag=str(flag))["id"]
    until(lambda: states_of(api, first) == ["RUNNING"])
    in_store = [api.create("holder", flag=str(flag))["id"] for _ in range(3)]
    until(lambda: all(states_of(api, one) == ["SUBMITTED"] for one in in_store))
    flag.touch()
    engine.stop()
    engine.start()
    api = api_of(engine)
    for one in (first, *in_store):
        assert api.ended(one, 60)["state"]["current"] == "SUCCESS"


def test_a_dead_workers_tasks_are_given_away_once(
    new_engine: Callable[..., Any], api_of: Callable[..., Any], until: Callable[..., Any], tmp_path: Path
) -> None:
    """Also if they still wait when the dead worker's time of grace is over, while the living one is busy."""
    engine = new_engine(workers=1, worker_threads=2, env=_NOTICED_SOON)
    engine.start()
    api = api_of(engine)
    flag = tmp_path / "flag"

    def begun() -> list[str]:
        notes = flag.with_suffix(".begun")
        return notes.read_text("utf-8").split() if notes.exists() else []

    # Two run in each process, two are in store there.
    ids = [api.create("holder", flag=str(flag))["id"] for _ in range(8)]
    until(lambda: len(begun()) == 4)
    engine.kill_worker(engine.worker_pids[0])
    over = re.compile(r"type=WORKER, .*after termination grace period")
    until(lambda: over.search(engine.log_path.read_text("utf-8")))
    flag.touch()
    for one in ids:
        assert api.ended(one)["state"]["current"] == "SUCCESS"
    # What comes after them in the queue ends after them.
    behind = [api.create("holder", flag=str(flag))["id"] for _ in range(4)]
    for one in behind:
        api.ended(one)
    # The two that ran in the dead worker began a second time.
    assert sorted(Counter(begun()).values()) == [1] * 10 + [2] * 2


@pytest.mark.skipif(OFFICIAL_PLUGIN is None, reason="OFFICIAL_PYTHON_PLUGIN doesn't name the official plugin's jar")
def test_the_official_python_plugin_runs_the_same_flows(
    new_engine: Callable[..., Any], api_of: Callable[..., Any]
) -> None:
    """A flow that works with the project's own Script class works with Kestra's."""
    engine = new_engine(plugin_jar=OFFICIAL_PLUGIN)
    engine.start()
    api = api_of(engine)
    assert api.ended(api.hook("echo").json()["id"])["state"]["current"] == "SUCCESS"
    assert api.ended(api.hook("raw", b"\xff").json()["id"])["state"]["current"] == "SUCCESS"
