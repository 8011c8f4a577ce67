"""``python -m benchmarks``: run all benchmarks or the named ones, print tables, keep JSON."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from benchmarks.cost import cost
from benchmarks.drain import drain
from benchmarks.figures import Result, circumstances, show, write_json
from benchmarks.growth import growth
from benchmarks.imports import imports
from benchmarks.options import QUICK, Options
from benchmarks.product import say
from benchmarks.webhooks import webhooks
from benchmarks.workers import workers

BENCHMARKS: dict[str, Callable[[Options], Result]] = {
    "imports": imports,
    "cost": cost,
    "webhooks": webhooks,
    "drain": drain,
    "workers": workers,
    "growth": growth,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them one after the other; a bar that is not met changes no exit code.

    Returns:
        1 if a mail or a webhook got lost or counted twice, else 0.
    """
    given = _parser().parse_args(arguments)
    options = _options(given)
    console = Console(width=None if sys.stdout.isatty() else 150)
    before = circumstances()
    results = []
    for name in given.name or BENCHMARKS:
        say(f"{name}: load {circumstances()['load']}")
        results.append(BENCHMARKS[name](options))
        show(results[-1], console)
        if given.json:
            write_json(given.json, results, before)
    after = circumstances()
    console.print(f"{before['cores']} cores, load {before['load']} before and {after['load']} after")
    harm = sum(result.harm for result in results)
    if harm:
        console.print(f"{harm} mails or webhooks were lost or counted twice")
    return int(harm > 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("name", nargs="*", choices=list(BENCHMARKS), metavar="|".join(BENCHMARKS), help="all if none")
    parser.add_argument("--quick", action="store_true", help="small numbers: to see that it runs, not how fast")
    parser.add_argument("--json", type=Path, help="file for all figures")
    parser.add_argument("--emails", type=int, help="due at once, in drain and workers")
    parser.add_argument("--singles", type=int, help="one after the other, in cost and growth")
    parser.add_argument("--webhooks", type=int, help="in webhooks")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting, for all of them")
    parser.add_argument("--rows", type=int, nargs="+", help="sizes of the tracker in growth, ascending")
    return parser


def _options(given: argparse.Namespace) -> Options:
    options = QUICK if given.quick else Options()
    changes: dict[str, object] = {
        "emails": given.emails,
        "worker_emails": given.emails,
        "single_emails": given.singles,
        "growth_emails": given.singles,
        "settings": dict(setting.split("=", 1) for setting in given.set),
        "webhooks": given.webhooks,
        "rows": tuple(given.rows) if given.rows else None,
    }
    return replace(options, **{name: value for name, value in changes.items() if value is not None})  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.exit(main())
