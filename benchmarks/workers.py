"""Whether more worker processes help where the vendors are slow, and what is lost when one of them is killed."""

import time
from datetime import timedelta

from benchmarks.figures import Figure, Result, at_least, at_most
from benchmarks.options import Options
from benchmarks.processes import rss_mib
from benchmarks.product import Outcome, Product, now, running_product, say

DELAY_S = 0.3
# One task at a time in each process, so that the number of processes is what limits, and not their threads.
THREADS = 1
_WARM_UP = 6
_PATIENCE_S = 900.0
_HELPS = 1.2


def workers(options: Options) -> Result:
    """The same emails for each number of workers; then two workers, of which one is killed in the middle."""
    figures: list[Figure] = []
    harm = 0
    rates: list[float | None] = []
    for count in options.worker_counts:
        seconds, outcome, _ = _run(count, options, kill=False)
        rates.append(options.worker_emails / seconds if seconds else None)
        before = rates[-2] if len(rates) > 1 else None
        what = f"{count} worker{'s' * (count > 1)}, emails/s"
        if before is None:
            figures.append(Figure(what, rates[-1]))
        else:
            bar = _HELPS * before
            figures.append(at_least(what, rates[-1], bar, f"{options.worker_counts[len(rates) - 2]}: {before:.2f}"))
        harm += outcome.lost + outcome.double
    seconds, outcome, mib = _run(2, options, kill=True)
    figures += [
        Figure(
            "2 workers, one killed with -9 in the middle: emails/s",
            options.worker_emails / seconds if seconds else None,
        ),
        at_most("  lost mails", outcome.lost, 0),
        at_most("  double mails", outcome.double, 0),
        at_most("  failed executions", outcome.failed, 0),
        Figure("memory of a further worker process, MiB", mib),
    ]
    about = (
        f"{options.worker_emails} emails due at once, each vendor call takes {DELAY_S * 1_000:.0f} ms;"
        f" {THREADS} task at a time in each worker; the engine's own worker is the first"
    )
    return Result("workers", about, figures, harm + outcome.lost + outcome.double)


def _run(count: int, options: Options, *, kill: bool) -> tuple[float | None, Outcome, float]:
    emails = options.worker_emails
    with running_product(options.settings, workers=count - 1, worker_threads=THREADS) as product:
        product.warm_up(_WARM_UP * count)
        due_at = (now() + timedelta(seconds=15 + emails * 0.15)).replace(microsecond=0)
        addresses = product.seed("slow", [due_at] * emails)
        for vendor in ("notion", "resend"):
            product.sandbox.add_fault(vendor, "delay", seconds=DELAY_S)
        after = product.last_call()
        time.sleep(max(0.0, (due_at - now()).total_seconds()))
        say(f"{emails} emails are due, {count} workers")
        mib = _kill_in_the_middle(product, emails) if kill else 0.0
        outcome = product.wait_for(addresses, after, _PATIENCE_S)
    seconds = (outcome.ended_at - due_at).total_seconds() if outcome.ended_at else None
    return seconds, outcome, mib


def _kill_in_the_middle(product: Product, emails: int) -> float:
    """End the further worker as a power cut would, once a third of the mails are out; gives the MiB it had."""
    before = len(product.sandbox.mails())
    deadline = time.monotonic() + _PATIENCE_S
    while len(product.sandbox.mails()) - before < emails // 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    say("killing a worker with -9")
    worker = product.stack.engine.worker_pids[0]
    mib = rss_mib(worker)
    product.stack.engine.kill_worker(worker)
    return mib
