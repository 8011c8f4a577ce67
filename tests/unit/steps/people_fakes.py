"""Notion with its bin, and Kestra's executions, in memory; every change goes through ``calls`` and may fail there."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from christmas_tasks.contacts import Contact
from christmas_tasks.engine_records import Execution
from christmas_tasks.tracker import TrackerRow
from tests.fakes import Calls, FakeLedger


class FakePeople(FakeLedger):
    """The ledger as the steps around one person see it; the bin is ``gone``."""

    def __init__(self) -> None:
        super().__init__()
        self.unreadable: list[str] = []

    def contacts_of(self, address: str) -> list[Contact]:
        return [contact for contact in self.all_contacts() if contact.address == address]

    def columns_of(self, page_id: str) -> dict[str, Any] | None:
        pages = {**self.row_columns, **self.contact_columns}
        return dict(pages[page_id]) if page_id in pages and page_id not in self.gone else None

    def trash(self, page_id: str) -> None:
        self.calls.make("trash", lambda: self.gone.add(page_id))

    def all_contacts(self) -> list[Contact]:
        return [self.contact(contact_id) for contact_id in self.contact_columns if contact_id not in self.gone]

    def rows_of(self, address: str) -> list[TrackerRow]:
        return [row for row in self.all_rows() if row.address == address]


class FakeEngine:
    """Kestra's executions; a killed one is gone from the living after one look."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.executions: dict[str, Execution] = {}
        self.put_out: dict[str, list[dict[str, Any]]] = {}
        self.files: dict[str, bytes] = {}

    def add(self, execution_id: str, flow: str, state: str = "SUCCESS", **more: Any) -> Execution:
        self.executions[execution_id] = Execution(execution_id, flow, state, **more)
        return self.executions[execution_id]

    def add_email(self, key: str, number: int, state: str = "CREATED") -> str:
        execution_id = f"send-{key}-{number}-{len(self.executions)}"
        self.add(execution_id, "send-email", state, labels={"enrolment": key, "email": str(number)})
        return execution_id

    def add_body(self, execution_id: str, flow: str, body: object, *, stored: bool = False, **more: Any) -> None:
        """A webhook's execution, with the body in the trigger, or as a file as Kestra keeps it byte for byte."""
        uri = f"kestra:///{execution_id}/body"
        self.files[uri] = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.add(execution_id, flow, trigger={"uri": uri} if stored else {"body": body}, **more)

    def all(self) -> Iterator[Execution]:
        yield from list(self.executions.values())

    def live_of(self, enrolment_key: str) -> list[Execution]:
        return [found for found in self.all() if found.is_live and found.labels.get("enrolment") == enrolment_key]

    def outputs(self, execution_id: str) -> list[dict[str, Any]]:
        return self.put_out.get(execution_id, [])

    def file(self, execution_id: str, uri: str) -> bytes | None:
        assert execution_id in uri
        return self.files.get(uri)

    def has_ended(self, execution_id: str) -> bool:
        found = self.executions.get(execution_id)
        return found is None or not found.is_live

    def kill(self, execution_id: str) -> None:
        def effect() -> None:
            if execution_id in self.executions:
                self.executions[execution_id] = replace(self.executions[execution_id], state="KILLED")

        self.calls.make("kill", effect)

    def delete(self, execution_id: str) -> bool:
        found = self.executions.get(execution_id)
        if found is not None and found.is_live:
            return False
        self.calls.make("delete", lambda: self.executions.pop(execution_id, None))
        return True
