"""Kestra's executions as records: list all of them, read what they left, end them, delete them.

The second half of Kestra's API (``engine_api.py`` has what the campaign itself needs): for export and erase of one
person, and for looking at what waits.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from christmas_tasks.engine_api import LIVE_STATES, NAMESPACE, EngineApi
from christmas_tasks.errors import SetupRefused
from christmas_tasks.instants import read_instant
from christmas_tasks.retrying import retrying

if TYPE_CHECKING:
    from httpx import Response

_PAGE_SIZE = 100
# Of a task: a worker has it, or is to get it.
_AT_WORK = frozenset(LIVE_STATES) - {"RETRYING"}
_NOT_FOUND = 404
_CONFLICT = 409

Json = dict[str, Any]


@dataclass(frozen=True)
class Execution:
    """One execution as Kestra's search shows it.

    Args:
        execution_id: Kestra's id.
        flow: Its flow's id.
        state: Kestra's word, such as ``CREATED``.
        labels: Without Kestra's own (``system.``).
        inputs: As given.
        trigger: The trigger's variables: the webhook's body, headers, parameters, or the stored body's ``uri``.
        started_at: When it was made, aware UTC.
        scheduled_at: When it is to run, aware UTC; None: at once.
    """

    execution_id: str
    flow: str
    state: str
    labels: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    trigger: Mapping[str, Any] = field(default_factory=dict)
    started_at: datetime | None = None
    scheduled_at: datetime | None = None

    @property
    def is_live(self) -> bool:
        """It waits or runs: it may still do something."""
        return self.state in LIVE_STATES

    @property
    def stored_body(self) -> str:
        """Where Kestra keeps the webhook's body byte for byte; empty if it doesn't."""
        return str(self.trigger.get("uri") or "")


class EngineRecords(EngineApi):
    """The executions of the campaign's namespace. Every method may be repeated.

    All raise ``SetupRefused`` for a wrong login and ``TransientError`` for no usable answer.
    """

    again = "run the command again"

    def all(self) -> Iterator[Execution]:
        """Every execution of the campaign, oldest first, a call for each 100. One that starts meanwhile comes last."""
        yield from self._pages({})

    def live_of(self, enrolment_key: str) -> list[Execution]:
        """The executions of ``send-email`` that wait or run for one enrolment."""
        only = {"filters[state][IN]": ",".join(LIVE_STATES), "filters[labels][EQUALS][enrolment]": enrolment_key}
        return list(self._pages(only))

    def has_ended(self, execution_id: str) -> bool:
        """Whether nothing of it waits or runs any more; one that is gone has ended.

        Kestra 2.0.0 leaves an execution that is killed between two tries of a task in KILLING for ever
        (kestra-io/kestra issue 19679): that one has ended as well.
        """
        found = self.whole(execution_id)
        if found is None or found["state"]["current"] not in LIVE_STATES:
            return True
        runs = {run["state"]["current"] for run in found.get("taskRunList") or ()}
        return found["state"]["current"] == "KILLING" and not runs & _AT_WORK

    def whole(self, execution_id: str) -> Json | None:
        """The execution as Kestra has it, with its tasks; None if it is gone."""
        found: Json | None = self._read(f"executions/{execution_id}")
        return found

    def outputs(self, execution_id: str) -> list[Json]:
        """What its tasks put out: ``[{"taskId": ..., "outputs": {...}}]``."""
        found = []
        for run in self._read(f"outputs/tasks/{execution_id}") or ():
            outputs = self._read(f"outputs/tasks/{execution_id}/{run['taskRunId']}")
            found.append({"taskId": run["taskId"], "outputs": outputs or {}})
        return found

    def logs(self, execution_id: str) -> list[Json]:
        """What it logged, oldest first."""
        return list(self._read(f"logs/{execution_id}") or ())

    def file(self, execution_id: str, uri: str) -> bytes | None:
        """A file that belongs to it, byte for byte; None if it is gone."""
        answer = self._judged("GET", f"executions/{execution_id}/file", params={"path": uri})
        return None if answer is None else answer.content

    def kill(self, execution_id: str) -> None:
        """Ask for its end; nothing happens to one that has ended or is gone."""
        self._judged("DELETE", f"executions/{execution_id}/actions/kill")

    def delete(self, execution_id: str) -> bool:
        """Delete an ended execution with its body, files, logs and metrics; False if it has not ended yet."""
        answer = self._judged("DELETE", f"executions/{execution_id}")
        return answer is None or answer.status_code != _CONFLICT

    def _pages(self, only: Mapping[str, str]) -> Iterator[Execution]:
        page = 1
        while True:
            params = {
                "page": page,
                "size": _PAGE_SIZE,
                # Newer ones come at the end, so that none moves to a page that was read already.
                "sort": ["state.startDate:asc", "id:asc"],
                "filters[namespace][EQUALS]": NAMESPACE,
                **only,
            }
            found = retrying(partial(self._call, "GET", "executions/search", params=params), budget_s=self._budget_s)
            yield from (_execution(entry) for entry in found["results"])
            if page * _PAGE_SIZE >= found["total"]:
                return
            page += 1

    def _read(self, path: str) -> Any:  # noqa: ANN401 - Kestra's JSON
        answer = self._judged("GET", path)
        return None if answer is None else self._json(answer)

    def _judged(self, method: str, path: str, **content: Any) -> "Response | None":  # noqa: ANN401 - httpx's options
        """The answer, which may be a 409; None for what is not there (any more)."""
        answer = retrying(partial(self._answer, method, path, **content), budget_s=self._budget_s)
        if answer.status_code == _NOT_FOUND:
            return None
        if answer.is_error and answer.status_code != _CONFLICT:
            raise SetupRefused(f"Kestra's API refuses the request (HTTP {answer.status_code}): is it Kestra 2.0?")
        return answer


def _execution(entry: Json) -> Execution:
    trigger = entry.get("trigger") or {}
    scheduled = read_instant(entry.get("scheduleDate"))
    started = read_instant(entry["state"].get("startDate"))
    return Execution(
        execution_id=str(entry["id"]),
        flow=str(entry["flowId"]),
        state=str(entry["state"]["current"]),
        labels={
            label["key"]: str(label["value"])
            for label in entry.get("labels") or ()
            if not label["key"].startswith("system.")
        },
        inputs=entry.get("inputs") or {},
        trigger=trigger.get("variables") or {},
        started_at=started.instant if started else None,
        scheduled_at=scheduled.instant if scheduled else None,
    )
