"""The dashboards ask for what the tasks really count, and for flows and labels that there are."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from christmas_tasks.flow_tasks import metrics
from christmas_tasks.tracker import EmailStatus

ROOT = Path(__file__).parents[2]
FLOWS = {path.stem for path in (ROOT / "kestra" / "flows").rglob("*.yml")}
CHARTS = yaml.safe_load((ROOT / "kestra" / "dashboards" / "campaign.yml").read_text("utf-8"))["charts"]


def asked(field: str) -> Iterator[str]:
    """Every value that a chart filters *field* by; of labels the keys."""
    for chart in CHARTS:
        data: dict[str, Any] = chart["data"]
        for condition in [*data.get("where", []), *data.get("numerator", [])]:
            if condition["field"] == field and condition["type"] in {"EQUAL_TO", "IN"}:
                if field == "LABELS":
                    yield condition["key"]
                else:
                    yield from condition.get("values", [condition.get("value")])


def test_each_metric_of_a_chart_is_one_that_the_tasks_count(capsys: pytest.CaptureFixture[str]) -> None:
    """A renamed metric leaves no chart empty."""
    for state in EmailStatus:
        metrics.email("5day-0123456789abcdef", 2, state.value)
    metrics.enrolment("5day", "URGENT", is_new=True)
    metrics.lateness("5day-0123456789abcdef", timedelta(seconds=1))
    metrics.reconciled(1, 1)
    metrics.task("send", 1.0, [("NOTION", 1)])
    lines = [json.loads(line.strip(":")) for line in capsys.readouterr().out.splitlines()]
    counted = {metric["name"] for line in lines for metric in line["metrics"]}
    assert set(asked("NAME")) <= counted
    assert {name for name in counted if name.startswith("emails_")} == {f"emails_{state}" for state in EmailStatus}


def test_each_flow_and_label_of_a_chart_exists() -> None:
    """A renamed flow or label leaves no chart empty."""
    assert set(asked("FLOW_ID")) <= FLOWS
    assert set(asked("NAMESPACE")) == {"christmas"}
    source = (ROOT / "christmas_tasks" / "steps" / "schedule.py").read_text("utf-8")
    labels = set(re.findall(r'^        "(\w+)": ', source[source.index("def _labels") :], re.MULTILINE))
    assert set(asked("LABELS")) <= labels


def test_the_dashboard_covers_what_the_operator_watches() -> None:
    """Leads by sequence and segment, mails by state, failures, lateness and findings each have their chart."""
    assert {
        "leads_by_sequence",
        "five_day_critical",
        "other_critical",
        "mails_by_state",
        "failures_by_flow",
        "lateness",
        "reconcile_findings",
    } <= {chart["id"] for chart in CHARTS}
    for chart in CHARTS:
        assert chart["chartOptions"]["displayName"], chart["id"]
