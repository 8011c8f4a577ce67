"""The website's client, as `tsc --strict` compiles it and Node runs it, against the real engine and under trouble."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Route, sync_playwright

from christmas_tasks.local.engine import free_port
from christmas_tasks.payload_schemas import MODELS, SCHEMAS
from christmas_tasks.unsubscribe import Claim, make_token
from tests.integration.front import running_front
from tests.integration.world import World

ROOT = Path(__file__).resolve().parents[2]
WEBSITE, PAYLOADS = ROOT / "website", ROOT / "tests" / "payloads"
DRIVER = Path(__file__).with_name("client_driver.mjs")
NODE = shutil.which("node") or "node"
GUIDES = [ROOT / "docs" / name for name in ("WEBSITE_INTEGRATION.md", "KESTRA_MIGRATION.md")]
KEYS = {"website": "sandbox-website-key", "calendly": "sandbox-calendly-key"}
METHODS = {
    "signup-handler": "signup",
    "assessment-handler": "assessment",
    "noshow-recovery-handler": "noShow",
    "postcall-maybe-handler": "postCall",
    "onboarding-handler": "onboarding",
}
QUICK = {"backoffMs": 20, "maxBackoffMs": 80, "timeoutMs": 5_000}


@pytest.fixture(scope="module")
def tsc() -> Path:
    """The pinned TypeScript, installed once into ``website/node_modules``."""
    missing = [tool for tool in ("node", "npm") if not shutil.which(tool)]
    if missing:
        reason = f"{' and '.join(missing)} not installed: the client can't be compiled"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    compiler = WEBSITE / "node_modules" / ".bin" / "tsc"
    pinned = json.loads((WEBSITE / "package.json").read_text("utf-8"))["devDependencies"]["typescript"]
    installed = WEBSITE / "node_modules" / "typescript" / "package.json"
    if not installed.is_file() or json.loads(installed.read_text("utf-8"))["version"] != pinned:
        command = ["npm", "ci", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(command, cwd=WEBSITE, check=True, timeout=200)
    return compiler


@pytest.fixture(scope="module")
def client(tsc: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client as a module that Node loads."""
    out = tmp_path_factory.mktemp("client")
    compiled = subprocess.run(
        [tsc, "--project", WEBSITE, "--outDir", out], check=False, capture_output=True, text=True, timeout=120
    )
    assert compiled.returncode == 0, compiled.stdout
    module = out / "christmas-client.mjs"
    (out / "christmas-client.js").rename(module)
    return module


def run(client: Path, options: dict[str, Any], *calls: dict[str, Any], **more: Any) -> Any:
    """What Node prints for these calls."""
    spec = {"client": str(client), "options": options, "calls": calls, **more}
    node = subprocess.run(
        [NODE, DRIVER], check=False, input=json.dumps(spec), capture_output=True, text=True, timeout=120
    )
    assert node.returncode == 0, node.stderr
    return json.loads(node.stdout)


def call(method: str, *args: Any, **more: Any) -> dict[str, Any]:
    """One call of the client."""
    return {"method": method, "args": args, **more}


def example(flow: str, address: str, **fields: Any) -> dict[str, Any]:
    """The schema's example, for an address of a test's own."""
    return {**SCHEMAS[flow]["examples"][0], "email": address, **fields}


def good_samples() -> list[tuple[str, str, Any]]:
    """Name, flow and body of each good sample of a flat body."""
    paths = sorted(path for flow in MODELS for path in (PAYLOADS / flow).glob("good-*.json"))
    return [(path.stem, path.parent.name, json.loads(path.read_text("utf-8"))) for path in paths]


def test_every_good_sample_and_every_snippet_of_the_guide_compiles_and_wrong_ones_do_not(
    tsc: Path, tmp_path: Path
) -> None:
    """The types take what the schemas take, and refuse a missing or misspelt field and a wrong type."""
    lines = ['import type { Bodies } from "./christmas-client.js";', "export const bodies: unknown[] = [];"]
    for name, flow, body in good_samples():
        shown = json.dumps({key: value for key, value in body.items() if key in SCHEMAS[flow]["properties"]})
        lines.append(f'bodies.push({shown} satisfies Bodies["{flow}"]); // {name}')
    wrong = {
        "signup-handler": [
            '{"first_name": "Anna"}',
            '{"email": "a@example.org", "frist_name": "Anna"}',
            '{"email": 1}',
        ],
        "assessment-handler": ['{"email": "a@example.org", "red_systems": true, "orange_systems": 1}'],
        "noshow-recovery-handler": ['{"email": "a@example.org"}'],
        "onboarding-handler": ['{"email": "a@example.org", "payment_date": "2025-11-21"}'],
    }
    for flow, bodies in wrong.items():
        for body in bodies:
            lines.extend(["// @ts-expect-error", f'bodies.push({body} satisfies Bodies["{flow}"]);'])
    (tmp_path / "samples.ts").write_text("\n".join(lines), "utf-8")
    guides = "\n".join(path.read_text("utf-8") for path in GUIDES)
    snippets = re.findall(r"^( *)```ts\n(.*?)^\1```", guides, flags=re.MULTILINE | re.DOTALL)
    assert snippets
    for number, (_, snippet) in enumerate(snippets):
        (tmp_path / f"snippet{number}.ts").write_text(snippet, "utf-8")
    shutil.copy(WEBSITE / "christmas-client.ts", tmp_path)
    (tmp_path / "node.d.ts").write_text("declare const process: { env: Record<string, string | undefined> };")
    config = json.loads((WEBSITE / "tsconfig.json").read_text("utf-8"))
    del config["files"]
    (tmp_path / "tsconfig.json").write_text(json.dumps(config), "utf-8")
    checked = subprocess.run([tsc, "--noEmit"], cwd=tmp_path, check=False, capture_output=True, text=True, timeout=120)
    assert checked.returncode == 0, checked.stdout


def test_every_function_starts_its_flow_with_the_body_as_it_was_given(calm: World, client: Path) -> None:
    """Each answer is the execution's id; its trigger holds the body and the id of the request."""
    bodies = {flow: example(flow, f"client-{METHODS[flow].lower()}@example.org") for flow in METHODS}
    calls = [call(METHODS[flow], body) for flow, body in bodies.items()]
    told = run(client, {"baseUrl": f"{calm.stack.url}/", "keys": KEYS}, *calls)
    for (flow, body), receipt in zip(bodies.items(), told["outcomes"], strict=True):
        assert receipt["attempts"] == 1, receipt
        ended = calm.end_of(receipt["id"])
        assert (ended["flowId"], ended["state"]["current"]) == (flow, "SUCCESS")
        assert ended["trigger"]["variables"]["parameters"] == {"request_id": [receipt["requestId"]]}
        if flow != "noshow-recovery-handler":
            assert ended["trigger"]["variables"]["body"] == body
    assert len(calm.rows("client-assessment@example.org", "5day")) == 1
    assert len(calm.rows("client-noshow@example.org", "noshow")) == 1


def test_trouble_on_the_way_is_outlasted_and_the_lead_is_planned_once(calm: World, client: Path) -> None:
    """A 500, a cut connection, no answer in time, and a lost answer: the fifth attempt counts."""
    body = example("assessment-handler", "trouble@example.org")
    with running_front(calm.stack.url, "500", "drop", "hang", "lose") as front:
        options = {"baseUrl": front.url, "keys": KEYS, **QUICK, "timeoutMs": 1_500, "attempts": 5}
        told = run(client, options, call("assessment", body))
    (receipt,) = told["outcomes"]
    assert receipt["attempts"] == 5, told
    assert len({path for _, path in front.arrivals}) == 1
    reasons = [retry["reason"] for retry in told["retries"]]
    assert reasons[0] == "The server answered 500."
    assert reasons[2] == "No answer within 1500 ms."
    assert reasons[1].startswith(reasons[3][:13]) and reasons[3].startswith("No connection")  # noqa: PT018 - one claim
    calm.end_of(receipt["id"])
    calm.wait_until_quiet()
    twice = [
        found
        for found in calm.executions("assessment-handler")
        if found["trigger"]["variables"].get("parameters", {}).get("request_id") == [receipt["requestId"]]
    ]
    assert len(twice) == 2
    (row,) = calm.rows("trouble@example.org", "5day")
    assert len(calm.sends(row["Enrolment Key"])) == 4


def test_a_server_that_is_down_and_comes_up_gets_the_call(calm: World, client: Path) -> None:
    """Refused connections are repeated with growing pauses until somebody listens."""
    port = free_port()
    options = {"baseUrl": f"http://127.0.0.1:{port}", "keys": KEYS, "backoffMs": 300}
    spec = {"client": str(client), "options": options, "calls": [call("signup", {"email": "down@example.org"})]}
    pipe = subprocess.PIPE
    with subprocess.Popen([NODE, DRIVER], stdin=pipe, stdout=pipe, stderr=pipe, text=True) as node:
        assert node.stdin
        assert node.stderr
        node.stdin.write(json.dumps(spec))
        node.stdin.close()
        node.stdin = None
        assert node.stderr.readline() == "No connection (ECONNREFUSED).\n"
        with running_front(calm.stack.url, port=port):
            told, _ = node.communicate(timeout=60)
    (receipt,) = json.loads(told)["outcomes"]
    assert receipt["attempts"] > 1, receipt
    assert calm.end_of(receipt["id"])["state"]["current"] == "SUCCESS"


def test_a_retry_after_is_waited_for_and_pauses_grow_with_chance(client: Path) -> None:
    """Never sooner than the server asks; otherwise between half and all of a pause that doubles."""
    with running_front("http://127.0.0.1:9", "429 Retry-After: 1", "503", "503", "503") as front:
        options = {"baseUrl": front.url, "keys": KEYS, "backoffMs": 100, "maxBackoffMs": 250}
        told = run(client, options, call("signup", {"email": "a@example.org"}))
    assert told["outcomes"][0]["error"] == {
        "name": "ChristmasError",
        "kind": "unreachable",
        "message": "The server answered 503. Given up after 4 attempts.",
        "status": 503,
        "attempts": 4,
    }
    first, second, third = (retry["pauseMs"] for retry in told["retries"])
    assert first == 1_000
    assert 100 <= second <= 200
    assert 125 <= third <= 250
    assert front.arrivals[1][0] - front.arrivals[0][0] >= 1.0


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ("404", "refused", "check the key"),
        ("413", "refused", "too large"),
        ("301 Location: /elsewhere", "refused", "redirects"),
        ("401", "refused", "login"),
        ("200", "refused", "no execution id"),
        ("500", "unreachable", "Given up after 1 attempts"),
        ("hang", "timeout", "No answer within 3000 ms"),
    ],
)
def test_an_error_says_in_words_what_to_do_and_never_the_key(client: Path, answer: str, kind: str, words: str) -> None:
    """What a repeat can't mend is not repeated; the address, which holds the key, stands in no message."""
    with running_front("http://127.0.0.1:9", answer) as front:
        # Long enough for a slow machine to answer in, in every case but the one that never answers.
        options = {
            "baseUrl": front.url,
            "keys": KEYS,
            "attempts": 1,
            "timeoutMs": 3_000 if answer == "hang" else 60_000,
        }
        (outcome,) = run(client, options, call("signup", {"email": "a@example.org"}))["outcomes"]
    assert outcome["error"]["kind"] == kind
    assert words in outcome["error"]["message"]
    assert KEYS["website"] not in str(outcome)
    assert len(front.arrivals) == 1


def test_the_same_call_twice_at_once_is_sent_once_and_an_aborted_one_ends_alone(client: Path) -> None:
    """A double click is one request; who brings a signal ends only its own call."""
    body = {"email": "a@example.org"}
    with running_front("http://127.0.0.1:9", "hang", "hang") as front:
        options = {"baseUrl": front.url, "keys": KEYS, "attempts": 1, "timeoutMs": 600}
        calls = (call("signup", body), call("signup", body), call("signup", body, abortAfterMs=200))
        outcomes = run(client, options, *calls, parallel=True)["outcomes"]
    assert [outcome["error"]["kind"] for outcome in outcomes] == ["timeout", "timeout", "aborted"]
    assert len(front.arrivals) == 2


def test_a_body_without_what_the_schema_requires_is_not_sent(client: Path) -> None:
    """The error names each field that is missing."""
    outcomes = run(
        client,
        {"baseUrl": "http://127.0.0.1:9", "keys": KEYS, "attempts": 1},
        *(call(METHODS[flow], {}) for flow in METHODS),
        call("noShow", {"email": "a@example.org"}),
        call("onboarding", {"email": "a@example.org", "payment_confirmed": False}),
        call("send", "nothing-such", {}),
    )["outcomes"]
    messages = [outcome["error"]["message"] for outcome in outcomes]
    for flow, message in zip(METHODS, messages, strict=False):
        assert message == f"Missing: {', '.join(SCHEMAS[flow]['required'])}. Nothing was sent."
    for flow, message in zip(("noshow-recovery-handler", "onboarding-handler"), messages[5:], strict=False):
        assert message == f"Missing: one of {', '.join(MODELS[flow].one_of)}. Nothing was sent."
    assert outcomes[-1]["error"]["kind"] == "settings"


def test_a_page_takes_no_key_unless_told_so_and_posts_to_its_own_server(client: Path) -> None:
    """No key gets into a bundle by mistake; a body gets out though the page is closed."""
    body = {"email": "a@example.org"}
    refused = run(client, {"baseUrl": "https://flows.example.org", "keys": KEYS}, browser=True)["outcomes"]
    assert refused[0]["error"]["kind"] == "settings"
    told = run(client, {"proxy": "/api/christmas"}, call("signup", body), call("unsubscribe", "a.b"), browser=True)
    signup, unsubscribe = told["requests"]
    assert signup["url"] == f"/api/christmas/signup-handler?request_id={told['outcomes'][0]['requestId']}"
    assert (signup["keepalive"], json.loads(signup["body"])) == (True, body)
    assert unsubscribe["url"] == "/api/christmas/unsubscribe"


def test_the_button_of_the_unsubscribe_page_works_by_the_client_and_a_forged_token_does_not(
    calm: World, client: Path
) -> None:
    """The answer is one line for the reader, and a token that is not valid is not tried again."""
    address = "leaves@example.org"
    calm.hand_in("signup-handler", {"email": address})
    token = make_token(calm.stack.setting("UNSUBSCRIBE_SIGNING_KEY"), Claim(address, "5day-test-2"))
    told = run(client, {"baseUrl": calm.stack.url}, call("unsubscribe", token), call("unsubscribe", "a.b"))
    done, forged = told["outcomes"]
    assert done["ok"] is True
    assert done["message"].startswith("You are unsubscribed.")
    assert (forged["ok"], forged["attempts"]) == (False, 1)
    assert calm.contacts(address)[0]["Email Suppressed"] == "unsubscribed"


@pytest.fixture
def chromium() -> str:
    """The path of the system's Chromium; none is downloaded."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("Chromium is not installed")
    return found


IN_A_PAGE = """async ([baseUrl, website]) => {
  const { createChristmasClient } = await import("/christmas-client.mjs");
  const client = createChristmasClient({ baseUrl, keys: { website }, allowKeysInBrowser: true, attempts: 1 });
  return client.signup({ email: "browser@example.org" }).catch(({ kind }) => ({ kind }));
}"""


def test_a_page_of_the_website_may_post_from_a_real_browser_and_another_page_may_not(
    calm: World, client: Path, chromium: str
) -> None:
    """The preflight of Chromium itself is granted to WEBSITE_ORIGIN alone."""

    def serve(route: Route) -> None:
        if route.request.url.endswith(".mjs"):
            route.fulfill(path=client, content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html><title>Page</title>", content_type="text/html")

    # The page's addresses are made up here; without this Chromium would ask a person whether they may reach 127.0.0.1.
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-features=LocalNetworkAccessChecks"]
    outcomes = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        for origin in ("https://www.example.org", "https://other.example.org"):
            page = browser.new_page()
            page.route(f"{origin}/**", serve)
            page.goto(f"{origin}/")
            outcomes.append(page.evaluate(IN_A_PAGE, [calm.stack.url, KEYS["website"]]))
        browser.close()
    allowed, refused = outcomes
    assert refused == {"kind": "unreachable"}
    assert calm.end_of(allowed["id"])["state"]["current"] == "SUCCESS"


def test_every_pattern_of_the_schemas_is_one_for_javascript_too(client: Path) -> None:
    """A checker in JavaScript reads them with the flag `u`."""
    patterns = sorted(set(re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', json.dumps(SCHEMAS))))
    assert patterns
    source = f"for (const one of [{', '.join(patterns)}]) new RegExp(one, 'u');"
    subprocess.run([NODE, "-e", source], check=True, timeout=60)
    assert client.is_file()
