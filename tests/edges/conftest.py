"""The real edges against a real running sandbox, as new for each test."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import certifi
import pytest

from christmas_sandbox.sandbox import DEFAULT_NOTION_TOKEN, DEFAULT_RESEND_API_KEY, SandboxOptions
from christmas_sandbox.seed import DATABASE_IDS, ContactsLayout
from christmas_sandbox.testing import SandboxHandle, running_sandbox
from christmas_tasks import mailer as mailer_module
from christmas_tasks import notion as notion_module
from christmas_tasks import notion_calls, retrying
from christmas_tasks.cache import FileCache
from christmas_tasks.columns import Database
from christmas_tasks.mailer import Mailer
from christmas_tasks.notion import Notion
from christmas_tasks.settings import REQUIRED_SECRETS

STARTER_TEMPLATES = Path(notion_module.__file__).parent / "starter_templates"
DATABASES = {
    Database.CONTACTS: DATABASE_IDS["contacts"],
    Database.TEMPLATES: DATABASE_IDS["templates"],
    Database.TRACKER: DATABASE_IDS["tracker"],
}


def task_settings(sandbox: SandboxHandle, cache_folder: Path) -> dict[str, str]:
    """What the server's environment and a flow give to a task, with the sandbox as all vendors."""
    return {
        **dict.fromkeys(REQUIRED_SECRETS, "a-key-of-its-own-that-is-long-enough"),
        "NOTION_TOKEN": DEFAULT_NOTION_TOKEN,
        "RESEND_API_KEY": DEFAULT_RESEND_API_KEY,
        "NOTION_BASE_URL": sandbox.url,
        "RESEND_API_URL": sandbox.url,
        "DISCORD_WEBHOOK_URL": f"{sandbox.url}/discord/webhooks/1/sandbox-discord-token",
        **{database.value: id_ for database, id_ in DATABASES.items()},
        "EMAIL_FROM": "Anna <anna@example.org>",
        "PUBLIC_URL": "https://flows.example.org",
        "UNSUBSCRIBE_PAGE_URL": "https://www.example.org/unsubscribe",
        "NOTION_CALLS_PER_SECOND": "1000",
        "CHRISTMAS_CACHE_DIR": str(cache_folder),
    }


@pytest.fixture(scope="session")
def campaign_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxHandle]:
    """One sandbox with the campaign's own contacts layout."""
    folder = tmp_path_factory.mktemp("sandbox")
    with running_sandbox(folder, SandboxOptions(templates_dir=STARTER_TEMPLATES)) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def business_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxHandle]:
    """One sandbox with the other contacts layout."""
    options = SandboxOptions(templates_dir=STARTER_TEMPLATES, contacts_layout=ContactsLayout.BUSINESS)
    with running_sandbox(tmp_path_factory.mktemp("business"), options) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def _no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits as short as the back-off allows."""
    monkeypatch.setattr(retrying, "_JITTER_S", 0.0)


@pytest.fixture
def sandbox(campaign_sandbox: SandboxHandle) -> SandboxHandle:
    """The campaign's sandbox, as new."""
    campaign_sandbox.reset()
    campaign_sandbox.shift_clock(0)
    return campaign_sandbox


@pytest.fixture(scope="session")
def few_certificates(tmp_path_factory: pytest.TempPathFactory) -> str:
    """For `SSL_CERT_FILE` of commands, whose clients would read those of all authorities anew, for nothing."""
    everybody = Path(certifi.where()).read_text("utf-8")
    first = everybody[everybody.index("-----BEGIN") :].partition("-----END CERTIFICATE-----")
    path = tmp_path_factory.mktemp("certificates") / "one.pem"
    path.write_text("".join(first[:2]), "utf-8")
    return str(path)


@pytest.fixture
def make_notion(
    sandbox: SandboxHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Notion]]:
    """`make_notion(budget_s=2)`: a client with a cache of the test's own; each call waits for a second at most."""
    monkeypatch.setattr(notion_calls, "_TIMEOUT_MS", 1_000)
    made: list[Notion] = []

    def make(
        *,
        budget_s: float = 5.0,
        token: str = DEFAULT_NOTION_TOKEN,
        url: str = sandbox.url,
        databases: Mapping[Database, str] = DATABASES,
    ) -> Notion:
        made.append(Notion(token, databases, FileCache(tmp_path / "cache"), url, budget_s))
        return made[-1]

    yield make
    for notion in made:
        notion.close()


@pytest.fixture
def notion(make_notion: Callable[..., Notion]) -> Notion:
    """A client whose schemas and templates are warm."""
    client = make_notion()
    for database in Database:
        client.schema(database)
    client.templates()
    return client


@pytest.fixture
def make_mailer(sandbox: SandboxHandle, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Mailer]:
    """`make_mailer(budget_s=2)`: each call waits for a second at most."""
    monkeypatch.setattr(mailer_module, "_TIMEOUT_S", 1)

    def make(*, budget_s: float = 5.0, api_key: str = DEFAULT_RESEND_API_KEY, url: str = sandbox.url) -> Mailer:
        return Mailer(api_key, url, budget_s)

    return make


@pytest.fixture
def mailer(make_mailer: Callable[..., Mailer]) -> Mailer:
    return make_mailer()
