"""``christmas-tasks notion`` as an operator types it, on a real stand-in: made once, mended, and never doubled."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from christmas_sandbox.sandbox import DEFAULT_NOTION_TOKEN
from christmas_sandbox.seed import PARENT_PAGE_ID, SOURCE_IDS
from christmas_sandbox.testing import SandboxHandle
from christmas_tasks import notion_calls
from christmas_tasks.cache import FileCache
from christmas_tasks.cli import app
from christmas_tasks.columns import Database
from christmas_tasks.enrolments import from_assessment, from_no_show, from_onboarding, from_post_call
from christmas_tasks.errors import ChristmasError
from christmas_tasks.locks import FolderLocks
from christmas_tasks.notion import Notion
from christmas_tasks.payloads import Assessment, NoShow, Onboarding, PostCall, parse
from christmas_tasks.sequences import all_template_names
from christmas_tasks.steps.enrol import enrol
from tests.edges.conftest import DATABASES
from tests.fakes import settings as fake_settings

_HEADERS = {"Authorization": f"Bearer {DEFAULT_NOTION_TOKEN}", "Notion-Version": "2025-09-03"}
PAYLOADS = Path(__file__).parents[1] / "payloads"
ENROLLING: dict[str, tuple[Any, Callable[..., Any]]] = {
    "assessment-handler": (Assessment, from_assessment),
    "noshow-recovery-handler": (NoShow, from_no_show),
    "postcall-maybe-handler": (PostCall, from_post_call),
    "onboarding-handler": (Onboarding, from_onboarding),
}
Run = Callable[..., Result]


@pytest.fixture
def run(sandbox: SandboxHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few_certificates: str) -> Run:
    """`run("check")` types `christmas-tasks notion check`; `NAME=value` sets another setting."""
    monkeypatch.setattr(notion_calls, "_TIMEOUT_MS", 1_000)

    def run(*words: str, **settings: str | None) -> Result:
        environ: dict[str, str | None] = {
            "NOTION_TOKEN": DEFAULT_NOTION_TOKEN,
            "NOTION_BASE_URL": sandbox.url,
            "CHRISTMAS_CACHE_DIR": str(tmp_path / "cache"),
            "VENDOR_BUDGET_SECONDS": "5",
            "NOTION_CALLS_PER_SECOND": "1000",
            "SSL_CERT_FILE": few_certificates,
            **{database.value: id_ for database, id_ in DATABASES.items()},
            **settings,
        }
        return CliRunner().invoke(app, ["notion", *words], env=environ)

    return run


def init(run: Run, *words: str, **settings: str | None) -> Result:
    return run("init", "--parent", PARENT_PAGE_ID, *words, **settings)


def call(sandbox: SandboxHandle, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """What a person does in Notion's UI."""
    answer = httpx.request(method, f"{sandbox.url}/v1/{path}", json=body, headers=_HEADERS, trust_env=False)
    answer.raise_for_status()
    return answer.json()


def change_columns(sandbox: SandboxHandle, database: str, properties: dict[str, Any]) -> None:
    call(sandbox, "PATCH", f"data_sources/{SOURCE_IDS[database]}", {"properties": properties})


def on_the_page(sandbox: SandboxHandle) -> dict[str, str]:
    """The databases on the campaign's page: id by title; each title once."""
    blocks = call(sandbox, "GET", f"blocks/{PARENT_PAGE_ID}/children")["results"]
    titles = [block["child_database"]["title"] for block in blocks]
    assert len(titles) == len(set(titles))
    return dict(zip(titles, (block["id"] for block in blocks), strict=True))


def template_names(sandbox: SandboxHandle) -> list[str]:
    rows = sandbox.rows(on_the_page(sandbox)["Email Templates"])
    return sorted(row["properties"]["Template Name"] for row in rows)


def writes(sandbox: SandboxHandle, after: int = 0) -> list[str]:
    """The calls that changed something at Notion."""
    return [
        f"{each['method']} {each['path']}"
        for each in sandbox.calls(after)
        if each["method"] == "PATCH" or (each["method"] == "POST" and not each["path"].endswith("/query"))
    ]


def printed_settings(result: Result) -> dict[str, str | None]:
    lines = [
        (line.partition("=")[0], line.partition("=")[2])
        for line in result.stdout.splitlines()
        if line.startswith("SECRET_")
    ]
    settings = dict(lines)
    return {**settings, **{name.removeprefix("SECRET_"): None for name in settings}}


def test_init_makes_what_a_campaign_runs_on(run: Run, sandbox: SandboxHandle, tmp_path: Path) -> None:
    """The lines it prints pass the check without a warning, all sequences start on them whole; no token is shown."""
    made = init(run)
    assert made.exit_code == 0, made.output
    assert DEFAULT_NOTION_TOKEN not in made.output
    assert base64.b64encode(DEFAULT_NOTION_TOKEN.encode()).decode() not in made.output
    settings = printed_settings(made)
    checked = run("check", **settings)
    assert (checked.exit_code, checked.stdout.splitlines()[-1]) == (0, "no faults, no warnings")
    assert template_names(sandbox) == sorted(all_template_names())
    assert {row["properties"]["Status"] for row in sandbox.rows(on_the_page(sandbox)["Email Templates"])} == {"Active"}

    ids = {each: base64.b64decode(settings[f"SECRET_{each.value}"] or "").decode() for each in Database}
    notion = Notion(DEFAULT_NOTION_TOKEN, ids, FileCache(tmp_path / "other"), sandbox.url)
    locks = FolderLocks(tmp_path / "locks")
    for flow, (body, request) in ENROLLING.items():
        given = json.loads((PAYLOADS / flow / "good-full.json").read_text("utf-8"))
        enrolled = enrol(request(parse(body, given), datetime.now(UTC)), "first", fake_settings(), notion, locks)
        assert (flow, enrolled.row is not None, notion.warnings) == (flow, True, ())
    notion.close()
    assert len(sandbox.rows(ids[Database.TRACKER])) == len(ENROLLING)
    (contact, *_) = sandbox.rows(ids[Database.CONTACTS])
    assert {"email", "first_name", "last_name", "business_name"} <= set(contact["properties"])


def test_a_repeat_finds_everything_and_writes_nothing(run: Run, sandbox: SandboxHandle) -> None:
    """The same lines come out again."""
    first = init(run)
    last = sandbox.calls()[-1]["seq"]
    again = init(run)
    assert again.exit_code == 0
    assert writes(sandbox, last) == []
    assert printed_settings(again) == printed_settings(first)
    assert "made" not in again.stdout


def test_a_dry_run_writes_nothing_and_says_what_would_be(run: Run, sandbox: SandboxHandle) -> None:
    """Three databases and 14 templates; no settings, for there are no ids."""
    shown = init(run, "--dry-run")
    assert shown.exit_code == 0
    assert shown.stdout.count("would be made") == 3 + 14
    assert "SECRET_" not in shown.stdout
    assert writes(sandbox) == []


@pytest.mark.parametrize(("path", "skip"), [("/v1/databases", 0), ("/v1/databases", 2), ("/v1/pages", 5)])
def test_a_run_that_ends_half_way_says_what_it_did_and_the_next_goes_on(
    run: Run, sandbox: SandboxHandle, path: str, skip: int
) -> None:
    """Nothing is made twice, even while Notion does not list yet what was just made."""
    sandbox.set_settings(query_lag_ms=60_000)
    fault = sandbox.add_fault("notion", "status_before", status=403, method="POST", path=path, skip=skip)
    ended = init(run)
    assert isinstance(ended.exception, ChristmasError)
    assert "insert content" in str(ended.exception)
    made = [line for line in ended.stdout.splitlines() if line.startswith("made")]
    assert len(made) == (skip if path == "/v1/databases" else 3 + skip)
    assert ("goes on from there" in ended.stderr) == bool(made or ended.stdout)
    sandbox.clear_faults(fault)
    assert init(run).exit_code == 0
    assert len(on_the_page(sandbox)) == 3
    assert template_names(sandbox) == sorted(all_template_names())


@pytest.mark.parametrize("path", ["/v1/databases", "/v1/pages"])
def test_a_lost_answer_makes_nothing_twice(run: Run, sandbox: SandboxHandle, path: str) -> None:
    """Made, but not heard of: it looks before it makes another one."""
    sandbox.add_fault("notion", "lost_answer", method="POST", path=path, times=1)
    assert init(run).exit_code == 0
    assert len(on_the_page(sandbox)) == 3
    assert template_names(sandbox) == sorted(all_template_names())


def test_two_databases_of_one_name_are_refused_before_anything_is_written(run: Run, sandbox: SandboxHandle) -> None:
    """Which one is meant is for a person to say."""
    body = {
        "parent": {"page_id": PARENT_PAGE_ID},
        "title": [{"text": {"content": "email templates"}}],
        "initial_data_source": {"properties": {"Name": {"title": {}}}},
    }
    both = [call(sandbox, "POST", "databases", body)["id"] for _ in range(2)]
    last = sandbox.calls()[-1]["seq"]
    refused = str(init(run).exception)
    assert all(id_ in refused for id_ in both)
    assert "rename or bin" in refused
    assert writes(sandbox, last) == []


def test_a_database_that_was_made_by_hand_is_taken_and_gets_what_it_lacks(run: Run, sandbox: SandboxHandle) -> None:
    """Its own column stays; its title can't be added, so it is named."""
    body = {
        "parent": {"page_id": PARENT_PAGE_ID},
        "title": [{"text": {"content": "Email Sequence Tracker"}}],
        "initial_data_source": {"properties": {"Task": {"title": {}}, "Mine": {"number": {}}, "EMAIL": {"email": {}}}},
    }
    made = call(sandbox, "POST", "databases", body)
    result = init(run)
    assert result.exit_code == 0
    columns = call(sandbox, "GET", f"data_sources/{made['data_sources'][0]['id']}")["properties"]
    assert {"Task", "Mine", "EMAIL", "Enrolment Key", "Email 5 Delivery"} <= set(columns)
    assert "Email" not in columns
    assert (
        'by hand         sequence tracker database: the column "Name" is missing: rename the title column "Task"'
        in (result.stdout)
    )


# Check and migrate.


def test_check_names_each_thing_once_and_reads_only(run: Run, sandbox: SandboxHandle) -> None:
    """Faults: a required column, a wrong type, an empty template, a double. Warnings: an optional column, an option."""
    change_columns(sandbox, "tracker", {"Enrolment Key": None, "Next Email At": None, "Started At": {"number": {}}})
    change_columns(sandbox, "contacts", {"Email Suppressed": {"select": {"options": [{"name": "Bounced"}]}}})
    change_columns(sandbox, "contacts", {"EMAIL": {"rich_text": {}}})
    rows = {row["properties"]["Template Name"]: row["id"] for row in sandbox.rows("templates")}
    empty: dict[str, Any] = {"Subject Line": {"rich_text": []}}
    call(sandbox, "PATCH", f"pages/{rows['5-Day E5']}", {"properties": empty})
    double = {"Template Name": {"title": [{"text": {"content": "5-Day E3"}}]}}
    call(sandbox, "PATCH", f"pages/{rows['5-Day E4']}", {"properties": double})
    last = sandbox.calls()[-1]["seq"]
    found = run("check", "--json")
    assert found.exit_code == 1
    assert writes(sandbox, last) == []
    report = json.loads(found.stdout)
    assert report["healthy"] is False
    texts: dict[str, list[str]] = {"fault": [], "warning": [], "ok": []}
    for each in report["findings"]:
        texts[each["state"]].append(each["text"])
    for state, words in {
        "fault": [
            'the column "Enrolment Key" is missing: add it as rich_text',
            'the column "Started At" is number, it must be date',
            'template "5-Day E3": 2 active rows',
            'template "5-Day E4": it is missing',
            'template "5-Day E5": its Subject Line is empty',
        ],
        "warning": [
            'the optional column "Next Email At" is missing',
            'the select column "Email Suppressed" lacks the options "unsubscribed" and "complained"',
            'the columns "email" and "EMAIL" count as the same',
        ],
    }.items():
        for part in words:
            assert len([text for text in texts[state] if part in text]) == 1, (part, texts[state])
    assert len(texts["fault"]) == 5


def test_migrate_adds_what_check_found_and_keeps_the_rest(run: Run, sandbox: SandboxHandle) -> None:
    """A dry run changes nothing; then columns and options are there, own options and the rows' values too."""
    option = {"name": "on holiday"}
    call(
        sandbox,
        "POST",
        "pages",
        {
            "parent": {"data_source_id": SOURCE_IDS["contacts"]},
            "properties": {"Email Suppressed": {"select": option}},
        },
    )
    change_columns(sandbox, "contacts", {"Email Suppressed": {"select": {"options": [option]}}, "last_name": None})
    change_columns(sandbox, "tracker", {"Enrolment Key": None, "Next Email At": None})
    last = sandbox.calls()[-1]["seq"]
    shown = run("migrate", "--dry-run")
    assert shown.exit_code == 0
    assert writes(sandbox, last) == []
    done = run("migrate")
    assert done.exit_code == 0
    assert shown.stdout.replace("would be added  ", "added           ") == done.stdout
    assert len(writes(sandbox, last)) == 2
    checked = run("check")
    assert (checked.exit_code, checked.stdout.splitlines()[-1]) == (0, "no faults, no warnings")
    (row,) = sandbox.rows("contacts")
    assert row["properties"]["Email Suppressed"] == "on holiday"
    last = sandbox.calls()[-1]["seq"]
    again = run("migrate")
    assert (again.exit_code, again.stdout) == (0, "Nothing is missing.\n")
    assert writes(sandbox, last) == []


def test_what_migrate_can_not_mend_is_left_to_a_person(run: Run, sandbox: SandboxHandle) -> None:
    """A wrong type and an option of a status are named with what to do, and the command ends with 1."""
    change_columns(sandbox, "tracker", {"Started At": {"number": {}}, "Sequence Status": {"status": {}}})
    result = run("migrate", "--json")
    assert result.exit_code == 1
    steps = [step["what"] for step in json.loads(result.stdout)["steps"] if step["verb"] == "by hand"]
    assert any('"Started At" is number, it must be date: change its type in Notion' in step for step in steps)
    assert any('"Sequence Status" lacks the options "active" and "held"' in step for step in steps)
    assert "the API can't" in "".join(steps)


def test_templates_are_added_by_migrate_only_when_asked(run: Run, sandbox: SandboxHandle) -> None:
    """A marketer may have renamed one on purpose."""
    gone = next(row["id"] for row in sandbox.rows("templates") if row["properties"]["Template Name"] == "5-Day E2")
    call(sandbox, "PATCH", f"pages/{gone}", {"in_trash": True})
    run("migrate")
    assert run("check").exit_code == 1
    added = run("migrate", "--templates")
    assert 'made            template "5-Day E2"' in added.stdout
    assert run("check").exit_code == 0


# Bad input.


@pytest.mark.parametrize(
    ("parent", "said"),
    [
        ("hello", "no id in it"),
        ("https://example.org/page", "no id in it"),
        ("0b5c0000000040008000000000000000", "not shared with the integration"),
        (DATABASES[Database.TRACKER], "names a database"),
    ],
)
def test_a_wrong_parent_is_refused_with_what_to_do(run: Run, sandbox: SandboxHandle, parent: str, said: str) -> None:
    """Nothing is written."""
    refused = run("init", "--parent", parent)
    assert said in str(refused.exception)
    assert writes(sandbox) == []


@pytest.mark.parametrize("command", [("init", "--parent", PARENT_PAGE_ID), ("migrate",)])
def test_a_wrong_token_is_refused_and_never_printed(run: Run, sandbox: SandboxHandle, command: tuple[str, ...]) -> None:
    """It is named as a setting."""
    refused = run(*command, NOTION_TOKEN="ntn_secret_of_another")
    assert "Check NOTION_TOKEN" in str(refused.exception)
    assert "ntn_secret" not in refused.output + str(refused.exception)
    assert writes(sandbox) == []


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("NOTION_CONTACTS_DB_ID", None, "is not set"),
        ("NOTION_CONTACTS_DB_ID", "https://www.notion.so/db", "is no id of a database"),
        ("NOTION_CONTACTS_DB_ID", PARENT_PAGE_ID, "is no id of a database"),
        ("NOTION_CONTACTS_DB_ID", SOURCE_IDS["contacts"], "not shared with the integration"),
        ("NOTION_TOKEN", "wrong", "Check NOTION_TOKEN"),
    ],
)
def test_a_wrong_setting_is_a_fault_of_check_and_stops_migrate_before_it_writes(
    run: Run, sandbox: SandboxHandle, setting: str, value: str | None, said: str
) -> None:
    """Once, with its name and what to do."""
    change_columns(sandbox, "templates", {"Preview Text": None})
    last = sandbox.calls()[-1]["seq"]
    checked = run("check", **{setting: value})
    assert checked.exit_code == 1
    (fault,) = [line for line in checked.stdout.splitlines() if line.startswith("FAULT")]
    assert said in fault
    assert setting in fault
    assert said in str(run("migrate", **{setting: value}).exception)
    assert writes(sandbox, last) == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"status": 429, "retry_after": 600}, "Run the command again later"),
        ({"status": 503}, "Run the command again once status.notion.so is green"),
        ({"status": 403}, "read, update and insert content"),
    ],
)
def test_trouble_at_notion_says_what_to_do(
    run: Run, sandbox: SandboxHandle, tmp_path: Path, fault: dict[str, int], said: str
) -> None:
    """In the words of somebody who typed a command."""
    sandbox.add_fault("notion", "status_before", **fault)
    assert said in str(init(run, VENDOR_BUDGET_SECONDS="0.3").exception)
    # Where nobody knows yet that Notion has asked to wait.
    checked = run("check", VENDOR_BUDGET_SECONDS="0.3", CHRISTMAS_CACHE_DIR=str(tmp_path / "other"))
    assert checked.exit_code == 1
    assert said in checked.stdout


@pytest.mark.parametrize("fault", [{"status": 429, "retry_after": 1}, {"status": 503}])
def test_passing_trouble_is_waited_for(run: Run, sandbox: SandboxHandle, fault: dict[str, int]) -> None:
    """Nobody has to type it again."""
    sandbox.add_fault("notion", "status_before", times=1, method="POST", path="/v1/databases", **fault)
    assert init(run).exit_code == 0
    assert len(on_the_page(sandbox)) == 3
