"""The one SQLite file of a sandbox: tables, transactions, small settings. Knows no vendor's rules.

WAL with synchronous NORMAL: what was committed outlives a killed process. Only a power cut could take the
newest commits, which does not matter to a stand-in.
"""

import fcntl
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_TABLES = """
CREATE TABLE IF NOT EXISTS settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS databases (id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS plain_pages (id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS data_sources (id TEXT PRIMARY KEY, database_id TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pages (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  data_source_id TEXT NOT NULL, created_ms INTEGER NOT NULL, edited_ms INTEGER NOT NULL,
  in_trash INTEGER NOT NULL, cells TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS mails (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  accepted_ms INTEGER NOT NULL, last_event TEXT NOT NULL, scheduled_ms INTEGER, idempotency_key TEXT,
  mail TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS idempotency (key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL,
  stored_ms INTEGER NOT NULL, answer TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS discord (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL,
  webhook_id TEXT NOT NULL, posted_ms INTEGER NOT NULL, message TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS calls (seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, vendor TEXT NOT NULL,
  method TEXT NOT NULL, path TEXT NOT NULL, status INTEGER NOT NULL, ms REAL NOT NULL, fault TEXT,
  idempotency_key TEXT);
"""
_TABLE_NAMES = (
    "plain_pages",
    "databases",
    "data_sources",
    "pages",
    "mails",
    "idempotency",
    "discord",
    "calls",
    "settings",
)


class DataDirInUseError(RuntimeError):
    """Another sandbox already works on this folder."""


class Store:
    """Owns the file `sandbox.sqlite3` in a folder; one process and one thread at a time.

    Args:
        data_dir: Made if absent; the same folder again goes on where it stopped.

    Raises:
        DataDirInUseError: another process holds the folder.
    """

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self._lock = (data_dir / "sandbox.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise DataDirInUseError(f"another sandbox already uses {data_dir}") from None
        # The app is built in one thread and served in another; the event loop serialises all use.
        self._db = sqlite3.connect(data_dir / "sandbox.sqlite3", isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")
        self._db.executescript(_TABLES)
        self._settings: dict[str, Any] = {
            row["key"]: json.loads(row["value"]) for row in self._db.execute("SELECT * FROM settings")
        }
        self._depth = 0

    def close(self) -> None:
        """Close the file and free the folder; safe to repeat."""
        self._db.close()
        self._lock.close()

    def execute(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """Run one statement and give all its rows."""
        return self._db.execute(sql, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; an inner transaction joins the outer one."""
        if self._depth:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        self._depth = 1
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        else:
            self._db.execute("COMMIT")
        finally:
            self._depth = 0

    def setting(self, key: str, default: object) -> Any:  # noqa: ANN401 - any JSON value
        """Give a small setting, or the default where it was never set."""
        return self._settings.get(key, default)

    def set_setting(self, key: str, value: object) -> None:
        """Keep a small JSON setting; outlives a restart."""
        self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (key, json.dumps(value)))
        self._settings[key] = value

    def clear(self) -> None:
        """Empty every table; numbering starts again."""
        with self.transaction():
            for table in _TABLE_NAMES:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - names are constants above
            self._db.execute("DELETE FROM sqlite_sequence")
        self._settings.clear()
