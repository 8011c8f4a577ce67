"""``docs/OPERATIONS.md`` tells of every alert, finding, metric and secret that there is."""

import re
from pathlib import Path

import pytest

from christmas_tasks.settings import OPTIONAL_SECRETS, REQUIRED_SECRETS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "OPERATIONS.md").read_text("utf-8")
STEPS = ROOT / "christmas_tasks" / "steps"


def cells(heading: str) -> list[str]:
    """The first cell of each row of the tables under a heading."""
    part = re.split(r"^## ", TEXT, flags=re.MULTILINE)
    text = next(section for section in part if section.startswith(f"{heading}\n"))
    return [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]


def test_every_alert_has_its_row() -> None:
    """Whoever is woken by an alert finds it, with what to do."""
    headlines = re.findall(r'headline=f?"([^".:]+)', (STEPS / "alerts.py").read_text("utf-8"))
    assert len(headlines) == 4
    told = " | ".join(cells("Alerts, and what to do"))
    for headline in headlines:
        assert re.sub(r"\{\w+\}", "...", headline)[:28].strip() in told, headline


@pytest.mark.parametrize(
    "words", ["duplicates", "tracker rows", "is unresolved since", "blocks planned emails", "have failed"]
)
def test_each_finding_of_reconcile_has_its_row(words: str) -> None:
    """Whoever reads a finding finds it, with what to do."""
    assert words in (STEPS / "reconcile.py").read_text("utf-8")
    assert any(words in cell for cell in cells("Alerts, and what to do"))


def test_every_secret_has_its_steps() -> None:
    """Each one of the contract can be rotated by the document alone."""
    rotated = set(re.findall(r"`(\w+)`", " ".join(cells("Rotate the secrets"))))
    assert {*REQUIRED_SECRETS, *OPTIONAL_SECRETS} <= rotated


def test_every_metric_is_explained() -> None:
    """A figure that nobody can explain is none."""
    told = set(re.findall(r"`(\w+)`", " ".join(cells("Figures"))))
    source = (ROOT / "christmas_tasks" / "flow_tasks" / "metrics.py").read_text("utf-8")
    counted = {name.replace("{state}", "STATE") for name in re.findall(r'(?:counter|timer)\(f?"([^"]+)"', source)}
    assert counted == told
