"""Every command line of the website's documents is run as it is printed, against a running product."""

import json
import os
import re
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from christmas_tasks.signatures import CALENDLY_HEADER, verify_calendly
from tests.integration.front import running_front
from tests.integration.world import World

DOCS = Path(__file__).resolve().parents[2] / "docs"
# Each call tells its status on standard error; the lines of the documents stay as they are.
WRAPPER = """
set -u
curl() { command curl --max-time 60 --write-out '%{stderr}STATUS %{http_code}\\n' "$@"; }
"""


def blocks(document: str) -> list[str]:
    """The blocks of a document that a reader pastes into a shell."""
    found = re.findall(r"^( *)```sh\n(.*?)^\1```", (DOCS / document).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for _, block in found]


def promised(text: str) -> list[str]:
    """The statuses that the comments promise, one for each call."""
    return re.findall(r"^# (\d{3})\b", text, flags=re.MULTILINE)


def run(script: str, world: World, vendor: str, folder: Path) -> list[str]:
    """Run a script as the document says, with the addresses of *world*; returns the statuses."""
    for printed, real in (
        ("http://127.0.0.1:8080", world.stack.url),
        ("http://127.0.0.1:8025", world.stack.sandbox_url),
        ("CALENDLY_API=https://api.calendly.com", f"CALENDLY_API={vendor}"),
        ("RESEND_API=https://api.resend.com", f"RESEND_API={vendor}"),
    ):
        script = script.replace(printed, real)
    done = subprocess.run(
        ["/bin/bash", "-c", WRAPPER + script],
        check=False,
        cwd=folder,
        env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
    )
    said = (*done.stdout.splitlines(), *done.stderr.splitlines())
    assert [line for line in said if re.match(r"curl: |/bin/bash: |christmas-tasks: |Traceback", line)] == []
    return re.findall(r"^STATUS (\d{3})$", done.stderr, flags=re.MULTILINE)


def test_every_line_of_the_website_guide_works_as_printed(calm: World, tmp_path: Path) -> None:
    """Each call gets the status that stands above it, and does what the text around it says."""
    script = "\n".join(blocks("WEBSITE_INTEGRATION.md"))
    with running_front("", "200", "201", "201", "200", "201") as vendor:
        assert run(script, calm, vendor.url, tmp_path) == promised(script)
    subscriptions = [json.loads(body) for body in vendor.bodies if body]
    flows = [str(one.get("url") or one["endpoint"]).split("/christmas/")[1] for one in subscriptions]
    assert flows == [
        "noshow-recovery-handler/sandbox-calendly-key",
        "call-booked-handler/sandbox-calendly-key",
        "resend-events/sandbox-resend-key",
    ]
    for address, sequence in (("nora", "noshow"), ("mia", "postcall"), ("paula", "onboarding"), ("anna", "5day")):
        rows = calm.wait_for(partial(calm.rows, f"{address}@example.org", sequence), f"{address}'s row")
        assert len(rows) == 1
    assert rows[0]["Segment"] == "CRITICAL"


def test_the_lines_of_the_guide_for_movers_show_what_is_wrong_with_an_old_body(calm: World, tmp_path: Path) -> None:
    """A body of the old kind is taken with 200, and its execution says each field at fault."""
    script = "\n".join(blocks("KESTRA_MIGRATION.md"))
    assert run(script, calm, "", tmp_path) == promised(script)

    def mine_of() -> list[dict[str, Any]]:
        return [found for found in calm.executions("assessment-handler") if "old@example.org" in str(found["trigger"])]

    (mine,) = calm.wait_for(mine_of, "the execution")
    assert calm.end_of(mine["id"])["state"]["current"] == "FAILED"
    logs = calm.logs(mine["id"])
    for line in ("red_systems: is missing", "orange_systems: is missing", "revenue_leak_total: must be a number"):
        assert line in logs


def test_the_documented_signature_of_calendly_is_one(calm: World, tmp_path: Path) -> None:
    """Who signs by the printed line passes the check."""
    setting, *_ = blocks("WEBSITE_INTEGRATION.md")
    (signed,) = (block for block in blocks("WEBSITE_INTEGRATION.md") if "openssl dgst" in block)
    assert run(f"{setting}\n{signed}", calm, "", tmp_path) == ["200"]
    body = re.search(r"^BODY='(.+)'$", signed, re.MULTILINE)
    assert body

    # The line is posted by the guide's own test too, where both run on one product.
    def signatures() -> list[dict[str, Any]]:
        taken = [_headers(execution) for execution in calm.executions("call-booked-handler")]
        return [headers for headers in taken if CALENDLY_HEADER in headers]

    for headers in calm.wait_for(signatures, "the execution"):
        verify_calendly("your-signing-key", headers, body[1].encode(), None)


def _headers(execution: dict[str, Any]) -> dict[str, str]:
    """The headers of a webhook, names in lower case."""
    return {name.lower(): values[0] for name, values in execution["trigger"]["variables"]["headers"].items()}


@pytest.mark.parametrize("document", ["WEBSITE_INTEGRATION.md", "KESTRA_MIGRATION.md"])
def test_every_call_says_the_status_it_gets(document: str) -> None:
    """A line with curl in a block that nobody runs, or without a promise, is noticed."""
    text = (DOCS / document).read_text("utf-8")
    script = "\n".join(blocks(document))
    calls = re.findall(r"\bcurl -", text)
    assert len(calls) == len(re.findall(r"\bcurl -", script)) == len(promised(script))
