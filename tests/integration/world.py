"""A running product as the tests see it: webhooks in, stand-ins and Kestra's API to look at."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx

from christmas_sandbox.testing import SandboxHandle
from christmas_tasks.engine_api import form_parts
from christmas_tasks.local.stack import Stack, StackOptions

T = TypeVar("T")

WEBSITE, CALENDLY, RESEND = "WEBSITE_WEBHOOK_KEY", "CALENDLY_WEBHOOK_KEY", "RESEND_WEBHOOK_KEY"
ENDED = frozenset({"SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED"})
# A retried vendor call gives up after so long, so that a test of trouble ends soon.
SHORT_BUDGET = {"VENDOR_BUDGET_SECONDS": "2"}
_POLL_S = 0.25
_PAGE_SIZE = 100
_LARGEST_PAGE = 1000
_PATIENCE_S = 120.0
_PAST_S = 30 * 86_400.0


class World:
    """One stack, with the verbs of a caller, an operator and an onlooker.

    Args:
        data_dir: Where its state lives.
        settings: Over the sandbox's own.
        options: Further ``StackOptions``.
    """

    def __init__(self, data_dir: Path, settings: dict[str, str], **options: Any) -> None:
        self.stack = Stack(StackOptions(data_dir, port=0, sandbox_port=0, settings=settings, **options), environ={})
        self.sandbox = SandboxHandle(self.stack.sandbox_url)
        self._login = (self.stack.engine.username, self.stack.engine.password)
        self._http = httpx.Client(timeout=90.0)

    def close(self) -> None:
        """End the connections; the stack is stopped by its own."""
        self._http.close()
        self.sandbox.close()

    # The caller

    def post(self, flow: str, body: object = None, *, key: str = WEBSITE, **options: Any) -> str:
        """Post a webhook; returns the execution's id."""
        address = self.stack.webhook_url(flow, key)
        if body is not None:
            options["json"] = body
        answer = self._http.post(address, **options)
        assert answer.status_code == httpx.codes.OK, answer.text
        return str(answer.json()["id"])

    def hand_in(self, flow: str, body: object = None, *, key: str = WEBSITE, **options: Any) -> dict[str, Any]:
        """Post a webhook and wait for the end of its execution."""
        return self.end_of(self.post(flow, body, key=key, **options))

    # The operator

    def start(self, flow: str, **inputs: object) -> str:
        """Start a flow by hand."""
        files = form_parts({name: str(value) for name, value in inputs.items()})
        return str(self.api("POST", f"executions/christmas/{flow}", files=files or None)["id"])

    def replay(self, execution: str, task: str = "") -> str:
        """Replay an execution, from one of its tasks if given; returns the new one's id."""
        params = {"taskRunId": self.task_run(execution, task)["id"]} if task else {}
        return str(self.api("POST", f"executions/{execution}/actions/replay", params=params)["id"])

    def restart(self, execution: str) -> str:
        """Restart a failed execution where it failed."""
        return str(self.api("POST", f"executions/{execution}/actions/restart")["id"])

    # The onlooker

    def api(self, method: str, path: str, **options: Any) -> Any:
        """Kestra's API with its login."""
        answer = self._http.request(method, f"{self.stack.url}/api/v1/main/{path}", auth=self._login, **options)
        assert answer.is_success, f"{answer.status_code} {answer.text}"
        return answer.json()

    def execution(self, execution: str) -> dict[str, Any]:
        """One execution as it is now; right after its webhook, in a burst, it may have to be waited for."""
        address = f"{self.stack.url}/api/v1/main/executions/{execution}"

        def look() -> dict[str, Any] | None:
            answer = self._http.get(address, auth=self._login)
            return None if answer.status_code == httpx.codes.NOT_FOUND else dict(answer.raise_for_status().json())

        return self.wait_for(look, f"execution {execution}")

    def state(self, execution: str) -> str:
        """The state of an execution."""
        return str(self.execution(execution)["state"]["current"])

    def end_of(self, execution: str) -> dict[str, Any]:
        """Wait for the end of an execution."""
        return self.wait_for(
            lambda: found if (found := self.execution(execution))["state"]["current"] in ENDED else None,
            f"the end of {execution}",
        )

    def task_run(self, execution: str, task: str) -> dict[str, Any]:
        """The latest run of one task."""
        runs = [run for run in self.execution(execution)["taskRunList"] if run["taskId"] == task]
        assert runs, f"{execution} has not run {task}"
        return dict(runs[-1])

    def executions(self, flow: str = "", **labels: str) -> list[dict[str, Any]]:
        """All executions of a flow, or of all flows, with the given labels."""
        params: dict[str, Any] = {"filters[namespace][EQUALS]": "christmas", "size": _PAGE_SIZE}
        if flow:
            params["filters[flowId][EQUALS]"] = flow
        for name, value in labels.items():
            params[f"filters[labels][EQUALS][{name}]"] = value
        found: list[dict[str, Any]] = []
        while True:
            page = self.api("GET", "executions/search", params={**params, "page": len(found) // _PAGE_SIZE + 1})
            found.extend(page["results"])
            if len(page["results"]) < _PAGE_SIZE:
                return found

    def sends(self, enrolment: str, number: int | None = None) -> list[dict[str, Any]]:
        """The send-email executions of an enrolment."""
        labels = {"enrolment": enrolment, **({"email": str(number)} if number else {})}
        return self.executions("send-email", **labels)

    def logs(self, execution: str) -> str:
        """What an execution has logged, at every level."""
        return "\n".join(entry["message"] or "" for entry in self.api("GET", f"logs/{execution}"))

    def row(self, address: str, sequence: str) -> dict[str, Any]:
        """The properties of the one tracker row of an address in a sequence, with its ``id``."""
        rows = self.rows(address, sequence)
        assert len(rows) == 1, f"{len(rows)} rows"
        return rows[0]

    def rows(self, address: str, sequence: str = "") -> list[dict[str, Any]]:
        """The properties of all tracker rows of an address, each with its ``id``."""
        return [
            {"id": row["id"], **row["properties"]}
            for row in self.sandbox.rows("tracker", address)
            if sequence in {"", row["properties"]["Sequence Type"]}
        ]

    def contacts(self, address: str) -> list[dict[str, Any]]:
        """The properties of all contacts with an address."""
        return [row["properties"] for row in self.sandbox.rows("contacts", address)]

    def mails(self, address: str) -> list[dict[str, Any]]:
        """The mails that were accepted for an address, in that order, each with its ``number``."""
        found = []
        for mail in self.sandbox.mails(address):
            tags = {tag["name"]: tag["value"] for tag in mail["tags"]}
            found.append({**mail, "number": int(tags["email"]), "sequence": tags["sequence"]})
        return sorted(found, key=lambda mail: str(mail["accepted_at"]))

    def numbers(self, address: str, sequence: str = "") -> list[int]:
        """The email numbers that were accepted for an address, in that order."""
        return [mail["number"] for mail in self.mails(address) if sequence in {"", mail["sequence"]}]

    def alerts(self, text: str = "") -> list[dict[str, Any]]:
        """The alerts whose JSON holds *text*."""
        return [alert for alert in self.sandbox.discord() if text in str(alert).replace("\\", "")]

    def edit(self, row_id: str, properties: dict[str, Any]) -> None:
        """Edit a row in Notion, as a person does."""
        self.notion("PATCH", f"pages/{row_id}", {"properties": properties})

    def notion(self, method: str, path: str, body: object) -> Any:
        """Notion's own API."""
        headers = {
            "Authorization": f"Bearer {self.stack.setting('NOTION_TOKEN')}",
            "Notion-Version": "2025-09-03",
        }
        answer = self._http.request(method, f"{self.stack.sandbox_url}/v1/{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    def move(self, row: dict[str, Any], times: dict[str, datetime]) -> None:
        """Move stored times of a row."""
        self.edit(row["id"], {name: {"date": {"start": at.isoformat()}} for name, at in times.items()})

    def template(self, name: str) -> dict[str, Any]:
        """A template's row."""
        return next(row for row in self.sandbox.rows("templates") if row["properties"]["Template Name"] == name)

    def forget_templates(self) -> None:
        """Let the templates' cache grow cold, as five minutes would."""
        for cached in (self.stack.options.data_dir / "cache").glob("templates-*.json"):
            cached.unlink()

    def give_the_account_a_past(self) -> None:
        """An account that sent its first mail weeks ago, so that Resend's list reaches back behind the campaign."""
        self.sandbox.shift_clock(-_PAST_S)
        mail = {"from": "shop@example.org", "to": "old@example.org", "subject": "Old", "text": "Old"}
        headers = {"Authorization": f"Bearer {self.stack.setting('RESEND_API_KEY')}"}
        answer = self._http.post(f"{self.stack.sandbox_url}/emails", json=mail, headers=headers)
        assert answer.is_success, answer.text
        self.sandbox.shift_clock(0)

    def wait_for(self, look: Callable[[], T | None], what: str, patience_s: float = _PATIENCE_S) -> T:
        """Look until there is something to see."""
        deadline = time.monotonic() + patience_s
        while True:
            found = look()
            if found:
                return found
            assert time.monotonic() < deadline, f"waited {patience_s:.0f} s for {what}"
            time.sleep(_POLL_S)

    def wait_for_numbers(self, address: str, numbers: list[int], sequence: str = "") -> None:
        """Wait until exactly these email numbers were accepted, and the row says so."""
        self.wait_for(lambda: self.numbers(address, sequence) == numbers, f"mails {numbers} to {address}")

    def wait_until_quiet(self) -> None:
        """Wait until no execution is under way but those that wait for their date."""

        def under_way() -> list[dict[str, Any]]:
            params = {"filters[namespace][EQUALS]": "christmas", "filters[state][NOT_IN]": ",".join(sorted(ENDED))}
            found = self.api("GET", "executions/search", params={**params, "size": _LARGEST_PAGE})
            assert found["total"] <= _LARGEST_PAGE
            return [one for one in found["results"] if not _is_waiting(one)]

        self.wait_for(lambda: not under_way(), "quiet")


def _is_waiting(execution: dict[str, Any]) -> bool:
    scheduled = execution.get("scheduleDate")
    return (
        execution["state"]["current"] == "CREATED"
        and scheduled is not None
        and datetime.fromisoformat(scheduled) > datetime.now(UTC)
    )
