"""The console page at `/`, what it asks, and mounted files: hostile text stays harmless, and a poll costs little."""

import asyncio
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

import christmas_sandbox
from christmas_sandbox.console_engine import Engine, EngineAccess, EngineProblem
from christmas_sandbox.console_executions import reason_in
from christmas_sandbox.sandbox import SandboxOptions
from christmas_sandbox.testing import SandboxHandle, running_sandbox

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
PAGES = Path(christmas_sandbox.__file__).parent / "pages"


def policy(answer: httpx.Response) -> dict[str, str]:
    """Give the content security policy by directive."""
    parts = answer.headers["content-security-policy"].split(";")
    return {name: value for name, _, value in (part.strip().partition(" ") for part in parts)}


def test_the_page_runs_only_its_own_scripts(http: httpx.Client) -> None:
    """No inline script or style, nothing from elsewhere, no text that becomes markup, no frame around it."""
    answer = http.get("/")
    rules = policy(answer)
    assert answer.status_code == 200
    assert (rules["default-src"], rules["script-src"], rules["frame-ancestors"]) == ("'none'", "'self'", "'none'")
    assert (rules["require-trusted-types-for"], rules["trusted-types"]) == ("'script'", "'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "<script>" not in answer.text
    assert "style=" not in answer.text
    for file in PAGES.iterdir():
        served = http.get(f"/_page/{file.name}")
        assert served.status_code == 200
        again = http.get(f"/_page/{file.name}", headers={"if-none-match": served.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_a_mails_html_is_shown_where_no_script_runs(http: httpx.Client, mailer: Any) -> None:
    """The HTML is the mail's own; the policy forbids scripts and requests, and the frame is sandboxed."""
    html = f"<html><head></head><body>{HOSTILE}</body></html>"
    sent = mailer.Emails.send({"from": "c@example.org", "to": "a@example.org", "subject": HOSTILE, "html": html})
    answer = http.get(f"/_page/mails/{sent['id']}")
    rules = policy(answer)
    assert HOSTILE in answer.text
    assert rules["default-src"] == "'none'"
    assert "script-src" not in rules
    assert "allow-scripts" not in rules["sandbox"]
    assert "allow-same-origin" not in rules["sandbox"]
    assert http.get("/_page/mails/nope").status_code == 404


def test_hostile_text_reaches_the_page_as_json_only(http: httpx.Client, mailer: Any) -> None:
    """The page itself never holds a mail's text; its data is JSON that no browser takes for HTML."""
    mailer.Emails.send({"from": "c@example.org", "to": "a@example.org", "subject": HOSTILE, "text": HOSTILE})
    assert HOSTILE not in http.get("/").text
    data = http.get("/_sandbox/mails")
    assert data.headers["content-type"] == "application/json"
    assert data.json()["mails"][0]["subject"] == HOSTILE


@pytest.mark.parametrize("script", sorted(PAGES.glob("*.js")), ids=lambda path: path.name)
def test_the_pages_scripts_write_text_only(script: Path) -> None:
    """No way to turn text into markup is used in any script, and the frame has no right to run one."""
    text = script.read_text(encoding="utf-8")
    ways = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "srcdoc", "allow-scripts")
    for way in (*ways, "allow-same-origin", "javascript:"):
        assert way not in text


def test_a_poll_that_finds_nothing_new_reads_nothing(http: httpx.Client, mailer: Any) -> None:
    """The same ETag is a 304 without a body; a mail, a row, a call or a fault makes another one."""
    first = http.get("/_page/data/inbox")
    assert first.json()["view"] == {"mails": [], "total": 0, "open": None}
    again = http.get("/_page/data/inbox", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    mailer.Emails.send({"from": "c@example.org", "to": "a@example.org", "subject": "Hello", "text": "Hello"})
    now = http.get("/_page/data/inbox", headers={"if-none-match": first.headers["etag"]})
    assert [mail["subject"] for mail in now.json()["view"]["mails"]] == ["Hello"]
    assert now.json()["counts"]["inbox"] == 1
    http.post("/_sandbox/faults", json={"vendor": "resend", "kind": "delay", "seconds": 1})
    changed = http.get("/_page/data/inbox", headers={"if-none-match": now.headers["etag"]})
    assert (changed.status_code, changed.json()["faults_on"]) == (200, 1)


def test_a_lead_is_told_with_all_that_was_planned_for_it(http: httpx.Client, make_row: Any) -> None:
    """Sent, skipped with its reason, planned, and which email is next; found by name and address in any case."""
    make_row(
        "5-Day Nurture: ann@example.org",
        Email={"email": "Ann@example.org"},
        First_Name={"rich_text": [{"text": {"content": HOSTILE}}]},
        Sequence_Type={"select": {"name": "5day"}},
        Sequence_Status={"select": {"name": "active"}},
        Stop_Reason={"rich_text": [{"text": {"content": "Email 2 skipped: more than 7 days late"}}]},
        Email_1_Sent={"date": {"start": "2026-12-01T09:00:00Z"}},
        Email_1_Status={"select": {"name": "sent"}},
        Email_2_Status={"select": {"name": "skipped"}},
        Email_3_Status={"select": {"name": "scheduled"}},
        Email_3_Scheduled_At={"date": {"start": "2026-12-04T09:00:00Z"}},
        Email_4_Status={"select": {"name": "scheduled"}},
        Email_4_Scheduled_At={"date": {"start": "2026-12-05T09:00:00Z"}},
    )
    found = http.get("/_page/data/leads", params={"q": "<SCRIPT", "open": "ann@EXAMPLE.org"}).json()["view"]
    assert [lead["address"] for lead in found["leads"]] == ["Ann@example.org"]
    lead = found["open"]
    assert lead["name"] == HOSTILE
    emails = lead["sequences"][0]["emails"]
    assert [(one["number"], one["state"], one["is_next"]) for one in emails] == [
        (1, "sent", False),
        (2, "skipped", False),
        (3, "planned", True),
        (4, "planned", False),
    ]
    assert emails[1]["reason"] == "more than 7 days late"
    assert http.get("/_page/data/leads", params={"q": "nobody"}).json()["view"]["leads"] == []


@pytest.mark.parametrize(("status", "state", "reason"), [("held", "held", ""), ("stopped", "stopped", "paid")])
def test_what_a_person_holds_or_stops_is_no_longer_planned(
    http: httpx.Client, make_row: Any, status: str, state: str, reason: str
) -> None:
    """A row that was edited in Notion says so for each of its emails that has no end."""
    make_row(
        "row",
        Email={"email": "ann@example.org"},
        Sequence_Status={"select": {"name": status}},
        Stop_Reason={"rich_text": [{"text": {"content": reason}}]},
        Email_2_Scheduled_At={"date": {"start": "2026-12-04T09:00:00Z"}},
    )
    lead = http.get("/_page/data/leads", params={"open": "ann@example.org"}).json()["view"]["open"]
    (email,) = lead["sequences"][0]["emails"]
    assert (email["state"], email["reason"], email["is_next"]) == (state, reason, False)


def test_only_the_page_itself_may_replay(http: httpx.Client) -> None:
    """Another site's page, another name of this machine, or a form without the page's header is refused."""
    address = "/_page/executions/abc/replay"
    page = {"x-console": "1"}
    assert http.post(address).status_code == 403
    for foreign in (
        {"origin": "http://evil.example.org"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"host": "evil.example.org"},
    ):
        assert http.post(address, headers={**page, **foreign}).status_code == 403
    # Past the guard: there is no Kestra behind this sandbox.
    answer = http.post(address, headers=page)
    assert answer.status_code == 404
    assert "--kestra-url" in answer.json()["error"]
    assert http.post("/_page/executions/abc/kill", headers=page).status_code == 404


def test_an_odd_id_never_reaches_kestra(sandbox: SandboxHandle) -> None:
    """What is put into Kestra's address is an id and nothing else, and the login must be there."""
    engine = Engine(EngineAccess("http://127.0.0.1:9", "admin@example.org", "secret"))
    for odd in ("../flows", "a/b", "a?x=1", "", "a" * 65, "a%2e"):
        with pytest.raises(EngineProblem, match="no id"):
            asyncio.run(engine.replay(odd))
    assert "secret" not in repr(engine.access)
    for url, password in (
        ("http://127.0.0.1:9", ""),
        ("ftp://x", "secret"),
        ("http://a:b@x", "secret"),
        ("x", "secret"),
    ):
        with pytest.raises(ValueError, match=r"KESTRA_PASSWORD|no address"):
            EngineAccess(url, "admin@example.org", password)
    assert sandbox.state()


@pytest.mark.parametrize("listens", [True, False])
def test_a_kestra_that_is_silent_or_gone_holds_nothing_up(tmp_path: Path, *, listens: bool) -> None:
    """The page's data comes all the same, and soon says what is wrong if that is known."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        if not listens:
            silent.close()
        options = SandboxOptions(engine=EngineAccess(url, "admin@example.org", "the-password"))
        with running_sandbox(tmp_path, options) as sandbox:
            began = time.monotonic()
            answer = httpx.get(f"{sandbox.url}/_page/data/executions", trust_env=False)
            assert time.monotonic() - began < 3
            assert answer.json()["view"] == {"executions": [], "total": 0, "open": None}
            assert answer.json()["engine"]["problem"] == ("" if listens else f"Kestra does not answer at {url}.")
            assert "the-password" not in answer.text


def test_the_last_line_that_tells_why_is_the_reason() -> None:
    """Noise, raw tracebacks and the alert about the failure are passed over; a warning is better than nothing."""
    lines = [
        ("send", "WARN", "2026-12-01T09:00:00.123Z - slow"),
        ("send", "ERROR", "2026-12-01T09:00:00.123Z - Resend refuses the mail"),
        ("send", "ERROR", "  File x.py, line 3"),
        ("send", "ERROR", "Command failed with exit code 1"),
        ("alert_failure", "ERROR", "Discord is down"),
    ]
    logs = [{"taskId": task, "level": level, "message": text} for task, level, text in lines]
    assert reason_in(logs) == "Resend refuses the mail"
    assert reason_in(logs[:1]) == "slow"
    assert reason_in([]) == ""


def test_a_mounted_file_is_served(http: httpx.Client, sandbox: SandboxHandle) -> None:
    """The unsubscribe page of the product can stand beside the stand-ins."""
    answer = http.get("/unsubscribe", params={"token": "t"})
    assert answer.status_code == 200
    assert "Unsubscribe" in answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert httpx.post(f"{sandbox.url}/unsubscribe", trust_env=False).status_code == 405
