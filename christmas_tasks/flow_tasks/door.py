"""What one Script task sees of the outside, and how it speaks to Kestra."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from christmas_tasks.errors import PayloadError
from christmas_tasks.flow_tasks.protocol import Level, say
from christmas_tasks.settings import Settings, read_one, utc_now

if TYPE_CHECKING:
    from christmas_tasks.cache import FileCache
    from christmas_tasks.engine_api import EngineApi
    from christmas_tasks.locks import FolderLocks
    from christmas_tasks.mailer import Mailer
    from christmas_tasks.notion import Notion
    from christmas_tasks.pacing import EmailSlots, SharedPace

Outputs = dict[str, Any]
_BASE64 = ".b64"
_TEXT_LIMIT = 2_000


@dataclass(frozen=True)
class Door:
    """Environment and files of one task; clients are made when first used.

    Args:
        environ: The task's environment.
        folder: Its working directory.
    """

    environ: Mapping[str, str]
    folder: Path

    def close(self) -> None:
        """Close the connections of the clients that were made; safe to repeat. A task that ends need not ask for it."""
        for name in ("notion", "engine"):
            if name in self.__dict__:
                self.__dict__[name].close()

    @cached_property
    def settings(self) -> Settings:
        """The server's settings."""
        return Settings.load(self.environ)

    @cached_property
    def cache_folder(self) -> Path:
        """Where the tasks of this machine keep what they share."""
        from christmas_tasks.cache import default_folder  # noqa: PLC0415

        cache_dir = self.one_setting("CHRISTMAS_CACHE_DIR")
        return Path(cache_dir) if cache_dir else default_folder()

    @cached_property
    def cache(self) -> "FileCache":
        """Small values that the tasks of this machine share."""
        from christmas_tasks.cache import FileCache  # noqa: PLC0415

        return FileCache(self.cache_folder)

    @cached_property
    def notion(self) -> "Notion":
        """The three databases."""
        from christmas_tasks.columns import Database  # noqa: PLC0415
        from christmas_tasks.notion import Notion  # noqa: PLC0415

        return Notion(
            self.settings.secret("NOTION_TOKEN"),
            {database: self.settings.secret(database.value) for database in Database},
            self.cache,
            self.settings.notion_base_url,
            self.settings.vendor_budget_seconds,
            self._pace("Notion", self.settings.notion_calls_per_second),
        )

    @cached_property
    def mailer(self) -> "Mailer":
        """Resend."""
        from christmas_tasks.mailer import Mailer  # noqa: PLC0415

        return Mailer(
            self.settings.secret("RESEND_API_KEY"),
            self.settings.resend_api_url,
            self.settings.vendor_budget_seconds,
            self._pace("Resend", self.settings.resend_calls_per_second),
        )

    @cached_property
    def engine(self) -> "EngineApi":
        """Kestra's own API."""
        from christmas_tasks.engine_api import DEFAULT_URL, EngineApi  # noqa: PLC0415

        return EngineApi(
            self.env("KESTRA_URL") or DEFAULT_URL,
            self.env("KESTRA_USERNAME"),
            self.env("KESTRA_PASSWORD"),
            self.settings.vendor_budget_seconds,
        )

    @cached_property
    def email_slots(self) -> "EmailSlots":
        """Spreads emails that are due at the same moment."""
        from christmas_tasks.pacing import EmailSlots, emails_per_second  # noqa: PLC0415
        from christmas_tasks.shared_file import SharedFile  # noqa: PLC0415

        rates = (self.settings.notion_calls_per_second, self.settings.resend_calls_per_second)
        return EmailSlots(SharedFile(self.cache_folder / "email-slots.json"), emails_per_second(*rates))

    @cached_property
    def locks(self) -> "FolderLocks":
        """One task at a time for each address."""
        from christmas_tasks.locks import FolderLocks  # noqa: PLC0415

        return FolderLocks(self.cache_folder / "locks")

    @cached_property
    def paces(self) -> "list[SharedPace]":
        """Those that this task has used."""
        return []

    def _pace(self, vendor: str, per_second: float) -> "SharedPace":
        from christmas_tasks.pacing import shared_pace  # noqa: PLC0415

        pace = shared_pace(self.cache_folder, vendor, per_second)
        self.paces.append(pace)
        return pace

    def one_setting(self, name: str) -> str:
        """One setting as it stands, though others may be unreadable: an alert must get out all the same."""
        return read_one(self.environ, name)

    def env(self, name: str) -> str:
        """A value that the flow hands over; empty if it doesn't."""
        return self.environ.get(name, "").strip()

    def flag(self, name: str) -> bool:
        """A boolean that the flow hands over."""
        return self.env(name).lower() == "true"

    def instant(self, name: str) -> datetime:
        """A time that the flow hands over, aware UTC; now if it doesn't."""
        text = self.env(name)
        return datetime.fromisoformat(text).astimezone(UTC) if text else utc_now()

    @property
    def execution_id(self) -> str:
        """Kestra's id of the execution."""
        return self.env("EXECUTION_ID")

    @property
    def is_replay(self) -> bool:
        """Whether a person replays an earlier execution."""
        return self.env("ORIGINAL_ID") not in {"", self.execution_id}

    @property
    def arrived_at(self) -> datetime | None:
        """When the webhook arrived; None for a replay, whose signature was judged when it first arrived."""
        return None if self.is_replay else self.instant("RECEIVED_AT")

    def body(self) -> bytes:
        """The stored body of the webhook, byte for byte; empty if there was none."""
        path = self.folder / "body.raw"
        return path.read_bytes() if path.is_file() else b""

    def body_json(self) -> Any:  # noqa: ANN401 - whatever JSON was posted
        """The JSON of the stored body.

        Raises:
            PayloadError: It is no JSON.
        """
        return _json(self.body())

    def headers(self) -> dict[str, str]:
        """The webhook's headers, names in lower case, first value of each."""
        return _first_values(self.json_file("headers"), str.lower)

    def parameters(self) -> dict[str, str]:
        """The webhook's query parameters, first value of each."""
        return _first_values(self.json_file("parameters"), str)

    def json_file(self, name: str) -> Any:  # noqa: ANN401 - whatever JSON was posted
        """The JSON of a base64 file.

        Raises:
            PayloadError: It holds no JSON.
        """
        return _json(self.bytes_file(name))

    def bytes_file(self, name: str) -> bytes:
        """The content of a base64 file, byte for byte."""
        return base64.b64decode((self.folder / f"{name}{_BASE64}").read_bytes())

    def write_file(self, name: str, content: bytes) -> None:
        """Write a base64 file for a later task."""
        (self.folder / f"{name}{_BASE64}").write_bytes(base64.b64encode(content))


def harmless(text: str) -> str:
    """*text* as it may stand in an output: Kestra renders what a flow passes on, so no braces may come through."""
    return text.replace("{", "(").replace("}", ")")[:_TEXT_LIMIT]


def warn_of_gaps(door: Door) -> None:
    """Log what had to be left out because Notion has no column for it, a line each."""
    for line in (*door.notion.warnings, *door.notion.unreadable):
        say(Level.WARNING, line)


def _json(content: bytes) -> Any:  # noqa: ANN401 - whatever JSON was posted
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise PayloadError(["The body must be a JSON object."]) from None


def _first_values(found: object, spelled: Any) -> dict[str, str]:  # noqa: ANN401 - str or str.lower
    pairs = found.items() if isinstance(found, dict) else ()
    return {spelled(name): str(values[0] if isinstance(values, list) and values else values) for name, values in pairs}
