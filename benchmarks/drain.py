"""Many emails due at the same moment: against the vendors' limits, and without them."""

import time
from collections.abc import Mapping
from datetime import timedelta

from benchmarks.figures import Figure, Result, at_least, at_most
from benchmarks.options import Options
from benchmarks.product import AS_DOCUMENTED, UNLIMITED, Outcome, now, running_product, say

NOTION_PER_S, RESEND_PER_S, NOTION_CALLS = 3, 5, 2
_WARM_UP = 20
_ALLOWED = 1.15
_EMAILS_PER_S = 2.0


def drain(options: Options) -> Result:
    """Both runs, each on an engine of its own."""
    dictated_s = max(NOTION_CALLS * options.emails / NOTION_PER_S, options.emails / RESEND_PER_S)
    limited_s, limited, _ = _run(
        options.emails, {**options.settings, **AS_DOCUMENTED}, 6 * dictated_s + 120, with_limits=True
    )
    free_s, free, cpu_s = _run(
        options.emails, {**options.settings, **UNLIMITED}, 6 * dictated_s + 120, with_limits=False
    )
    rate = None if free_s is None else options.emails / free_s
    alone = f"the limits alone: {dictated_s:.0f} s"
    figures = [
        at_most(
            f"{options.emails} emails at once, Notion 3/s and Resend 5/s: drained in s",
            limited_s,
            _ALLOWED * dictated_s,
            alone,
            " s",
        ),
        Figure("  of what the limits dictate, times", None if limited_s is None else limited_s / dictated_s),
        *_harmless(limited),
        Figure("  429s met", limited.refused),
        at_least(f"{options.emails} emails at once, no limits: emails/s through all three steps", rate, _EMAILS_PER_S),
        *_harmless(free),
        Figure("  CPU s of one of them, tasks", cpu_s[0]),
        Figure("  CPU s of one of them, engine (idle share included)", cpu_s[1]),
    ]
    harm = sum(outcome.lost + outcome.double for outcome in (limited, free))
    return Result("drain", "from the due time to the last row written, by the stand-ins' logs", figures, harm)


def _run(
    emails: int, settings: Mapping[str, str], patience_s: float, *, with_limits: bool
) -> tuple[float | None, Outcome, tuple[float, float]]:
    with running_product(settings) as product:
        product.warm_up(min(_WARM_UP, emails))
        # So far ahead that all executions wait by then, on a busy machine as well.
        due_at = (now() + timedelta(seconds=15 + emails * 0.15)).replace(microsecond=0)
        addresses = product.seed("due", [due_at] * emails)
        if now() > due_at:
            say("the emails were due before all of them waited: the figure is too good or too bad")
        if with_limits:
            product.sandbox.set_limits(notion=True, resend={"per_second": RESEND_PER_S, "burst": RESEND_PER_S})
        after = product.last_call()
        time.sleep(max(0.0, (due_at - now()).total_seconds()))
        before = product.cpu()
        say(f"{emails} emails are due")
        outcome = product.wait_for(addresses, after, patience_s)
        spent = product.cpu() - before
    seconds = None if outcome.ended_at is None else (outcome.ended_at - due_at).total_seconds()
    return seconds, outcome, (spent.tasks / emails, spent.own / emails)


def _harmless(outcome: Outcome) -> list[Figure]:
    return [
        at_most("  failed executions", outcome.failed, 0),
        at_most("  lost mails", outcome.lost, 0),
        at_most("  double mails", outcome.double, 0),
    ]
