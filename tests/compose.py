"""``docker-compose.kestra.yml`` as Compose reads it."""

import re
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

COMPOSE = Path(__file__).parents[1] / "docker-compose.kestra.yml"
LOGIN = {"KESTRA_USERNAME": "admin@example.org", "KESTRA_PASSWORD": "Christmas2025", "KESTRA_DB_PASSWORD": "a-long-one"}
VARIABLE = re.compile(r"\$\$|\$\{(\w+)(?:(:[-?])([^}]*))?\}")


def interpolated(value: Any, environ: dict[str, str]) -> Any:
    """What Compose makes of ``${NAME}``, ``${NAME:-default}``, ``${NAME:?reason}`` and ``$$``."""

    def one(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        found = environ.get(match[1], "")
        if not found and match[2] == ":?":
            raise LookupError(match[3])
        return found or (match[3] if match[2] == ":-" else "")

    if isinstance(value, str):
        return VARIABLE.sub(one, value)
    if isinstance(value, dict):
        return {name: interpolated(inner, environ) for name, inner in value.items()}
    return [interpolated(inner, environ) for inner in value] if isinstance(value, list) else value


def composed(environ: dict[str, str] = LOGIN) -> dict[str, Any]:
    """The whole file; LookupError names what is missing."""
    found: dict[str, Any] = interpolated(yaml.safe_load(COMPOSE.read_text("utf-8")), environ)
    return found


def services() -> dict[str, dict[str, Any]]:
    """Every service with a login that is set."""
    found: dict[str, dict[str, Any]] = composed()["services"]
    return found


def configuration() -> dict[str, Any]:
    """The block that Kestra gets, as Kestra reads it: its own ``${...}`` still stand in it."""
    found: dict[str, Any] = yaml.safe_load(services()["kestra"]["environment"]["KESTRA_CONFIGURATION"])
    return found
