"""The benchmarks' own arithmetic: a wrong figure is worse than none."""

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS, main
from benchmarks.figures import Figure, Result, at_least, at_most, percentile, write_json
from benchmarks.processes import Cpu


@pytest.mark.parametrize(("share", "expected"), [(0.5, 51), (0.95, 96), (0.99, 100)])
def test_a_percentile_is_the_value_that_so_many_lie_below(share: float, expected: float) -> None:
    """Order does not matter, and no value is invented between two."""
    assert percentile([float(n) for n in range(100, 0, -1)], share) == expected


def test_nothing_measured_is_no_percentile_and_meets_no_bar() -> None:
    """A run that came to nothing never looks good."""
    assert percentile([], 0.5) is None
    assert at_most("x", None, 1).is_met is False
    assert at_least("x", None, 1).is_met is False


def test_a_bar_is_met_up_to_itself() -> None:
    """Bars say at most and at least."""
    assert at_most("x", 2.0, 2).is_met
    assert not at_most("x", 2.01, 2).is_met
    assert at_least("x", 2.0, 2).is_met
    assert not at_least("x", 1.99, 2).is_met


def test_cpu_is_spent_between_two_readings() -> None:
    """The engine's own share and that of the tasks are kept apart."""
    assert Cpu(5.0, 9.0) - Cpu(2.0, 5.0) == Cpu(3.0, 4.0)


@pytest.mark.parametrize("harm", [0, 2])
def test_only_harm_fails_a_run(
    harm: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bar that is not met is shown on a slow machine; a lost mail is a failure on any."""
    missed = Figure("mails", 1.0, "floor 1 s", "<= 0", is_met=False)
    monkeypatch.setitem(BENCHMARKS, "cost", lambda _: Result("cost", "as a test", [missed], harm))
    assert main(["cost", "--quick", "--json", str(tmp_path / "figures.json")]) == int(harm > 0)
    assert "NO" in capsys.readouterr().out
    kept = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    assert kept["results"][0]["figures"][0]["is_met"] is False
    assert kept["results"][0]["harm"] == harm


def test_figures_of_an_earlier_run_are_replaced(tmp_path: Path) -> None:
    """One file is one run."""
    path = tmp_path / "figures.json"
    write_json(path, [Result("a", "", [])], {})
    write_json(path, [Result("b", "", [])], {})
    assert [result["name"] for result in json.loads(path.read_text("utf-8"))["results"]] == ["b"]
