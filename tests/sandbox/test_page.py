"""The page at `/` and mounted files: hostile mails stay harmless."""

from pathlib import Path
from typing import Any

import httpx

import christmas_sandbox
from christmas_sandbox.testing import SandboxHandle

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
PAGES = Path(christmas_sandbox.__file__).parent / "pages"


def policy(answer: httpx.Response) -> dict[str, str]:
    """Give the content security policy by directive."""
    parts = answer.headers["content-security-policy"].split(";")
    return {name: value for name, _, value in (part.strip().partition(" ") for part in parts)}


def test_the_page_runs_only_its_own_script(http: httpx.Client) -> None:
    """No inline script or style, nothing from elsewhere, no frame around it."""
    answer = http.get("/")
    rules = policy(answer)
    assert answer.status_code == 200
    assert (rules["default-src"], rules["script-src"], rules["frame-ancestors"]) == ("'none'", "'self'", "'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "<script>" not in answer.text
    for path in ("/_page/inbox.js", "/_page/inbox.css"):
        assert path in answer.text
        assert http.get(path).status_code == 200


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


def test_the_pages_script_writes_text_only() -> None:
    """No way to turn text into markup is used in the script, and the frame has no right to run any."""
    script = (PAGES / "inbox.js").read_text(encoding="utf-8")
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "srcdoc"):
        assert way not in script
    assert "textContent" in script
    assert "allow-scripts" not in script


def test_a_mounted_file_is_served(http: httpx.Client, sandbox: SandboxHandle) -> None:
    """The unsubscribe page of the product can stand beside the stand-ins."""
    answer = http.get("/unsubscribe", params={"token": "t"})
    assert answer.status_code == 200
    assert "Unsubscribe" in answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert httpx.post(f"{sandbox.url}/unsubscribe", trust_env=False).status_code == 405
