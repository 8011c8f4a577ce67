"""``deploy`` and ``dashboard`` against the real engine, which runs with the configuration of the Compose file."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
import yaml  # type: ignore[import-untyped]
from typer.testing import CliRunner, Result

from christmas_tasks.cli import deploy as commands
from christmas_tasks.deploy import DeployRefused
from christmas_tasks.errors import SetupRefused
from christmas_tasks.local.engine_build import ensure_built
from christmas_tasks.local.stack import FLOWS
from tests.compose import configuration
from tests.integration.conftest import OFFICIAL_PLUGIN
from tests.integration.world import SHORT_BUDGET, World

ORIGIN = "https://www.example.org"
# What a browser asks before it posts JSON.
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
NAMES = sorted(path.stem for path in FLOWS.rglob("*.yml"))
FOREIGN = (
    "id: somebody-elses\nnamespace: christmas\ntasks: [{id: say, type: io.kestra.plugin.core.log.Log, message: hi}]\n"
)
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An engine without flows, on the official plugin where it is at hand, with what Compose would configure."""
    ensure_built()
    folder = tmp_path_factory.mktemp("bare")
    block = configuration()
    # No PostgreSQL here, and no folders of a container.
    del block["datasources"]
    for name in ("repository", "queue", "storage", "tasks"):
        del block["kestra"][name]
    (folder / "compose.yml").write_text(yaml.safe_dump(block), "utf-8")
    settings = {
        "TESTING_MODE": "true",
        "TESTING_MINUTE_SECONDS": "1",
        "WEBSITE_ORIGIN": ORIGIN,
        "MICRONAUT_CONFIG_FILES": str(folder / "compose.yml"),
        **SHORT_BUDGET,
    }
    world = World(folder, settings, flows=(), plugin_jar=OFFICIAL_PLUGIN)
    with world.stack:
        yield world
        world.stack.engine.kill()
    world.close()


@pytest.fixture
def run(bare: World) -> Run:
    """The two commands as they are typed."""
    app = typer.Typer()
    app.command()(commands.deploy)
    app.command()(commands.dashboard)
    engine = bare.stack.engine

    def typed(*arguments: str, password: str = engine.password) -> Result:
        environ = {"KESTRA_URL": engine.url, "KESTRA_USERNAME": engine.username, "KESTRA_PASSWORD": password}
        return CliRunner().invoke(app, arguments, env=environ)

    return typed


def changes(result: Result) -> dict[str, tuple[str, bool]]:
    """What the JSON says of each flow."""
    assert result.exit_code == 0, result.output
    return {c["name"]: (c["what"], c["uploaded"]) for c in json.loads(result.stdout) if c["kind"] == "flow"}


def stored(bare: World) -> dict[str, int]:
    """The revision of each flow."""
    return {flow["id"]: flow["revision"] for flow in bare.api("GET", "flows/christmas")}


def test_the_campaign_is_deployed_to_an_empty_engine_and_works(bare: World, run: Run, tmp_path: Path) -> None:
    """From nothing to mails that went out: dry run, upload, repeat, changed file, foreign flow, a lead, its figures."""
    assert changes(run("deploy", "--dry-run", "--json")) == dict.fromkeys(NAMES, ("new", False))
    assert stored(bare) == {}

    bare.api("POST", "flows", content=FOREIGN, headers={"content-type": "application/x-yaml"})
    assert changes(run("deploy", "--json")) == {
        **dict.fromkeys(NAMES, ("new", True)),
        "somebody-elses": ("not ours", False),
    }
    assert stored(bare) == dict.fromkeys([*NAMES, "somebody-elses"], 1)

    again = run("deploy")
    assert again.stdout.splitlines()[-1] == "0 uploaded."
    assert stored(bare) == dict.fromkeys([*NAMES, "somebody-elses"], 1)

    files = copied(tmp_path, lambda text: text.replace("description: |", "description: |\n  A new sentence.", 1))
    shown = run("deploy", "--folder", str(files), "--dry-run")
    assert "+  A new sentence." in shown.stdout.splitlines()
    assert "not kept  dashboard campaign" in shown.stdout
    assert stored(bare) == dict.fromkeys([*NAMES, "somebody-elses"], 1)
    assert changes(run("deploy", "--folder", str(files), "--json"))["send-email"] == ("changed", True)
    assert stored(bare) == {**dict.fromkeys([*NAMES, "somebody-elses"], 1), "send-email": 2}

    lead = {"email": "lead@example.org", "red_systems": 2, "orange_systems": 0}
    assert bare.hand_in("assessment-handler", lead)["state"]["current"] == "SUCCESS"
    bare.wait_for_numbers("lead@example.org", [2, 3, 4, 5])
    assert len(bare.alerts("lead@example.org")) == 1
    bare.wait_for(lambda: figures(run)["leads"]["number"] == 1, "the lead in the figures")
    bare.wait_for(lambda: sent(figures(run)) == 4, "four mails in the figures")
    assert figures(run)["five_day_critical"]["number"] == 1
    assert figures(run)["failed"]["number"] == 0
    assert [row["sequence"] for row in figures(run)["leads_by_sequence"]["rows"]] == ["assessment-handler"]
    assert 0 < max(row["worst"] for row in figures(run)["lateness"]["rows"]) < 120_000  # milliseconds
    assert "Leads: 1" in run("dashboard").stdout.splitlines()


def copied(folder: Path, edit: Callable[[str], str]) -> Path:
    """The flows and dashboards with ``send-email`` edited."""
    for path in [*FLOWS.rglob("*.yml"), *(FLOWS.parent / "dashboards").glob("*.yml")]:
        target = folder / path.relative_to(FLOWS.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text("utf-8")
        target.write_text(edit(text) if path.stem == "send-email" else text, "utf-8")
    return folder


def figures(run: Run) -> dict[str, Any]:
    """Each chart by its name."""
    result = run("dashboard", "--json")
    assert result.exit_code == 0, result.output
    return {chart["chart"]: chart for chart in json.loads(result.stdout)}


def sent(charts: dict[str, Any]) -> float:
    """How many mails the dashboard counts as sent."""
    return sum(float(row["mails"]) for row in charts["mails_by_state"]["rows"] if row["state"] == "emails_sent")


def test_one_broken_flow_keeps_all_from_being_uploaded(bare: World, run: Run, tmp_path: Path) -> None:
    """Kestra's own reason is told, and no half of a release is ever live."""
    before = stored(bare)
    files = copied(tmp_path, lambda text: f"{text}\ncolour: red\n")
    extra = files / "flows" / "christmas" / "a-new-one.yml"
    extra.write_text(FOREIGN.replace("somebody-elses", "a-new-one"), "utf-8")
    refused = run("deploy", "--folder", str(files))
    assert isinstance(refused.exception, DeployRefused)
    assert str(refused.exception).startswith("flow send-email: ")
    assert "colour" in str(refused.exception)
    assert stored(bare) == before


def test_a_wrong_login_is_said_so(run: Run) -> None:
    """Nobody searches the flows for what the login is at fault for."""
    for command in ("deploy", "dashboard"):
        refused = run(command, password="wrong")
        assert isinstance(refused.exception, SetupRefused)
        assert "KESTRA_USERNAME" in str(refused.exception)


def test_a_browser_may_post_from_the_website_alone(bare: World) -> None:
    """The Compose file's configuration lets the one origin in, on both addresses of a webhook."""
    for path in ("/api/v1/main/executions/webhook", "/api/v1/executions/webhook"):
        for origin in (ORIGIN, "https://evil.example.org"):
            asked = {"Origin": origin, **PREFLIGHT}
            answer = httpx.options(f"{bare.stack.url}{path}/christmas/signup-handler/key", headers=asked)
            assert answer.headers.get("access-control-allow-origin") == (origin if origin == ORIGIN else None)
