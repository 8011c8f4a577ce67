"""What a check has found: one line for each item, and what of it breaks the campaign."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from christmas_tasks.errors import ChristmasError


class State(StrEnum):
    """What a line of a report means."""

    OK = "ok"
    OFF = "off"
    WARNING = "warning"
    FAULT = "FAULT"


@dataclass(frozen=True)
class Finding:
    """One item that was looked at.

    Args:
        state: What it means.
        text: For people, with what to do.
    """

    state: State
    text: str

    @property
    def line(self) -> str:
        """State and text in columns."""
        return f"{self.state:<9}{self.text}"


@dataclass(frozen=True)
class Report:
    """What a check has found, in reading order."""

    findings: tuple[Finding, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """The whole report, one line for each item."""
        return tuple(finding.line for finding in self.findings)

    @property
    def faults(self) -> tuple[str, ...]:
        """What breaks the campaign; empty: healthy."""
        return self._texts(State.FAULT)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person may want to know."""
        return self._texts(State.WARNING)

    def _texts(self, state: State) -> tuple[str, ...]:
        return tuple(finding.text for finding in self.findings if finding.state is state)


class Findings:
    """A report as it grows.

    Args:
        tell: Gets each item as soon as it is found.
    """

    def __init__(self, tell: Callable[[Finding], None] = lambda _: None) -> None:
        self._found: list[Finding] = []
        self._tell = tell

    def add(self, state: State, text: str) -> None:
        """Write one item down."""
        finding = Finding(state, text)
        self._found.append(finding)
        self._tell(finding)

    def good(self, text: str) -> None:
        """An item that is as it should be."""
        self.add(State.OK, text)

    def warn(self, text: str) -> None:
        """An item that a person may want to know of."""
        self.add(State.WARNING, text)

    def fault(self, text: str) -> None:
        """An item that breaks the campaign."""
        self.add(State.FAULT, text)

    def guarded(self, look: Callable[[], None]) -> None:
        """Look; trouble on the way is one fault for each of its lines, and the check goes on."""
        try:
            look()
        except ChristmasError as error:
            for line in error.lines:
                self.fault(line)

    def report(self) -> Report:
        """What was found so far."""
        return Report(tuple(self._found))
