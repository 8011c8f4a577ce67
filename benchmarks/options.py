"""How large the benchmarks are."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Options:
    """Sizes.

    Args:
        emails: Due at once, in ``drain``.
        single_emails: One after the other, in ``cost``.
        growth_emails: Likewise, at each size of ``growth``.
        webhooks: In ``webhooks``.
        webhook_seconds: How long they take to come.
        rows: Sizes of the tracker in ``growth``, ascending.
        interpreters: Of each kind, in ``imports``.
        worker_emails: Due at once for each number of workers, in ``workers``.
        worker_counts: Worker processes in all, in ``workers``.
        idle_seconds: For which an idle engine's CPU is measured.
        settings: Of the product or the engine, to see what they change.
    """

    emails: int = 300
    single_emails: int = 60
    growth_emails: int = 20
    webhooks: int = 500
    webhook_seconds: float = 10.0
    rows: tuple[int, ...] = (100, 1_000, 10_000)
    interpreters: int = 40
    worker_emails: int = 60
    worker_counts: tuple[int, ...] = (1, 2, 4)
    idle_seconds: float = 15.0
    settings: Mapping[str, str] = field(default_factory=dict)


QUICK = Options(
    emails=20,
    single_emails=8,
    growth_emails=8,
    webhooks=50,
    webhook_seconds=5.0,
    rows=(20, 100),
    interpreters=7,
    worker_emails=12,
    worker_counts=(1, 2),
    idle_seconds=5.0,
)
