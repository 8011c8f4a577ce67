"""How the engine reads its folder of flow files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from christmas_tasks.local.engine import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.integration

GOOD = "id: {id}\nnamespace: engine\ntasks:\n  - {{id: say, type: io.kestra.plugin.core.debug.Return, format: hello}}\n"


def write(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("unknown-property.yml", GOOD.format(id="unknown-property") + "colour: red\n", "colour"),
        ("wrong-type.yml", GOOD.format(id="wrong-type").replace("debug.Return", "debug.Nothing"), "debug.Nothing"),
        ("other-name.yml", GOOD.format(id="its-id"), "must equal the file's name"),
        ("no-yaml.yml", "id: [unclosed\n", "no-yaml.yml"),
    ],
)
def test_a_broken_flow_stops_the_start_with_its_name_and_the_reason(
    tmp_path: Path, new_engine: Callable[..., Any], name: str, text: str, reason: str
) -> None:
    """One line says which file is at fault and why, and nothing runs."""
    write(tmp_path / "flows", "good.yml", GOOD.format(id="good"))
    write(tmp_path / "flows", name, text)
    engine = new_engine(tmp_path / "flows")
    with pytest.raises(EngineError) as problem:
        engine.start()
    assert name in str(problem.value)
    assert reason in str(problem.value)
    assert "\n" not in str(problem.value)
    assert not engine.is_running


def test_two_files_with_one_id_stop_the_start(tmp_path: Path, new_engine: Callable[..., Any]) -> None:
    """A second file of the same id would silently replace the first one."""
    write(tmp_path / "flows" / "a", "good.yml", GOOD.format(id="good"))
    write(tmp_path / "flows" / "b", "good.yml", GOOD.format(id="good"))
    with pytest.raises(EngineError, match="second file holds the id good"):
        new_engine(tmp_path / "flows").start()


def test_the_stored_flows_follow_the_folder(
    tmp_path: Path, new_engine: Callable[..., Any], api_of: Callable[..., Any]
) -> None:
    """Unchanged files make no new revision, changed ones do, and a flow without a file is gone."""
    flows = tmp_path / "flows"
    for flow in ("same", "changed", "removed"):
        write(flows, f"{flow}.yml", GOOD.format(id=flow))
    engine = new_engine(flows)
    with engine:
        api = api_of(engine)
        assert {flow["id"] for flow in api.json(api.http.get("/flows/engine"))} == {
            "same",
            "changed",
            "removed",
        }
    write(flows, "changed.yml", GOOD.format(id="changed").replace("hello", "goodbye"))
    (flows / "removed.yml").unlink()
    with engine:
        api = api_of(engine)
        assert {flow["id"]: flow["revision"] for flow in api.json(api.http.get("/flows/engine"))} == {
            "same": 1,
            "changed": 2,
        }
        assert api.http.get("/flows/engine/removed").status_code == 404
