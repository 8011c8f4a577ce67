"""The accepted mails and the idempotency memory of the Resend stand-in, on disk."""

import hashlib
import json
import sqlite3
import uuid
from datetime import datetime
from typing import Any

from christmas_sandbox.clock import Clock, iso_ms
from christmas_sandbox.store import Store
from christmas_sandbox.wire import JsonObject

MEMORY_MS = 24 * 3600 * 1000


class Mails:
    """Reads and writes mails.

    Args:
        store: Where they live.
        clock: The sandbox's now.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def add(self, mail: JsonObject, idempotency_key: str | None) -> str:
        """Keep an accepted mail and give its id."""
        mail_id = str(uuid.uuid4())
        now = self._clock.now_ms()
        scheduled = mail["scheduled_at"]
        scheduled_ms = int(datetime.fromisoformat(scheduled).timestamp() * 1000) if scheduled else None
        waits = scheduled_ms is not None and scheduled_ms > now
        self._store.execute(
            "INSERT INTO mails (id, accepted_ms, last_event, scheduled_ms, idempotency_key, mail)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            *(mail_id, now, "scheduled" if waits else "sent", scheduled_ms, idempotency_key, json.dumps(mail)),
        )
        return mail_id

    def get(self, mail_id: str) -> JsonObject | None:
        """Give one mail with all that is known of it, or None."""
        rows = self._store.execute("SELECT * FROM mails WHERE id = ?", mail_id)
        return self._form(rows[0]) if rows else None

    def newest_first(self, limit: int, *, below: int | None = None) -> list[JsonObject]:
        """List mails, newest first; with `below`, only those accepted before that number."""
        rows = self._store.execute("SELECT * FROM mails WHERE seq < ? ORDER BY seq DESC LIMIT ?", below or 2**62, limit)
        return [self._form(row) for row in rows]

    def oldest_first(self, limit: int, *, above: int = 0) -> list[JsonObject]:
        """List mails in the order of acceptance, from after the given number."""
        rows = self._store.execute("SELECT * FROM mails WHERE seq > ? ORDER BY seq LIMIT ?", above, limit)
        return [self._form(row) for row in rows]

    def set_event(self, mail_id: str, event: str) -> None:
        """Note a mail's last event; a repeat is safe."""
        self._store.execute("UPDATE mails SET last_event = ? WHERE id = ?", event, mail_id)

    def reschedule(self, mail_id: str, scheduled_at: str) -> None:
        """Move a waiting mail to another time."""
        mail = self.get(mail_id)
        if mail is None:
            return
        stored = json.loads(self._store.execute("SELECT mail FROM mails WHERE id = ?", mail_id)[0]["mail"])
        stored["scheduled_at"] = scheduled_at
        scheduled_ms = int(datetime.fromisoformat(scheduled_at).timestamp() * 1000)
        self._store.execute(
            "UPDATE mails SET mail = ?, scheduled_ms = ? WHERE id = ?", json.dumps(stored), scheduled_ms, mail_id
        )

    def remembered(self, key: str) -> tuple[str, Any] | None:
        """Give the fingerprint and answer that a key stands for, if within 24 hours."""
        rows = self._store.execute("SELECT * FROM idempotency WHERE key = ?", key)
        if not rows or self._clock.now_ms() - rows[0]["stored_ms"] >= MEMORY_MS:
            return None
        return rows[0]["fingerprint"], json.loads(rows[0]["answer"])

    def remember(self, key: str, fingerprint: str, answer: object) -> None:
        """Keep the answer for a key."""
        self._store.execute(
            "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?)",
            *(key, fingerprint, self._clock.now_ms(), json.dumps(answer)),
        )

    def _form(self, row: sqlite3.Row) -> JsonObject:
        event = row["last_event"]
        if event == "scheduled" and row["scheduled_ms"] <= self._clock.now_ms():
            event = "sent"
        return {
            "seq": row["seq"],
            "id": row["id"],
            "message_id": f"<{row['id']}@sandbox.example.org>",
            "accepted_at": iso_ms(row["accepted_ms"]),
            "last_event": event,
            "idempotency_key": row["idempotency_key"],
            **json.loads(row["mail"]),
        }


def fingerprint(path: str, payload: object) -> str:
    """Tell payloads apart: equal for equal JSON, whatever the order of keys."""
    canonical = json.dumps([path, payload], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
