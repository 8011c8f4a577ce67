"""The production set-up as it can be judged without a Docker engine: Compose file, Dockerfile, configuration."""

import re
import subprocess
import sys
import threading
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from christmas_tasks.env_file import COMPOSE_NAMES, KESTRA_NAMES, encode, faults_of, missing_of
from christmas_tasks.local.stack import _SANDBOX_SECRETS
from christmas_tasks.settings import Settings
from tests.compose import COMPOSE, LOGIN, VARIABLE, composed, configuration, services

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "kestra" / "docker"
EMBEDDED = ROOT / "kestra" / "embedded" / "src" / "main" / "resources" / "application.yml"
WEBHOOKS = ["/api/v1/executions/webhook/", "/api/v1/main/executions/webhook/"]


def bytes_of(size: str) -> int:
    return int(size[:-1]) * {"m": 1 << 20, "g": 1 << 30}[size[-1].lower()]


def steps() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", (DOCKER / "Dockerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


@pytest.mark.parametrize("name", LOGIN)
def test_nothing_starts_without_login_and_password(name: str) -> None:
    """There is no default that an attacker could know."""
    with pytest.raises(LookupError, match=f"set {name} in .env.kestra"):
        composed({**LOGIN, name: ""})


def test_every_variable_of_the_compose_file_is_a_setting_that_the_operator_finds() -> None:
    """No name has to be searched in the Compose file."""
    text = COMPOSE.read_text("utf-8")
    used = {match[1] for match in VARIABLE.finditer(text.replace("$$", "")) if match[1]}
    known = {*KESTRA_NAMES, *COMPOSE_NAMES, "CHRISTMAS_ENV_FILE"}
    inside = set(re.findall(r"\$\$\{(\w+)", text))
    assert used <= known
    assert inside <= known | set(Settings.names())


def test_every_service_is_limited_comes_back_and_logs_to_bounded_files() -> None:
    """One service gone wild takes neither the machine's memory nor its disk."""
    for name, service in services().items():
        assert service["cpus"] > 0, name
        assert bytes_of(service["mem_limit"]) >= 256 << 20, name
        assert service["restart"] == ("no" if name == "deploy" else "unless-stopped"), name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name


def test_the_engine_starts_after_the_database_and_flows_are_deployed_once_it_is_healthy() -> None:
    """Each waits for the health of what it needs, and every lasting service has a health check."""
    found = services()
    assert found["kestra"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert found["deploy"]["depends_on"] == {"kestra": {"condition": "service_healthy"}}
    assert found["deploy"]["entrypoint"][:2] == ["christmas-tasks", "deploy"]
    assert {name for name, service in found.items() if "healthcheck" not in service} == {"deploy"}


def test_no_service_has_the_docker_socket_root_or_more_rights_than_it_needs() -> None:
    """A task that is taken over takes nothing else over."""
    for name, service in services().items():
        assert not any("docker.sock" in str(volume) for volume in service.get("volumes", [])), name
        assert "privileged" not in service, name
        assert service.get("user") is None, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert name == "postgres" or service["cap_drop"] == ["ALL"], name
    assert [rest for step, rest in steps() if step == "USER"][-1] == "kestra"


def test_ports_are_open_on_this_machine_alone_and_the_management_port_not_at_all() -> None:
    """TLS is the reverse proxy's work; health and metrics stay inside; the database is reached by the engine alone."""
    ports = {name: service.get("ports", []) for name, service in services().items()}
    assert ports == {
        "postgres": [],
        "kestra": ["127.0.0.1:8080:8080"],
        "deploy": [],
        "sandbox": ["127.0.0.1:8025:8025"],
    }
    assert composed({**LOGIN, "KESTRA_PUBLISH": "10.0.0.7:80"})["services"]["kestra"]["ports"] == ["10.0.0.7:80:8080"]
    assert services()["postgres"]["networks"] == ["inside"]
    assert composed()["networks"]["inside"] == {"internal": True}


def test_state_lives_in_named_volumes_and_the_locks_on_one_that_every_task_sees() -> None:
    """A new container goes on where the old one stopped."""
    found = composed()
    mounts = {name: dict(v.split(":", 1) for v in s.get("volumes", [])) for name, s in found["services"].items()}
    assert {volume for mounted in mounts.values() for volume in mounted} == set(found["volumes"])
    kestra = found["services"]["kestra"]
    assert kestra["environment"]["CHRISTMAS_CACHE_DIR"] in mounts["kestra"].values()
    assert configuration()["kestra"]["storage"]["local"]["base-path"] in mounts["kestra"].values()
    assert mounts["postgres"] == {"postgres-data": "/var/lib/postgresql"}


def test_the_heap_leaves_room_for_as_many_tasks_as_run_at_a_time() -> None:
    """80 MiB for each Python task and 512 MiB for the JVM beside its heap stay below the container's limit."""
    kestra = services()["kestra"]
    heap = re.search(r"-Xmx(\d+m)", kestra["environment"]["JAVA_OPTS"])
    threads = re.search(r"--worker-thread=(\d+)", kestra["command"])
    assert heap is not None
    assert threads is not None
    needed = bytes_of(heap[1]) + (512 << 20) + int(threads[1]) * (80 << 20)
    assert needed <= bytes_of(kestra["mem_limit"])


def test_a_login_is_asked_for_everything_but_webhooks_and_the_ping() -> None:
    """Webhooks are open under both spellings of their address, and nothing else is."""
    login = configuration()["kestra"]["server"]["basic-auth"]
    assert login["open-urls"] == ["/ping", *WEBHOOKS]
    assert (login["username"], login["password"]) == ("${KESTRA_USERNAME}", "${KESTRA_PASSWORD}")


def test_browsers_may_post_from_the_configured_website_alone() -> None:
    """Without an origin no page is let in; no cookie or login ever comes along."""
    (website,) = configuration()["micronaut"]["server"]["cors"]["configurations"].values()
    assert website["allowed-origins"] == ["${WEBSITE_ORIGIN:`https://no-website.invalid`}"]
    assert website["allow-credentials"] is False
    assert website["allowed-methods"] == ["POST"]


def test_what_a_dead_worker_costs_is_the_same_as_in_the_embedded_engine() -> None:
    """The faults that the tests survive on the embedded engine are survived in production by the same settings."""
    embedded = yaml.safe_load(EMBEDDED.read_text("utf-8"))
    mine, its = configuration()["kestra"]["server"], embedded["kestra"]["server"]
    assert {name: mine[name] for name in its} == its
    assert set(mine) - set(its) == {"basic-auth"}
    sizes = ("max-request-size", "multipart")
    assert [configuration()["micronaut"]["server"][s] for s in sizes] == [
        embedded["micronaut"]["server"][s] for s in sizes
    ]
    # When to look is the embedded engine's own affair: it has one process, and knows when there is something to see.
    assert configuration()["kestra"]["jdbc"]["queues"]["poll-size"] == embedded["kestra"]["jdbc"]["queues"]["poll-size"]
    assert configuration()["kestra"]["secret"] == embedded["kestra"]["secret"] == {"type": "environment"}


def test_a_stop_is_a_kill() -> None:
    """Kestra passes on what a killed worker had, and forgets what one that ends in order has in store."""
    assert services()["kestra"]["stop_signal"] == "SIGKILL"
    assert configuration()["kestra"]["server"]["worker-task-restart-strategy"] == "AFTER_TERMINATION_GRACE_PERIOD"


def test_images_are_pinned_and_kestra_is_the_version_that_the_tests_run() -> None:
    """An upgrade is a commit, never a surprise."""
    pom = (ROOT / "kestra" / "embedded" / "pom.xml").read_text("utf-8")
    version = re.search(r"<kestra.version>(.+)</kestra.version>", pom)
    uv = re.search(r"^uv==([\d.]+)", (ROOT / "requirements-dev.lock").read_text("utf-8"), re.MULTILINE)
    assert version is not None
    assert uv is not None
    sources = [rest for step, rest in steps() if step == "FROM"]
    assert sources == [f"ghcr.io/astral-sh/uv:{uv[1]} AS uv", f"kestra/kestra:v{version[1]}"]
    for name, service in services().items():
        assert re.fullmatch(r"[a-z-]+:\d+\.\d+(\.\d+)?(-\w+)?", service["image"]), name


def test_the_image_installs_only_packages_whose_hash_is_known() -> None:
    """What is not in a lock file is never downloaded, at build or at run time."""
    installs = [part for step, rest in steps() if step == "RUN" for part in rest.split("&&") if "install" in part]
    assert len(installs) == 3
    assert all("--require-hashes" in part or "--no-deps build/wheel" in part for part in installs)
    pins = {"requirements-dev.lock": {}, "kestra/docker/build.lock": {}}  # type: dict[str, dict[str, set[str]]]
    for file, found in pins.items():
        for block in re.split(r"\n(?=[a-z])", (ROOT / file).read_text("utf-8")):
            if match := re.match(r"(\S+==\S+)", block):
                found[match[1]] = set(re.findall(r"--hash=\S+", block))
    build = pins["kestra/docker/build.lock"]
    assert {pin.split("==")[0] for pin in build} >= {"hatchling", "editables"}
    assert build == {pin: pins["requirements-dev.lock"][pin] for pin in build}


def test_all_that_the_image_copies_exists_and_is_not_ignored() -> None:
    """Library, flows, dashboards and the unsubscribe page reach the image; no setting and no data does."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    let_in = [line[1:] for line in lines if line.startswith("!")]
    copied = [
        source for step, rest in steps() if step == "COPY" and "--from" not in rest for source in rest.split()[:-1]
    ]
    for source in copied:
        assert (ROOT / source).exists(), source
        assert any(source == path or source.startswith(f"{path}/") for path in let_in), source
    assert {"christmas_tasks", "kestra/flows", "kestra/dashboards", "website/unsubscribe.html"} <= set(copied)
    assert lines[0] == "*"
    assert not any(fnmatch(".env.kestra", path) for path in let_in)


def test_kestra_starts_only_after_the_settings_were_checked() -> None:
    """A wrong value is refused with its name before any task could fail over it."""
    (entrypoint,) = [rest for step, rest in steps() if step == "ENTRYPOINT"]
    assert entrypoint == '["/opt/christmas/kestra/docker/start.sh"]'
    script = (DOCKER / "start.sh").read_text("utf-8").splitlines()
    assert script[0] == "#!/bin/sh"
    assert script[-3:] == ["set -e", "christmas-tasks env check", 'exec docker-entrypoint.sh "$@"']
    assert (DOCKER / "start.sh").stat().st_mode & 0o111


def test_the_sandbox_comes_only_when_asked_and_its_settings_let_everything_start() -> None:
    """The stand-ins are tried with the same set-up, and never run in production by accident."""
    assert {name for name, service in services().items() if "profiles" in service} == {"sandbox"}
    text = (DOCKER / "sandbox.env").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith(("#", "CHRISTMAS_ENV_FILE="))]
    assert encode("\n".join(lines)).notes == ()
    environ = {name: value.strip("'") for name, value in (line.split("=", 1) for line in lines)}
    assert faults_of(environ) == missing_of(environ) == ()
    settings = Settings.load(environ)
    assert {name: settings.optional_secret(name) for name in _SANDBOX_SECRETS} == _SANDBOX_SECRETS
    assert settings.notion_base_url == settings.resend_api_url == "http://sandbox:8025"
    chosen = composed({**environ, "CHRISTMAS_ENV_FILE": "kestra/docker/sandbox.env"})["services"]["kestra"]
    assert chosen["env_file"] == ["kestra/docker/sandbox.env"]
    assert services()["kestra"]["env_file"] == [".env.kestra"]


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (401, True), (503, False)])
def test_the_health_check_tells_a_living_engine_from_a_sick_one(status: int, healthy: bool) -> None:
    """An answer that asks for a login is one; a 503, or nobody at the port, is not."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health" else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    command, python, option, program = services()["kestra"]["healthcheck"]["test"]
    assert (command, python, option) == ("CMD", "python3", "-c")
    with HTTPServer(("127.0.0.1", 0), Health) as listening:
        threading.Thread(target=listening.handle_request, daemon=True).start()
        own_port = program.replace("8081", str(listening.server_port))
        assert (subprocess.run([sys.executable, "-c", own_port], check=False).returncode == 0) is healthy
    gone = subprocess.run([sys.executable, "-c", own_port], check=False, capture_output=True)
    assert gone.returncode != 0
