"""What one enrolment and one email cost on an idle system: latency, CPU, vendor calls, beside a floor in the same run.

Run: .venv/bin/python benchmarks/one_email.py [--emails 100] [--json FILE]. Takes about 3.5 s for each email.

The floor is one Python process that imports the three client libraries and makes the same three calls.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from christmas_sandbox.testing import SandboxHandle
from christmas_tasks.local.engine import ensure_built
from christmas_tasks.local.stack import Stack, StackOptions

SPACING_S = 3.5
EMAILS_OF_A_LEAD = 3
_TICKS = os.sysconf("SC_CLK_TCK")
FLOOR = """
import os
import notion_client, resend, kestra
url, row = os.environ["URL"], os.environ["ROW"]
notion = notion_client.Client(auth="sandbox-notion-token", base_url=url)
resend.api_key, resend.api_url = "re_sandbox_key", url
notion.pages.retrieve(page_id=row)
resend.Emails.send({"from": "a@example.org", "to": "floor@example.org", "subject": "s", "html": "h", "text": "t"})
notion.pages.update(page_id=row, properties={"Last Email Sent": {"number": 1}})
"""


def cpu_s(pid: int) -> tuple[float, float]:
    """CPU seconds of a process itself, and of its ended children."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    own, ended = sum(map(int, fields[11:13])), sum(map(int, fields[13:15]))
    return own / _TICKS, ended / _TICKS


def percentile(values: list[float], share: float) -> float:
    """The value below which *share* of the values lie."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def calls(sandbox: SandboxHandle, after: int) -> Counter[str]:
    """Vendor calls since a number of the sandbox's log."""
    return Counter(call["vendor"] for call in sandbox.calls(after))


def last_call(sandbox: SandboxHandle) -> int:
    """The number of the sandbox's last logged call."""
    return max((call["seq"] for call in sandbox.calls()), default=0)


def measure(emails: int) -> dict[str, Any]:
    """Run everything once."""
    leads = -(-emails // EMAILS_OF_A_LEAD)
    minute_s = SPACING_S * leads + 5
    ensure_built()
    with tempfile.TemporaryDirectory() as folder:
        settings = {"TESTING_MODE": "true", "TESTING_MINUTE_SECONDS": str(minute_s)}
        stack = Stack(StackOptions(Path(folder), port=0, sandbox_port=0, settings=settings), environ={})
        with stack:
            stack.engine.stop()
            began = time.monotonic()
            stack.engine.start()
            start_s = time.monotonic() - began
            sandbox = SandboxHandle(stack.sandbox_url)
            warm_up(stack, sandbox)
            figures = {"engine start s": start_s, **enrolments(stack, sandbox, leads)}
            return {**figures, **sends(stack, sandbox, leads, minute_s), **floor(stack, sandbox)}


def warm_up(stack: Stack, sandbox: SandboxHandle) -> None:
    """Let caches and the just-in-time compiler see each flow once."""
    httpx.post(stack.webhook_url("onboarding-handler"), json={"email": "warm@example.org", "payment_confirmed": True})
    wait_for_rows(sandbox, 1)


def wait_for_rows(sandbox: SandboxHandle, count: int) -> None:
    """Look every 20 ms until the tracker has so many rows."""
    while len(sandbox.rows("tracker")) < count:
        threading.Event().wait(0.02)


def enrolments(stack: Stack, sandbox: SandboxHandle, leads: int) -> dict[str, Any]:
    """One lead after the other, evenly spaced."""
    to_row: list[float] = []
    pid, before_calls = stack.engine.pid, last_call(sandbox)
    before = cpu_s(pid)
    for number in range(leads):
        began = time.monotonic()
        httpx.post(stack.webhook_url("postcall-maybe-handler"), json={"email": f"lead{number}@example.org"})
        wait_for_rows(sandbox, number + 2)
        to_row.append(time.monotonic() - began)
        threading.Event().wait(max(0.0, SPACING_S - (time.monotonic() - began)))
    after = cpu_s(pid)
    made = calls(sandbox, before_calls)
    return {
        "webhook to row s, p50": statistics.median(to_row),
        "webhook to row s, p95": percentile(to_row, 0.95),
        "CPU s of an enrolment: tasks": (after[1] - before[1]) / leads,
        "CPU s of an enrolment: engine": (after[0] - before[0]) / leads,
        "Notion calls of an enrolment": made["notion"] / leads,
    }


def sends(stack: Stack, sandbox: SandboxHandle, leads: int, minute_s: float) -> dict[str, Any]:
    """The emails become due one after the other."""
    pid, before_calls, before = stack.engine.pid, last_call(sandbox), cpu_s(stack.engine.pid)
    wanted = leads * EMAILS_OF_A_LEAD
    deadline = time.monotonic() + 4 * minute_s + 60
    while sum(mail["to"][0].startswith("lead") for mail in sandbox.mails()) < wanted and time.monotonic() < deadline:
        threading.Event().wait(2)
    threading.Event().wait(3)
    after, made = cpu_s(pid), calls(sandbox, before_calls)
    late: list[float] = []
    for row in (found["properties"] for found in sandbox.rows("tracker")):
        for mail in sandbox.mails(row["Email"]) if row["Email"].startswith("lead") else ():
            number = next(tag["value"] for tag in mail["tags"] if tag["name"] == "email")
            due_at = datetime.fromisoformat(row[f"Email {number} Scheduled At"])
            late.append((datetime.fromisoformat(mail["accepted_at"]) - due_at).total_seconds())
    return {
        "emails": len(late),
        "due to accepted s, p50": statistics.median(late),
        "due to accepted s, p95": percentile(late, 0.95),
        "CPU s of an email: tasks": (after[1] - before[1]) / wanted,
        "CPU s of an email: engine": (after[0] - before[0]) / wanted,
        "Notion calls of an email": made["notion"] / wanted,
        "Resend calls of an email": made["resend"] / wanted,
    }


def floor(stack: Stack, sandbox: SandboxHandle) -> dict[str, Any]:
    """CPU of the same three calls in one plain process; the median of five."""
    env = {**os.environ, "URL": stack.sandbox_url, "ROW": sandbox.rows("tracker")[0]["id"]}
    spent = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", FLOOR], env=env, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {"CPU s of the floor": statistics.median(spent)}


def main() -> None:
    """Print the figures as a table, and as JSON where asked."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--emails", type=int, default=100)
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    figures = measure(given.emails)
    for name, value in figures.items():
        print(f"{name:34} {value:8.3f}" if isinstance(value, float) else f"{name:34} {value:8}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1), "utf-8")


if __name__ == "__main__":
    main()
