"""How the engine reads dashboards, and what it answers about charts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from christmas_tasks.local.engine import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.integration

CHART = """\
id: executions
type: io.kestra.plugin.core.dashboard.chart.Table
data:
  type: io.kestra.plugin.core.dashboard.data.Executions
  columns:
    flow: {field: FLOW_ID}
    total: {field: ID, agg: COUNT}
  where:
    - {field: NAMESPACE, type: EQUAL_TO, value: engine}
"""
MEASURING = """\
id: measuring
namespace: engine
tasks:
  - id: measure
    type: io.kestra.plugin.scripts.python.Script
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    packageManager: PIP
    script: |
      print('::{"metrics": [{"name": "things", "type": "counter", "value": 3, "tags": {"kind": "round"}}]}::')
      print('::{"metrics": [{"name": "things", "type": "counter", "value": 4, "tags": {"kind": "square"}}]}::')
"""
METRICS = """\
id: things
type: io.kestra.plugin.core.dashboard.chart.Table
data:
  type: io.kestra.plugin.core.dashboard.data.Metrics
  columns:
    name: {field: NAME}
    total: {field: VALUE, agg: SUM}
  where:
    - {field: NAME, type: EQUAL_TO, value: things}
"""


def preview(api: Any, chart: str) -> Any:
    return api.http.post("/dashboards/charts/preview", json={"chart": chart})


def test_a_broken_dashboard_stops_the_start_with_its_name_and_the_reason(
    tmp_path: Path, new_engine: Callable[..., Any]
) -> None:
    """One line says which file is at fault and why, and nothing runs."""
    folder = tmp_path / "dashboards"
    folder.mkdir()
    indented = CHART.replace("\n", "\n    ").rstrip()
    (folder / "wrong.yml").write_text(f"id: wrong\ntitle: Wrong\ncolour: red\ncharts:\n  - {indented}\n", "utf-8")
    engine = new_engine(dashboards_dir=folder)
    with pytest.raises(EngineError) as problem:
        engine.start()
    assert str(problem.value).startswith("dashboard wrong.yml: ")
    assert "colour" in str(problem.value)
    assert not engine.is_running


@pytest.mark.parametrize(
    ("right", "wrong", "reason"),
    [
        ("id: executions", "id: executions\ncolour: red", "colour"),
        ("chart.Table", "chart.Nothing", "Nothing"),
        ("field: FLOW_ID", "field: FLOW", "FLOW"),
        ("{field: FLOW_ID}", "{field: LABELS, key: sequence}", "LABELS column is only supported"),
    ],
    ids=["property", "chart type", "field", "column that the database can't group by"],
)
def test_a_chart_that_no_kestra_could_show_is_refused_with_the_reason(
    api: Any, right: str, wrong: str, reason: str
) -> None:
    """A typing mistake in a dashboard never ends as an empty chart."""
    answer = preview(api, CHART.replace(right, wrong))
    assert answer.status_code == 422
    assert reason in answer.json()["message"]


def test_the_counters_of_a_task_are_kept_and_summed_by_a_chart(api: Any) -> None:
    """What a step counts is there for the metrics of its execution and for dashboards."""
    api.json(api.http.post("/flows", content=MEASURING, headers={"content-type": "application/x-yaml"}))
    execution = api.ended(api.create("measuring")["id"])
    assert execution["state"]["current"] == "SUCCESS"
    kept = api.json(api.http.get(f"/metrics/{execution['id']}"))
    assert sorted((m["name"], m["type"], m["value"], m["tags"]) for m in kept["results"] if m["name"] == "things") == [
        ("things", "counter", 3.0, {"kind": "round"}),
        ("things", "counter", 4.0, {"kind": "square"}),
    ]
    assert api.json(preview(api, METRICS))["results"] == [{"name": "things", "total": 7.0}]


def test_this_edition_stores_no_dashboards(api: Any) -> None:
    """As Kestra's open-source edition since 2.0.0: none is listed, and none is taken."""
    assert api.json(api.http.get("/dashboards")) == {"results": [], "total": 0}
    refused = api.http.post("/dashboards", content="id: x", headers={"content-type": "application/x-yaml"})
    assert refused.status_code == 405
    assert api.json(api.http.get(f"{api.url}/api/v1/configs"))["edition"] == "OSS"
