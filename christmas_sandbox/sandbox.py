"""One sandbox: its store, clock, stand-ins, faults and gate, put together."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from christmas_sandbox.clock import Clock
from christmas_sandbox.console_engine import EngineAccess
from christmas_sandbox.discord_api import DiscordApi
from christmas_sandbox.faults import Faults
from christmas_sandbox.gate import Gate
from christmas_sandbox.notion_api import NotionApi
from christmas_sandbox.notion_rows import Tables
from christmas_sandbox.resend_api import ResendApi
from christmas_sandbox.resend_mails import Mails
from christmas_sandbox.seed import ContactsLayout, TemplateFolderError, seed
from christmas_sandbox.store import Store

if TYPE_CHECKING:
    from christmas_sandbox.wire import Vendor

DEFAULT_NOTION_TOKEN = "sandbox-notion-token"  # noqa: S105 - a stand-in's, written in the docs
DEFAULT_RESEND_API_KEY = "re_sandbox_key"
DEFAULT_DOMAINS = ("example.org",)


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How a sandbox is seeded and whom it lets in.

    Attributes:
        templates_dir: Folder of templates for an empty data folder (see `seed`).
        contacts_layout: Layout of the contacts database of an empty data folder.
        notion_token: The one bearer token at Notion.
        resend_api_key: The one key at Resend.
        domains: Verified sender domains at Resend.
        now_seconds: The unshifted time, in seconds since 1970.
        engine: The Kestra whose executions the console page shows; None for none.
    """

    templates_dir: Path | None = None
    contacts_layout: ContactsLayout = ContactsLayout.CAMPAIGN
    notion_token: str = DEFAULT_NOTION_TOKEN
    resend_api_key: str = DEFAULT_RESEND_API_KEY
    domains: tuple[str, ...] = DEFAULT_DOMAINS
    now_seconds: Callable[[], float] = time.time
    engine: EngineAccess | None = None


class Sandbox:
    """All parts over one data folder; seeds it when empty.

    Args:
        data_dir: Where the state lives; the same folder again goes on.
        options: See SandboxOptions.

    Raises:
        DataDirInUseError: another process holds the folder.
        TemplateFolderError: a template can't be read; the folder stays unseeded.
    """

    def __init__(self, data_dir: Path, options: SandboxOptions) -> None:
        self._options = options
        self.store = Store(data_dir)
        self.clock = Clock(self.store, options.now_seconds)
        self.tables = Tables(self.store, self.clock)
        self.mails = Mails(self.store, self.clock)
        self.discord = DiscordApi(self.store, self.clock)
        self.faults = Faults()
        notion = NotionApi(self.store, self.tables, self.clock, options.notion_token)
        resend = ResendApi(self.mails, self.clock, options.resend_api_key, options.domains)
        vendors: dict[str, Vendor] = {"notion": notion, "resend": resend, "discord": self.discord}
        self.gate = Gate(self.store, self.faults, vendors)
        try:
            self._seed()
        except TemplateFolderError:
            self.store.close()
            raise

    def reset(self) -> None:
        """Forget everything, switch faults and limits off, and seed again; safe to repeat."""
        self.faults.remove()
        self.gate.limits.clear()
        self.store.clear()
        self.tables.load()
        self._seed()

    def close(self) -> None:
        """Let hanging calls go on and close the file; safe to repeat."""
        self.faults.remove()
        self.store.close()

    def _seed(self) -> None:
        with self.store.transaction():
            seed(self.tables, self.clock, self._options.contacts_layout, self._options.templates_dir)
