"""What a benchmark gives back, as a table for people and as JSON for programs."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Args:
        what: With its unit.
        value: None: it could not be measured in this run.
        peer: What the number is beside, measured or computed in the same run, as text; empty: nothing.
        bar: What it should be, as text; empty: it has none.
        is_met: Whether the bar is met; None without a bar.
    """

    what: str
    value: float | None
    peer: str = ""
    bar: str = ""
    is_met: bool | None = None


@dataclass(frozen=True)
class Result:
    """One benchmark's figures.

    Args:
        name: Of the benchmark.
        about: How it was measured, in one sentence.
        figures: In the order of the table.
        harm: Mails that got lost or went out twice, or webhooks that got lost.
        more: Curves and other raw numbers, for the JSON alone.
    """

    name: str
    about: str
    figures: Sequence[Figure]
    harm: int = 0
    more: Mapping[str, Any] = field(default_factory=dict)


def at_most(what: str, value: float | None, limit: float, peer: str = "", unit: str = "") -> Figure:
    """Build a figure with an upper bar."""
    return Figure(what, value, peer, f"<= {limit:,.4g}{unit}", value is not None and value <= limit)


def at_least(what: str, value: float | None, limit: float, peer: str = "", unit: str = "") -> Figure:
    """Build a figure with a lower bar."""
    return Figure(what, value, peer, f">= {limit:,.4g}{unit}", value is not None and value >= limit)


def percentile(values: Sequence[float], share: float) -> float | None:
    """Give the value below which *share* of the values lie; None without values."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else None


def circumstances() -> dict[str, Any]:
    """Say on what the figures were measured; the load tells how quiet the machine was."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def show(result: Result, console: Console) -> None:
    """Print one benchmark as a table."""
    table = Table(title=result.name, caption=result.about, title_justify="left", caption_justify="left")
    table.add_column("what", overflow="fold", min_width=40)
    table.add_column("figure", justify="right")
    table.add_column("beside", overflow="fold")
    table.add_column("bar")
    table.add_column("met")
    for figure in result.figures:
        met = {None: "", True: "yes", False: "NO"}[figure.is_met]
        table.add_row(figure.what, _number(figure.value), figure.peer, figure.bar, met)
    console.print(table)


def write_json(path: Path, results: Sequence[Result], before: Mapping[str, Any]) -> None:
    """Keep all figures of one run; a file that is there is replaced."""
    content = {"before": before, "after": circumstances(), "results": [asdict(result) for result in results]}
    path.write_text(json.dumps(content, indent=1), "utf-8")


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1_000 else f"{value:.3g}"  # noqa: PLR2004 - digits
