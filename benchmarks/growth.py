"""Whether one email costs the same beside a hundred rows and waiting executions as beside ten thousand."""

import statistics
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.cost import one_after_the_other
from benchmarks.figures import Figure, Result, at_most
from benchmarks.options import Options
from benchmarks.processes import rss_mib
from benchmarks.product import Product, now, running_product, say

_WARM_UP = 40
_SPREAD = 1.10
_IDLE_MIB = 1_024.0
_SETTLE_S = 10.0
_FAR = timedelta(days=30)
_BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Size:
    """What one email took at one size, and what the engine took for itself.

    Args:
        waiting: Rows, and executions that wait, in all.
        seconds: From due to accepted, median.
        step_seconds: From the first vendor call to the last one of one email, median.
        notion_calls: Of one email.
        cpu_s: Of one email, tasks and engine above its idle share.
        idle_mib: Resident memory of the idle engine.
        idle_share: CPU seconds per second of the idle engine.
        database_mib: Size of the engine's database file.
        created_per_s: Executions made in a second while it grew to this size.
    """

    waiting: int
    seconds: float
    step_seconds: float
    notion_calls: float
    cpu_s: float
    idle_mib: float
    idle_share: float
    database_mib: float
    created_per_s: float


def growth(options: Options) -> Result:
    """Grow one engine from size to size, and measure single emails at each."""
    curve: list[tuple[int, float]] = []
    harm = 0
    sizes: list[Size] = []
    with running_product(options.settings) as product:
        product.warm_up(_WARM_UP)
        for wanted in options.rows:
            rate = _grow(product, sizes[-1].waiting if sizes else 0, wanted, curve)
            size, lost_or_double = _measure(product, wanted, options, rate)
            sizes.append(size)
            harm += lost_or_double
        refused = Figure("  of them refused at first, and repeated", product.refused_starts)
    about = "rows and waiting executions made with the library's own code; one engine, growing"
    more = {"curve of waiting executions and MiB": curve, "sizes": [vars(size) for size in sizes]}
    return Result("growth", about, [*_figures(sizes), refused, _curve(curve)], harm, more)


def _grow(product: Product, have: int, wanted: int, curve: list[tuple[int, float]]) -> float:
    say(f"growing from {have} to {wanted} rows and waiting executions")
    pid = product.stack.engine.pid
    emails = product.rows(f"far{wanted}", [now() + _FAR] * (wanted - have))
    began = time.monotonic()
    product.start(emails, lambda done: curve.append((have + done, rss_mib(pid))))
    return (wanted - have) / (time.monotonic() - began)


def _measure(product: Product, waiting: int, options: Options, rate: float) -> tuple[Size, int]:
    time.sleep(_SETTLE_S)
    after = product.last_call()
    singles = one_after_the_other(product, f"at{waiting}", options.growth_emails, options.idle_seconds)
    emails = singles.emails
    time.sleep(_SETTLE_S)
    size = Size(
        waiting=waiting,
        seconds=statistics.median(singles.lateness_s),
        step_seconds=_median_of_steps(product, after),
        notion_calls=singles.calls["notion"] / emails,
        cpu_s=(singles.cpu.own + singles.cpu.tasks) / emails,
        idle_mib=rss_mib(product.stack.engine.pid),
        idle_share=singles.idle_share,
        database_mib=_mib(product.stack.options.data_dir / "engine" / "db"),
        created_per_s=rate,
    )
    return size, singles.outcome.lost + singles.outcome.double


def _median_of_steps(product: Product, after: int) -> float:
    """From a row's reading to its writing, for each row that was written since."""
    read: dict[str, datetime] = {}
    spans = []
    for call in product.sandbox.calls(after):
        at = datetime.fromisoformat(call["at"])
        if call["method"] == "GET" and "/pages/" in call["path"]:
            read.setdefault(call["path"], at)
        elif call["method"] == "PATCH" and call["path"] in read:
            spans.append((at - read[call["path"]]).total_seconds())
    return statistics.median(spans)


def _figures(sizes: list[Size]) -> list[Figure]:
    figures = []
    for what, values in (
        ("from due to accepted, s", [size.seconds for size in sizes]),
        ("from reading to writing the row, s", [size.step_seconds for size in sizes]),
        ("Notion calls", [size.notion_calls for size in sizes]),
        ("CPU s", [size.cpu_s for size in sizes]),
    ):
        peer = ", ".join(f"{size.waiting:,}: {value:.3g}" for size, value in zip(sizes, values, strict=True))
        figures.append(at_most(f"one email, {what}: largest over smallest", max(values) / min(values), _SPREAD, peer))
    figures.extend(
        Figure(f"{size.waiting:,} waiting: idle engine, MiB", size.idle_mib, f"{100 * size.idle_share:.1f} % of a core")
        for size in sizes[:-1]
    )
    last = sizes[-1]
    peer = f"{100 * last.idle_share:.1f} % of a core"
    figures.append(at_most(f"{last.waiting:,} waiting: idle engine, MiB", last.idle_mib, _IDLE_MIB, peer, " MiB"))
    figures.append(Figure("  its database, MiB", last.database_mib))
    figures.append(Figure("  executions made in a second, over the API", last.created_per_s))
    return figures


def _curve(points: list[tuple[int, float]]) -> Figure:
    """The engine's memory from the first waiting execution to the last one, as blocks between least and most."""
    low, high = min(mib for _, mib in points), max(mib for _, mib in points)
    blocks = [_BLOCKS[int((mib - low) / max(1.0, high - low) * (len(_BLOCKS) - 1))] for _, mib in points]
    peer = f"{''.join(blocks)} {low:,.0f} to {high:,.0f} MiB"
    return Figure("  its memory while they were made, most MiB", high, peer)


def _mib(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20
