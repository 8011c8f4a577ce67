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


def test_broken_flows_stop_the_start_with_their_names_and_reasons(
    tmp_path: Path, new_engine: Callable[..., Any]
) -> None:
    """One line says which files are at fault and why, and nothing runs."""
    flows = tmp_path / "flows"
    write(flows / "a", "good.yml", GOOD.format(id="good"))
    # A second file of the same id would silently replace the first one.
    write(flows / "b", "good.yml", GOOD.format(id="good"))
    write(flows, "no-yaml.yml", "id: [unclosed\n")
    write(flows, "other-name.yml", GOOD.format(id="its-id"))
    write(flows, "unknown-property.yml", GOOD.format(id="unknown-property") + "colour: red\n")
    write(flows, "wrong-type.yml", GOOD.format(id="wrong-type").replace("debug.Return", "debug.Nothing"))
    engine = new_engine(flows)
    with pytest.raises(EngineError) as problem:
        engine.start()
    told = str(problem.value)
    assert "\n" not in told
    for name, reason in (
        ("good", "second file holds the id good"),
        ("no-yaml", "YAML"),
        ("other-name", "must equal the file's name"),
        ("unknown-property", "colour"),
        ("wrong-type", "debug.Nothing"),
    ):
        assert reason in told.partition(f"flow {name}.yml: ")[2].partition("; flow ")[0]
    assert not engine.is_running


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
