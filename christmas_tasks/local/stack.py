"""The whole product on one machine: engine, flows and, unless told otherwise, the sandbox as the vendors."""

import base64
import os
import select
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from christmas_tasks.errors import PermanentError
from christmas_tasks.local.engine import EngineProcess, free_port
from christmas_tasks.local.engine_build import ensure_built
from christmas_tasks.settings import OPTIONAL_SECRETS, REQUIRED_SECRETS, given
from christmas_tasks.unsubscribe import page

CHECKOUT = Path(__file__).resolve().parents[2]
FLOWS = CHECKOUT / "kestra" / "flows"
DASHBOARDS = CHECKOUT / "kestra" / "dashboards"
UNSUBSCRIBE_PAGE = CHECKOUT / "website" / "unsubscribe.html"
STARTER_TEMPLATES = Path(__file__).resolve().parents[1] / "starter_templates"
DEFAULT_USERNAME = "admin@example.com"
DEFAULT_PASSWORD = "Christmas2025"  # noqa: S105 - for trying out on 127.0.0.1 alone; production has no default
_SANDBOX_START_S = 15.0
_STOP_S = 10.0

# The sandbox's own constants, as its README lists them. None of them opens anything but the sandbox.
_SANDBOX_SECRETS = {
    "NOTION_TOKEN": "sandbox-notion-token",
    "NOTION_CONTACTS_DB_ID": "c0a7ac75-0000-4000-8000-0000000000db",
    "NOTION_TEMPLATES_DB_ID": "7e391a7e-0000-4000-8000-0000000000db",
    "NOTION_EMAIL_SEQUENCE_DB_ID": "75ac6e50-0000-4000-8000-0000000000db",
    "RESEND_API_KEY": "re_sandbox_key",
    "WEBSITE_WEBHOOK_KEY": "sandbox-website-key",
    "CALENDLY_WEBHOOK_KEY": "sandbox-calendly-key",
    "RESEND_WEBHOOK_KEY": "sandbox-resend-key",
    "UNSUBSCRIBE_SIGNING_KEY": "sandbox-unsubscribe-signing-key",
    "RESEND_SIGNING_SECRET": "whsec_Y2hyaXN0bWFzLXNhbmRib3gtd2ViaG9va3M=",
}
_SANDBOX_PLAIN = {
    "TESTING_MODE": "true",
    "EMAIL_FROM": "Christmas Campaign <campaign@example.org>",
    "EMAIL_REPLY_TO": "hello@example.org",
    "POSTAL_ADDRESS": "Christmas Campaign, 1 Example Street, Example Town",
    "CALENDLY_LINK": "https://calendly.example.org/call",
    "PDF_DOWNLOAD_LINK": "https://www.example.org/report.pdf",
    "SPOTS_REMAINING": "7",
    "BOOKINGS_COUNT": "23",
    # The stand-ins have no limits unless they are switched on.
    "NOTION_CALLS_PER_SECOND": "1000",
    "RESEND_CALLS_PER_SECOND": "1000",
}


class StackError(PermanentError):
    """The sandbox can't be started; the message is its own reason."""


@dataclass(frozen=True)
class StackOptions:
    """How to run it.

    Args:
        data_dir: Where all state lives; the same folder goes on where it stopped.
        port: Of the engine; 0: a free one.
        sandbox_port: Of the sandbox; 0: a free one; None: no sandbox.
        workers: Further worker processes.
        worker_threads: Tasks at a time in one worker.
        plugin_jar: The official Python plugin, in the place of the project's own Script class.
        settings: Settings by name, over those of the environment.
        flows: Folders of flow files.
    """

    data_dir: Path
    port: int = 8080
    sandbox_port: int | None = 8025
    workers: int = 0
    worker_threads: int = 8
    plugin_jar: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    flows: tuple[Path, ...] = (FLOWS,)


class Stack:
    """Engine, flows and sandbox as one; ``with`` starts and stops them in order.

    Args:
        options: How.
        environ: The environment whose settings count; this process's unless given.
    """

    def __init__(self, options: StackOptions, environ: Mapping[str, str] | None = None) -> None:
        self.options = options
        self._environ = os.environ if environ is None else environ
        self._port = options.port or free_port()
        self._sandbox_port = free_port() if options.sandbox_port == 0 else options.sandbox_port
        self._closing = ExitStack()
        self.engine = self._engine()

    @property
    def url(self) -> str:
        """Kestra's address."""
        return self.engine.url

    @property
    def sandbox_url(self) -> str:
        """The sandbox's address; empty without one."""
        return "" if self._sandbox_port is None else f"http://127.0.0.1:{self._sandbox_port}"

    def setting(self, name: str) -> str:
        """A setting as the tasks get it; secrets decoded."""
        settings = self._settings()
        return settings.get(name, "")

    def webhook_url(self, flow_id: str, key_name: str = "WEBSITE_WEBHOOK_KEY") -> str:
        """The address that a caller posts to."""
        return f"{self.url}/api/v1/main/executions/webhook/christmas/{flow_id}/{self.setting(key_name)}"

    def start(self) -> None:
        """Start sandbox and engine, built first if need be; returns once webhooks are taken.

        Raises:
            EngineError: With the engine's reason.
            StackError: With the sandbox's reason.
            MissingToolError: No JDK or Maven.
        """
        ensure_built()
        try:
            if self._sandbox_port is not None:
                self._start_sandbox()
            self._closing.callback(self.engine.stop)
            self.engine.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all that ``start`` started; a second call does nothing."""
        self._closing.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _engine(self) -> EngineProcess:
        settings = self._settings()
        secrets = {*REQUIRED_SECRETS, *OPTIONAL_SECRETS}
        env = {
            **{f"SECRET_{name}": _encoded(value) for name, value in settings.items() if name in secrets and value},
            **{name: value for name, value in settings.items() if name not in secrets and value},
        }
        return EngineProcess(
            self.options.data_dir / "engine",
            list(self.options.flows),
            port=self._port,
            env=env,
            username=self._environ.get("KESTRA_USERNAME") or DEFAULT_USERNAME,
            password=self._environ.get("KESTRA_PASSWORD") or DEFAULT_PASSWORD,
            workers=self.options.workers,
            worker_threads=self.options.worker_threads,
            plugin_jar=self.options.plugin_jar,
            website_origin=settings.get("WEBSITE_ORIGIN"),
            dashboards_dir=DASHBOARDS,
        )

    def _settings(self) -> dict[str, str]:
        settings = {"CHRISTMAS_CACHE_DIR": str(self.options.data_dir.resolve() / "cache")}
        if self._sandbox_port is not None:
            settings |= _SANDBOX_PLAIN
            settings["PUBLIC_URL"] = f"http://127.0.0.1:{self._port}"
            settings["UNSUBSCRIBE_PAGE_URL"] = f"{self.sandbox_url}/unsubscribe"
        settings |= given(self._environ)
        if self._sandbox_port is not None:
            # The vendors are the sandbox here, whatever the environment says of the real ones.
            settings |= {
                **_SANDBOX_SECRETS,
                "NOTION_BASE_URL": self.sandbox_url,
                "RESEND_API_URL": self.sandbox_url,
                "DISCORD_WEBHOOK_URL": f"{self.sandbox_url}/discord/webhooks/1/sandbox-discord-token",
            }
        return {**settings, **self.options.settings}

    def _unsubscribe_page(self) -> Path:
        path = self.options.data_dir / "unsubscribe.html"
        path.write_text(page(UNSUBSCRIBE_PAGE.read_text("utf-8"), self.setting("PUBLIC_URL")), "utf-8")
        return path

    def _start_sandbox(self) -> None:
        self.options.data_dir.mkdir(parents=True, exist_ok=True)
        log = self._closing.enter_context((self.options.data_dir / "sandbox.log").open("ab"))
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "christmas_sandbox.main",
                f"--data-dir={self.options.data_dir / 'sandbox'}",
                f"--port={self._sandbox_port}",
                f"--templates={STARTER_TEMPLATES}",
                f"--static=/unsubscribe={self._unsubscribe_page()}",
                # The engine starts later; the console page says so until it answers.
                f"--kestra-url={self.engine.url}",
            ],
            env={**os.environ, "KESTRA_USERNAME": self.engine.username, "KESTRA_PASSWORD": self.engine.password},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        self._closing.callback(_end, process)
        if not _says_ready(process):
            raise StackError(f"the sandbox did not start, see {self.options.data_dir / 'sandbox.log'}")


def _says_ready(process: subprocess.Popen[bytes]) -> bool:
    if process.stdout is None:
        return False
    readable, _, _ = select.select([process.stdout], [], [], _SANDBOX_START_S)
    return bool(readable) and process.stdout.readline().startswith(b"sandbox ready")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()
