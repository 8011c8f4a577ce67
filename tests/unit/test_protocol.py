"""The lines that a task prints for Kestra are those of Kestra's own Python package."""

import json
import warnings
from typing import Any

import pytest

from christmas_tasks.flow_tasks.protocol import Level, counter, emit, say, timer

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from kestra import Kestra

HOSTILE = 'a "quoted" ::{"outputs": {}}:: line\nwith a break, \u2028 and ü'


def told(line: str) -> Any:
    """The message in one line."""
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert line.startswith("::")
    assert line.rstrip("\n").endswith("::")
    return json.loads(line.strip()[2:-2])


def test_outputs_are_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """Byte for byte, hostile text included."""
    values = {"send": True, "reason": HOSTILE, "count": 3, "nothing": None}
    emit(values)
    ours = capsys.readouterr().out
    Kestra.outputs(values)
    assert ours == capsys.readouterr().out


def test_a_counter_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """Byte for byte."""
    counter("emails", 2, {"state": "sent"})
    ours = capsys.readouterr().out
    Kestra.counter("emails", 2, {"state": "sent"})
    assert ours == capsys.readouterr().out


@pytest.mark.parametrize(
    ("level", "method", "stream"), [(Level.INFO, "info", 0), (Level.WARNING, "warning", 1), (Level.ERROR, "error", 1)]
)
def test_a_line_of_the_log_has_the_packages_level_form_and_stream(
    capsys: pytest.CaptureFixture[str], level: Level, method: str, stream: int
) -> None:
    """Only the time differs."""
    say(level, HOSTILE)
    ours = capsys.readouterr()
    Kestra._logger = None
    logger = Kestra.logger()
    getattr(logger, method)(HOSTILE)
    theirs = capsys.readouterr()
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    (mine,), (other,) = told(ours[stream])["logs"], told(theirs[stream])["logs"]
    assert ours[1 - stream] == theirs[1 - stream] == ""
    assert mine["level"] == other["level"]
    at, _, text = mine["message"].partition(" - ")
    assert text == other["message"].partition(" - ")[2] == HOSTILE
    assert len(at) == len(other["message"].partition(" - ")[0])


def test_a_timer_has_the_packages_form(capsys: pytest.CaptureFixture[str]) -> None:
    """Name, type, value and tags."""
    timer("task_seconds", 1.5, {"task": "send"})
    ours = capsys.readouterr().out
    Kestra.timer("task_seconds", 1, {"task": "send"})
    (mine,), (other,) = told(ours)["metrics"], told(capsys.readouterr().out)["metrics"]
    assert {**mine, "value": 0} == {**other, "value": 0}
